import type { DeliveredEvent, LogEvent, Signal } from '@switchboard/core';
import { createFakeClock, type FakeClock } from '@switchboard/testing/clock';
import { createFakeCore, createTestConnection, endOfTurn, type FakeCore, sent, typing } from '../test/fakes.ts';
import { createHub, type Delivery, type HubControl } from './hub.ts';
import { NO_METRICS } from './metrics.ts';

const PRESENCE = { graceMs: 5_000 };

/** `text > connection` for each event and connection, and the number of calls. */
function createAdapter(): { told: string[]; calls: number; deliver(deliveries: readonly Delivery[]): void } {
  const adapter = {
    told: [] as string[],
    calls: 0,
    deliver(deliveries: readonly Delivery[]) {
      adapter.calls += 1;
      for (const { event, connections } of deliveries) {
        const text = event.type === 'message.sent' ? event.message.text : event.type;
        adapter.told.push(...connections.map((connection) => `${text} > ${connection.viewer?.userId}`));
      }
    },
  };
  return adapter;
}

function revoked(fields: Partial<LogEvent<'session.revoked'>>): DeliveredEvent {
  const { event, audience } = sent(1, '', []);
  return {
    event: {
      ...event,
      conversationId: null,
      type: 'session.revoked',
      userId: 1,
      sessionId: null,
      namespace: null,
      ...fields,
    } as never,
    audience,
  };
}

describe('the hub', () => {
  let clock: FakeClock;
  let fake: FakeCore;
  let hub: HubControl;
  let published: Signal[];
  let adapter: ReturnType<typeof createAdapter>;

  beforeEach(() => {
    clock = createFakeClock();
    fake = createFakeCore();
    published = [];
    hub = createHub({
      core: fake.core,
      clock,
      log: () => undefined,
      metrics: NO_METRICS,
      publish: (signals) => published.push(...signals),
    });
    adapter = createAdapter();
    hub.register('test', adapter);
  });

  afterEach(() => hub.close());

  const connect = async (userId: number, options: Partial<Parameters<typeof createTestConnection>[0]> = {}) => {
    const connection = createTestConnection({ userId, session: null, clock, ...options });
    await hub.add(connection, PRESENCE);
    return connection;
  };

  it('brings an event to every connection of its audience, and to no one else', async () => {
    await connect(1);
    await connect(1);
    await connect(2);
    await connect(3);
    fake.emit(sent(1, 'hello', [1, 2, 9]));
    expect(adapter.told.sort()).toEqual(['hello > 1', 'hello > 1', 'hello > 2']);
  });

  it('calls an adapter once per batch, in order of the log', async () => {
    await connect(1);
    const everybody = new Set([1, 2]) as never;
    fake.emit(sent(1, 'one', everybody), sent(2, 'two', everybody), typing(2, [1]));
    expect(adapter.told).toEqual(['one > 1', 'two > 1', 'typing.changed > 1']);
    expect(adapter.calls).toBe(1);
  });

  it('brings each adapter its own connections', async () => {
    const other = createAdapter();
    hub.register('other', other);
    await connect(1);
    await connect(2, { protocol: 'other' });
    fake.emit(sent(1, 'hello', [1, 2]));
    expect([adapter.told, other.told]).toEqual([['hello > 1'], ['hello > 2']]);
  });

  it('leaves out those who did not ask for it', async () => {
    await connect(1, { wants: (event) => event.type !== 'message.sent' });
    await connect(2);
    await connect(3, { wants: () => false });
    fake.emit(sent(1, 'hello', [1, 2, 3]));
    expect(adapter.told).toEqual(['hello > 2']);
  });

  it('keeps private messages of one namespace to its connections', async () => {
    await connect(1);
    await connect(1, { viewer: { namespace: 'elsewhere' } });
    const event = sent(1, 'notice', [1]);
    fake.emit({ ...event, audience: { ...event.audience, namespace: 'elsewhere' } });
    expect(adapter.told).toEqual(['notice > 1']);
  });

  it('tells a user once whom several parts of the audience name', async () => {
    await connect(1);
    const event = sent(1, 'hello', [1]);
    fake.emit({ ...event, audience: { ...event.audience, users: [1] as never } });
    expect(adapter.told).toEqual(['hello > 1']);
  });

  it('tells the staff of a queue, and those who run it, but not who left it', async () => {
    const members = new Map(
      [
        [1, 'staff', null],
        [2, 'admin', null],
        [3, 'user', null],
        [4, 'staff', 5],
      ].map(([userId, role, leftAt]) => [userId, { userId, role, leftAt }]),
    );
    Object.assign(fake.core.directory, { space: (id: number) => (id === 7 ? { members } : undefined) });
    for (const userId of [1, 2, 3, 4]) await connect(userId);
    const event = sent(1, 'waiting', []);
    fake.emit({ ...event, audience: { ...event.audience, staffOf: 7 as never } });
    expect(adapter.told).toEqual(['waiting > 1', 'waiting > 2']);
    fake.emit({ ...event, audience: { ...event.audience, membersOf: 7 as never } });
    expect(adapter.told.slice(2)).toEqual(['waiting > 1', 'waiting > 2', 'waiting > 3']);
  });

  it('tells nothing to a connection that has gone', async () => {
    const connection = await connect(1);
    await hub.remove(connection);
    fake.emit(sent(1, 'hello', [1]));
    expect(adapter.told).toEqual([]);
    expect(hub.size).toBe(0);
  });

  it('registers presence with a grace, ends it, and lets the directory go with the last connection', async () => {
    const [one, two] = [await connect(7), await connect(7)];
    await hub.remove(one);
    await hub.remove(two, 0);
    await hub.remove(two, 0);
    expect(fake.presence).toEqual([
      'connected 7',
      'connected 7',
      'disconnected 7 grace',
      'released 7',
      'disconnected 7 0',
    ]);
  });

  it('keeps a connection whose presence cannot be told', async () => {
    Object.assign(fake.core.presence, { connected: () => Promise.reject(new Error('away')) });
    await connect(1);
    fake.emit(sent(1, 'hello', [1]));
    expect(adapter.told).toEqual(['hello > 1']);
  });

  it('closes the connections of a revoked session, after they have been told', async () => {
    const mine = await connect(1, { viewer: { sessionId: 5 as never } });
    const other = await connect(1, { viewer: { sessionId: 6 as never } });
    const event = revoked({ sessionId: 5 as never });
    fake.emit({ ...event, audience: { ...event.audience, users: [1] as never } });
    expect(adapter.told).toHaveLength(2);
    expect([mine.closed, other.closed]).toEqual(['revoked', null]);
  });

  it('closes all of a user in one namespace, or everywhere', async () => {
    const here = await connect(1);
    const there = await connect(1, { viewer: { namespace: 'there' } });
    fake.emit(revoked({ namespace: 'there' }));
    expect([here.closed, there.closed]).toEqual([null, 'revoked']);
    fake.emit(revoked({}));
    expect(here.closed).toBe('revoked');
  });

  it('closes a session that was revoked while it was signing in', async () => {
    const connection = createTestConnection({ userId: 1, session: null, clock, viewer: { sessionId: 5 as never } });
    fake.emit(revoked({ sessionId: 5 as never }));
    await hub.add(connection, PRESENCE);
    expect(connection.closed).toBe('revoked');
  });

  it('lets a user in again who came after everything was revoked', async () => {
    fake.emit(revoked({}));
    clock.skip(1);
    expect((await connect(1)).closed).toBeNull();
  });

  it('lets a connection go on by a newer credential of the same user', async () => {
    const connection = await connect(1, { viewer: { sessionId: 5 as never } });
    const viewer = { ...(connection.viewer as NonNullable<typeof connection.viewer>), sessionId: 6 as never };
    hub.renew(connection, { viewer, issued: null, expiresAt: null });
    fake.emit(revoked({ sessionId: 5 as never }));
    expect(connection.closed).toBeNull();
    expect(() =>
      hub.renew(connection, { viewer: { ...viewer, userId: 2 as never }, issued: null, expiresAt: null }),
    ).toThrow();
    fake.emit(revoked({ sessionId: 6 as never }));
    expect(connection.closed).toBe('revoked');
  });

  it('does not hold against a session what was revoked before it was issued, however old its connection', async () => {
    const connection = createTestConnection({ userId: 1, session: null, clock });
    fake.emit(revoked({}));
    clock.skip(10);
    connection.issued = { id: 7, createdAt: clock.now(), expiresAt: null, idleTimeoutMs: null } as never;
    await hub.add(connection, PRESENCE);
    expect(connection.closed).toBeNull();
  });

  it('closes what has expired within a second', async () => {
    const connection = await connect(1);
    connection.expiresAt = clock.now() + 3_000;
    await clock.advance(2_000);
    expect(connection.closed).toBeNull();
    await clock.advance(2_000);
    expect(connection.closed).toBe('auth_expired');
  });

  it('closes what an issued session has run out for', async () => {
    const issued = { id: 5, userId: 1, expiresAt: clock.now() + 1_000, idleTimeoutMs: null, lastUsedAt: clock.now() };
    const connection = createTestConnection({ userId: 1, session: null, clock, viewer: { sessionId: 5 as never } });
    connection.issued = issued as never;
    await hub.add(connection, PRESENCE);
    await clock.advance(4_000);
    expect(connection.closed).toBe('auth_expired');
  });

  it('ends a connection of another node by a signal, and its own when it hears one', async () => {
    const connection = await connect(1);
    hub.end('elsewhere' as never, 'kicked');
    expect(published).toMatchObject([{ type: 'wire.signal', data: { connectionId: 'elsewhere', reason: 'kicked' } }]);
    const signal = {
      ...(published[0] as Signal<'wire.signal'>),
      data: { connectionId: connection.id, reason: 'replaced' },
    };
    fake.emit({ event: signal, audience: sent(1, '', []).audience });
    expect(connection.closed).toBe('replaced');
    await endOfTurn();
    expect(connection.transport.writes).toEqual(['[replaced]']);
  });

  it('tells everybody to return when the log went backwards', async () => {
    const connections = [await connect(1), await connect(2)];
    fake.reset();
    expect(connections.map((connection) => connection.closed)).toEqual(['shutdown', 'shutdown']);
  });

  it('waits for goodbyes to leave, but not for ever', async () => {
    const [one, two] = [await connect(1), await connect(2)];
    const other = await connect(3, { protocol: 'other' });
    let isDone = false;
    const done = hub.endAll('shutdown', 'test').then(() => {
      isDone = true;
    });
    await hub.remove(one);
    expect([one.closed, two.closed, other.closed, isDone]).toEqual(['shutdown', 'shutdown', null, false]);
    await hub.remove(two);
    await done;
    const never = hub.endAll('shutdown');
    await clock.advance(5_000);
    await never;
  });

  it('survives connections that are closed while an event is on its way', async () => {
    const connections = [await connect(1), await connect(2)];
    const everybody = new Set([1, 2]) as never;
    const deliver = jest.spyOn(adapter, 'deliver');
    deliver.mockImplementationOnce(() => void hub.endAll('shutdown'));
    fake.emit(sent(1, 'one', everybody));
    fake.emit(sent(2, 'two', everybody));
    expect(connections.map((connection) => connection.closed)).toEqual(['shutdown', 'shutdown']);
    expect(deliver).toHaveBeenCalledTimes(1);
  });
});
