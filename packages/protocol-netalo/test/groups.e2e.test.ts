/** Groups between several people on several devices: who may do what, who hears of it, and what they hear. */
import type { NetaloClient } from '@switchboard/protocol-netalo/testing';
import { createNet, type Net, rest, toConversationId } from './support/net.ts';

interface Group {
  readonly group_id: string;
  readonly [key: string]: unknown;
}
const CHANGE_KEYS = [
  'added_admin_all',
  'avatar_url',
  'blocked_all',
  'group_id',
  'name',
  'owner_uin',
  'pull_all',
  'push_all',
  'removed_admin_all',
  'sender_uin',
  'type',
  'unblocked_all',
  'updated_at',
];

describe('groups', () => {
  let net: Net;
  let last = 0;
  let uins: string[];

  beforeAll(async () => {
    net = await createNet();
  });
  afterAll(() => net.close());

  /** Clients of new people, signed in and quiet. */
  async function people(count: number): Promise<NetaloClient[]> {
    uins = Array.from({ length: count }, () => String(++last));
    const clients = [];
    for (const uin of uins) clients.push(await net.connect(uin));
    for (const client of clients) client.take();
    return clients;
  }

  async function quiet(...clients: NetaloClient[]): Promise<void> {
    await rest(net, ...clients);
  }

  const groupsOf = async (client: NetaloClient, fields = {}) =>
    (await client.ask<{ groups: Group[] }>('list_group', fields)).groups.map(({ group_id }) => group_id);

  it('are told to everybody in them, whole, but not to the socket that made them', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const phone = await net.connect(uins[0] as string);
    const ack = await alice.ask<{ group: Group }>('create_group', {
      type: 2,
      name: 'g',
      occupants_uins: uins.slice(1),
    });
    const push = await bob.next<Group>('group');
    expect(push).toEqual({ ...ack.group, result: 0, group: ack.group });
    expect(await phone.next<Group>('group')).toEqual(push);
    const others = [await alice.next('user_status'), await bob.next('user_status')];
    expect(others.map((status) => (status as { uin: string }).uin)).toEqual([uins[1], uins[0]]);
    expect(await rest(net, alice, bob)).toEqual([[], []]);
  });

  it('of two people are unique for each of the types 1 and 3', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const [, other] = uins as [string, string];
    const make = (type: number) => net.group(alice, [other], { type });
    const ids = [await make(3), await make(1), await make(2), await make(2)];
    expect(new Set(ids).size).toBe(4);
    expect([await make(3), await make(1)]).toEqual(ids.slice(0, 2));
    expect(await net.group(bob, [uins[0] as string], { type: 1 })).toBe(ids[1]);
    for (const [at, type] of [3, 1].entries()) {
      const found = await bob.ask<{ group: Group }>('check_group', { type, occupants_uin: [uins[0]] });
      expect(found.group).toMatchObject({ group_id: ids[at], type });
    }
    expect(await bob.call('check_group', { type: 2, occupants_uins: uins })).toEqual({ result: 5 });
  });

  it('of two people are the same conversation on every protocol', async () => {
    const [alice] = (await people(2)) as [NetaloClient];
    const [one, two] = [await net.person(uins[0] as string), await net.person(uins[1] as string)];
    const { conversation } = await net.test.core.conversations.direct(net.test.actor(one), two.id);
    const group = await net.group(alice, [uins[1] as string], { type: 3 });
    expect(toConversationId(group)).toBe(conversation.id);
  });

  it('change in one push, which names everything and lacks nothing', async () => {
    const [alice, bob, carol, dave] = (await people(4)) as [NetaloClient, NetaloClient, NetaloClient, NetaloClient];
    const [a, b, c, d] = uins as [string, string, string, string];
    const group_id = await net.group(alice, [b, c]);
    await quiet(alice, bob, carol, dave);
    const { group } = await alice.ask<{ group: Group }>('update_group', {
      group_id,
      name: 'new name',
      avatar_url: '',
      push_all: [d, b],
      pull_all: [c],
    });
    expect(group).toMatchObject({ name: 'new name', occupants_uins: [a, b, d], removed_uins: [c] });
    const change = await bob.next('update_group');
    expect(Object.keys(change).sort()).toEqual(CHANGE_KEYS);
    expect(change).toMatchObject({
      name: 'new name',
      avatar_url: '',
      owner_uin: '0',
      push_all: [d],
      pull_all: [c],
      sender_uin: a,
    });
    expect(await carol.next('update_group')).toEqual(change);
    expect(await dave.next('group')).toMatchObject({ group_id, occupants_uins: [a, b, d] });
    const heard = await rest(net, alice, bob, carol, dave);
    // Dave has met two people.
    expect(heard).toEqual([['user_status'], ['user_status'], [], ['user_status', 'user_status']]);
    expect(await carol.call('list_message', { group_id })).toEqual({ result: 1, group_id });
    expect(await carol.call('create_message', { group_id, message: 'still here' })).toEqual({ result: 1, group_id });
  });

  it('give rights to owners and admins, all or nothing', async () => {
    const [alice, bob, carol] = (await people(3)) as [NetaloClient, NetaloClient, NetaloClient];
    const [a, b, c] = uins as [string, string, string];
    const group_id = await net.group(alice, [b, c]);
    await quiet(alice, bob, carol);
    const refused = { result: 14, group_id };
    expect(await bob.call('update_group', { group_id, name: 'mine', pull_all: [c] })).toEqual(refused);
    expect(await bob.call('update_group', { group_id, owner_uin: b })).toEqual(refused);
    expect(await bob.call('update_group', { group_id, type: 1 })).toEqual(refused);
    expect(await bob.call('update_group', { group_id, pull_all: [a] })).toEqual(refused);
    expect(await alice.call('update_group', { group_id, owner_uin: '424242' })).toEqual({ result: 8, group_id });
    expect(await alice.call('update_group', { group_id, owner_uin: b, pull_all: [b] })).toEqual({
      result: 8,
      group_id,
    });
    expect(await alice.call('update_group', { group_id, push_all: ['9000001294000000'] })).toEqual({
      result: 3,
      group_id,
    });
    expect(await rest(net, alice, bob, carol)).toEqual([[], [], []]);
    await bob.ask('update_group', { group_id, name: 'anybody may' });
    await alice.ask('add_admin', { group_id, admin_uins: [b] });
    expect(await carol.next('update_group')).toMatchObject({ name: 'anybody may', sender_uin: b });
    expect(await carol.next('update_group')).toMatchObject({ added_admin_all: [b] });
    await bob.ask('update_group', { group_id, pull_all: [c] });
    const { group } = await alice.ask<{ group: Group }>('update_group', { group_id, owner_uin: b, type: 1 });
    expect(group).toMatchObject({ owner_uin: b, creator_uin: a, admin_uins: [b, a], type: 1 });
    expect(await alice.ask('update_group', { group_id, name: '' })).toMatchObject({ group: { name: 'anybody may' } });
  });

  it('pass on their owner when it leaves, and end with the last', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const [a, b] = uins as [string, string];
    const phone = await net.connect(a);
    const group_id = await net.group(alice, [b]);
    await quiet(alice, bob, phone);
    expect(await alice.call('leave_group', { group_id })).toEqual({ result: 0, group_id });
    const left = { pull_all: [a], owner_uin: b, added_admin_all: [], removed_admin_all: [] };
    expect(await bob.next('update_group')).toMatchObject(left);
    expect(await phone.next('update_group')).toMatchObject(left);
    expect(await alice.call('leave_group', { group_id })).toEqual({ result: 1, group_id });
    expect(await bob.call('update_group', { group_id, pull_all: [b] })).toEqual({ result: 0, group_id });
    expect(await net.test.core.conversations.find(toConversationId(group_id))).toBeNull();
    expect(await rest(net, alice, bob, phone)).toEqual([[], [], []]);
  });

  it('block people, who stay and read and say nothing', async () => {
    const [alice, bob, carol] = (await people(3)) as [NetaloClient, NetaloClient, NetaloClient];
    const [a, b, c] = uins as [string, string, string];
    const group_id = await net.group(alice, [b, c]);
    await quiet(alice, bob, carol);
    expect(await bob.call('block_user', { group_id, blocked_uin: c })).toEqual({ result: 14, group_id });
    expect(await alice.call('block_user', { group_id, blocked_uin: a })).toEqual({ result: 4, group_id });
    expect(await alice.call('block_user', { group_id, blocked_uin: '424242' })).toEqual({ result: 8, group_id });
    await alice.ask('block_user', { group_id, blocked_uin: b });
    await alice.ask('block_user', { group_id, blocked_uin: c });
    await alice.ask('block_user', { group_id, blocked_uin: c });
    expect([await bob.next('update_group'), await bob.next('update_group')]).toMatchObject([
      { blocked_all: [b], unblocked_all: [] },
      { blocked_all: [c, b] },
    ]);
    const blocked = { result: 15, group_id };
    expect(await bob.call('create_message', { group_id, message: 'x' })).toEqual(blocked);
    expect(await bob.call('update_group', { group_id, name: 'x' })).toEqual(blocked);
    expect(await bob.call('create_call', { group_id, media_type: 1 })).toEqual(blocked);
    expect(await bob.call('event', { group_id, type: 9 })).toEqual(blocked);
    await alice.ask('create_message', { group_id, message: 'for all' });
    expect(await bob.next('message')).toMatchObject({ message: 'for all' });
    await alice.ask('unblock_user', { group_id, unblocked_uin: b });
    expect(
      await carol.next('update_group', ({ unblocked_all }: { unblocked_all: string[] }) => unblocked_all.length > 0),
    ).toMatchObject({
      unblocked_all: [b],
      blocked_all: [c],
    });
    await bob.ask('create_message', { group_id, message: 'back' });
  });

  it('of two let either block the other, and only that one take it back', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const [a, b] = uins as [string, string];
    const group_id = await net.group(alice, [b], { type: 3 });
    await bob.ask('block_user', { group_id, blocked_uin: a });
    expect(await alice.call('unblock_user', { group_id, blocked_uin: a })).toEqual({ result: 14, group_id });
    expect(await alice.call('create_message', { group_id, message: 'x' })).toEqual({ result: 15, group_id });
    expect(await bob.ask('blocked_list', {})).toEqual({ result: 0, list: [{ uin: a, group_id }] });
    await bob.ask('unblock_user', { group_id, unblocked_uin: a });
    await alice.ask('create_message', { group_id, message: 'thanks' });
  });

  it('are listed pinned ones first, then by message or by age, page by page', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const other = uins[1] as string;
    const ids = [];
    for (let at = 0; at < 5; at += 1) ids.push(await net.group(alice, [other], { name: String(at) }));
    const [first, second, third, fourth, fifth] = ids as [string, string, string, string, string];
    await bob.ask('create_message', { group_id: second, message: 'newest' });
    await alice.ask('pin_group', { group_id: third });
    await alice.ask('pin_group', { group_id: first });
    await alice.ask('pin_group', { group_id: third });
    expect(await groupsOf(alice)).toEqual([first, third, second, fifth, fourth]);
    expect(await groupsOf(alice, { sort_by: 2 })).toEqual([first, third, fifth, fourth, second]);
    expect(await groupsOf(alice, { pindex: 1, psize: 2 })).toEqual([second, fifth]);
    expect(await groupsOf(alice, { pindex: 9, psize: 2 })).toEqual([]);
    expect(await groupsOf(bob)).toEqual([second, fifth, fourth, third, first]);
    const reply = await alice.ask('list_group', { psize: 0, uin: uins[0] });
    expect(reply).toMatchObject({ uin: uins[0], pindex: 0, psize: 20 });
    expect(await alice.ask('list_group', { psize: 1000 })).toMatchObject({ psize: 100 });
    expect(await alice.call('list_group', { uin: other })).toEqual({ result: 10, uin: other });
  });

  it('tell what somebody wants for itself to its other devices alone', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const [a, b] = uins as [string, string];
    const phone = await net.connect(a);
    const group_id = await net.group(alice, [b]);
    await quiet(alice, bob, phone);
    for (const name of ['mute_group', 'pin_group', 'unpin_group', 'unmute_group', 'pin_group']) {
      expect(await alice.call(name, { group_id })).toEqual({ result: 0, group_id });
      expect(await alice.call(name, { group_id })).toEqual({ result: 0, group_id });
    }
    await alice.ask('mute_group', { group_id });
    expect(await phone.next('pin_group')).toEqual({ group_id, uin: a });
    expect(await phone.next('unpin_group')).toEqual({ group_id, uin: a });
    const { groups } = await bob.ask<{ groups: Group[] }>('list_group', {});
    expect(groups[0]).toMatchObject({ muted_uins: [a], pinned_uins: [a] });
    expect(await rest(net, alice, bob, phone)).toEqual([[], [], ['pin_group']]);
  });

  it('can be put away until something new is said, or they are opened again', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const [a, b] = uins as [string, string];
    const phone = await net.connect(a);
    const group_id = await net.group(alice, [b], { type: 3 });
    await bob.ask('create_message', { group_id, message: 'old' });
    await quiet(alice, bob, phone);
    expect(await alice.call('delete_conversation', { group_id })).toEqual({ result: 0, group_id });
    expect(await alice.call('delete_conversation', { group_id })).toEqual({ result: 0, group_id });
    expect(await phone.next('delete_conversation')).toEqual({ group_id, uin: a });
    expect(await groupsOf(alice)).toEqual([]);
    expect(await alice.ask('list_message', { group_id })).toMatchObject({ messages: [], last_message_id: '0' });
    expect(await groupsOf(bob)).toEqual([group_id]);
    // Looking it up does not list it again; opening it does.
    await alice.ask('check_group', { type: 3, occupants_uins: [b] });
    expect(await groupsOf(alice)).toEqual([]);
    expect(await net.group(alice, [b], { type: 3 })).toBe(group_id);
    expect(await groupsOf(alice)).toEqual([group_id]);
    await alice.ask('delete_conversation', { group_id });
    await quiet(alice, bob, phone);
    await bob.ask('create_message', { group_id, message: 'new' });
    expect(await alice.next('group')).toMatchObject({ group_id, unread_cnt: 1, last_message: { message: 'new' } });
    expect(await alice.next('message')).toMatchObject({ message: 'new' });
    expect(await rest(net, phone)).toEqual([['group', 'message']]);
    expect(await alice.ask('list_message', { group_id })).toMatchObject({ messages: [{ message: 'new' }] });
    const { groups } = await alice.ask<{ groups: Group[] }>('list_group', {});
    expect(groups[0]).toMatchObject({ unread_cnt: 1 });
    await bob.ask('create_message', { group_id, message: 'and more' });
    expect(await alice.next('message')).toMatchObject({ message: 'and more' });
    expect(await rest(net, alice, bob)).toEqual([[], []]);
  });

  it('stop being of two with a third, and are again when two are left', async () => {
    const [alice] = (await people(3)) as [NetaloClient];
    const [a, b, c] = uins as [string, string, string];
    const group_id = await net.group(alice, [b], { type: 3 });
    await alice.ask('update_group', { group_id, push_all: [c] });
    expect(await alice.call('check_group', { type: 3, occupants_uins: [a, b] })).toEqual({ result: 1 });
    expect(await alice.ask('check_group', { type: 3, occupants_uins: [a, b, c] })).toMatchObject({
      group: { group_id },
    });
    await alice.ask('update_group', { group_id, pull_all: [b] });
    expect(await alice.ask('check_group', { type: 3, occupants_uins: [a, c] })).toMatchObject({ group: { group_id } });
    expect(await net.group(alice, [c], { type: 3 })).toBe(group_id);
  });
});
