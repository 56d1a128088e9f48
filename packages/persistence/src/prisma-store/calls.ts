/**
 * Calls with their participants and legs, always read and written as a whole: one statement each way. The database itself refuses a
 * second live call of a conversation and a second leg of a user.
 */
import type {
  Call,
  CallLeg,
  CallParticipant,
  CallStore,
  CallTx,
  ConversationId,
  LogPosition,
  UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import type { Db, TxContext } from './db.ts';

/** As `call` builds it, times in Unix ms: a model object but for nothing. */
type CallRow = { readonly call: Call };
type LegRow = { readonly leg: CallLeg };

const ms = (column: string) => Prisma.raw(`(extract(epoch from ${column}) * 1000)::bigint`);

const LEG = Prisma.sql`jsonb_build_object(
  'userId', l.user_id, 'callId', l.call_id, 'conversationId', l.conversation_id, 'connectionId', l.connection_id,
  'device', l.device, 'namespace', l.namespace, 'nodeId', l.node_id, 'media', l.media, 'mediaTokens', l.media_tokens,
  'joinedAt', ${ms('l.joined_at')}, 'graceMs', l.grace_ms, 'graceUntil', ${ms('l.grace_until')})`;

const PARTICIPANT = Prisma.sql`jsonb_build_object(
  'userId', p.user_id, 'state', p.state, 'askedBy', p.asked_by, 'askedAt', ${ms('p.asked_at')},
  'answeredAt', ${ms('p.answered_at')}, 'reason', p.reason)`;

const CALL = Prisma.sql`jsonb_build_object(
  'id', c.id, 'conversationId', c.conversation_id,
  'spaceId', (select v.space_id from conversations v where v.id = c.conversation_id), 'mode', c.mode, 'state', c.state, 'media', c.media,
  'initiatorId', c.initiator_id, 'createdAt', ${ms('c.created_at')}, 'acceptedAt', ${ms('c.accepted_at')},
  'connectedAt', ${ms('c.connected_at')}, 'endedAt', ${ms('c.ended_at')}, 'endReason', c.end_reason, 'endedBy', c.ended_by,
  'recorded', c.recorded, 'recordMessageId', c.record_message_id, 'meta', c.meta, 'changedPosition', c.changed_position,
  'participants', coalesce((select jsonb_agg(${PARTICIPANT} order by p.ordinal) from call_participants p where p.call_id = c.id), '[]'),
  'legs', coalesce((select jsonb_agg(${LEG} order by l.joined_at, l.user_id) from call_legs l where l.call_id = c.id), '[]')) as call`;

export function createCallStore(db: Db): CallStore {
  return {
    async find(ids) {
      if (ids.length === 0) return [];
      return toCalls(
        await db.$queryRaw<CallRow[]>`
          select ${CALL} from unnest(${ids}::bigint[]) with ordinality w(id, place) join calls c on c.id = w.id order by w.place`,
      );
    },

    async liveIn(conversationIds) {
      if (conversationIds.length === 0) return [];
      return toCalls(
        await db.$queryRaw<CallRow[]>`
          select ${CALL} from calls c
           where c.conversation_id = any(${conversationIds}::bigint[]) and c.ended_at is null order by c.id`,
      );
    },

    async liveFor(userIds) {
      if (userIds.length === 0) return [];
      return toCalls(
        await db.$queryRaw<CallRow[]>`
          select ${CALL} from calls c
           where c.ended_at is null
             and (exists (select 1 from call_participants p
                           where p.call_id = c.id and p.user_id = any(${userIds}::bigint[]) and p.state in ('asked', 'accepted'))
                  or exists (select 1 from call_legs l where l.call_id = c.id and l.user_id = any(${userIds}::bigint[])))
           order by c.id`,
      );
    },

    async legsOf(userIds) {
      if (userIds.length === 0) return [];
      return toLegs(
        await db.$queryRaw<LegRow[]>`
          select ${LEG} as leg from call_legs l where l.user_id = any(${userIds}::bigint[]) order by l.user_id`,
      );
    },

    async orphans(deadMs, ownNode) {
      return toLegs(
        await db.$queryRaw<LegRow[]>`
          select ${LEG} as leg from call_legs l
           where l.grace_until is null
             and (l.node_id = ${ownNode}
                  or not exists (select 1 from nodes n
                                  where n.id = l.node_id
                                    and (${deadMs}::float8 is null
                                         or n.heartbeat_at > clock_timestamp() - ${deadMs}::float8 * interval '1 ms')))
           order by l.user_id`,
      );
    },

    async inGrace(nodeId) {
      return toLegs(
        await db.$queryRaw<LegRow[]>`
          select ${LEG} as leg from call_legs l where l.node_id = ${nodeId} and l.grace_until is not null order by l.user_id`,
      );
    },

    async saveMedia(userId, connectionId, media) {
      const changed = await db.$executeRaw`
        update call_legs set media = ${JSON.stringify(media)}::jsonb
         where user_id = ${userId}::bigint and connection_id = ${connectionId}`;
      return changed > 0;
    },
  };
}

export function createCallTx(tx: TxContext): CallTx {
  const { db, at } = tx;
  const store = createCallStore(db);
  return {
    find: async (id) => (await store.find([id]))[0] ?? null,
    liveIn: store.liveIn,
    legOf: async (userId) => (await store.legsOf([userId]))[0] ?? null,

    async insert(call) {
      const rows = await db.$queryRaw<{ id: Call['id'] }[]>`
        insert into calls (conversation_id, mode, state, media, initiator_id, created_at, recorded, meta)
        values (${call.conversationId}::bigint, ${call.mode}, ${call.state}, ${call.media}, ${call.initiatorId}::bigint,
                to_timestamp(${at}::float8 / 1000), ${call.recorded}, ${JSON.stringify(call.meta)}::jsonb)
        returning id::float8`;
      return save(tx, {
        ...call,
        id: (rows[0] as { id: Call['id'] }).id,
        legs: [],
        createdAt: at,
        acceptedAt: null,
        connectedAt: null,
        endedAt: null,
        endReason: null,
        endedBy: null,
        recordMessageId: null,
        changedPosition: 0,
      });
    },

    save: (call) => save(tx, call),

    async countCall(conversationId: ConversationId, userId: UserId) {
      await db.$executeRaw`
        update participants set calls_count = calls_count + 1, latest_call_at = to_timestamp(${at}::float8 / 1000)
         where conversation_id = ${conversationId}::bigint and user_id = ${userId}::bigint`;
      await db.$executeRaw`
        update space_members m set calls_count = m.calls_count + 1, latest_call_at = to_timestamp(${at}::float8 / 1000)
          from conversations c
         where c.id = ${conversationId}::bigint and m.space_id = c.space_id and m.user_id = ${userId}::bigint and m.left_at is null`;
    },
  };
}

async function save({ db, nextPosition }: TxContext, call: Call): Promise<Call> {
  const position: LogPosition = nextPosition();
  await db.$executeRaw`
    with stored as (
      update calls set state = ${call.state}, accepted_at = ${at(call.acceptedAt)}, connected_at = ${at(call.connectedAt)},
             ended_at = ${at(call.endedAt)}, end_reason = ${call.endReason}, ended_by = ${call.endedBy}::bigint,
             record_message_id = ${call.recordMessageId}::bigint, meta = ${JSON.stringify(call.meta)}::jsonb, changed_position = ${position}::bigint
       where id = ${call.id}::bigint
    ), asked as (
      insert into call_participants (call_id, user_id, ordinal, state, asked_by, asked_at, answered_at, reason)
      select ${call.id}::bigint, p."userId", p.ordinal, p.state, p."askedBy", to_timestamp(p."askedAt" / 1000), to_timestamp(p."answeredAt" / 1000), p.reason
        from jsonb_to_recordset(${JSON.stringify(call.participants.map(toParticipantRow))}::jsonb)
          as p("userId" bigint, ordinal int, state text, "askedBy" bigint, "askedAt" float8, "answeredAt" float8, reason text)
      on conflict (call_id, user_id) do update set state = excluded.state, asked_by = excluded.asked_by, asked_at = excluded.asked_at,
             answered_at = excluded.answered_at, reason = excluded.reason
    ), gone as (
      delete from call_legs where call_id = ${call.id}::bigint and user_id <> all(${call.legs.map(({ userId }) => userId)}::bigint[])
    )
    insert into call_legs (user_id, call_id, conversation_id, connection_id, device, namespace, node_id, media, media_tokens, joined_at, grace_ms, grace_until)
    select l."userId", l."callId", l."conversationId", l."connectionId", l.device, l.namespace, l."nodeId", l.media, l."mediaTokens",
           to_timestamp(l."joinedAt" / 1000), l."graceMs", to_timestamp(l."graceUntil" / 1000)
      from jsonb_to_recordset(${JSON.stringify(call.legs)}::jsonb)
        as l("userId" bigint, "callId" bigint, "conversationId" bigint, "connectionId" text, device text, namespace text, "nodeId" text,
             media jsonb, "mediaTokens" jsonb, "joinedAt" float8, "graceMs" int, "graceUntil" float8)
    on conflict (user_id) do update set call_id = excluded.call_id, conversation_id = excluded.conversation_id,
           connection_id = excluded.connection_id, device = excluded.device, namespace = excluded.namespace, node_id = excluded.node_id,
           media = excluded.media, media_tokens = excluded.media_tokens, joined_at = excluded.joined_at, grace_ms = excluded.grace_ms,
           grace_until = excluded.grace_until`;
  return { ...call, changedPosition: position };
}

function at(time: number | null) {
  return Prisma.sql`to_timestamp(${time}::float8 / 1000)`;
}

function toParticipantRow(participant: CallParticipant, ordinal: number) {
  return { ...participant, ordinal };
}

function toCalls(rows: readonly CallRow[]): Call[] {
  return rows.map(({ call }) => call);
}

function toLegs(rows: readonly LegRow[]): CallLeg[] {
  return rows.map(({ leg }) => leg);
}
