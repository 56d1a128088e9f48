/** Conversations changed under the log's lock: made, changed and removed. Who takes part in them is participants.ts'. Judges no rights. */
import {
  type Conversation,
  type ConversationId,
  type ConversationPatch,
  type ConversationTx,
  DomainError,
  type SpaceRole,
  type UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import {
  type ConversationRow,
  conversationColumns,
  type ParticipantRow,
  toConversation,
  toParticipant,
} from './conversation-rows.ts';
import type { TxContext } from './db.ts';
import { setExternalIds } from './external-ids.ts';
import { createParticipantTx } from './participants.ts';

export function createConversationTx(tx: TxContext): ConversationTx {
  const { db, at, nextPosition } = tx;
  const now = Prisma.sql`to_timestamp(${at}::float8 / 1000.0)`;

  return {
    ...createParticipantTx(tx),

    async access(id, userId) {
      const rows = await db.$queryRaw<AccessRow[]>`
        select ${conversationColumns}, to_json(p) as participant, m.role as space_role
          from conversations c
          left join participants p on p.conversation_id = c.id and p.user_id = ${userId}::bigint
          left join space_members m on m.space_id = c.space_id and m.user_id = ${userId}::bigint and m.left_at is null
         where c.id = ${id}::bigint and c.deleted_at is null`;
      const row = rows[0];
      if (!row) return null;
      return {
        conversation: toConversation(row),
        participant: row.participant ? toParticipant(row.participant) : null,
        spaceRole: row.space_role as SpaceRole | null,
      };
    },

    async findByKey(key) {
      return first(
        await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns} from conversations c where c.key = ${key} and c.deleted_at is null`,
      );
    },

    async findByExternalId(namespace, externalId) {
      return first(
        await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns} from external_ids x join conversations c on c.id = x.object_id and c.deleted_at is null
         where x.namespace = ${namespace} and x.kind = 'conversation' and x.external_id = ${externalId}`,
      );
    },

    async findMany(ids) {
      if (ids.length === 0) return [];
      const rows = await db.$queryRaw<ConversationRow[]>`
        select ${conversationColumns} from conversations c
         where c.id = any(${ids}::bigint[]) and c.deleted_at is null order by c.id`;
      return rows.map(toConversation);
    },

    async publicChannelsWithout(spaceId, userId) {
      return idsOf(
        await db.$queryRaw<IdRow[]>`
        select c.id::float8 as id from conversations c
         where c.space_id = ${spaceId}::bigint and c.deleted_at is null and c.visibility = 'public' and c.kind in ('channel', 'group')
           and not exists (
             select from participants p where p.conversation_id = c.id and p.user_id = ${userId}::bigint and p.active)
         order by c.id`,
      );
    },

    async idsOfSpace(spaceId, userId) {
      return idsOf(
        await db.$queryRaw<IdRow[]>`
        select c.id::float8 as id from conversations c
         where c.space_id = ${spaceId}::bigint and c.deleted_at is null
           and (${userId ?? null}::bigint is null or exists (
             select from participants p where p.conversation_id = c.id and p.user_id = ${userId ?? null}::bigint and p.active))
         order by c.id`,
      );
    },

    async missingUsers(userIds) {
      if (userIds.length === 0) return [];
      const rows = await db.$queryRaw<IdRow[]>`
        select wanted.id::float8 as id from unnest(${userIds}::bigint[]) as wanted(id)
         where not exists (select from users u where u.id = wanted.id and u.deleted_at is null)`;
      return rows.map(({ id }) => id as UserId);
    },

    async insert(c) {
      const rows = await db.$queryRaw<ConversationRow[]>`
        insert into conversations as c (kind, type_label, key, space_id, visibility, title, description, avatar, created_by, owner_id,
          customer_id, open, episode, opened_at, temporary, expires_at, attributes, last_activity_at, created_at, updated_at,
          changed_position)
        values (${c.kind}, ${c.typeLabel}, ${c.key}, ${c.spaceId}::bigint, ${c.visibility}, ${c.title}, ${c.description}, ${c.avatar},
          ${c.createdBy}::bigint, ${c.ownerId}::bigint, ${c.customerId}::bigint, ${c.open},
          ${c.kind === 'support' && c.open ? 1 : 0}::int, case when ${c.kind === 'support' && c.open} then ${now} end,
          ${c.temporary}, ${time(c.expiresAt)}, ${JSON.stringify(c.attributes)}::jsonb, ${now}, ${now}, ${now},
          ${nextPosition()}::bigint)
        returning ${conversationColumns}`;
      return only(rows);
    },

    async update(id, patch) {
      const assignments = assignmentsOf(patch);
      const rows =
        assignments.length === 0
          ? await db.$queryRaw<
              ConversationRow[]
            >`select ${conversationColumns} from conversations c where c.id = ${id}::bigint`
          : await db.$queryRaw<ConversationRow[]>`
              update conversations c set ${Prisma.join(assignments)} where c.id = ${id}::bigint returning ${conversationColumns}`;
      return only(rows);
    },

    setExternalIds: (id, externalIds) => setExternalIds(tx, { kind: 'conversation', id }, externalIds),

    async remove(ids, positions) {
      if (ids.length === 0) return [];
      const step = positions === 'each' ? 1 : 0;
      const rows = await db.$queryRaw<ConversationRow[]>`
        with gone as (
          update conversations c
             set deleted_at = ${now}, assignee_id = null, changed_position = ${nextPosition()}::bigint + ${step}::bigint * w.rank
            from (select id, row_number() over (order by id) - 1 as rank
                    from conversations where id = any(${ids}::bigint[]) and deleted_at is null) w
           where c.id = w.id
          returning c.id, c.last_seq, c.changed_position, ${conversationColumns}),
        parted as (
          update participants p set active = false, present = false, left_at = ${now}, changed_position = gone.changed_position
            from gone where p.conversation_id = gone.id and p.active),
        spans as (
          update participant_spans s set to_position = gone.changed_position, to_seq = gone.last_seq
            from gone where s.conversation_id = gone.id and s.to_position is null),
        freed as (
          delete from external_ids e using gone where e.kind = 'conversation' and e.object_id = gone.id)
        select conversation, external_ids from gone order by id`;
      return rows.map(toConversation);
    },
  };
}

interface AccessRow extends ConversationRow {
  readonly participant: ParticipantRow | null;
  readonly space_role: string | null;
}

interface IdRow {
  readonly id: number;
}

function idsOf(rows: readonly IdRow[]): ConversationId[] {
  return rows.map(({ id }) => id as ConversationId);
}

function first(rows: readonly ConversationRow[]): Conversation | null {
  return rows[0] ? toConversation(rows[0]) : null;
}

function only(rows: readonly ConversationRow[]): Conversation {
  const found = first(rows);
  if (!found) throw new DomainError('not_found', 'The conversation is gone', { subject: 'conversation' });
  return found;
}

function assignmentsOf(patch: ConversationPatch): Prisma.Sql[] {
  const assignments: Prisma.Sql[] = [];
  const set = (value: unknown, assignment: Prisma.Sql) => {
    if (value !== undefined) assignments.push(assignment);
  };
  set(patch.typeLabel, Prisma.sql`type_label = ${patch.typeLabel}`);
  set(patch.key, Prisma.sql`key = ${patch.key}`);
  set(patch.visibility, Prisma.sql`visibility = ${patch.visibility}`);
  set(patch.title, Prisma.sql`title = ${patch.title}`);
  set(patch.description, Prisma.sql`description = ${patch.description}`);
  set(patch.avatar, Prisma.sql`avatar = ${patch.avatar}`);
  set(patch.ownerId, Prisma.sql`owner_id = ${patch.ownerId}::bigint`);
  set(patch.customerId, Prisma.sql`customer_id = ${patch.customerId}::bigint`);
  set(patch.assigneeId, Prisma.sql`assignee_id = ${patch.assigneeId}::bigint`);
  set(patch.open, Prisma.sql`open = ${patch.open}`);
  set(patch.episode, Prisma.sql`episode = ${patch.episode}::int`);
  set(patch.openedAt, Prisma.sql`opened_at = ${time(patch.openedAt)}`);
  set(patch.closedAt, Prisma.sql`closed_at = ${time(patch.closedAt)}`);
  set(patch.expiresAt, Prisma.sql`expires_at = ${time(patch.expiresAt)}`);
  set(patch.attributes, Prisma.sql`attributes = attributes || ${JSON.stringify(patch.attributes ?? {})}::jsonb`);
  set(patch.updatedAt, Prisma.sql`updated_at = ${time(patch.updatedAt)}`);
  set(patch.lastActivityAt, Prisma.sql`last_activity_at = ${time(patch.lastActivityAt)}`);
  set(patch.changedPosition, Prisma.sql`changed_position = ${patch.changedPosition}::bigint`);
  return assignments;
}

function time(ms: number | null | undefined): Prisma.Sql {
  return Prisma.sql`to_timestamp(${ms ?? null}::float8 / 1000.0)`;
}
