import { adminActor, type Conversation } from '@switchboard/core';
import { CallRefused, type IqClient, type Loose } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

let desk: Desk;
let dave: IqClient;
let erin: IqClient;
let carol: Awaited<ReturnType<Desk['client']>>;
let chatId: number;
let messageId: number;

beforeEach(async () => {
  desk = await createDesk();
  dave = await desk.operator(desk.dave);
  erin = await desk.operator(desk.erin);
  carol = await desk.client('carol');
  messageId = await carol.ask('/chats/channel/send/support', { LocalId: 1, Payload: 'text', Text: 'hello' });
  const [chat] = await dave.ask(`/chats/query_by_channel/${desk.queue.id}`);
  chatId = chat.Id;
});

afterEach(() => desk.close());

const types = (events: readonly Loose[]) => events.map(({ Type }) => Type);

/** What a call tells the channel's listeners and its own user's, up to a message that is sent afterwards. */
async function told(run: () => Promise<unknown>): Promise<{ channel: string[]; own: string[] }> {
  const channel = await dave.events(`/sse/chats/events/listen_to_channel/${desk.queue.id}`);
  const own = await erin.events(`/sse/chats/events/listen_to_user/${desk.erin.id}`);
  await run();
  const { core } = desk;
  const end = await core.messages.send(desk.test.actor(carol.id as never, { namespace: 'x', via: 'x' }), {
    conversationId: chatId as Conversation['id'],
    text: 'end',
  });
  const isEnd = ({ MessageId }: Loose) => MessageId === end.message.id;
  await channel.event('the end', isEnd);
  const all = types(channel.events.slice(0, channel.events.findIndex(isEnd)));
  channel.cut();
  own.cut();
  return { channel: all, own: types(own.events) };
}

it('shows a channel, its operators and its chats', async () => {
  const [channel] = await dave.ask('/channels/query', { Limit: 25 });
  expect(channel).toMatchObject({
    Id: desk.queue.id,
    Name: 'support',
    Type: '',
    Title: 'Поддержка',
    TotalMembers: 2,
    TotalChats: 1,
    TotalOpenChats: 1,
    TelegramBotToken: null,
  });
  expect(await dave.ask(`/channels/get/${desk.queue.id}`)).toEqual(channel);
  const { Result: members, Rels } = await dave.call(`/channels/members/query_by_channel/${desk.queue.id}`);
  expect(members.map(({ UserId }: Loose) => UserId)).toEqual([desk.dave.id, desk.erin.id]);
  expect(Rels.Users.map(({ Name }: Loose) => Name)).toEqual(['Dave', 'Erin']);
  const chats = await dave.call(`/chats/query_by_channel/${desk.queue.id}`, { Open: true });
  expect(chats.Result[0]).toMatchObject({
    Open: true,
    ClientId: carol.id,
    UserUnread: 1,
    ClientUnread: 0,
    MessageId: messageId,
  });
  expect(chats.Rels.ChatMessages[0]).toMatchObject({ Id: messageId, Text: 'hello', My: false, LocalId: 1 });
  expect(chats.Rels.Clients[0]).toMatchObject({ Id: carol.id, Type: 'integrated', IntegrationId: 'carol' });
  expect(await dave.ask(`/chats/query_by_channel/${desk.queue.id}`, { Open: false })).toEqual([]);
});

it('joins, assigns, transfers, leaves and closes, each told in its order', async () => {
  const joined = await told(() => erin.ask(`/chats/join/${chatId}`));
  const notice = ['system_message_created', 'chat_changed'];
  expect(joined.channel).toEqual(['member_created', 'member_added', 'chat_changed', ...notice]);
  const again = await told(() => erin.ask(`/chats/join/${chatId}`));
  expect(again.channel).toEqual([]);
  const assigned = await told(() => dave.ask(`/chats/assign/${chatId}`, { UserId: desk.erin.id }));
  expect(assigned.channel).toEqual(['chat_assigned', 'chat_changed', ...notice]);
  const transferred = await told(() => erin.ask(`/chats/transfer/${chatId}`, { UserId: desk.dave.id }));
  expect(transferred.channel).toEqual([
    'member_created',
    'member_added',
    'chat_changed',
    'chat_assigned',
    'chat_changed',
    'member_removed',
    'chat_changed',
    ...notice,
  ]);
  const left = await told(() => dave.ask(`/chats/leave/${chatId}`));
  expect(left.channel).toEqual(['member_removed', 'chat_unassigned', 'chat_changed', ...notice]);
  expect((await told(() => dave.ask(`/chats/leave/${chatId}`))).channel).toEqual([]);
  const invited = await dave.ask(`/chats/invite/${chatId}`, { UserId: desk.erin.id });
  expect(invited).toMatchObject({ UserId: desk.erin.id, Present: true, Me: false });
  const members = await dave.ask(`/chats/members/query_by_chat/${chatId}`);
  expect(members.map(({ UserId, Present }: Loose) => [UserId, Present])).toEqual([
    [desk.erin.id, true],
    [desk.dave.id, false],
  ]);
  const closed = await told(() => erin.ask(`/chats/close/${chatId}`));
  expect(closed.channel.slice(0, 4)).toEqual(['chat_closed', 'chat_changed', ...notice]);
  const inbox = await erin.ask(`/chats/inboxes/get_by_user/${desk.erin.id}`);
  expect(inbox).toMatchObject({ Id: desk.erin.id, TotalThreads: 1, TotalOpenThreads: 0, TotalAssignedThreads: 0 });
});

it('keeps inboxes and threads, one’s own and, for an admin, those of the channel', async () => {
  await erin.ask(`/chats/assign/${chatId}`, { UserId: desk.erin.id });
  const inbox = await erin.ask(`/chats/inboxes/get_by_user/${desk.erin.id}`);
  expect(inbox).toMatchObject({ UserId: desk.erin.id, TotalThreads: 1, TotalOpenThreads: 1, TotalAssignedThreads: 1 });
  expect(inbox.AssignedAt).toBeGreaterThan(0);
  const [thread] = await erin.ask(`/chats/inbox_threads/query_by_user/${desk.erin.id}`, { Open: true });
  expect(thread).toMatchObject({ UserId: desk.erin.id, ChatId: chatId, Open: true, TotalUnread: 1 });
  expect(thread.ChangeId).toBe(thread.EventId);
  expect(await dave.ask(`/chats/inboxes/get_by_user/${desk.erin.id}`)).toMatchObject({ TotalThreads: 1 });
  await expect(erin.ask(`/chats/inboxes/get_by_user/${desk.dave.id}`)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(erin.ask('/chats/inboxes/get_by_user/999999')).rejects.toMatchObject({ code: 'not_found' });
});

it('joins whoever writes first, opens what was closed, and takes a repeated LocalId once', async () => {
  await dave.ask(`/chats/close/${chatId}`);
  const form = { LocalId: 41, Payload: 'text', Text: 'once' };
  const ids = await Promise.all(Array.from({ length: 5 }, () => dave.ask(`/chats/send/${chatId}`, form)));
  expect(new Set(ids).size).toBe(1);
  expect(await dave.ask(`/chats/get/${chatId}`)).toMatchObject({
    Open: true,
    TotalMembers: 1,
    MessageId: expect.any(Number),
  });
  const all = await dave.ask(`/chats/messages/query_by_chat/${chatId}`, {});
  expect(all.filter(({ Text }: Loose) => Text === 'once')).toMatchObject([{ Id: ids[0], LocalId: 41, My: true }]);
  const others = await erin.ask(`/chats/messages/query_by_chat/${chatId}`, { MaxId: ids[0], Limit: 1 });
  expect(others).toMatchObject([{ Id: ids[0], LocalId: ids[0], My: false, Author: 'user', UserId: desk.dave.id }]);
  // No key: a repeat is a second message.
  const [one, two] = [
    await dave.ask(`/chats/send/${chatId}`, { Text: 'twice' }),
    await dave.ask(`/chats/send/${chatId}`, { Text: 'twice' }),
  ];
  expect(one).not.toBe(two);
});

it('marks for the other side, once, and counts what is unread', async () => {
  const phone = await carol.events('/sse/chats/channel/events/support');
  await dave.ask('/chats/messages/received', [messageId, 5, 2 ** 60]);
  await dave.ask('/chats/messages/read', [messageId]);
  await erin.ask('/chats/messages/read', [messageId]);
  await phone.event('the reading', ({ Type }) => Type === 'message_read');
  expect(types(phone.events)).toEqual(['message_received', 'message_read']);
  expect(await dave.ask(`/chats/get/${chatId}`)).toMatchObject({ UserUnread: 0 });
  const [message] = await carol.ask('/chats/channel/messages/support');
  expect(message).toMatchObject({ Received: true, Read: true });
  expect(message.EventId).toBe(phone.lastId);
});

it('refuses whoever is no operator of the channel, and what is not there', async () => {
  const [frank] = await desk.test.people('Frank');
  if (!frank) throw new Error('nobody');
  const stranger = await desk.operator(frank);
  for (const path of [
    `/chats/get/${chatId}`,
    `/chats/join/${chatId}`,
    `/chats/close/${chatId}`,
    `/chats/query_by_channel/${desk.queue.id}`,
  ]) {
    await expect(stranger.ask(path)).rejects.toMatchObject({ code: 'forbidden' });
  }
  expect(await stranger.ask('/channels/query')).toEqual([]);
  await expect(dave.ask('/chats/get/99999')).rejects.toMatchObject({ code: 'not_found' });
  await expect(dave.ask('/chats/get/nonsense')).rejects.toMatchObject({ code: 'not_found' });
  await expect(dave.ask(`/chats/invite/${chatId}`, { UserId: frank.id })).rejects.toMatchObject({ code: 'invalid' });
  await expect(dave.ask(`/chats/assign/${chatId}`, {})).rejects.toMatchObject({ code: 'invalid' });
  await expect(dave.ask(`/chats/send/${chatId}`, { Text: 'x'.repeat(32_769) })).rejects.toMatchObject({
    code: 'invalid',
  });
  await expect(dave.ask(`/chats/send/${chatId}`, {})).rejects.toBeInstanceOf(CallRefused);
});

it('shows a client session under the operator prefix its own chats, and nothing else', async () => {
  const own = desk.seed(carol);
  const [chat] = await own.ask(`/chats/query_by_channel/${desk.queue.id}`, {});
  expect(chat).toMatchObject({ Id: chatId, ClientId: carol.id, CurrentMemberId: null, MessageId: messageId });
  const id = await own.ask(`/chats/send/${chatId}`, { LocalId: 2, Text: 'again' });
  const list = await own.ask(`/chats/messages/query_by_chat/${chatId}`, {});
  expect(list.map(({ Text, My }: Loose) => [Text, My])).toEqual([
    ['hello', true],
    ['again', true],
  ]);
  const stream = await own.events(`/sse/chats/events/listen_to_chat/${chatId}?FromId=1`);
  await stream.event('the message', ({ MessageId }) => MessageId === id);
  expect(new Set(types(stream.events))).toEqual(new Set(['message_created']));
  for (const path of [
    `/chats/close/${chatId}`,
    `/chats/join/${chatId}`,
    '/users/me',
    '/channels/query',
    '/files/token',
    `/chats/members/query_by_chat/${chatId}`,
  ]) {
    await expect(own.ask(path)).rejects.toMatchObject({ code: 'forbidden' });
  }
  const bob = desk.seed(await desk.client('bob'));
  await expect(bob.ask(`/chats/get/${chatId}`)).rejects.toMatchObject({ code: 'forbidden' });
  const made = await bob.ask(`/chats/query_by_channel/${desk.queue.id}`, {});
  expect(made).toMatchObject([{ Open: false, SessionId: null, MessageId: null }]);
});

it('shows groups of other wires as chats without a client', async () => {
  const admin = adminActor();
  const [frank] = await desk.test.people('Frank');
  if (!frank) throw new Error('nobody');
  const { space } = await desk.core.spaces.create(admin, {
    kind: 'workspace',
    name: 'office',
    title: 'Офис',
    members: [desk.dave, desk.erin, frank].map(({ id }) => ({ userId: id, role: 'user' as const })),
  });
  const { conversation } = await desk.core.conversations.create(admin, {
    kind: 'group',
    spaceId: space.id,
    participants: [{ userId: desk.dave.id }, { userId: frank.id }],
  });
  expect((await dave.ask('/channels/query')).map(({ Id }: Loose) => Id)).toEqual([desk.queue.id, space.id]);
  expect((await erin.ask('/channels/query')).map(({ Id }: Loose) => Id)).toEqual([desk.queue.id]);
  const stream = await dave.events(`/sse/chats/events/listen_to_channel/${space.id}`);
  const id = await dave.ask(`/chats/send/${conversation.id}`, { LocalId: 5, Text: 'to the group' });
  await stream.event('the message', ({ MessageId }) => MessageId === id);
  await stream.event('the change', ({ Type }) => Type === 'chat_changed');
  expect(types(stream.events)).toEqual(['message_created', 'chat_changed']);
  const { Result: chat, Rels } = await dave.call(`/chats/get/${conversation.id}`);
  expect(chat).toMatchObject({
    ChannelId: space.id,
    ClientId: 0,
    Open: true,
    SessionId: null,
    TotalMembers: 2,
    MessageId: id,
  });
  expect(Rels.Channels[0]).toMatchObject({ Id: space.id, TotalChats: 1, TotalMembers: 3 });
  expect(Rels.ChatMessages[0]).toMatchObject({ Author: 'user', UserId: desk.dave.id, ClientId: null, SessionId: 0 });
  for (const call of ['open', 'close', 'join', 'leave']) {
    await expect(dave.ask(`/chats/${call}/${conversation.id}`)).rejects.toMatchObject({ code: 'invalid' });
  }
  await expect(erin.ask(`/chats/get/${conversation.id}`)).rejects.toMatchObject({ code: 'forbidden' });
});
