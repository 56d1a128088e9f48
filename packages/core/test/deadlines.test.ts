import { type Deadline, type DeadlineHandler, type Deadlines, systemActor } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { createDeadlines } from '../src/deadlines.ts';
import { createChange } from '../src/unit-of-work.ts';

let test: TestCore;
let running: Deadlines[];

beforeEach(async () => {
  test = await createTestCore({ start: false });
  running = [];
});

afterEach(async () => {
  for (const one of running) await one.close();
  await test.close();
});

/** A node's runner with one kind, and what it has met so far. */
function runner(of: TestCore, handler: DeadlineHandler = async () => undefined) {
  const met: Deadline[] = [];
  const waiting = new Set<() => void>();
  const change = createChange(of.store);
  const { store, clock } = of;
  const context = { store, clock, change, log: () => undefined } as unknown as Parameters<typeof createDeadlines>[0];
  const deadlines = createDeadlines(context);
  deadlines.on('test', async (tx, deadline) => {
    await handler(tx, deadline);
    met.push(deadline);
    for (const look of [...waiting]) look();
  });
  deadlines.start();
  running.push(deadlines);
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => void (met.length >= count && resolve());
      waiting.add(look);
      look();
    });
  return { met, until, deadlines };
}

const set = (subject: string, afterMs: number, data = {}) =>
  test.store.transaction({ actorId: null, via: 'system', connectionId: null }, (tx) =>
    tx.deadlines.set({ kind: 'test', subject, dueAt: tx.at + afterMs, data }),
  );

const left = async () =>
  (await test.store.deadlines.due(Number.MAX_SAFE_INTEGER / 10, 100)).map(({ subject }) => subject);

/** Lets the runners look, until nothing is under way. */
async function looked(): Promise<void> {
  await test.clock.advance(1_000);
  for (const one of running) await one.close();
}

it('meets a deadline at its moment, with its data, once', async () => {
  await set('a', 5_500, { n: 1 });
  const { met, until } = runner(test);
  await test.clock.advance(5_000);
  await Promise.resolve();
  expect(met).toEqual([]);
  await test.clock.advance(1_000);
  await until(1);
  expect(met).toMatchObject([{ kind: 'test', subject: 'a', data: { n: 1 } }]);
  await looked();
  expect(met).toHaveLength(1);
  expect(await left()).toEqual([]);
});

it('moves a deadline that is set again, and forgets one that is cleared', async () => {
  await set('moved', 1_000);
  await set('moved', 60_000, { again: true });
  await set('cleared', 1_000);
  await set('kept', 1_000);
  await test.store.transaction({ actorId: null, via: 'system', connectionId: null }, (tx) =>
    tx.deadlines.clear('test', 'cleared'),
  );
  const { met, until } = runner(test);
  await test.clock.advance(3_000);
  await until(1);
  await looked();
  expect(met.map(({ subject }) => subject)).toEqual(['kept']);
  expect(await left()).toEqual(['moved']);
});

it('is met once among several nodes', async () => {
  const other = await test.another({ start: false });
  for (let i = 0; i < 10; i += 1) await set(`n${i}`, 1_000);
  const [here, there] = [runner(test), runner(other)];
  await test.clock.advance(2_000);
  await Promise.race([here.until(10), there.until(10), bothMet(here.met, there.met)]);
  await looked();
  const subjects = [...here.met, ...there.met].map(({ subject }) => subject).sort();
  expect(subjects).toEqual(Array.from({ length: 10 }, (_, i) => `n${i}`));
});

it('is met by a node that starts after the moment has passed', async () => {
  await set('late', 1_000);
  await test.clock.advance(3_600_000);
  const { until, met } = runner(test);
  await until(1);
  expect(met).toHaveLength(1);
});

it('keeps a deadline whose handler fails, with all else it did undone, and tries again later', async () => {
  let failures = 0;
  await set('hard', 0);
  await set('easy', 0);
  const { met, until } = runner(test, async (tx, { subject }) => {
    if (subject === 'easy' || failures === 1) return;
    failures += 1;
    await tx.deadlines.set({ kind: 'test', subject: 'undone', dueAt: tx.at, data: {} });
    throw new Error('not yet');
  });
  await until(1);
  expect(met.map(({ subject }) => subject)).toEqual(['easy']);
  while ((await left()).includes('undone')) throw new Error('what failed was kept');
  await test.clock.advance(31_000);
  await until(2);
  expect(met.map(({ subject }) => subject)).toEqual(['easy', 'hard']);
});

it('leaves kinds that it does not know to those who do', async () => {
  await createChange(test.store)(systemActor(), (tx) =>
    tx.deadlines.set({ kind: 'of a newer version', subject: 'x', dueAt: tx.at, data: {} }),
  );
  await set('known', 0);
  const { until } = runner(test);
  await until(1);
  await looked();
  expect(await left()).toEqual(['x']);
});

/** Resolves when both together have met all ten. */
async function bothMet(here: readonly Deadline[], there: readonly Deadline[]): Promise<void> {
  while (here.length + there.length < 10) await new Promise((resolve) => setImmediate(resolve));
}
