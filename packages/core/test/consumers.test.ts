import { createRetention, type LogEvent, type UserId } from '@switchboard/core';
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
    expect(await retention.prune()).toBe(35);
    expect(await test.store.log.floor()).toBe(36);
    expect(await retention.prune()).toBe(0);

    const fewer = createRetention(
      { store: test.store, clock: test.clock, nodeId: test.nodeId, log: () => undefined },
      { keepMs: 5_000, keepEntries: 1 },
    );
    expect(await fewer.prune()).toBe(5);
    await append(1);
    expect(await test.store.log.head()).toBe(46);
  });
});
