/** What every presence store does, whatever it is made of. Time is the test's; sweeps come once a second, as nodes make them. */
import type {
  ConnectionId,
  ConnectionRecord,
  ConversationId,
  Namespace,
  NodeId,
  PresenceChange,
  PresenceStore,
  UserId,
} from '@switchboard/core';
import type { FakeClock } from '@switchboard/testing';

export interface PresenceMedium {
  readonly clock: FakeClock;
  /** Resolves when the store answers. */
  node(id: string): Promise<PresenceStore>;
  /** As if its process had been killed: its connections are not ended. */
  kill(store: PresenceStore): Promise<void>;
  close(): Promise<void>;
}

export const alice = 1 as UserId;
const bob = 2 as UserId;
const lobby = 10 as ConversationId;

export function connection(id: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id: id as ConnectionId,
    userId: alice,
    namespace: 'event' as Namespace,
    nodeId: 'a' as NodeId,
    graceMs: 0,
    asleep: false,
    connectedAt: 1_795_176_000_000,
    endedAt: null,
    info: { address: '::1', 'a|b': true, n: 1.5 },
    ...fields,
  };
}

const idsOf = ({ before, after }: PresenceChange) => [
  before.connections.map(({ id }) => id),
  after.connections.map(({ id }) => id),
];

export function itIsAPresenceStore(open: () => Promise<PresenceMedium>): void {
  let medium: PresenceMedium;
  let a: PresenceStore;
  let b: PresenceStore;
  beforeEach(async () => {
    medium = await open();
    [a, b] = [await medium.node('a'), await medium.node('b')];
    await sweepAll();
  });
  afterEach(() => medium.close());

  async function sweepAll(stores = [a, b]): Promise<PresenceChange[]> {
    const changes: PresenceChange[] = [];
    for (const store of stores) changes.push(...(await store.sweep()));
    return changes;
  }

  async function pass(seconds: number, stores = [a, b]): Promise<PresenceChange[]> {
    const changes: PresenceChange[] = [];
    for (let i = 0; i < seconds; i += 1) {
      await medium.clock.advance(1_000);
      changes.push(...(await sweepAll(stores)));
    }
    return changes;
  }

  const online = async (userId: UserId, store = b) =>
    ((await store.get([userId])).get(userId)?.connections ?? []).map(({ id }) => id);

  describe('connections', () => {
    it('answers the state before and after, and shows it on every node', async () => {
      const record = connection('c1');
      const { before, after } = await a.register(record);
      expect(before).toEqual({ userId: alice, manual: null, connections: [] });
      expect(after).toStrictEqual({ userId: alice, manual: null, connections: [record] });
      expect((await b.get([alice, bob])).get(alice)).toStrictEqual(after);
      expect((await b.get([alice, bob])).get(bob)).toEqual({ userId: bob, manual: null, connections: [] });
    });

    it('counts one that is registered twice once', async () => {
      await a.register(connection('c1'));
      expect(idsOf(await a.register(connection('c1', { info: {} })))).toEqual([['c1'], ['c1']]);
      expect((await a.list()).map(({ info }) => info)).toEqual([{}]);
    });

    it('ends at once without a grace, and changes nothing for one it does not know', async () => {
      await a.register(connection('c1'));
      expect(idsOf(await a.end('c1' as ConnectionId, alice))).toEqual([['c1'], []]);
      expect(idsOf(await a.end('c1' as ConnectionId, alice))).toEqual([[], []]);
      expect(await online(alice)).toEqual([]);
    });

    it('counts until its grace has passed, and one node alone tells the end', async () => {
      await a.register(connection('c1', { graceMs: 5_000 }));
      const { after } = await a.end('c1' as ConnectionId, alice);
      expect(after.connections[0]?.endedAt).toBe(medium.clock.now());
      expect(await pass(4)).toEqual([]);
      expect(await online(alice)).toEqual(['c1']);
      expect((await pass(2)).map(idsOf)).toEqual([[['c1'], []]]);
    });

    it('takes a grace given at the end instead, also for one that has ended', async () => {
      await a.register(connection('c1', { graceMs: 60_000 }));
      await a.end('c1' as ConnectionId, alice);
      expect(idsOf(await a.end('c1' as ConnectionId, alice, 0))).toEqual([['c1'], []]);
      await a.register(connection('c2', { graceMs: 0 }));
      await a.end('c2' as ConnectionId, alice, 3_000);
      expect(await pass(2)).toEqual([]);
      expect(await pass(1)).toHaveLength(1);
    });

    it('lives again when it is registered within its grace', async () => {
      await a.register(connection('c1', { graceMs: 2_000 }));
      await a.end('c1' as ConnectionId, alice);
      await a.register(connection('c1', { graceMs: 2_000 }));
      expect(await pass(5)).toEqual([]);
      expect(await online(alice)).toEqual(['c1']);
    });

    it('lists all, of a namespace, and of a user', async () => {
      await a.register(connection('c1'));
      await b.register(connection('c2', { userId: bob, nodeId: 'b' as NodeId, namespace: 'netalo', graceMs: 9_000 }));
      await b.end('c2' as ConnectionId, bob);
      const ids = async (filter?: Parameters<PresenceStore['list']>[0]) =>
        (await a.list(filter)).map(({ id }) => id).sort();
      expect(await ids()).toEqual(['c1', 'c2']);
      expect(await ids({ namespace: 'netalo' })).toEqual(['c2']);
      expect(await ids({ userId: alice })).toEqual(['c1']);
      expect(await ids({ userId: alice, namespace: 'netalo' })).toEqual([]);
    });
  });

  describe('statuses', () => {
    it('keeps what was set by hand until the last counting connection has gone', async () => {
      await a.register(connection('c1'));
      await b.register(connection('c2', { nodeId: 'b' as NodeId, graceMs: 1_000 }));
      expect((await a.setManual(alice, 'offline')).after.manual).toBe('offline');
      await a.end('c1' as ConnectionId, alice);
      await b.end('c2' as ConnectionId, alice);
      expect((await a.get([alice])).get(alice)?.manual).toBe('offline');
      await pass(2);
      expect((await a.register(connection('c3'))).after.manual).toBeNull();
    });

    it('sets nothing for a user without connections', async () => {
      const { before, after } = await a.setManual(alice, 'idle');
      expect([before.manual, after.manual]).toEqual([null, null]);
      expect((await a.register(connection('c1'))).after.manual).toBeNull();
    });

    it('lets the first connection alone say what the user starts as', async () => {
      expect((await a.register(connection('c1'), 'idle')).after.manual).toBe('idle');
      expect((await b.register(connection('c2'), 'online')).after.manual).toBe('idle');
      expect((await b.register(connection('c3'))).after.manual).toBe('idle');
    });

    it('is not woken by a further connection that names a status, and is by one that does not', async () => {
      await a.register(connection('c1'));
      await a.setAsleep('c1' as ConnectionId, alice, true);
      const asleep = (change: PresenceChange) => change.after.connections.map((one) => one.asleep);
      expect(asleep(await b.register(connection('c2'), 'online'))).toEqual([true, true]);
      expect(asleep(await b.register(connection('c3')))).toEqual([true, true, false]);
    });

    it('wakes the device that sets online by hand, or all when nobody is awake', async () => {
      await a.register(connection('c1', { asleep: true }));
      await a.register(connection('c2', { asleep: true }));
      await a.setManual(alice, 'idle');
      const { after } = await b.setManual(alice, 'online', 'c2' as ConnectionId);
      expect(after.manual).toBeNull();
      expect(after.connections.map(({ asleep }) => asleep)).toEqual([true, false]);
      await a.setAsleep('c2' as ConnectionId, alice, true);
      const all = await b.setManual(alice, 'online');
      expect(all.after.connections.map(({ asleep }) => asleep)).toEqual([false, false]);
    });

    it('ignores the sleep of a connection that is not there', async () => {
      const { after } = await a.setAsleep('c1' as ConnectionId, alice, true);
      expect(after.connections).toEqual([]);
    });
  });

  describe('nodes', () => {
    it('lets go of a dead node 12.5 s after its last word, with the grace from there, told once', async () => {
      await a.register(connection('c1'));
      await a.register(connection('c2', { userId: bob, graceMs: 5_000 }));
      await medium.kill(a);
      expect(await pass(12, [b])).toEqual([]);
      expect((await pass(2, [b])).map(idsOf)).toEqual([[['c1'], []]]);
      expect(await online(bob)).toEqual(['c2']);
      expect((await pass(5, [b])).map(idsOf)).toEqual([[['c2'], []]]);
    });

    it('does not take a node for dead while it lives, however long nothing happens', async () => {
      await a.register(connection('c1'));
      expect(await pass(60)).toEqual([]);
      expect(await online(alice)).toEqual(['c1']);
    });

    it('frees what connections of a dead node had claimed and attended', async () => {
      await a.register(connection('c1'));
      await a.claim('session:1', 'c1' as ConnectionId);
      await a.attend(lobby, { connection: 'c1' as ConnectionId, userId: alice });
      await medium.kill(a);
      await pass(16, [b]);
      expect(await b.attending(lobby)).toEqual([]);
      expect(await b.claim('session:1', 'c2' as ConnectionId)).toBeNull();
    });
  });

  describe('claims', () => {
    it('tells who held the key until now, on whatever node', async () => {
      expect(await a.claim('session:1', 'c1' as ConnectionId)).toBeNull();
      expect(await a.claim('session:1', 'c1' as ConnectionId)).toBeNull();
      expect(await b.claim('session:1', 'c2' as ConnectionId)).toBe('c1');
      await a.unclaim('session:1', 'c1' as ConnectionId);
      expect(await a.claim('session:1', 'c3' as ConnectionId)).toBe('c2');
      await a.unclaim('session:1', 'c3' as ConnectionId);
      expect(await b.claim('session:1', 'c4' as ConnectionId)).toBeNull();
    });

    it('gives up what an ended connection held', async () => {
      await a.register(connection('c1', { graceMs: 60_000 }));
      await a.claim('session:1', 'c1' as ConnectionId);
      await a.end('c1' as ConnectionId, alice);
      expect(await b.claim('session:1', 'c2' as ConnectionId)).toBeNull();
    });
  });

  describe('attendance', () => {
    const attendance = (id: string, userId = alice) => ({ connection: id as ConnectionId, userId });

    it('is seen on every node, ends with the connection, and repeats are no second one', async () => {
      await a.register(connection('c1', { graceMs: 60_000 }));
      await a.attend(lobby, attendance('c1'));
      await a.attend(lobby, attendance('c1'));
      await b.attend(lobby, attendance('c2', bob));
      expect([...(await b.attending(lobby))].sort((x, y) => x.userId - y.userId)).toEqual([
        attendance('c1'),
        attendance('c2', bob),
      ]);
      await b.unattend(lobby, 'c2' as ConnectionId);
      await a.end('c1' as ConnectionId, alice);
      expect(await b.attending(lobby)).toEqual([]);
    });

    it('is refused above the limit, except to whoever attends already, also when many come at once', async () => {
      const came = await Promise.all(
        Array.from({ length: 9 }, (_, i) => (i % 2 ? a : b).attend(lobby, attendance(`c${i}`), 5)),
      );
      expect(came.filter(Boolean)).toHaveLength(5);
      const inside = (await a.attending(lobby))[0];
      expect(inside && (await a.attend(lobby, inside, 5))).toBe(true);
      expect(await a.attend(lobby, attendance('late'), 5)).toBe(false);
    });
  });
}
