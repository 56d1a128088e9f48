// What callers of the committer hear when the store is slow, away, or answers into a cut line.
import { DomainError } from '@switchboard/core';
import pg from 'pg';
import { LOG_LOCK_KEY } from '../src/log-lock.ts';
import { createCuttingProxy } from './support/cutting-proxy.ts';
import { createFastLane, edit, type FastLane, mark, remove, send, sent, wordOf } from './support/fast-lane.ts';

let lane: FastLane;
let group: number;

beforeEach(async () => {
  lane = await createFastLane();
  await lane.people(2);
  group = await lane.conversation({}, { user: 1 }, { user: 2 });
});

afterEach(() => lane.close());

const count = async (table: string) => Number((await lane.sql<{ n: string }>(`select count(*) n from ${table}`))[0]?.n);

/** Holds the log's lock until released. */
async function holdLock() {
  const client = new pg.Client({ connectionString: lane.database.connectionString });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('select pg_advisory_lock($1)', [LOG_LOCK_KEY]);
  return { release: () => client.end() };
}

/** Resolves when so many connections wait for the lock. */
async function waiting(connections: number) {
  for (;;) {
    const rows = await lane.sql<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`,
    );
    if (rows.length >= connections) return rows.map(({ pid }) => pid);
  }
}

it('finds a batch whose answer was lost, and doubles nothing', async () => {
  const proxy = await createCuttingProxy(lane.database.connectionString);
  const committer = lane.another({ connectionString: proxy.connectionString });
  try {
    const old = await sent(committer, send(1, group));
    const gone = await sent(committer, send(1, group));
    proxy.cutNextAnswer();
    const commands = [
      send(1, group),
      send(1, group),
      send(1, group, { text: 'other' }),
      send(2, group, { clientRef: 'test:x' }),
      send(2, group, { clientRef: 'test:x' }),
      send(1, 999),
      edit(1, old.id),
      remove(1, gone.id),
      mark(2, [old.id]),
    ];
    const verdicts = await Promise.all(commands.map((command) => committer.submit(command)));
    expect(verdicts.map(wordOf)).toEqual([
      ...['done', 'done', 'done', 'done', 'repeated', 'not_found', 'done', 'done', 'done'],
    ]);
    const ids = verdicts.slice(0, 4).map((verdict) => verdict.ok && verdict.message?.id);
    expect(new Set(ids).size).toBe(4);
    expect(verdicts[2]).toMatchObject({ message: { text: 'other', seq: 5 }, position: 5 });
    expect(await count('messages')).toBe(6);
    // 2 before, 4 sends, the edit, the delete and one entry of marks.
    expect(await count('events')).toBe(9);
    expect(wordOf(await committer.submit(send(1, group)))).toBe('done');
  } finally {
    await committer.close();
    await proxy.close();
  }
});

it('sends a batch again that was cut off before it was committed', async () => {
  const lock = await holdLock();
  const verdict = lane.committer.submit(send(1, group));
  const [pid] = await waiting(1);
  await lane.sql('select pg_terminate_backend($1)', [pid]);
  // It waits again, to look for the batch.
  await waiting(1);
  await lock.release();
  expect(wordOf(await verdict)).toBe('done');
  expect(await count('messages')).toBe(1);
});

it('tells callers `unavailable` when their time has passed, and takes back what was not sent', async () => {
  const committer = lane.another({ patienceMs: 300 });
  const lock = await holdLock();
  const flying = committer.submit(send(1, group, { text: 'in flight' }));
  await waiting(1);
  const queued = committer.submit(send(1, group, { text: 'in the queue' }));
  for (const verdict of [flying, queued]) {
    await expect(verdict).rejects.toMatchObject({ code: 'unavailable' });
  }
  await lock.release();
  expect(wordOf(await committer.submit(send(1, group, { text: 'later' })))).toBe('done');
  const texts = await lane.sql<{ text: string }>('select text from messages order by id');
  // What was in flight could not be called back, and nobody was told that it failed.
  expect(texts.map(({ text }) => text)).toEqual(['in flight', 'later']);
});

it('bounds what may wait', async () => {
  const committer = lane.another({ queueLimit: 3 });
  const lock = await holdLock();
  const accepted = [1, 2, 3].map(() => committer.submit(send(1, group)));
  await expect(committer.submit(send(1, group))).rejects.toThrow(DomainError);
  expect(committer.depth).toBe(3);
  await lock.release();
  expect((await Promise.all(accepted)).map(wordOf)).toEqual(['done', 'done', 'done']);
  expect(wordOf(await committer.submit(send(1, group)))).toBe('done');
});

it('finishes what waits when it is closed, and takes nothing more', async () => {
  const committer = lane.another();
  const verdicts = Array.from({ length: 300 }, () => committer.submit(send(1, group)));
  const closed = committer.close();
  await expect(committer.submit(send(1, group))).rejects.toMatchObject({ code: 'unavailable' });
  await closed;
  expect((await Promise.all(verdicts)).every((verdict) => verdict.ok)).toBe(true);
  expect(await count('messages')).toBe(300);
});

it('closes without a store, once its callers have lost patience', async () => {
  const committer = lane.another({ connectionString: 'postgresql://nobody@127.0.0.1:1/nowhere', patienceMs: 200 });
  const verdict = committer.submit(send(1, group));
  const closed = committer.close();
  await expect(verdict).rejects.toMatchObject({ code: 'unavailable' });
  await closed;
});
