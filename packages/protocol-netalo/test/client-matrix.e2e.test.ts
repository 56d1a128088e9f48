/** Every version of the library that clients may bring, over every transport: sign-in in all its ways, and a run through every request. */
import type { NetaloAck, NetaloClient, NetaloIo } from '@switchboard/protocol-netalo/testing';
import { openNetalo } from '@switchboard/protocol-netalo/testing';
import { createNet, type Net } from './support/net.ts';

const VERSIONS = ['1.7', '2.4', '2.5', '3.1', '4.8'] as const;
const MATRIX = VERSIONS.flatMap((version) => [
  { version, transports: ['websocket'] },
  { version, transports: ['polling'] },
]);

function ioOf(version: string): NetaloIo {
  const library = jest.requireActual(`socket.io-client-${version}`);
  return (library.io ?? library) as NetaloIo;
}

describe('clients of all versions', () => {
  let net: Net;
  let people = 0;

  beforeAll(async () => {
    net = await createNet();
  });
  afterAll(() => net.close());

  const newUin = () => String(++people);

  it.each(MATRIX)('$version over $transports run through every request', async ({ version, transports }) => {
    const [mine, theirs, third] = [newUin(), newUin(), newUin()];
    const client = await net.connect(mine, { io: ioOf(version), transports });
    const other = await net.connect(theirs, { io: ioOf(version), transports });
    const ok = (ack: NetaloAck) => expect(ack).toMatchObject({ result: 0 });

    ok(await client.call('register_profile_token', { type: 1, token: `token of ${mine}` }));
    ok(await client.call('unregister_profile_token', { token: `token of ${mine}` }));
    const { group } = await client.ask<{ group: { group_id: string } }>('create_group', {
      type: 2,
      name: 'all',
      occupants_uins: [theirs],
    });
    const { group_id } = group;
    await other.next('group', (push: { group_id: string }) => push.group_id === group_id);
    ok(await client.call('update_group', { group_id, name: 'renamed', push_all: [third] }));
    await other.next('update_group', (push: { push_all: string[] }) => push.push_all.includes(third));
    ok(await client.call('list_group', { pindex: 0, psize: 10, sort_by: 1 }));
    expect(await client.call('check_group', { type: 3, occupants_uins: [mine, theirs] })).toEqual({ result: 1 });
    for (const name of ['mute_group', 'unmute_group', 'pin_group', 'unpin_group'])
      ok(await client.call(name, { group_id }));
    ok(await client.call('block_user', { group_id, blocked_uin: third }));
    ok(await client.call('unblock_user', { group_id, unblocked_uin: third }));

    const { message } = await client.ask<{ message: { message_id: string } }>('create_message', {
      group_id,
      message: 'tëa 🍵',
    });
    const { message_id } = message;
    expect(await other.next('message')).toMatchObject({ message_id, message: 'tëa 🍵' });
    ok(await client.call('update_message', { group_id, message_id, message: 'coffee' }));
    expect(await other.next('update_message')).toMatchObject({ message_id, message: 'coffee' });
    ok(await other.call('update_message', { message_id, status: 3 }));
    expect(await client.next('update_message')).toMatchObject({ message_id, seen_uins: [theirs] });
    ok(await client.call('list_message', { group_id }));
    ok(await client.call('delete_message', { group_id, message_id }));
    expect(await other.next('delete_message')).toMatchObject({ message_id, status: 4, message: '' });

    const { call } = await client.ask<{ call: { call_id: string } }>('create_call', {
      media_type: 2,
      group_id,
      callee_uins: [theirs],
    });
    const { call_id } = call;
    expect(await other.next('start_call')).toMatchObject({ call: { call_id } });
    other.emit('answer_call', { call_id, group_id, uin: theirs, answer: 1 });
    expect(await client.next('answer_call')).toMatchObject({ call_id, uin: theirs, answer: 1 });
    client.emit('ice_sdp', { call_id, group_id, sender_uin: mine, receiver_uin: theirs, type: 1, sdp: 'v=0' });
    expect(await other.next('ice_sdp')).toMatchObject({ sdp: 'v=0', sender_uin: mine });
    other.emit('ice_candidate', { call_id, receiver_uin: mine, candidate: 'c', sdp_mid: '0', sdp_mline_index: 0 });
    expect(await client.next('ice_candidate')).toMatchObject({ candidate: 'c', group_id });
    ok(await client.call('call_status', { call_id, group_id }));
    client.emit('event', { type: 9, group_id });
    expect(await other.next('event')).toMatchObject({ type: 9, sender_uin: mine });
    client.emit('stop_call', { call_id, group_id });
    expect(await other.next('stop_call')).toMatchObject({ call_id, call_status: 3 });
    ok(await client.call('delete_conversation', { group_id }));
    ok(await client.call('leave_group', { group_id }));
    expect(await other.next('update_group', (push: { pull_all: string[] }) => push.pull_all.length > 0)).toMatchObject({
      pull_all: [mine],
      owner_uin: theirs,
    });
  });

  it.each(VERSIONS)('%s brings the session in whatever way it can', async (version) => {
    const { url, session, uin } = await net.credential(newUin());
    const ways: object[] = [
      { query: { session } },
      { query: `session=${session}` },
      { extraHeaders: { Session: session } },
      ...(version < '3' ? [] : [{ auth: { session } }]),
    ];
    for (const options of ways) {
      const client = openNetalo({ url, session: '' }, { io: ioOf(version), options });
      expect(await client.login).toEqual({ result: 0, uin });
      client.close();
    }
  });

  it.each(MATRIX)(
    '$version over $transports is answered after login, however early it asks',
    async ({ version, transports }) => {
      const credential = await net.credential(newUin());
      const client = openNetalo(credential, { io: ioOf(version), transports });
      const order: string[] = [];
      client.socket.on('login', () => order.push('login'));
      const asks = ['list_group', 'list_group', 'no such request'].map(async (name) => {
        const { result } = await client.call(name, {});
        order.push(`${name} ${result}`);
      });
      await Promise.all(asks);
      expect(order).toEqual(['login', 'list_group 0', 'list_group 0', 'no such request 18']);
      client.close();
    },
  );

  it.each(VERSIONS)('%s stays away when its session is not good, and hears why', async (version) => {
    const client = openNetalo(
      { url: `${net.host.url}/data`, session: 'abcdef' },
      { io: ioOf(version), reconnection: true },
    );
    const early = client.call('list_group', {});
    expect(await client.login).toEqual({ result: 2 });
    expect(await early).toEqual({ result: 2 });
    expect(await client.call('list_group', {})).toEqual({ result: 2 });
    expect(await client.ended).toBe('io server disconnect');
    expect(client.pushes.map(({ name }) => name)).toEqual(['login']);
  });

  it.each(VERSIONS)('%s comes back by itself when the connection is closed under it', async (version) => {
    const credential = await net.credential(newUin());
    const client = openNetalo(credential, { io: ioOf(version), reconnection: true });
    await client.login;
    client.take();
    const [connection] = net.host.hub.ofUser((await net.person(credential.uin)).id);
    connection?.close('shutdown');
    expect(await client.ended).toBe('transport close');
    expect(await client.next('login')).toMatchObject({ result: 0 });
    client.close();
  });

  it('replies under the name of the request to those who give no acknowledgement function', async () => {
    const [mine, theirs] = [newUin(), newUin()];
    const client: NetaloClient = await net.connect(mine, { io: ioOf('1.7') });
    client.emit('create_group', { type: 3, occupants_uins: [theirs], owner_uin: mine });
    const { group } = await client.next<{ result: number; group: { group_id: string } }>('create_group');
    client.emit('list_group', "{'pindex': 0}");
    expect(await client.next('list_group')).toMatchObject({ result: 0, groups: [{ group_id: group.group_id }] });
    client.emit('check_group', { type: 3, occupants_uins: [theirs] });
    expect(await client.next('check_group')).toMatchObject({ result: 0, group });
    client.emit('list_message', { group_id: group.group_id });
    expect(await client.next('list_message')).toMatchObject({ result: 0, messages: [] });
    client.emit('update_group', { group_id: '999' });
    expect(await client.next('update_group')).toEqual({ result: 1, group_id: '999' });
    client.emit('delete_conversation', { group_id: group.group_id });
    expect(await client.next('delete_conversation')).toEqual({ result: 0, group_id: group.group_id });
    client.emit('create_message', { group_id: group.group_id, message: 'a sign' });
    client.emit('mute_group', { group_id: group.group_id });
    await client.call('list_group', {});
    expect(client.take()).toEqual([]);
  });
});
