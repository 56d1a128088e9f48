/**
 * Reading the log back, and the durable positions of its readers. Entries become events in hydrate.ts; knows no noun itself.
 */
import { randomUUID } from 'node:crypto';
import {
  type Clock,
  EVENT_VERSION,
  type LogEvent,
  type LogStore,
  type OnCommitted,
  type Span,
} from '@switchboard/core';
import { Prisma, type PrismaClient } from '../generated/client.ts';
import { LOG_LOCK_KEY } from '../log-lock.ts';
import type { Db } from './db.ts';
import { type EntryRow, hydrate } from './hydrate.ts';

export interface LogStoreOptions {
  readonly db: Db;
  /** For the one write that goes into the log itself. */
  readonly slowLane: PrismaClient;
  readonly clock: Clock;
  readonly onCommitted: OnCommitted;
}

const DEFAULT_PAGE = 500;

const ENTRY = Prisma.sql`
  e.position::float8, e.type, e.v, e.conversation_id::float8, e.space_id::float8, e.user_ids::float8[], e.actor_id::float8, e.via, e.origin,
  e.visibility, e.subject_id::float8, e.batch, (extract(epoch from e.at) * 1000)::float8 as at, e.data`;

export function createLogStore(options: LogStoreOptions): LogStore {
  const { db, slowLane, clock, onCommitted } = options;

  async function toSlice(rows: readonly EntryRow[], through: number) {
    const { events, unknown } = await hydrate(db, rows);
    return { events, unknown, through };
  }

  return {
    async head() {
      const rows = await db.$queryRaw<
        { head: number }[]
      >`select coalesce(max(position), 0)::float8 as head from events`;
      return rows[0]?.head ?? 0;
    },

    async check(position) {
      const rows = await db.$queryRaw<{ head: number; batch: string | null }[]>`
        select coalesce(max(position), 0)::float8 as head, (select batch from events where position = ${position}::bigint) as batch from events`;
      return rows[0] ?? { head: 0, batch: null };
    },

    async floor() {
      const rows = await db.$queryRaw<
        { floor: number }[]
      >`select coalesce(min(position), 1)::float8 as floor from events`;
      return rows[0]?.floor ?? 1;
    },

    async read(after, limit = DEFAULT_PAGE) {
      const rows = await db.$queryRaw<EntryRow[]>`
        select ${ENTRY} from events e where e.position > ${after}::bigint order by e.position limit ${limit}::int`;
      return toSlice(rows, rows.at(-1)?.position ?? after);
    },

    async readFor(scope, after, limit = DEFAULT_PAGE) {
      const { conversationIds = null, spaceIds = [], userId = null } = scope;
      // One index per part, at most `limit` rows from each; the head is read by the same statement, so a short page is complete up to it.
      const rows = await db.$queryRaw<(EntryRow & { readonly head: number })[]>`
        with conversation as (
          select id, ${after}::bigint as after, null::bigint as through from unnest(${conversationIds}::bigint[]) as id
          union all
          -- As long as the user was in.
          select conversation_id, greatest(from_position - 1, ${after}::bigint), to_position from participant_spans
           where ${conversationIds === null} and user_id = ${userId}::bigint and (to_position is null or to_position > ${after}::bigint)
        ), wanted as (
          select p.position
            from conversation c
           cross join lateral (select e.position from events e
                                where e.conversation_id = c.id and e.position > c.after
                                  and (c.through is null or e.position <= c.through)
                                order by e.position limit ${limit}::int) p
          union
          select p.position
            from unnest(${spaceIds}::bigint[]) s(id)
           cross join lateral (select e.position from events e
                                where e.space_id = s.id and e.position > ${after}::bigint
                                  and (e.conversation_id is null
                                       or exists (select from conversations c where c.id = e.conversation_id and c.kind = 'support'))
                                order by e.position limit ${limit}::int) p
          union
          (select position from events where user_ids <> '{}' and user_ids @> array[${userId}::bigint] and position > ${after}::bigint
            order by position limit ${limit}::int)
          union
          -- What everybody hears.
          (select position from events where type = 'log.jumped' and position > ${after}::bigint)
        ), page as (select position from wanted order by position limit ${limit}::int)
        select head.head, ${ENTRY}
          from (select coalesce(max(position), 0)::float8 as head from events) head
          left join (page join events e using (position)) on true
         order by e.position`;
      const entries = rows.filter((row) => row.position !== null);
      const head = Math.max(rows[0]?.head ?? 0, after);
      return toSlice(entries, entries.length < limit ? head : (entries.at(-1)?.position ?? head));
    },

    async jump(seen) {
      const batch = randomUUID();
      const at = clock.now();
      const event = await slowLane.$transaction(async (tx): Promise<LogEvent | null> => {
        await tx.$executeRaw`select pg_advisory_xact_lock(${LOG_LOCK_KEY}::bigint)`;
        const rows = await tx.$queryRaw<
          { head: number }[]
        >`select coalesce(max(position), 0)::float8 as head from events`;
        const from = rows[0]?.head ?? 0;
        if (from >= seen) return null;
        const position = seen + 1;
        await tx.$executeRaw`
          insert into events (position, type, v, via, batch, at, data)
          values (${position}::bigint, 'log.jumped', ${EVENT_VERSION}::int, 'system', ${batch}, to_timestamp(${at}::float8 / 1000.0),
                  ${JSON.stringify({ from })}::jsonb)`;
        return {
          type: 'log.jumped',
          transient: false,
          position,
          v: EVENT_VERSION,
          at,
          conversationId: null,
          spaceId: null,
          userIds: [],
          actorId: null,
          via: 'system',
          origin: null,
          visibility: 'all',
          batch,
          from,
        };
      });
      if (event === null) return null;
      onCommitted([event], event.position);
      return event.position;
    },

    async freeLock() {
      // Idle transactions PostgreSQL ends by itself (pools.ts), but not one whose answer nobody takes. Looked for once a second, so nobody
      // waits longer than 2.5 s for it.
      const rows = await db.$queryRaw<{ ended: boolean }[]>`
        select pg_terminate_backend(a.pid) as ended
          from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and l.classid::bigint = 0 and l.objid::bigint = ${LOG_LOCK_KEY}::bigint and l.objsubid = 1
           and l.database = (select oid from pg_database where datname = current_database())
           and l.granted and a.wait_event = 'ClientWrite' and a.state_change < clock_timestamp() - interval '1400 ms'`;
      return rows.length;
    },

    async spans(userId, conversationIds) {
      const only =
        conversationIds === undefined
          ? Prisma.empty
          : Prisma.sql`and conversation_id = any(${conversationIds}::bigint[])`;
      return readSpans(db, Prisma.sql`user_id = ${userId}::bigint ${only}`);
    },

    async spansOf(conversationIds, from, through) {
      return readSpans(
        db,
        Prisma.sql`conversation_id = any(${conversationIds}::bigint[]) and from_position <= ${through}::bigint
                   and (to_position is null or to_position >= ${from}::bigint)`,
      );
    },

    async lease(consumer, owner, leaseMs) {
      const rows = await db.$queryRaw<{ position: number }[]>`
        insert into consumers (name, lease_owner, lease_until)
        values (${consumer}, ${owner}, clock_timestamp() + ${leaseMs}::float8 * interval '1 ms')
        on conflict (name) do update set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until, updated_at = clock_timestamp()
         where consumers.lease_owner = ${owner} or consumers.lease_until is null or consumers.lease_until < clock_timestamp()
        returning position::float8`;
      return rows[0]?.position ?? null;
    },

    async advance(consumer, owner, position) {
      const changed = await db.$executeRaw`
        update consumers set position = ${position}::bigint, updated_at = clock_timestamp()
         where name = ${consumer} and lease_owner = ${owner} and lease_until > clock_timestamp()`;
      return changed === 1;
    },

    async release(consumer, owner) {
      await db.$executeRaw`update consumers set lease_owner = null, lease_until = null where name = ${consumer} and lease_owner = ${owner}`;
    },

    async prune(before, keep, limit) {
      const bound =
        typeof before === 'number'
          ? Prisma.sql`position <= ${before}::bigint`
          : Prisma.sql`at < to_timestamp(${before.olderThan}::float8 / 1000.0)`;
      return db.$executeRaw`
        delete from events
         where position = any(array(
           select position from (select position, at from events order by position limit ${limit}::int) oldest
            where ${bound} and position <= (select coalesce(max(position), 0) from events) - ${keep}::bigint))`;
    },
  };
}

interface SpanRow {
  readonly conversation_id: number;
  readonly user_id: number;
  readonly from_position: number;
  readonly to_position: number | null;
  readonly from_seq: number;
  readonly to_seq: number | null;
  readonly side: Span['side'];
}

async function readSpans(db: Db, condition: Prisma.Sql): Promise<Span[]> {
  const rows = await db.$queryRaw<SpanRow[]>`
    select conversation_id::float8, user_id::float8, from_position::float8, to_position::float8, from_seq::float8, to_seq::float8, side
      from participant_spans where ${condition} order by from_position`;
  return rows.map((row) => ({
    conversationId: row.conversation_id as Span['conversationId'],
    userId: row.user_id as Span['userId'],
    fromPosition: row.from_position,
    toPosition: row.to_position,
    fromSeq: row.from_seq,
    toSeq: row.to_seq,
    side: row.side,
  }));
}
