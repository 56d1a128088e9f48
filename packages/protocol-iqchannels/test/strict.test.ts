import { adminActor } from '@switchboard/core';
import { type IqClient, type Loose, send } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';
import { createStrictReader, type StrictReader } from './support/strict.ts';

let desk: Desk;
let reader: StrictReader;

beforeEach(async () => {
  desk = await createDesk();
  reader = createStrictReader();
});

afterEach(() => desk.close());

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Every answer goes past the strict reader. */
function watched(client: IqClient, base: string) {
  return async (path: string, body?: unknown): Promise<Loose> => {
    const envelope = await client.call(path, body);
    reader.answer(new URL(base).pathname + path, envelope);
    return envelope.Result;
  };
}

it('sends nothing that the strictest published client would refuse', async () => {
  await desk.core.spaces.update(adminActor(), desk.queue.id, {
    settings: {
      closingPrompt: { kind: 'rating' },
      iqchannels: { greeting: { text: 'Здравствуйте', operatorName: 'Бот' } },
    },
  });
  const [daveClient, erinClient, carolClient] = [
    await desk.operator(desk.dave),
    await desk.operator(desk.erin),
    await desk.client('carol'),
  ];
  const dave = watched(daveClient, desk.apis.operator);
  const erin = watched(erinClient, desk.apis.operator);
  const carol = watched(carolClient, desk.apis.client);
  const seed = watched(desk.seed(carolClient), desk.apis.operator);
  const streams = [
    ['phone', await carolClient.events('/sse/chats/channel/events/support'), true],
    ['channel', await daveClient.events(`/sse/chats/events/listen_to_channel/${desk.queue.id}`), false],
    ['own', await daveClient.listener(`/ws/chats/events/listen_to_user/${desk.dave.id}`), false],
    ['erin', await erinClient.events(`/sse/chats/events/listen_to_user/${desk.erin.id}`), false],
  ] as const;

  const first = await carol('/chats/channel/send/support', { LocalId: 1, Text: 'hello' });
  const picture = await carolClient.upload('Снимок.png', PIXEL, 'image');
  reader.answer('/public/api/v1/files/upload', picture);
  await carol('/chats/channel/send/support', {
    LocalId: 2,
    Payload: 'file',
    FileId: picture.Result.Id,
    ReplyToMessageId: first,
  });
  const [chat] = await dave(`/chats/query_by_channel/${desk.queue.id}`, {});
  const id = chat.Id;
  await seed(`/chats/query_by_channel/${desk.queue.id}`);
  await dave(`/chats/join/${id}`);
  await dave(`/chats/typing/${id}`);
  await carol('/chats/channel/typing/support');
  await dave('/chats/messages/received', [first]);
  await dave('/chats/messages/read', [first]);
  const reply = await dave(`/chats/send/${id}`, { LocalId: 5, Text: 'Да', ReplyToMessageId: first });
  await carol('/chats/messages/received', [reply]);
  await carol('/chats/messages/read', [reply]);
  await dave(`/chats/invite/${id}`, { UserId: desk.erin.id });
  await dave(`/chats/assign/${id}`, { UserId: desk.erin.id });
  await erin(`/chats/transfer/${id}`, { UserId: desk.dave.id });
  await erin(`/chats/leave/${id}`);
  await dave(`/chats/leave/${id}`);
  await dave(`/chats/join/${id}`);
  await dave(`/chats/open/${id}`);
  const actor = desk.test.actor(desk.dave, { namespace: 'other', via: 'other' });
  const { message } = await desk.core.messages.send(actor, { conversationId: id, text: 'wrong' });
  await desk.core.messages.edit(actor, { messageId: message.id, text: 'right' });
  await desk.core.messages.remove(actor, { messageId: message.id, scope: 'all' });
  await desk.core.users.update(adminActor(), carolClient.id as never, { displayName: 'Carol the Second' });
  await dave(`/chats/close/${id}`);

  const history = await carol('/chats/channel/messages/support', { ChatType: 'regular', Limit: 50 });
  const rating = history.at(-1);
  expect(rating).toMatchObject({ RatingId: rating.Id, Payload: 'text', Text: '', Author: 'system' });
  await carol('/ratings/ignore', { RatingId: rating.Id });
  await carol('/ratings/rate', { RatingId: rating.Id, Rating: { Value: 4, Comment: '' } });
  for (const path of [
    `/chats/get/${id}`,
    `/chats/members/query_by_chat/${id}`,
    `/chats/messages/query_by_chat/${id}`,
    '/users/me',
  ])
    await dave(path);
  for (const path of [
    `/channels/get/${desk.queue.id}`,
    `/channels/members/query_by_channel/${desk.queue.id}`,
    '/channels/query',
  ])
    await dave(path);
  for (const user of [desk.dave, desk.erin]) {
    await dave(`/chats/inboxes/get_by_user/${user.id}`);
    await dave(`/chats/inbox_threads/query_by_user/${user.id}`);
  }
  await carol('/clients/me');
  await carol('/chats/channel/chat/support');
  await dave('/chats/get/424242');

  const [, phone] = streams[0];
  await phone.event('the rating that was dismissed', ({ Type }) => Type === 'rating_ignored');
  for (const [name, stream, isClients] of streams)
    for (const frame of stream.frames) reader.frame(name, frame, isClients);
  const told = new Set(streams.flatMap(([, stream]) => stream.events.map(({ Type }) => Type)));
  for (const type of [
    'typing',
    'message_edited',
    'delete-messages',
    'client_changed',
    'chat_closed',
    'chat_unassigned',
    'thread_closed',
  ]) {
    expect(told).toContain(type);
  }
  expect([...reader.faults]).toEqual([]);
});

it('answers all that widget and apps ask before they can chat', async () => {
  const ask = (path: string, method = 'POST', body?: unknown) =>
    send(desk.apis.client + path, { method, body }).then(({ status, envelope }) => ({ status, ...envelope }));
  const ok = { status: 200, OK: true, Error: null, Result: null, Rels: {} };
  expect(await ask('/chats/version', 'POST', {})).toEqual({ ...ok, Data: { Version: '4.4.0' } });
  expect(await ask('/widget/greetings/support')).toEqual({
    ...ok,
    Data: { Greeting: '', GreetingBold: '', PersonalDataRequestType: 'none', ChannelType: '' },
  });
  expect(await ask('/info_requests/support')).toEqual({ ...ok, Data: '' });
  expect(await ask('/widget/personal_data_form/support')).toEqual({ ...ok, Data: { Fields: [] } });
  expect(await ask('/chats/channel/blocker/support')).toEqual({
    ...ok,
    Data: { Enabled: false, Text: '', BlockerFileId: '' },
  });
  expect(await ask('/chats/channel/audio_messages_enabled/support', 'POST', {})).toEqual({ ...ok, Data: false });
  expect(await ask('/widget/get_end_appeals_settings/support', 'GET')).toEqual({
    ...ok,
    Data: { QuestionText: '', HasComment: true },
  });
  expect(await ask('/widget/localization/support/languages', 'GET')).toEqual({ ...ok, Data: { Languages: [] } });
  expect(await ask('/bad_words/check_message', 'POST', { MsgText: 'hello' })).toEqual(ok);
  expect(await ask('/log/message', 'POST', { Widget: 'x', Level: 'error', Message: 'y' })).toEqual(ok);
  expect((await ask('/files/config', 'GET')).Result).toEqual({
    MaxFileSizeMb: 64,
    MaxImageHeight: null,
    MaxImageWidth: null,
    AllowedExtensions: null,
    ForbiddenExtensions: null,
  });
  expect((await ask('/widget/greetings/nowhere')).Error?.Code).toBe('not_found');
  const styles = await send(`${desk.apis.client}/widget/styles.css?channel=support`, { method: 'GET' });
  expect(styles.headers['content-type']).toBe('text/css; charset=utf-8');
  const carol = await desk.client('carol');
  expect(await carol.call('/chats/channel/chat/get_settings/support', { ClientId: 1 })).toMatchObject({
    OK: true,
    Data: null,
  });
  expect(await carol.ask('/chats/channel/messages/support', { ChatType: 'info' })).toEqual([]);
  expect(await carol.ask('/clients/get_last_messages', { ChannelNames: ['support', 'nowhere'] })).toEqual({
    channels: [],
  });
});
