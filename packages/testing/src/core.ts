/**
 * A whole core for tests: the domain over a database of its own, with bus, presence and clock that the test owns. Several of them on
 * one database are the nodes of one deployment.
 */
import {
  createMemoryEventBus,
  createMemoryMedium,
  createMemoryPresenceStore,
  type MemoryMedium,
} from '@switchboard/bus';
import {
  type BlobStore,
  type Clock,
  type Committer,
  type Core,
  type CoreLimits,
  createCore,
  DEFAULT_LIMITS,
  type DeliveredEvent,
  type EventBus,
  type LogEvent,
  type LogEventType,
  type NodeId,
  type PresenceStore,
  type Store,
  systemClock,
  systemIds,
  type User,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { createCommitter, createPrismaStore } from '@switchboard/persistence';
import { createTestDatabase, openSql, type Sql, type TestDatabase } from '@switchboard/persistence/testing';
import { createFakeClock, type FakeClock } from './clock.ts';
import { createMemoryBlobStore } from './memory-blob-store.ts';

export interface TestCoreOptions {
  /** Default: an empty one of its own, dropped at `close`. One that is given stays. */
  readonly database?: TestDatabase;
  /** Default: one of its own. Nodes that share it hear each other. */
  readonly medium?: MemoryMedium;
  /** Instead of the memory bus on `medium`. */
  readonly bus?: EventBus;
  readonly blobs?: BlobStore;
  /** `fake` (default): nothing passes until the test says so; `real` where the machine's time must pass. */
  readonly clock?: FakeClock | 'fake' | 'real';
  readonly nodeId?: string;
  readonly limits?: Partial<CoreLimits>;
  /** Default true. */
  readonly start?: boolean;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestCore {
  readonly core: Core;
  readonly store: Store;
  readonly committer: Committer;
  readonly bus: EventBus;
  readonly presence: PresenceStore;
  readonly medium: MemoryMedium;
  readonly database: TestDatabase;
  /** The fake clock; with a real one its `advance` rejects. */
  readonly clock: FakeClock;
  readonly nodeId: NodeId;
  /** Statements behind the ports. */
  readonly sql: Sql;
  /** What the follower has delivered so far, in order. */
  readonly delivered: readonly DeliveredEvent<LogEvent>[];
  readonly lines: readonly LogLine[];
  /** New users with these display names, made behind the log. */
  people(...names: string[]): Promise<User[]>;
  actor(user: User | UserId, fields?: Partial<UserActor>): UserActor;
  /** Resolves when this node has delivered everything that the log holds now. */
  settled(): Promise<void>;
  /** The delivered events of these types, after `settled`. */
  events<T extends LogEventType>(...types: T[]): Promise<LogEvent<T>[]>;
  /** Another node on the same database; on the same bus unless `medium` or `bus` says otherwise. Closed with this one. */
  another(options?: Omit<TestCoreOptions, 'database'>): Promise<TestCore>;
  close(): Promise<void>;
}

const TEST_SESSION_KEY = 'a key that only tests have, 32 bytes and more';
let nodes = 0;

export async function createTestCore(options: TestCoreOptions = {}): Promise<TestCore> {
  const database = options.database ?? (await createTestDatabase());
  const medium = options.medium ?? createMemoryMedium();
  const nodeId = (options.nodeId ?? `node-${++nodes}`) as NodeId;
  const clock = toClock(options.clock ?? 'fake');
  const bus = options.bus ?? createMemoryEventBus(medium, nodeId);
  const presence = createMemoryPresenceStore({ medium, nodeId, clock });
  const lines: LogLine[] = [];
  const log = (level: LogLine['level'], message: string, fields = {}) => void lines.push({ level, message, fields });
  const onCommitted = (events: readonly LogEvent[], head: number) => bus.publishCommit({ events, head });
  const { connectionString } = database;
  const store = await createPrismaStore({ connectionString, onCommitted, clock, log });
  const sql = openSql(connectionString);
  // Messages and entries carry the test's time.
  const committer = createCommitter({ connectionString, onCommitted, clock, log });
  const core = createCore({
    store,
    committer,
    bus,
    presence,
    blobs: options.blobs ?? createMemoryBlobStore(),
    clock,
    ids: systemIds,
    nodeId,
    sessionKey: TEST_SESSION_KEY,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    log,
  });
  const delivered: DeliveredEvent<LogEvent>[] = [];
  core.events.subscribe({
    onEvents: (batch) => void delivered.push(...(batch as readonly DeliveredEvent<LogEvent>[])),
    onReset: () => undefined,
  });
  if (options.start ?? true) await core.start();

  const others: TestCore[] = [];
  const settled = async () => core.events.delivered(await store.log.head());

  return {
    core,
    store,
    committer,
    bus,
    presence,
    medium,
    database,
    clock,
    nodeId,
    sql,
    delivered,
    lines,
    async people(...names) {
      const rows = await sql<{ id: string; display_name: string; created: number }>(
        `insert into users (display_name)
         select name from unnest($1::text[]) with ordinality n(name, ordinal) order by ordinal
         returning id, display_name, (extract(epoch from created_at) * 1000)::float8 as created`,
        [names],
      );
      return rows.map((row) => ({
        id: Number(row.id) as UserId,
        kind: 'person',
        displayName: row.display_name,
        avatar: null,
        language: null,
        timeZone: null,
        statusText: '',
        account: null,
        attributes: {},
        identities: {},
        createdAt: row.created,
        updatedAt: row.created,
        lastSeenAt: null,
        deletedAt: null,
      }));
    },
    actor: (user, fields = {}) => ({
      userId: typeof user === 'number' ? user : user.id,
      via: 'test',
      namespace: 'test',
      capacity: 'member',
      sessionId: null,
      connectionId: null,
      lastPosition: 0,
      ...fields,
    }),
    settled,
    async events<T extends LogEventType>(...types: T[]) {
      await settled();
      return delivered
        .map(({ event }) => event)
        .filter((event) => (types as string[]).includes(event.type)) as LogEvent<T>[];
    },
    async another(more = {}) {
      const other = await createTestCore({ medium, clock: options.clock ?? clock, ...more, database });
      others.push(other);
      return other;
    },
    async close() {
      for (const other of others) await other.close();
      await core.close();
      await presence.close();
      await bus.close();
      await sql.close();
      await store.close();
      if (!options.database) await database.drop();
    },
  };
}

function toClock(clock: FakeClock | 'fake' | 'real'): FakeClock {
  if (clock === 'fake') return createFakeClock();
  if (clock !== 'real') return clock;
  const refuse = () => {
    throw new Error('the clock is real: its time cannot be moved');
  };
  const real: Clock = systemClock;
  return { ...real, pending: 0, advance: refuse, advanceSync: refuse, skip: refuse };
}
