/**
 * Connections are cut at every possible moment: under queries, between them, while they are made, while the store closes. Callers hear
 * of it and nothing else happens: an error that nobody listens to would end the process (here it fails the test).
 */
import { type DomainError, isDomainError, type Origin, systemClock } from '@switchboard/core';
import { createPrismaStore, type PrismaStore } from '../src/index.ts';
import { createFastLane, type FastLane, send, wordOf } from './support/fast-lane.ts';

jest.setTimeout(60_000);

let lane: FastLane;
let group: number;

const origin: Origin = { actorId: null, via: 'test', connectionId: null };
const payload = { userId: 1 as never, sessionId: null, namespace: null };

beforeEach(async () => {
  lane = await createFastLane();
  await lane.people(1);
  group = await lane.conversation({}, { user: 1 });
});

afterEach(() => lane.close());

const openStore = () =>
  createPrismaStore({
    connectionString: lane.database.connectionString,
    onCommitted: () => undefined,
    clock: systemClock,
    log: () => undefined,
  });

/** Of this database, but for the one that asks. */
const cutAll = () =>
  lane.sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name like 'switchboard%'`);

const append = (store: PrismaStore) =>
  store.transaction(origin, async (tx) => {
    await tx.users.find(1 as never);
    tx.append('session.revoked', { data: payload }, payload);
  });

it('is told to callers as the store being away, and passes', async () => {
  const store = await openStore();
  const faults = new Set<string>();
  let isLoaded = true;
  let done = 0;
  const work = async (one: () => Promise<unknown>) => {
    while (isLoaded) {
      await one().then(
        () => {
          done += 1;
        },
        (error: unknown) => faults.add(isDomainError(error) ? (error as DomainError).code : String(error)),
      );
    }
  };
  const load = Promise.all([
    ...Array.from({ length: 12 }, () => work(() => store.ping())),
    ...Array.from({ length: 12 }, () => work(() => store.users.findMany([1 as never]))),
    ...Array.from({ length: 4 }, () => work(() => append(store))),
    ...Array.from({ length: 4 }, () => work(async () => wordOf(await lane.committer.submit(send(1, group))))),
  ]);
  for (let round = 0; round < 60; round += 1) {
    const before = done;
    await cutAll();
    // Now at once, now under way again.
    while (round % 3 > 0 && done < before + round) await new Promise((resolve) => setImmediate(resolve));
  }
  isLoaded = false;
  await load;
  expect([...faults]).toEqual(faults.size > 0 ? ['unavailable'] : []);
  await store.ping();
  await append(store);
  expect(wordOf(await lane.committer.submit(send(1, group)))).toBe('done');
  await store.close();
});

it('does no harm while the store closes under work', async () => {
  for (let round = 0; round < 12; round += 1) {
    const store = await openStore();
    await store.ping();
    const work = Promise.allSettled([
      ...Array.from({ length: 8 }, () => store.users.findMany([1 as never])),
      ...Array.from({ length: 4 }, () => append(store)),
    ]);
    const cut = round % 2 === 0 ? cutAll() : null;
    const closed = store.close();
    await cutAll();
    await Promise.all([work, closed, cut]);
  }
});
