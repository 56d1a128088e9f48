import { adminActor, createRetention, type LogEvent, type User, type UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;

beforeEach(async () => {
  test = await createTestCore();
});

afterEach(() => test.close());

const revoked = { userId: 1 as UserId, sessionId: null, namespace: null };

async function append(count: number): Promise<void> {
  await test.store.transaction({ actorId: null, via: 'test', connectionId: null }, async (tx) => {
    for (let entry = 0; entry < count; entry += 1) tx.append('session.revoked', { data: revoked }, revoked);
  });
}

/** Lets time pass, with the store's answers in between, until something is true. */
async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !isTrue(); turn += 1) {
    await test.clock.advance(100);
    for (let more = 0; more < 5; more += 1) await test.store.ping();
  }
  expect(isTrue()).toBe(true);
}

const positions = (events: readonly LogEvent[]) => events.map(({ position }) => position);

describe('a consumer of the log', () => {
  it('is handed every entry in order, from the beginning on', async () => {
    await append(3);
    const seen: number[] = [];
    test.core.consumers.run('push', async (events) => void seen.push(...positions(events)));
    await until(() => seen.length === 3);
    await append(2);
    await until(() => seen.length === 5);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('is handed again what it could not take', async () => {
    await append(2);
    const pages: number[][] = [];
    test.core.consumers.run('push', async (events) => {
      pages.push(positions(events));
      if (pages.length === 1) throw new Error('not now');
    });
    await until(() => pages.length === 2);
    expect(pages).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('goes on where it was after a stop, on whatever node', async () => {
    await append(2);
    const first: number[] = [];
    const stop = test.core.consumers.run('push', async (events) => void first.push(...positions(events)));
    await until(() => first.length === 2);
    await stop();
    await append(1);
    const other = await test.another();
    const second: number[] = [];
    other.core.consumers.run('push', async (events) => void second.push(...positions(events)));
    await until(() => second.length === 1);
    expect([first, second]).toEqual([[1, 2], [3]]);
  });

  it('runs on one node at a time', async () => {
    const other = await test.another();
    const seen: string[] = [];
    test.core.consumers.run('push', async (events) => void seen.push(...events.map(() => 'one')));
    await append(1);
    await until(() => seen.length === 1);
    other.core.consumers.run('push', async (events) => void seen.push(...events.map(() => 'two')));
    await append(3);
    await until(() => seen.length >= 4);
    expect(seen).toEqual(['one', 'one', 'one', 'one']);
  });

  it('reads a log that is longer than a page', async () => {
    await append(1_700);
    const seen: number[] = [];
    test.core.consumers.run('push', async (events) => void seen.push(...positions(events)));
    await until(() => seen.length === 1_700);
    expect(seen).toEqual(seen.map((_, index) => index + 1));
  });
});

describe('what the log forgets', () => {
  it('is what is older than its time, but never the last entries', async () => {
    await append(40);
    test.clock.skip(10_000);
    await append(5);
    const retention = createRetention(
      { store: test.store, clock: test.clock, nodeId: test.nodeId, log: () => undefined },
      { keepMs: 5_000, keepEntries: 10 },
    );
    expect(await retention.prune()).toEqual({ entries: 35, sessions: 0, codes: 0 });
    expect(await test.store.log.floor()).toBe(36);
    expect(await retention.prune()).toEqual({ entries: 0, sessions: 0, codes: 0 });

    const fewer = createRetention(
      { store: test.store, clock: test.clock, nodeId: test.nodeId, log: () => undefined },
      { keepMs: 5_000, keepEntries: 1 },
    );
    expect(await fewer.prune()).toMatchObject({ entries: 5 });
    await append(1);
    expect(await test.store.log.head()).toBe(46);
  });

  it('is sessions and codes that were over long ago, looked for once a day', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    const { sessions } = test.core;
    const issue = (options: { ttlMs?: number; idleTimeoutMs?: number } = {}) =>
      sessions.issue(adminActor(), { userId: alice.id, namespace: 'test', kind: 'opaque', ...options });
    const make = (options: { ttlMs?: number; uses?: number | null } = {}) =>
      sessions.createCode(adminActor(), { purpose: 'test', ...options });
    const day = 24 * 60 * 60 * 1000;
    await issue({ ttlMs: day });
    await issue({ idleTimeoutMs: day });
    const revoked = await issue();
    await sessions.revoke(adminActor(), revoked.session.id);
    await make({ ttlMs: day });
    const used = await make();
    await sessions.useCode('test', used.code);
    const lasting = [await issue(), await issue({ ttlMs: 9 * day }), await issue({ idleTimeoutMs: 9 * day })];
    const codes = [await make(), await make({ uses: null }), await make({ ttlMs: 9 * day })];
    await sessions.useCode('test', codes[1]?.code as string);
    const retention = createRetention(
      { store: test.store, clock: test.clock, nodeId: test.nodeId, log: () => undefined },
      { keepMs: 5 * day },
    );
    expect(await retention.prune()).toMatchObject({ sessions: 0, codes: 0 });
    test.clock.skip(7 * day);
    expect(await retention.prune()).toMatchObject({ sessions: 3, codes: 2 });
    expect((await sessions.list(alice.id)).map(({ id }) => id).sort()).toEqual(
      lasting.map(({ session }) => session.id),
    );
    expect((await sessions.listCodes({ purpose: 'test' })).map(({ id }) => id).sort()).toEqual(
      codes.map(({ oneTimeCode }) => oneTimeCode.id).sort(),
    );
    for (const days of [6.5, 0.9]) {
      test.clock.skip(days * day);
      expect(await retention.prune()).toMatchObject({ sessions: 0, codes: 0 });
    }
    test.clock.skip(0.1 * day);
    expect(await retention.prune()).toMatchObject({ sessions: 2, codes: 1 });
  });
});
