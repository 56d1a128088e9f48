import { type ConversationId, type NodeId, type SpaceId, systemClock, type UserId } from '@switchboard/core';
import { createPrismaStore, type PrismaStore } from '../src/index.ts';
import { createTestDatabase, openSql, type Sql, type TestDatabase } from '../src/testing.ts';

let database: TestDatabase;
let store: PrismaStore;
let sql: Sql;
let told: number[];

beforeEach(async () => {
  database = await createTestDatabase();
  sql = openSql(database.connectionString);
  told = [];
  store = await createPrismaStore({
    connectionString: database.connectionString,
    onCommitted: (events) => void told.push(...events.map(({ position }) => position)),
    clock: systemClock,
    log: () => undefined,
  });
});

afterEach(async () => {
  await store.close();
  await sql.close();
  await database.drop();
});

/** Entries with nothing to read back, one for each row. */
async function write(
  rows: { conversation?: number; space?: number; users?: number[]; type?: string }[],
): Promise<void> {
  for (const { conversation = null, space = null, users = [], type = 'file.updated' } of rows) {
    await sql(
      `insert into events (position, type, conversation_id, space_id, user_ids, via, batch, at, data)
       select coalesce(max(position), 0) + 1, $1, $2, $3, $4, 'test', 'b', now(), '{}' from events`,
      [type, conversation, space, users],
    );
  }
}

const positions = ({ events }: { readonly events: readonly { readonly position: number }[] }) =>
  events.map(({ position }) => position);

describe('reading the log', () => {
  it('begins after a position and says where to go on', async () => {
    await write(Array.from({ length: 7 }, () => ({})));
    const first = await store.log.read(2, 3);
    expect([positions(first), first.through]).toEqual([[3, 4, 5], 5]);
    const last = await store.log.read(first.through, 3);
    expect([positions(last), last.through]).toEqual([[6, 7], 7]);
    const none = await store.log.read(7, 3);
    expect([positions(none), none.through]).toEqual([[], 7]);
  });

  it('passes over types that it does not know, counts them, and goes on after them', async () => {
    await write([{}, { type: 'moon.landed' }, { type: 'moon.left' }]);
    expect(await store.log.read(0)).toMatchObject({ through: 3, unknown: 2 });
  });

  it('knows its head, its floor and who wrote what', async () => {
    expect([await store.log.head(), await store.log.floor()]).toEqual([0, 1]);
    await write([{}, {}, {}]);
    await store.log.prune(2, 0, 100);
    expect([await store.log.head(), await store.log.floor()]).toEqual([3, 3]);
    expect(await store.log.check(3)).toEqual({ head: 3, batch: 'b' });
    expect(await store.log.check(2)).toEqual({ head: 3, batch: null });
  });
});

describe('reading the log for one stream', () => {
  it('finds what happened in conversations, to a space and in its support chats, and what a user is told by name', async () => {
    await sql(`insert into spaces (kind, name) values ('queue', 'q'), ('workspace', 'w')`);
    await sql(
      `insert into conversations (kind, space_id) values ('group', null), ('support', 1), ('channel', 2), ('group', null)`,
    );
    await write([
      { conversation: 1 },
      { conversation: 2, space: 1 },
      { conversation: 3, space: 2 },
      { space: 2 },
      { users: [5] },
      { conversation: 4 },
      { users: [6, 7] },
    ]);
    const of = (scope: Parameters<typeof store.log.readFor>[0]) => store.log.readFor(scope, 0);
    expect(positions(await of({ conversationIds: [1, 4] as ConversationId[] }))).toEqual([1, 6]);
    expect(positions(await of({ conversationIds: [], spaceIds: [1] as SpaceId[] }))).toEqual([2]);
    expect(positions(await of({ conversationIds: [], spaceIds: [2] as SpaceId[] }))).toEqual([4]);
    expect(positions(await of({ userId: 7 as UserId }))).toEqual([7]);
    const all = await of({ conversationIds: [1] as ConversationId[], spaceIds: [1] as SpaceId[], userId: 5 as UserId });
    expect([positions(all), all.through]).toEqual([[1, 2, 5], 7]);
  });

  it('cuts a page at its limit and goes on from there', async () => {
    await write([{ users: [5] }, {}, { users: [5] }, { users: [5] }, {}]);
    const first = await store.log.readFor({ userId: 5 as UserId }, 0, 2);
    expect([positions(first), first.through]).toEqual([[1, 3], 3]);
    const last = await store.log.readFor({ userId: 5 as UserId }, first.through, 2);
    expect([positions(last), last.through]).toEqual([[4], 5]);
  });

  it('shows a jump of the log to everybody', async () => {
    await write([{}]);
    await store.log.jump(4);
    expect(await store.log.readFor({ userId: 5 as UserId }, 0)).toMatchObject({
      events: [{ type: 'log.jumped', position: 5, from: 1 }],
      through: 5,
    });
  });
});

describe('a log that went backwards', () => {
  it('jumps beyond what was seen, once', async () => {
    await write([{}, {}]);
    const answers = await Promise.all([store.log.jump(10), store.log.jump(10), store.log.jump(2)]);
    expect(answers.filter((answer) => answer !== null)).toEqual([11]);
    expect(told).toEqual([11]);
    expect(await store.log.head()).toBe(11);
    const { position } = await store.transaction({ actorId: null, via: 'test', connectionId: null }, async (tx) => {
      const payload = { userId: 1 as UserId, sessionId: null, namespace: null };
      tx.append('session.revoked', { data: payload }, payload);
    });
    expect(position).toBe(12);
  });
});

describe('leases', () => {
  it('are held by one owner until they are given up or run out', async () => {
    const { log } = store;
    expect(await log.lease('push', 'one', 60_000)).toBe(0);
    expect(await log.lease('push', 'two', 60_000)).toBeNull();
    expect(await log.advance('push', 'one', 5)).toBe(true);
    expect(await log.advance('push', 'two', 9)).toBe(false);
    await log.release('push', 'two');
    expect(await log.lease('push', 'two', 60_000)).toBeNull();
    await log.release('push', 'one');
    expect(await log.lease('push', 'two', 1)).toBe(5);
    let taken = await log.lease('push', 'one', 60_000);
    while (taken === null) taken = await log.lease('push', 'one', 60_000);
    expect(taken).toBe(5);
  });
});

describe('nodes', () => {
  it('find each other while they live', async () => {
    const node = (id: string) => ({ id: id as NodeId, startedAt: 1_000, busId: `bus of ${id}`, version: '1' });
    await store.nodes.heartbeat(node('old'), 15_000);
    await sql(`update nodes set heartbeat_at = now() - interval '20 seconds'`);
    await store.nodes.heartbeat(node('one'), 15_000);
    const alive = await store.nodes.heartbeat(node('two'), 15_000);
    expect(alive.map(({ id, busId }) => [id, busId])).toEqual([
      ['one', 'bus of one'],
      ['two', 'bus of two'],
    ]);
    await store.nodes.remove('one' as NodeId);
    expect((await store.nodes.heartbeat(node('two'), 15_000)).map(({ id }) => id)).toEqual(['two']);
  });
});
