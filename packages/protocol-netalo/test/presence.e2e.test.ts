/** Who is told of whose coming, going and typing, on this wire and across. */
import type { NetaloClient } from '@switchboard/protocol-netalo/testing';
import { createNet, type Net, rest, toConversationId } from './support/net.ts';

interface Status {
  readonly uin: string;
  readonly online_status: number;
  readonly last_seen_at: number;
}

describe('presence', () => {
  let net: Net;
  let last = 0;

  beforeAll(async () => {
    net = await createNet();
  });
  afterAll(() => net.close());

  const newUin = () => String(++last);

  async function gone(client: NetaloClient, uin: string): Promise<void> {
    const user = await net.person(uin);
    const before = net.host.hub.ofUser(user.id).length;
    client.close();
    while (net.host.hub.ofUser(user.id).length >= before) await new Promise((resolve) => setImmediate(resolve));
  }

  it('tells friends who comes and goes, once for all devices, and newcomers who is there', async () => {
    const [a, b, c] = [newUin(), newUin(), newUin()];
    const alice = await net.connect(a);
    const stranger = await net.connect(c);
    await net.group(alice, [b]);
    const bob = await net.connect(b);
    const online = { uin: b, online_status: 1, message_status: '', last_seen_at: 0 };
    expect(await alice.next('user_status')).toEqual({ ...online, user_status: online });
    await net.settled();
    expect(bob.pushes.map(({ name, payload }) => [name, payload.uin])).toEqual([
      ['login', b],
      ['user_status', a],
    ]);
    const phone = await net.connect(b);
    await gone(bob, b);
    expect(await rest(net, alice, stranger)).toEqual([[], []]);
    const before = Math.floor(Date.now() / 1000);
    await gone(phone, b);
    const status = await alice.next<Status>('user_status');
    expect(status).toMatchObject({ uin: b, online_status: 2 });
    expect(status.last_seen_at).toBeGreaterThanOrEqual(before);
    const { groups } = await alice.ask<{ groups: { status_list: Status[] }[] }>('list_group', {});
    expect(groups[0]?.status_list[1]).toEqual({
      uin: b,
      online_status: 2,
      message_status: '',
      last_seen_at: expect.any(Number),
    });
    expect(await rest(net, stranger)).toEqual([[]]);
  });

  it('introduces those who become friends, and not those who are', async () => {
    const [a, b] = [newUin(), newUin()];
    const [alice, bob] = [await net.connect(a), await net.connect(b)];
    await net.group(alice, [b]);
    expect(await alice.next('user_status')).toMatchObject({ uin: b, online_status: 1 });
    expect(await bob.next('user_status')).toMatchObject({ uin: a, online_status: 1 });
    await net.group(alice, [b]);
    expect(await rest(net, alice, bob)).toEqual([[], ['group', 'group']]);
  });

  it('does not count a talk in which one has blocked the other', async () => {
    const [a, b] = [newUin(), newUin()];
    const alice = await net.connect(a);
    const group_id = await net.group(alice, [b], { type: 3 });
    await alice.ask('block_user', { group_id, blocked_uin: b });
    await net.settled();
    const bob = await net.connect(b);
    await net.settled();
    expect(bob.pushes.map(({ name }) => name)).toEqual(['login']);
    await gone(bob, b);
    expect(await rest(net, alice)).toEqual([[]]);
    await alice.ask('unblock_user', { group_id, blocked_uin: b });
    await net.connect(b);
    expect(await alice.next('user_status')).toMatchObject({ uin: b, online_status: 1 });
  });

  it('counts connections on other protocols', async () => {
    const [a, b] = [newUin(), newUin()];
    const alice = await net.connect(a);
    await net.group(alice, [b]);
    const elsewhere = net.test.actor(await net.person(b), { via: 'other', connectionId: 'elsewhere' as never });
    await net.test.core.presence.connected(elsewhere as never, { graceMs: 0, initial: 'idle' });
    expect(await alice.next('user_status')).toMatchObject({ uin: b, online_status: 1 });
    const bob = await net.connect(b);
    await gone(bob, b);
    expect(await rest(net, alice)).toEqual([[]]);
    await net.test.core.presence.disconnected(elsewhere as never);
    expect(await alice.next('user_status')).toMatchObject({ uin: b, online_status: 2 });
  });
});

describe('event', () => {
  let net: Net;
  let alice: NetaloClient;
  let phone: NetaloClient;
  let bob: NetaloClient;
  let carol: NetaloClient;
  let group_id: string;

  beforeEach(async () => {
    net = await createNet();
    alice = await net.connect('1');
    phone = await net.connect('1');
    bob = await net.connect('2');
    carol = await net.connect('3');
    group_id = await net.group(alice, ['2', '3']);
    await rest(net, alice, phone, bob, carol);
  });
  afterEach(() => net.close());

  const none = { data: '', call_id: '0', receiver_uin: '0' };

  it('goes where it is meant to go, and never back', async () => {
    expect(await alice.call('event', { type: 77, group_id, sender_uin: '3', data: { a: 1 } })).toEqual({ result: 0 });
    const told = { ...none, type: 77, sender_uin: '1', group_id, data: '{"a":1}' };
    expect(await bob.next('event')).toEqual(told);
    expect(await carol.next('event')).toEqual(told);
    await alice.ask('event', { type: 7, receiver_uin: '1' });
    expect(await phone.next('event')).toEqual({ ...none, type: 7, sender_uin: '1', receiver_uin: '1', group_id: '0' });
    await alice.ask('event', { type: 3, receiver_uin: '2', call_id: 5 });
    expect(await bob.next('event')).toMatchObject({ type: 3, receiver_uin: '2', call_id: '5', group_id: '0' });
    expect(await rest(net, alice, phone, bob, carol)).toEqual([[], [], [], []]);
    expect(await alice.call('event', { type: 3 })).toEqual({ result: 4 });
    expect(await alice.call('event', { group_id })).toEqual({ result: 4, group_id });
    expect(await alice.call('event', { type: 3, receiver_uin: '424242' })).toEqual({ result: 1 });
    expect(await alice.call('event', { type: 3, group_id: '424242' })).toMatchObject({ result: 1 });
    expect(await alice.call('event', { type: 3, group_id, data: 'x'.repeat(16_385) })).toMatchObject({ result: 19 });
    await net.connect('4');
    expect(await alice.call('event', { type: 3, receiver_uin: '4' })).toEqual({ result: 1 });
  });

  it('means typing to other protocols by the list that its client goes by', async () => {
    const heard: unknown[] = [];
    net.test.core.events.subscribe({
      onEvents: (batch) => {
        for (const { event } of batch) if (event.type === 'typing.changed') heard.push(event.typing);
      },
      onReset: () => undefined,
    });
    await alice.ask('event', { type: 9, group_id });
    await alice.ask('event', { type: 10, group_id });
    await alice.ask('event', `{'type': 8, 'group_id': ${group_id}}`);
    await alice.ask('event', `{'type': 9, 'group_id': ${group_id}}`);
    await alice.ask('event', { type: 9, receiver_uin: '2', group_id });
    await alice.ask('event', { type: 8, group_id });
    expect(heard).toEqual([true, false, true, false]);
    expect(await rest(net, bob)).toEqual([['event', 'event', 'event', 'event', 'event', 'event']]);
  });

  it('tells typing on other protocols by the list that the reader goes by', async () => {
    const { core } = net.test;
    const elsewhere = net.test.actor(await net.person('3'), { via: 'other', namespace: 'other' });
    await core.presence.setTyping(elsewhere, toConversationId(group_id), true);
    const typing = { ...none, sender_uin: '3', group_id };
    expect(await bob.next('event')).toEqual({ ...typing, type: 9 });
    await bob.ask('list_group', '{}');
    await core.presence.setTyping(elsewhere, toConversationId(group_id), false);
    expect(await bob.next('event')).toEqual({ ...typing, type: 9 });
    expect(await alice.next('event')).toEqual({ ...typing, type: 9 });
    expect(await alice.next('event')).toEqual({ ...typing, type: 10 });
    const fresh = await net.connect('2');
    await core.presence.setTyping(elsewhere, toConversationId(group_id), true);
    expect(await fresh.next('event')).toEqual({ ...typing, type: 8 });
  });
});
