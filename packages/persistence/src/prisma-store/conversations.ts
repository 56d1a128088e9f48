/**
 * Reading conversations and who takes part in them: by id, in lists, and whole views for the cache. Each read is a fixed number of
 * statements, whatever the number of conversations and participants. Judges no rights.
 */
import type {
  Conversation,
  ConversationId,
  ConversationListQuery,
  ConversationStore,
  Memberships,
  SpaceId,
  SpaceRole,
  UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { type MessageRow, toMessage } from '../message-row.ts';
import {
  type ConversationRow,
  conversationColumns,
  type ParticipantRow,
  participantsOfConversation,
  toConversation,
  toParticipant,
} from './conversation-rows.ts';
import type { Db } from './db.ts';

/** Newest position that the statement's own snapshot shows. */
const HEAD = Prisma.sql`(select coalesce(max(position), 0)::float8 as head from events)`;

export function createConversationStore(db: Db): ConversationStore {
  return {
    async find(id) {
      return first(
        await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns} from conversations c where c.id = ${id}::bigint and c.deleted_at is null`,
      );
    },

    async findByExternalId(namespace, externalId) {
      return first(
        await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns} from external_ids x join conversations c on c.id = x.object_id and c.deleted_at is null
         where x.namespace = ${namespace} and x.kind = 'conversation' and x.external_id = ${externalId}`,
      );
    },

    async findByKey(key) {
      return first(
        await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns} from conversations c where c.key = ${key} and c.deleted_at is null`,
      );
    },

    async totalsOf(spaceId, participantId) {
      const rows = await db.$queryRaw<{ conversations: number; open: number; position: number }[]>`
        select count(*)::float8 as conversations, (count(*) filter (where c.open))::float8 as open,
               coalesce(max(c.changed_position), 0)::float8 as position
          from conversations c
         where c.space_id = ${spaceId}::bigint and c.deleted_at is null and (c.kind <> 'support' or c.customer_id is not null)
           and (${participantId ?? null}::bigint is null or exists (
             select from participants p where p.conversation_id = c.id and p.user_id = ${participantId ?? null}::bigint and p.active))`;
      const { conversations = 0, open = 0, position = 0 } = rows[0] ?? {};
      return { conversations, open, changedPosition: position };
    },

    async workOf(userId, spaceIds) {
      const rows = await db.$queryRaw<WorkRow[]>`
        select count(*)::float8 as conversations, (count(*) filter (where ${AT_WORK}))::float8 as open,
               (count(*) filter (where c.assignee_id = p.user_id))::float8 as assigned,
               coalesce(extract(epoch from min(p.created_at)) * 1000, 0)::float8 as first_joined_at,
               coalesce(extract(epoch from max(${WORK_CHANGED_AT})) * 1000, 0)::float8 as changed_at,
               coalesce(extract(epoch from max(p.assigned_at)) * 1000, 0)::float8 as assigned_at,
               coalesce(max(p.changed_position), 0)::float8 as changed_position
          from participants p join conversations c on c.id = p.conversation_id
         where ${workOf(userId, spaceIds)}`;
      const row = rows[0];
      return {
        conversations: row?.conversations ?? 0,
        open: row?.open ?? 0,
        assigned: row?.assigned ?? 0,
        firstJoinedAt: row?.first_joined_at ?? 0,
        changedAt: row?.changed_at ?? 0,
        assignedAt: row?.assigned_at ?? 0,
        changedPosition: row?.changed_position ?? 0,
      };
    },

    async listWork({ userId, open, spaceIds, limit, offset }) {
      const rows = await db.$queryRaw<{ id: number }[]>`
        select c.id::float8 as id from participants p join conversations c on c.id = p.conversation_id
         where ${workOf(userId, spaceIds)} and (${open ?? null}::boolean is null or (${AT_WORK}) = ${open ?? null}::boolean)
         order by greatest(p.changed_position, case when ${AT_WORK} then c.changed_position else 0 end) desc, c.id desc
         limit ${limit}::bigint offset ${offset ?? 0}::bigint`;
      return rows.map(({ id }) => id as ConversationId);
    },

    async load(ids) {
      if (ids.length === 0) return [];
      const rows = await db.$queryRaw<(ConversationRow & { participants: ParticipantRow[] })[]>`
        select ${conversationColumns}, ${participantsOfConversation} as participants
          from unnest(${ids}::bigint[]) with ordinality as wanted(id, ordinal)
          join conversations c on c.id = wanted.id and c.deleted_at is null
         order by wanted.ordinal`;
      return rows.map((row) => ({
        conversation: toConversation(row),
        participants: row.participants.map(toParticipant),
      }));
    },

    async sharing(userId, userIds, { except = null, unblocked = false } = {}) {
      if (userIds.length === 0) return new Set();
      const rows = await db.$queryRaw<{ id: number }[]>`
        select distinct other.user_id::float8 as id
          from participants own
          join conversations c on c.id = own.conversation_id and c.deleted_at is null
          join participants other on other.conversation_id = c.id and other.active and other.user_id = any(${userIds}::bigint[])
         where own.user_id = ${userId}::bigint and own.active and c.id is distinct from ${except}::bigint
           and not (${unblocked} and c.kind = 'direct' and c.key is not null
                    and (own.blocked_at is not null or other.blocked_at is not null))`;
      return new Set(rows.map(({ id }) => id as UserId));
    },

    async participation(userId, id) {
      const rows = await db.$queryRaw<{ participant: ParticipantRow }[]>`
        select to_json(p) as participant from participants p join conversations c on c.id = p.conversation_id and c.deleted_at is null
         where p.conversation_id = ${id}::bigint and p.user_id = ${userId}::bigint and p.active`;
      return rows[0] ? toParticipant(rows[0].participant) : null;
    },

    async listFor(userId, query) {
      const rows = await db.$queryRaw<{ id: number }[]>`
        select c.id::float8 as id from participants p join conversations c on c.id = p.conversation_id and c.deleted_at is null
         where p.user_id = ${userId}::bigint and p.active ${listFilters(query)}
         order by ${listOrder(query)} limit ${query.limit ?? null}::bigint offset ${query.offset ?? 0}::bigint`;
      return rows.map(({ id }) => id as ConversationId);
    },

    /**
     * Sorts what it finds: an index by changed position would have to be written with every message (3 ms for 10,000 conversations of a
     * space, 50 ms for 100,000; the open ones are found by an index of their own).
     */
    async listOfSpace(query) {
      const { spaceId, open, customerId, withCustomer, participantId, limit, offset } = query;
      const rows = await db.$queryRaw<{ id: number }[]>`
        select c.id::float8 as id from conversations c
         where c.space_id = ${spaceId}::bigint and c.deleted_at is null
           and (${open ?? null}::boolean is null or c.open = ${open ?? null}::boolean)
           and (${customerId ?? null}::bigint is null or c.customer_id = ${customerId ?? null}::bigint)
           and (${!withCustomer} or c.customer_id is not null)
           and (${participantId ?? null}::bigint is null or exists (
             select from participants p where p.conversation_id = c.id and p.user_id = ${participantId ?? null}::bigint and p.active))
         order by c.changed_position desc, c.id desc limit ${limit}::bigint offset ${offset ?? 0}::bigint`;
      return rows.map(({ id }) => id as ConversationId);
    },

    async findByParticipants(userIds, kinds) {
      const wanted = [...new Set(userIds)];
      if (wanted.length === 0) return [];
      const rows = await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns}
          from participants mine join conversations c on c.id = mine.conversation_id and c.deleted_at is null
         where mine.user_id = ${wanted[0]}::bigint and mine.active and c.kind = any(${kinds}::text[])
           and ${wanted.length} = (select count(*) from participants p where p.conversation_id = c.id and p.active
                                    and p.user_id = any(${wanted}::bigint[]))
           and not exists (select from participants p where p.conversation_id = c.id and p.active
                            and p.user_id <> all(${wanted}::bigint[]))
         order by c.last_activity_at desc, c.id desc`;
      return rows.map(toConversation);
    },

    async loadViews(ids) {
      const rows = await db.$queryRaw<ViewRow[]>`
        select log.head, ${conversationColumns}, ${participantsOfConversation} as participants,
               (select to_json(m) from messages m where m.id = c.last_message_id) as last_message
          from ${HEAD} log left join conversations c on c.id = any(${ids}::bigint[])`;
      const views = rows
        .filter((row) => row.conversation !== null)
        .map((row) => ({
          conversation: toConversation(row),
          participants: row.participants.map(toParticipant),
          lastMessage: row.last_message ? toMessage(row.last_message) : null,
        }));
      return { head: rows[0]?.head ?? 0, views };
    },

    async membershipsOf(userIds) {
      const rows = await db.$queryRaw<MembershipRow[]>`
        select log.head, u.id::float8 as user_id,
               array(select p.conversation_id::float8 from participants p
                       join conversations c on c.id = p.conversation_id and c.deleted_at is null
                      where p.user_id = u.id and p.active) as conversation_ids,
               (select json_agg(json_build_array(m.space_id, m.role)) from space_members m
                  join spaces s on s.id = m.space_id and s.deleted_at is null
                 where m.user_id = u.id and m.left_at is null) as spaces
          from ${HEAD} log left join unnest(${userIds}::bigint[]) as u(id) on true`;
      const memberships = new Map<UserId, Memberships>();
      for (const { user_id, conversation_ids, spaces } of rows) {
        if (user_id === null) continue;
        memberships.set(user_id as UserId, {
          conversationIds: new Set(conversation_ids as ConversationId[]),
          spaces: new Map(spaces ?? []),
        });
      }
      return { head: rows[0]?.head ?? 0, memberships };
    },
  };
}

/** On the staff side of `c`, which has somebody to work for. */
function workOf(userId: UserId, spaceIds: readonly SpaceId[] | undefined): Prisma.Sql {
  return Prisma.sql`p.user_id = ${userId}::bigint and p.side = 'staff' and c.kind = 'support' and c.customer_id is not null
    and c.deleted_at is null and (${spaceIds ?? null}::bigint[] is null or c.space_id = any(${spaceIds ?? null}::bigint[]))`;
}

const AT_WORK = Prisma.sql`c.open and p.active and p.present`;
const WORK_CHANGED_AT = Prisma.sql`greatest(p.joined_at, p.left_at, case when p.active and not p.present then c.closed_at end)`;

interface WorkRow {
  readonly conversations: number;
  readonly open: number;
  readonly assigned: number;
  readonly first_joined_at: number;
  readonly changed_at: number;
  readonly assigned_at: number;
  readonly changed_position: number;
}

interface ViewRow extends ConversationRow {
  readonly head: number;
  readonly participants: ParticipantRow[];
  readonly last_message: MessageRow | null;
}

interface MembershipRow {
  readonly head: number;
  readonly user_id: number | null;
  readonly conversation_ids: number[];
  readonly spaces: [SpaceId, SpaceRole][] | null;
}

/** Hidden ones come back with the next message that everybody may see; notices are not for everybody. */
function listFilters({ visibleOnly, kinds, spaceId }: ConversationListQuery): Prisma.Sql {
  return Prisma.sql`
    and (${kinds ?? null}::text[] is null or c.kind = any(${kinds ?? null}::text[]))
    and (${spaceId ?? null}::bigint is null or c.space_id = ${spaceId ?? null}::bigint)
    and (${!visibleOnly} or p.hidden_at_seq is null or exists (
      select from messages m where m.conversation_id = c.id and m.seq > p.hidden_at_seq and m.visibility = 'all'))`;
}

const ORDERS = { id: Prisma.sql`c.id`, activity: Prisma.sql`c.last_activity_at`, created: Prisma.sql`c.created_at` };

function listOrder({ order, direction, pinnedFirst }: ConversationListQuery): Prisma.Sql {
  const by = direction === 'ascending' ? Prisma.sql`asc` : Prisma.sql`desc`;
  const listed = Prisma.sql`${ORDERS[order]} ${by}, c.id ${by}`;
  return pinnedFirst ? Prisma.sql`p.pinned_at desc nulls last, ${listed}` : listed;
}

function first(rows: readonly ConversationRow[]): Conversation | null {
  return rows[0] ? toConversation(rows[0]) : null;
}
