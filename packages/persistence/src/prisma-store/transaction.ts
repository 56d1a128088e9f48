/**
 * The slow lane: one interactive transaction at a time on this node, the log's lock as its first statement, its entries as its last.
 * What was committed is told in commit order. Knows entries and positions, no noun.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Clock,
  DomainError,
  type EntryFields,
  EVENT_VERSION,
  type LogEvent,
  type LogEventPayload,
  type LogEventType,
  type LogPosition,
  type OnCommitted,
  type Origin,
  type TransactionResult,
  type Tx,
} from '@switchboard/core';
import type { PrismaClient } from '../generated/client.ts';
import { LOG_LOCK_KEY } from '../log-lock.ts';
import type { TxContext } from './db.ts';
import { faultOf, toDomainError } from './errors.ts';

/** The noun's changes, composed by index.ts. */
export type TxNouns = Omit<Tx, 'at' | 'nextPosition' | 'append'>;

export interface SlowLaneOptions {
  /** A client on the slow lane's own pool. */
  readonly prisma: PrismaClient;
  readonly clock: Clock;
  readonly onCommitted: OnCommitted;
  readonly nouns: (context: TxContext) => TxNouns;
}

export type Transaction = <T>(origin: Origin, work: (tx: Tx) => Promise<T>) => Promise<TransactionResult<T>>;

/** Longer than PostgreSQL's own limits (pools.ts), so that it is PostgreSQL who gives up and says why. */
const LIMITS = { maxWait: 6_000, timeout: 12_000 };

/** Who has waited so long for its turn is turned away. */
const PATIENCE_MS = 10_000;
/** How long it is looked for what became of a lost commit, and how often. */
const LOOKING_MS = 8_000;
const LOOK_AGAIN_MS = 100;

/** One run of a work: what it appended, and how far it came. */
interface Attempt<T> {
  readonly batch: string;
  readonly entries: Entry[];
  readonly events: LogEvent[];
  /** The log's head under the lock, before the work's own entries. */
  before: LogPosition;
  /** Set when only the commit is left: from here on a failure says nothing about what was committed. */
  result: { readonly value: T } | null;
}

interface Entry {
  readonly position: LogPosition;
  readonly type: LogEventType;
  readonly conversation_id: number | null;
  readonly space_id: number | null;
  readonly user_ids: readonly number[];
  readonly visibility: string;
  readonly subject_id: number | null;
  readonly data: unknown;
}

export function createSlowLane(options: SlowLaneOptions): Transaction {
  const { prisma, clock, onCommitted, nouns } = options;
  /** The log has one lock, so waiting here costs nothing, and what is committed here is told in that order. */
  let turn: Promise<unknown> = Promise.resolve();

  async function attempt<T>(origin: Origin, work: (tx: Tx) => Promise<T>, run: Attempt<T>): Promise<T> {
    return prisma.$transaction(async (db) => {
      await db.$executeRaw`select pg_advisory_xact_lock(${LOG_LOCK_KEY}::bigint)`;
      const rows = await db.$queryRaw<
        { head: number }[]
      >`select coalesce(max(position), 0)::float8 as head from events`;
      run.before = rows[0]?.head ?? 0;
      const at = clock.now();
      const nextPosition = () => run.before + run.entries.length + 1;
      const append = <E extends LogEventType>(
        type: E,
        fields: EntryFields,
        payload: LogEventPayload<E>,
      ): LogPosition => {
        const entry = toEntry(type, fields, nextPosition());
        run.entries.push(entry);
        run.events.push(toEvent({ entry, at, origin, batch: run.batch }, payload));
        return entry.position;
      };
      const tx: Tx = {
        ...nouns({ db, at, nextPosition }),
        at,
        append,
        get nextPosition() {
          return nextPosition();
        },
      };
      const value = await work(tx);
      if (run.entries.length > 0) await writeEntries(db, run, { at, origin });
      run.result = { value };
      return value;
    }, LIMITS);
  }

  /** Whether a batch whose commit was cut off is in the log. Under the lock: what is not there now will never be. */
  async function wasCommitted(run: Attempt<unknown>): Promise<boolean> {
    const until = performance.now() + LOOKING_MS;
    for (;;) {
      try {
        return await lookFor(run);
      } catch (error) {
        if (faultOf(error) === 'other' || performance.now() > until) throw toDomainError(error);
        await delay(LOOK_AGAIN_MS);
      }
    }
  }

  async function lookFor(run: Attempt<unknown>): Promise<boolean> {
    return prisma.$transaction(async (db) => {
      await db.$executeRaw`select pg_advisory_xact_lock(${LOG_LOCK_KEY}::bigint)`;
      const rows = await db.$queryRaw<unknown[]>`
        select 1 from events where position = ${BigInt(run.before + 1)} and batch = ${run.batch}`;
      return rows.length > 0;
    }, LIMITS);
  }

  async function perform<T>(
    origin: Origin,
    work: (tx: Tx) => Promise<T>,
    retries: number,
  ): Promise<TransactionResult<T>> {
    const run: Attempt<T> = { batch: randomUUID(), entries: [], events: [], before: 0, result: null };
    try {
      return tell(run, await attempt(origin, work, run));
    } catch (error) {
      const fault = error instanceof DomainError ? 'other' : faultOf(error);
      const { result } = run;
      if (fault === 'lost' && result !== null) {
        // Without an entry there is nothing to look for: the outcome stays unknown.
        if (run.entries.length === 0) throw toDomainError(error);
        if (await wasCommitted(run)) return tell(run, result.value);
      }
      if (retries === 0 || (fault !== 'lost' && fault !== 'conflict')) throw toDomainError(error);
      return perform(origin, work, retries - 1);
    }
  }

  function tell<T>(run: Attempt<T>, value: T): TransactionResult<T> {
    const position = run.entries.at(-1)?.position ?? 0;
    if (run.events.length > 0) onCommitted(run.events, position);
    return { value, position };
  }

  return (origin, work) => {
    const since = performance.now();
    const result = turn.then(() => {
      if (performance.now() - since > PATIENCE_MS) {
        throw new DomainError('unavailable', 'The store has not answered for too long', { subject: 'store' });
      }
      return perform(origin, work, 1);
    });
    turn = result.catch(() => undefined);
    return result;
  };
}

function toEntry(type: LogEventType, fields: EntryFields, position: LogPosition): Entry {
  return {
    position,
    type,
    conversation_id: fields.conversationId ?? null,
    space_id: fields.spaceId ?? null,
    user_ids: fields.userIds ?? [],
    visibility: fields.visibility ?? 'all',
    subject_id: fields.subjectId ?? null,
    data: fields.data ?? null,
  };
}

interface EntryContext {
  readonly entry: Entry;
  readonly at: number;
  readonly origin: Origin;
  readonly batch: string;
}

function toEvent(context: EntryContext, payload: LogEventPayload<LogEventType>): LogEvent {
  const { entry, at, origin, batch } = context;
  return {
    ...payload,
    type: entry.type,
    transient: false,
    position: entry.position,
    v: EVENT_VERSION,
    at,
    conversationId: entry.conversation_id,
    spaceId: entry.space_id,
    userIds: entry.user_ids,
    actorId: origin.actorId,
    via: origin.via,
    origin: origin.connectionId,
    visibility: entry.visibility,
    batch,
  } as unknown as LogEvent;
}

async function writeEntries(
  db: TxContext['db'],
  run: Attempt<unknown>,
  { at, origin }: { readonly at: number; readonly origin: Origin },
): Promise<void> {
  await db.$executeRaw`
    insert into events (position, type, v, conversation_id, space_id, user_ids, actor_id, via, origin, visibility, subject_id, batch, at, data)
    select e.position, e.type, ${EVENT_VERSION}::int, e.conversation_id, e.space_id, e.user_ids, ${origin.actorId}::bigint, ${origin.via},
           ${origin.connectionId}, e.visibility, e.subject_id, ${run.batch}, to_timestamp(${at}::float8 / 1000.0), e.data
      from jsonb_to_recordset(${JSON.stringify(run.entries)}::jsonb)
        as e(position bigint, type text, conversation_id bigint, space_id bigint, user_ids bigint[], visibility text, subject_id bigint, data jsonb)`;
}
