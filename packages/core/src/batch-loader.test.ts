import { createBatchLoader } from './batch-loader.ts';

/** A load that is answered when the test says so. */
function controlled() {
  const loads: {
    keys: readonly number[];
    answer: (found?: Map<number, string>) => void;
    fail: (error: Error) => void;
  }[] = [];
  const load = (keys: readonly number[]) =>
    new Promise<ReadonlyMap<number, string>>((resolve, reject) => {
      const answer = (found = new Map(keys.map((key) => [key, `#${key}`]))) => resolve(found);
      loads.push({ keys, answer, fail: reject });
    });
  return { loads, load };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a batch loader', () => {
  it('asks once for all that is asked in one turn, and once for what is asked twice', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load });
    const answers = Promise.all([find(1), find(2), find(1)]);
    await turn();
    expect(loads.map(({ keys }) => keys)).toEqual([[1, 2]]);
    loads[0]?.answer();
    expect(await answers).toEqual(['#1', '#2', '#1']);
  });

  it('gathers what is asked while its loads are under way', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, concurrency: 1 });
    const first = find(1);
    await turn();
    const later: Promise<string | undefined>[] = [];
    for (let key = 2; key <= 5; key += 1) {
      later.push(find(key));
      await turn();
    }
    expect(loads).toHaveLength(1);
    loads[0]?.answer();
    await first;
    await turn();
    expect(loads[1]?.keys).toEqual([2, 3, 4, 5]);
    loads[1]?.answer();
    expect(await Promise.all(later)).toEqual(['#2', '#3', '#4', '#5']);
  });

  it('never answers a question with a load that began before it', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load });
    const old = find(1);
    await turn();
    const fresh = find(1);
    await turn();
    loads[0]?.answer(new Map([[1, 'old']]));
    loads[1]?.answer(new Map([[1, 'new']]));
    expect([await old, await fresh]).toEqual(['old', 'new']);
  });

  it('keeps batches to their size', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, batchSize: 2, concurrency: 2 });
    const all = Promise.all([1, 2, 3, 4, 5].map(find));
    await turn();
    await turn();
    expect(loads.map(({ keys }) => keys)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    for (const { answer } of loads) answer();
    while (loads.length < 3) await turn();
    loads[2]?.answer();
    expect(await all).toHaveLength(5);
  });

  it('fails those who asked for a batch that failed, and goes on', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load });
    const failing = Promise.allSettled([find(1), find(2)]);
    await turn();
    loads[0]?.fail(new Error('away'));
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = find(1);
    await turn();
    loads[1]?.answer(new Map());
    expect(await next).toBeUndefined();
  });

  it('gathers for a while when a crowd comes', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, gather: { aboveRate: 0, size: 50, quietMs: 60_000, forMs: 60_000 } });
    const answers = Array.from({ length: 49 }, (_, key) => find(key));
    for (let wait = 0; wait < 5; wait += 1) await turn();
    expect(loads).toHaveLength(0);
    answers.push(find(49));
    await turn();
    expect(loads[0]?.keys).toHaveLength(50);
    loads[0]?.answer();
    await Promise.all(answers);
  });

  it('does not wait for company when few come', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, gather: { aboveRate: 1e9, size: 50, quietMs: 60_000, forMs: 60_000 } });
    const answer = find(1);
    await turn();
    loads[0]?.answer();
    expect(await answer).toBe('#1');
  });

  it('lets nobody wait longer than it says', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, gather: { aboveRate: 0, size: 50, quietMs: 60_000, forMs: 1 } });
    const answer = find(1);
    while (loads.length === 0) await turn();
    loads[0]?.answer();
    expect(await answer).toBe('#1');
  });

  it('does not wait for those who do not come', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, gather: { aboveRate: 0, size: 50, quietMs: 1, forMs: 60_000 } });
    const answers = [find(1), find(2)];
    while (loads.length === 0) await turn();
    expect(loads[0]?.keys).toEqual([1, 2]);
    loads[0]?.answer();
    await Promise.all(answers);
  });

  it('waits for those who came while the process was busy', async () => {
    const { loads, load } = controlled();
    const find = createBatchLoader({ load, gather: { aboveRate: 0, size: 4, quietMs: 1, forMs: 60_000 } });
    const answers = [find(1)];
    for (let key = 2; key <= 4; key += 1) {
      // Longer than the pause that counts as quiet; the next one asks in the turn after.
      const until = performance.now() + 3;
      while (performance.now() < until);
      await turn();
      answers.push(find(key));
    }
    while (loads.length === 0) await turn();
    expect(loads[0]?.keys).toEqual([1, 2, 3, 4]);
    loads[0]?.answer();
    await Promise.all(answers);
  });
});
