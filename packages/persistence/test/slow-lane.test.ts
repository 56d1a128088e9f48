import { type LogEvent, type LogPosition, type Origin, systemClock } from '@switchboard/core';
import pg from 'pg';
import { createPrismaStore, type PrismaStore } from '../src/index.ts';
import { LOG_LOCK_KEY } from '../src/log-lock.ts';
import { createTestDatabase, openSql, type Sql, type TestDatabase } from '../src/testing.ts';
import { createCommitCutter } from './support/commit-cutter.ts';

let database: TestDatabase;
let store: PrismaStore;
let sql: Sql;
let told: { events: readonly LogEvent[]; head: LogPosition }[];

const origin: Origin = { actorId: null, via: 'test', connectionId: null };
const payload = { userId: 1 as never, sessionId: null, namespace: null };

beforeEach(async () => {
  database = await createTestDatabase();
  sql = openSql(database.connectionString);
  told = [];
  store = await createPrismaStore({
    connectionString: database.connectionString,
    onCommitted: (events, head) => void told.push({ events, head }),
    clock: systemClock,
    log: () => undefined,
  });
});

afterEach(async () => {
  await store.close();
  await sql.close();
  await database.drop();
});

const append = (count: number) =>
  store.transaction(origin, async (tx) => {
    for (let entry = 0; entry < count; entry += 1) tx.append('session.revoked', { data: payload }, payload);
    return count;
  });

/** Cuts every connection of the slow lane. */
const cut = () =>
  sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name = 'switchboard-slow-lane'`);

describe('a transaction of the slow lane', () => {
  it('numbers its entries without a gap and tells them after the commit', async () => {
    expect(await append(2)).toEqual({ value: 2, position: 2 });
    expect(await append(1)).toEqual({ value: 1, position: 3 });
    expect(told.map(({ head }) => head)).toEqual([2, 3]);
    expect(told.flatMap(({ events }) => events.map(({ position }) => position))).toEqual([1, 2, 3]);
  });

  it('tells in the order of the commits when many run at once', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => append(1 + (index % 3))));
    const positions = told.flatMap(({ events }) => events.map(({ position }) => position));
    expect(positions).toEqual(positions.map((_, index) => index + 1));
  });

  it('knows the position of its next entry', async () => {
    await append(4);
    const { value } = await store.transaction(origin, async (tx) => {
      const before = tx.nextPosition;
      const position = tx.append('session.revoked', { data: payload }, payload);
      return [before, position, tx.nextPosition];
    });
    expect(value).toEqual([5, 5, 6]);
  });

  it('leaves and tells nothing when its work throws', async () => {
    const work = store.transaction(origin, async (tx) => {
      tx.append('session.revoked', { data: payload }, payload);
      throw new Error('not like this');
    });
    await expect(work).rejects.toThrow('not like this');
    expect(told).toEqual([]);
    expect(await store.log.head()).toBe(0);
    expect((await append(1)).position).toBe(1);
  });

  it('runs its work again when the connection is cut before the commit', async () => {
    let runs = 0;
    const { position } = await store.transaction(origin, async (tx) => {
      runs += 1;
      tx.append('session.revoked', { data: payload }, payload);
      if (runs === 1) await cut();
    });
    expect({ runs, position, told: told.length, head: await store.log.head() }).toEqual({
      runs: 2,
      position: 1,
      told: 1,
      head: 1,
    });
  });

  it('gives up after the second time', async () => {
    const work = store.transaction(origin, async (tx) => {
      tx.append('session.revoked', { data: payload }, payload);
      await cut();
    });
    await expect(work).rejects.toMatchObject({ code: 'unavailable', details: { subject: 'store' } });
    expect(told).toEqual([]);
  });

  it('finds out that it was committed when the answer to its commit is lost', async () => {
    const cutter = await createCommitCutter(database.connectionString);
    const distant = await createPrismaStore({
      connectionString: cutter.connectionString,
      onCommitted: (events, head) => void told.push({ events, head }),
      clock: systemClock,
      log: () => undefined,
    });
    cutter.losses = 1;
    let runs = 0;
    const { value, position } = await distant.transaction(origin, async (tx) => {
      runs += 1;
      return tx.append('session.revoked', { data: payload }, payload);
    });
    expect({ value, position, runs, told: told.map(({ head }) => head) }).toEqual({
      value: 1,
      position: 1,
      runs: 1,
      told: [1],
    });
    expect(await store.log.head()).toBe(1);

    // Without an entry there is nothing to find: the caller must not believe either.
    cutter.losses = 1;
    await expect(distant.transaction(origin, async () => 'done')).rejects.toMatchObject({ code: 'unavailable' });
    await distant.close();
    await cutter.close();
  });

  it('is refused as unavailable while somebody keeps the lock', async () => {
    const client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    await client.query('select pg_advisory_lock($1)', [LOG_LOCK_KEY]);
    await expect(append(1)).rejects.toMatchObject({ code: 'unavailable' });
    await client.end();
    expect((await append(1)).position).toBe(1);
  });

  it('heals by itself after its connections were cut', async () => {
    await append(1);
    await cut();
    expect((await append(1)).position).toBe(2);
    expect(await store.log.head()).toBe(2);
  });
});

describe("the log's lock in the hands of somebody who stands still", () => {
  it('is taken away from a transaction that does nothing, which then runs again', async () => {
    const other = await createPrismaStore({
      connectionString: database.connectionString,
      onCommitted: () => undefined,
      clock: systemClock,
      log: () => undefined,
    });
    let runs = 0;
    let tookMs = 0;
    const { position } = await other.transaction(origin, async (tx) => {
      runs += 1;
      tx.append('session.revoked', { data: payload }, payload);
      if (runs > 1) return;
      // Stands still until somebody else has got through.
      const begun = performance.now();
      await append(1);
      tookMs = performance.now() - begun;
    });
    expect({ runs, position }).toEqual({ runs: 2, position: 2 });
    expect(tookMs).toBeLessThan(2_500);
    await other.close();
  });

  it('is taken away from an answer that nobody reads', async () => {
    const client = new pg.Client({ connectionString: database.connectionString });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    // A stopped process: what PostgreSQL answers fills the socket, and the transaction never ends.
    const reading = client.query(
      `begin; select pg_advisory_xact_lock(${LOG_LOCK_KEY}); select repeat('x', 1000000) from generate_series(1, 50)`,
    );
    reading.catch(() => undefined);
    (client as unknown as { connection: { stream: { pause(): void } } }).connection.stream.pause();
    const blocked = async () => {
      const [activity] = await sql<{ event: string }>(
        'select wait_event as event from pg_stat_activity where pid = $1',
        [rows[0]?.pid],
      );
      return activity?.event === 'ClientWrite';
    };
    while (!(await blocked())) await store.ping();

    const begun = performance.now();
    const waiting = append(1);
    while ((await store.log.freeLock()) === 0) await store.ping();
    expect((await waiting).position).toBe(1);
    expect(performance.now() - begun).toBeLessThan(3_500);
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  });
});
