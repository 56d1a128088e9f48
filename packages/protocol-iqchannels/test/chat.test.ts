import { createDesk, type Desk } from './support/desk.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await createDesk();
});

afterEach(() => desk.close());

it('brings a client and an operator together, over every kind of stream', async () => {
  const dave = await desk.operator(desk.dave);
  const carol = await desk.client('carol');
  const channel = await dave.events(`/sse/chats/events/listen_to_channel/${desk.queue.id}`);
  const own = await dave.listener(`/ws/chats/events/listen_to_user/${desk.dave.id}`);
  const phone = await carol.events('/sse/chats/channel/events/support?ChatType=regular');

  const messageId = await carol.ask('/chats/channel/send/support', {
    LocalId: 1795141915863,
    Payload: 'text',
    Text: 'Помогите',
  });
  const created = await channel.event('the message', ({ Type }) => Type === 'message_created');
  expect(created).toMatchObject({ MessageId: messageId, Actor: 'client', ClientId: carol.id, Public: true });
  const shown = await phone.event('its own message', ({ Type }) => Type === 'message_created');
  expect(shown.Id).toBe(created.Id);
  expect(channel.events.map(({ Type }) => Type)).toEqual([
    'chat_created',
    'chat_opened',
    'chat_changed',
    'system_message_created',
    'chat_changed',
    'message_created',
    'chat_changed',
  ]);
  const frame = phone.frames.find(({ Result }) => Result[0]?.Type === 'message_created');
  expect(frame?.Rels.ChatMessages[0]).toMatchObject({
    My: true,
    LocalId: 1795141915863,
    Text: 'Помогите',
    Author: 'client',
  });

  const chatId = created.ChatId as number;
  expect(own.events).toEqual([]);
  const member = await dave.ask(`/chats/join/${chatId}`);
  expect(member).toMatchObject({ ChatId: chatId, UserId: desk.dave.id, Present: true, Me: true });
  await own.event('the inbox', ({ Type }) => Type === 'inbox_changed');
  expect(own.events.slice(0, 5).map(({ Type }) => Type)).toEqual([
    'member_created',
    'member_added',
    'chat_changed',
    'thread_created',
    'inbox_changed',
  ]);

  await dave.ask('/chats/messages/read', [messageId]);
  const read = await phone.event('the reading', ({ Type }) => Type === 'message_read');
  expect(read).toMatchObject({ MessageId: messageId, Actor: 'user', UserId: desk.dave.id });

  const answerId = await dave.ask(`/chats/send/${chatId}`, { LocalId: 7, Payload: 'text', Text: 'Чем помочь?' });
  await phone.event('the answer', ({ MessageId }) => MessageId === answerId);
  const history = await carol.ask('/chats/channel/messages/support', { ChatType: 'regular', Limit: 50 });
  expect(history.map(({ Text }: { Text: string }) => Text)).toEqual(['Помогите', 'Чем помочь?']);
  expect(history[1]).toMatchObject({ My: false, UserId: desk.dave.id, LocalId: answerId });

  await dave.ask(`/chats/typing/${chatId}`);
  const typing = await phone.event('typing', ({ Type }) => Type === 'typing');
  expect(typing).toMatchObject({ Id: 0, Transitive: true, UserId: desk.dave.id });

  await carol.ask('/chats/messages/read', [answerId]);
  await phone.event('its own reading', ({ Type, MessageId }) => Type === 'message_read' && MessageId === answerId);
  await own.event('the reading', ({ Type, MessageId }) => Type === 'message_read' && MessageId === answerId);

  const closed = await dave.ask(`/chats/close/${chatId}`);
  expect(closed).toMatchObject({ Open: false, TotalMembers: 0, ClientUnread: 0, UserUnread: 0 });
  await phone.event('the closing', ({ Type }) => Type === 'chat_closed');
  await own.event('the end', ({ Type }) => Type === 'thread_closed');
});
