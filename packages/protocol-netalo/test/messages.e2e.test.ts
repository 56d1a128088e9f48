/** Messages and marks between several people: once per nonce, to whom they were sent, seen by whom, and gone for whom. */
import { adminActor } from '@switchboard/core';
import type { NetaloClient } from '@switchboard/protocol-netalo/testing';
import { createNet, type Net, rest, toConversationId } from './support/net.ts';

interface Message {
  readonly message_id: string;
  readonly message: string;
  readonly [key: string]: unknown;
}

const KEYS = [
  'attachments',
  'attactments',
  'created_at',
  'deleted_uins',
  'group_avatar',
  'group_id',
  'group_name',
  'group_type',
  'is_encrypted',
  'mentioned_all',
  'mentioned_uins',
  'message',
  'message_id',
  'nonce',
  'received_uins',
  'recipient_uins',
  'result',
  'seen_uins',
  'send_avatar',
  'sender_avatar',
  'sender_name',
  'sender_uin',
  'status',
  'type',
  'updated_at',
  'version',
];

describe('messages', () => {
  let net: Net;
  let last = 0;
  let uins: string[];
  let group_id: string;

  beforeAll(async () => {
    net = await createNet();
  });
  afterAll(() => net.close());

  /** Clients of new people in a new group, quiet. */
  async function people(count: number): Promise<NetaloClient[]> {
    uins = Array.from({ length: count }, () => String(++last));
    const clients: NetaloClient[] = [];
    for (const uin of uins) clients.push(await net.connect(uin));
    group_id = await net.group(clients[0] as NetaloClient, uins.slice(1));
    await rest(net, ...clients);
    return clients;
  }

  async function send(client: NetaloClient, fields: object): Promise<Message> {
    return (await client.ask<{ message: Message }>('create_message', { group_id, ...fields })).message;
  }

  const listOf = async (client: NetaloClient, fields = {}) =>
    (await client.ask<{ messages: Message[] }>('list_message', { group_id, ...fields })).messages;

  it("are pushed whole to everybody, the sender's other devices included", async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const [a, b] = uins as [string, string];
    const phone = await net.connect(a);
    const message = await send(alice, {
      type: 2,
      version: 1,
      message: 'say \\"hi\\"',
      attachments: '{\\"images\\":[{\\"url\\":\\"u\\",\\"width\\":1,\\"height\\":2}]}',
      group_name: 'ours',
      sender_name: 'Al \\"Ice\\"',
      send_avatar: 'face.png',
      nonce: 'n1',
      is_encrypted: true,
      mentioned_uins: [b, b],
      mentioned_all: 1,
    });
    const attachments = '{"images":[{"url":"u","width":1,"height":2}]}';
    expect(Object.keys(message).sort()).toEqual(KEYS);
    expect(message).toMatchObject({
      result: 0,
      message: 'say "hi"',
      attachments,
      attactments: attachments,
      type: 2,
      version: 1,
      group_type: 2,
      group_name: 'ours',
      sender_name: 'Al "Ice"',
      sender_avatar: 'face.png',
      send_avatar: 'face.png',
      nonce: 'n1',
      is_encrypted: true,
      mentioned_uins: [b],
      mentioned_all: true,
      status: 0,
      recipient_uins: [a, b],
      created_at: message.message_id,
    });
    expect(message.message_id).toMatch(/^[0-9]{16}$/);
    expect(await bob.next('message')).toEqual(message);
    expect(await phone.next('message')).toEqual(message);
    expect(await rest(net, alice, bob)).toEqual([[], []]);
    expect(await listOf(bob)).toEqual([message]);
    expect(await send(bob, { attachments: { sticker: 1 }, type: 10 })).toMatchObject({
      message: '',
      attachments: '{"sticker":1}',
    });
    expect(await bob.call('create_message', { group_id, message: '' })).toEqual({ result: 4, group_id });
  });

  it('with one nonce are one message', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const phone = await net.connect(uins[0] as string);
    const said = { message: 'once', nonce: 'n' };
    const sent = await Promise.all([send(alice, said), send(alice, said), send(phone, said)]);
    expect(new Set(sent.map(({ message_id }) => message_id)).size).toBe(1);
    const duplicate = await alice.call('create_message', { group_id, message: 'other', nonce: 'n' });
    expect(duplicate).toMatchObject({ result: 13, message: { message_id: sent[0]?.message_id, message: 'once' } });
    await send(bob, said);
    await send(alice, { message: 'twice' });
    await send(alice, { message: 'twice' });
    expect((await listOf(alice)).map(({ message }) => message)).toEqual(['twice', 'twice', 'once', 'once']);
    expect(await bob.next('message')).toMatchObject({ message: 'once' });
    expect(await rest(net, bob)).toEqual([['message', 'message']]);
  });

  it('are for those who were there when they were sent', async () => {
    const [alice, bob, carol] = (await people(3)) as [NetaloClient, NetaloClient, NetaloClient];
    const [a, b, c] = uins as [string, string, string];
    const dave = String(++last);
    await send(alice, { message: 'one' });
    await alice.ask('update_group', { group_id, push_all: [dave] });
    await send(alice, { message: 'two' });
    await bob.ask('leave_group', { group_id });
    await send(alice, { message: 'three' });
    await alice.ask('update_group', { group_id, push_all: [b] });
    const four = await send(alice, { message: 'four' });
    const recipients = async () =>
      (await listOf(alice)).map((message) => (message.recipient_uins as string[]).toSorted());
    const expected = [
      [a, b, c, dave],
      [a, c, dave],
      [a, b, c, dave],
      [a, b, c],
    ].map((all) => all.toSorted());
    expect(await recipients()).toEqual(expected);
    expect((four.recipient_uins as string[]).at(-1)).toBe(b);
    await carol.ask('leave_group', { group_id });
    expect(await recipients()).toEqual(expected);
  });

  it('are edited by their sender alone', async () => {
    const [alice, bob] = (await people(2)) as [NetaloClient, NetaloClient];
    const { message_id } = await send(alice, { message: 'old', type: 8, attachments: { reply: 1 } });
    const edited = { message_id, message: 'new', attachments: '{"reply":1}', type: 8, status: 0 };
    const { message } = await alice.ask<{ message: Message }>('update_message', { message_id, message: 'new' });
    expect(message).toMatchObject(edited);
    expect(message.updated_at).toMatch(/^[0-9]{16}$/);
    await bob.next('message');
    expect(await bob.next('update_message')).toEqual(message);
    expect(await bob.call('update_message', { group_id, message_id, message: 'x' })).toEqual({
      result: 14,
      group_id,
      message_id,
    });
    expect(await alice.call('update_message', { message_id })).toEqual({ result: 4, message_id });
    expect(await alice.call('update_message', { message_id, group_id: '1', message: 'x' })).toMatchObject({
      result: 1,
    });
    await alice.ask('delete_message', { message_id });
    expect(await alice.call('update_message', { message_id, message: 'x' })).toMatchObject({ result: 1 });
  });

  it('are received and seen, up to the one that is marked', async () => {
    const [alice, bob, carol] = (await people(3)) as [NetaloClient, NetaloClient, NetaloClient];
    const [a, b, c] = uins as [string, string, string];
    const [one, two] = [await send(alice, { message: 'one' }), await send(alice, { message: 'two' })];
    await rest(net, bob, carol);
    const seen = await bob.ask<{ message: Message }>('update_message', {
      message_id: two.message_id,
      status: 3,
      message: '',
    });
    expect(seen.message).toMatchObject({ message: 'two', seen_uins: [b], received_uins: [b], status: 0 });
    expect(await alice.next('update_message')).toEqual(seen.message);
    expect(await carol.next('update_message')).toEqual(seen.message);
    await carol.ask('update_message', { message_id: two.message_id, group_id, status: 2 });
    expect(await alice.next('update_message')).toMatchObject({
      status: 2,
      seen_uins: [b],
      received_uins: expect.arrayContaining([b, c]),
    });
    await carol.ask('update_message', { message_id: two.message_id, status: 3 });
    expect(await alice.next('update_message')).toMatchObject({ status: 3, seen_uins: [c, b] });
    await carol.ask('update_message', { message_id: one.message_id, status: 3 });
    await carol.ask('update_message', { message_id: two.message_id, status: 2 });
    expect(await rest(net, alice, carol)).toEqual([[], []]);
    expect((await listOf(alice)).map(({ status }) => status)).toEqual([3, 3]);
    expect(await carol.call('update_message', { message_id: '0', status: 3 })).toEqual({ result: 0 });
    const { groups } = await alice.ask<{ groups: Record<string, unknown>[] }>('list_group', {});
    expect(groups[0]).toMatchObject({
      seen_list: [
        { uin: a, message_id: '0' },
        { uin: b, message_id: two.message_id },
        { uin: c, message_id: two.message_id },
      ],
      received_list: expect.arrayContaining([{ uin: c, message_id: two.message_id }]),
    });
  });

  it('are counted until they are seen, the earlier ones of a new occupant too', async () => {
    const [alice] = (await people(1)) as [NetaloClient];
    const bob = await net.connect(String(++last));
    const b = String(last);
    await send(alice, { message: 'before' });
    await alice.ask('update_group', { group_id, push_all: [b] });
    expect(await bob.next('group')).toMatchObject({ unread_cnt: 1, last_message: { message: 'before' } });
    const { message_id } = await send(alice, { message: 'after' });
    const unread = async () =>
      (await bob.ask<{ groups: { unread_cnt: number }[] }>('list_group', {})).groups[0]?.unread_cnt;
    expect(await unread()).toBe(2);
    await bob.ask('update_message', { message_id, status: 3 });
    expect(await unread()).toBe(0);
    expect(await listOf(bob)).toHaveLength(2);
  });

  it('go for all, or for oneself', async () => {
    const [alice, bob, carol] = (await people(3)) as [NetaloClient, NetaloClient, NetaloClient];
    const [, b] = uins as [string, string];
    const [one, two] = [await send(bob, { message: 'one' }), await send(carol, { message: 'two' })];
    const phone = await net.connect(b);
    await rest(net, alice, bob, carol, phone);
    expect(await bob.call('delete_message', { message_id: two.message_id, group_id })).toMatchObject({ result: 14 });
    expect(await bob.call('delete_message', { message_id: two.message_id, delete_all: false })).toEqual({
      result: 0,
      group_id,
      message_id: two.message_id,
    });
    expect(await phone.next('delete_message')).toMatchObject({
      message_id: two.message_id,
      status: 4,
      message: '',
      deleted_uins: [b],
    });
    expect((await listOf(bob)).map(({ message }) => message)).toEqual(['one']);
    expect((await listOf(alice))[0]).toMatchObject({ message: 'two', deleted_uins: [b] });
    await bob.ask('delete_message', { message_id: two.message_id, delete_all: false });
    expect(await rest(net, alice, bob, carol, phone)).toEqual([[], [], [], []]);
    // The owner may take back what others said.
    await alice.ask('delete_message', { message_id: one.message_id });
    const gone = await bob.next<Message>('delete_message');
    expect(gone).toMatchObject({ message_id: one.message_id, status: 4, message: '', attachments: '', sender_uin: b });
    expect(gone.updated_at).not.toBe('0');
    await bob.ask('update_message', { message_id: one.message_id, status: 4 });
    expect(await rest(net, alice, bob, carol, phone)).toEqual([[], [], ['delete_message'], ['delete_message']]);
    expect((await listOf(bob)).map(({ status }) => status)).toEqual([4]);
  });

  it('are listed newest first, between bounds and page by page', async () => {
    const [alice] = (await people(1)) as [NetaloClient];
    const ids: string[] = [];
    for (let at = 0; at < 7; at += 1) ids.push((await send(alice, { message: String(at) })).message_id);
    const texts = async (fields = {}) => (await listOf(alice, fields)).map(({ message }) => message).join('');
    expect(ids.toSorted()).toEqual(ids);
    expect(await texts()).toBe('6543210');
    expect(await texts({ psize: 2, pindex: 1 })).toBe('43');
    expect(await texts({ last_message_id: ids[4] })).toBe('3210');
    expect(await texts({ last_seen_message_id: ids[4] })).toBe('65');
    expect(await texts({ last_message_id: ids[5], last_seen_message_id: Number(ids[2]), psize: 1 })).toBe('4');
    expect(await texts({ last_message_id: '99999999999999999999' })).toBe('6543210');
    expect(await alice.ask('list_message', { group_id, psize: 0 })).toMatchObject({
      psize: 30,
      last_message_id: ids[6],
    });
    expect(await alice.ask('list_message', { group_id, psize: 999 })).toMatchObject({ psize: 200, pindex: 0 });
  });

  it("from other protocols come in this wire's shapes, and go out as what they are", async () => {
    const [alice] = (await people(2)) as [NetaloClient];
    const { core } = net.test;
    const user = await core.users.create(adminActor(), {
      displayName: 'Zoe',
      identities: [{ namespace: 'other', externalId: 'zoe' }],
    });
    const conversationId = toConversationId(group_id);
    await core.conversations.addParticipants(adminActor(), conversationId, [{ userId: user.id }]);
    const zoe = net.test.actor(user, { via: 'other', namespace: 'other' });
    await alice.next('update_group');
    await core.messages.send(zoe, { conversationId, text: 'hello' });
    expect(await alice.next('message')).toMatchObject({
      type: 0,
      version: 0,
      message: 'hello',
      attachments: '',
      sender_uin: String(9_000_000_000_000_000 + user.id),
      sender_name: 'Zoe',
      nonce: '',
    });
    const parts = [{ kind: 'image' as const, url: 'https://x/i.png', width: 3, height: 4 }];
    await core.messages.send(zoe, { conversationId, text: '', kind: 'image', parts });
    expect(await alice.next('message')).toMatchObject({
      type: 2,
      version: 1,
      attachments: '{"images":[{"url":"https://x/i.png","width":3,"height":4}]}',
    });
    await send(alice, { type: 12, attachments: { file: { url: 'https://x/f.pdf', file_name: 'f.pdf', size: 9 } } });
    await send(alice, { type: 10, attachments: '{"sticker":7}' });
    await send(alice, { type: 6, message: 'for Netalo alone' });
    const [file, sticker] = await core.messages.list(zoe, { conversationId, from: 'oldest', limit: 10, afterSeq: 2 });
    expect(file).toMatchObject({
      kind: 'file',
      parts: [{ kind: 'file', url: 'https://x/f.pdf', name: 'f.pdf', sizeBytes: 9 }],
    });
    expect(sticker).toMatchObject({ kind: 'text', text: '[sticker]' });
    expect(await core.messages.list(zoe, { conversationId, from: 'oldest', limit: 10 })).toHaveLength(4);
    expect((await listOf(alice)).map(({ type, message }) => [type, message]).slice(0, 2)).toEqual([
      [6, 'for Netalo alone'],
      [10, ''],
    ]);
  });
});
