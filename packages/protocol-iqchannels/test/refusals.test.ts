import { type IqAnswer, type IqClient, type Loose, send } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

let desk: Desk;
let dave: IqClient;
let carol: Awaited<ReturnType<Desk['client']>>;

beforeEach(async () => {
  desk = await createDesk({ host: { origins: ['https://shop.example.org'] } });
  dave = await desk.operator(desk.dave);
  carol = await desk.client('carol');
});

afterEach(() => desk.close());

const post = (path: string, body?: unknown, headers: Record<string, string> = carol.headers): Promise<IqAnswer> =>
  send(desk.apis.client + path, { body, headers });

async function code(path: string, body?: unknown, headers?: Record<string, string>): Promise<string | undefined> {
  const { envelope, status } = await post(path, body, headers);
  expect(status).toBe(200);
  expect(JSON.stringify(envelope)).not.toMatch(/\bat .*:\d+:\d+|node_modules|Error:/);
  if (!envelope.OK) expect(envelope).toMatchObject({ Result: null, Rels: null });
  return envelope.Error?.Code;
}

async function stored(): Promise<number> {
  const rows = await desk.test.sql<{ count: string }>('select count(*) as count from messages');
  return Number(rows[0]?.count);
}

it('words every kind of bad input, and stores nothing', async () => {
  const path = '/chats/channel/send/support';
  expect(await code(path, '{"Text":')).toBe('bad_request');
  expect(await code(path, { Text: 5 })).toBe('bad_request');
  expect(await code(path, { LocalId: '5', Text: 'x' })).toBe('bad_request');
  expect(await code(path, { LocalId: 1.5, Text: 'x' })).toBe('bad_request');
  expect(await code(path, '{"LocalId": 9007199254740993, "Text": "x"}')).toBe('bad_request');
  expect(await code(path, `{"Text": ${'['.repeat(100)}${']'.repeat(100)}}`)).toBe('bad_request');
  expect(await code(path, { Text: 'x'.repeat(2_000_000) })).toBe('bad_request');
  expect(await code('/chats/messages/read', { Id: 5 })).toBe('bad_request');
  expect(await code('/chats/messages/read', ['5'])).toBe('bad_request');
  expect(await code('/chats/channel/send/nowhere', { Text: 'x' })).toBe('not_found');
  expect(await code(path, { Text: 'x' }, {})).toBe('unauthorized');
  expect(await code('/ratings/rate', { RatingId: 11, Rating: { Value: 4 } })).toBe('not_found');
  expect(await stored()).toBe(0);
});

it('never fails a client’s calls over their content', async () => {
  expect(await code('/chats/channel/send/support', {})).toBeUndefined();
  expect(await code('/chats/channel/send/support', [])).toBeUndefined();
  expect(await code('/chats/channel/send/support')).toBeUndefined();
  expect(await stored()).toBe(0);
  expect(
    await code('/chats/channel/send/support', { LocalId: 1, Text: 'я'.repeat(40_000), ReplyToMessageId: 5 }),
  ).toBeUndefined();
  expect(await code('/chats/messages/read', [1, 2 ** 60, 12345])).toBeUndefined();
  expect(await code('/chats/messages/received')).toBeUndefined();
  expect(await code('/chats/channel/typing/support', [])).toBeUndefined();
  expect(await code('/chats/channel/typing/support')).toBeUndefined();
  expect(await code('/chats/messages/listen', 5386)).toBeUndefined();
  expect(await code('/chats/messages/7/delete_transfer_to_channel_id', [])).toBeUndefined();
  const [message] = await carol.ask('/chats/channel/messages/support');
  expect(message.Text.length).toBe(32_768);
});

it('reads forms of every client: keys in lower case, fields of its own, none at all', async () => {
  const local = {
    Id: '1795142057978',
    Client: { Id: 1 },
    ClientId: 1,
    Author: 'user',
    CreatedAt: '2026-11-20T02:34:17.978Z',
    File: {},
  };
  await carol.ask('/chats/channel/send/support', {
    ...local,
    LocalId: 11,
    Payload: 'text',
    Text: 'widget',
    Metadata: null,
  });
  await carol.ask('/chats/channel/send/support', { localId: 12, payload: 'text', text: 'swift', chatType: 'regular' });
  const [first, second] = await carol.ask('/chats/channel/messages/support', { chatType: 'regular' });
  expect([first, second]).toMatchObject([
    { LocalId: 11, Text: 'widget', Author: 'client', ClientId: carol.id },
    { LocalId: 12, Text: 'swift' },
  ]);
  expect(await carol.ask('/chats/channel/messages/support', { MaxId: second.Id })).toMatchObject([{ Id: first.Id }]);
  expect(await carol.ask('/chats/channel/messages/support', { ToId: second.Id, Q: null })).toMatchObject([
    { Id: first.Id },
  ]);
  expect(await carol.ask('/chats/channel/messages/support', { FromId: second.Id })).toMatchObject([{ Id: second.Id }]);
  expect(await carol.ask('/chats/channel/messages/support', { Q: 'SWI' })).toMatchObject([{ Id: second.Id }]);
  expect(await carol.ask('/chats/channel/messages/support', { Limit: 1 })).toMatchObject([{ Id: second.Id }]);
});

it('keeps each chat type, and each client, apart', async () => {
  await carol.ask('/chats/channel/send/support', { LocalId: 1, Text: 'regular' });
  await carol.ask('/chats/channel/send/support', { LocalId: 2, Text: 'personal', ChatType: 'personal_manager' });
  const texts = async (ChatType: string) =>
    (await carol.ask('/chats/channel/messages/support', { ChatType })).map(({ Text }: Loose) => Text);
  expect([await texts('regular'), await texts('personal_manager'), await texts('info')]).toEqual([
    ['regular'],
    ['personal'],
    [],
  ]);
  const bob = await desk.client('bob');
  expect(await bob.ask('/chats/channel/messages/support', { ClientId: carol.id })).toEqual([]);
  expect((await dave.ask(`/chats/query_by_channel/${desk.queue.id}`)).length).toBe(2);
  const { channels } = await carol.ask('/clients/get_last_messages', { ChannelNames: ['support'] });
  expect(channels).toMatchObject([
    { name: 'support', chatType: 'regular', lastMessage: { text: 'regular', isSurvey: false }, unreadCount: 0 },
    { name: 'support', chatType: 'personal_manager' },
  ]);
});

it('tells a client again of a message that it sends again, and stores it once', async () => {
  const phone = await carol.events('/sse/chats/channel/events/support');
  const form = { LocalId: 77, Payload: 'text', Text: 'once' };
  const ids = await Promise.all([1, 2, 3].map(() => carol.ask('/chats/channel/send/support', form)));
  expect(new Set(ids).size).toBe(1);
  await phone.until(
    'three tellings',
    ({ events }) => events.filter(({ Type }) => Type === 'message_created').length === 3,
  );
  expect(new Set(phone.events.map(({ MessageId }) => MessageId))).toEqual(new Set([ids[0]]));
  expect(phone.frames.at(-1)?.Rels.ChatMessages[0]).toMatchObject({ LocalId: 77, My: true });
  expect((await carol.ask('/chats/channel/messages/support')).length).toBe(1);
});

it('counts what is unread on the streams made for it', async () => {
  await carol.ask('/chats/channel/send/support', { LocalId: 1, Text: 'hello' });
  const [chat] = await dave.ask(`/chats/query_by_channel/${desk.queue.id}`);
  const counts = await carol.events('/sse/chats/channel/unread/support');
  const all = await carol.events('/sse/chats/channel/unread/multichat');
  await counts.frame('none', ({ Result }) => Result === 0);
  const id = await dave.ask(`/chats/send/${chat.Id}`, { LocalId: 1, Text: 'one' });
  await counts.frame('one', ({ Result }) => Result === 1);
  const summary = await all.frame('one', ({ Result }) => Result?.unreadCount === 1);
  expect(summary.Result).toMatchObject({ id: chat.Id, type: 'regular', name: 'support', lastMessage: { text: 'one' } });
  await carol.ask('/chats/messages/read', [id]);
  await counts.until('none again', ({ frames }) => frames.at(-1)?.Result === 0);
});

it('answers unknown paths 404, preflights 204, and origins from the list alone', async () => {
  expect((await post('/nothing/here')).status).toBe(404);
  expect((await send(`${desk.apis.operator}/chats/get`, {})).status).toBe(404);
  expect((await send(`${desk.apis.operator}/chats/get/%`, {})).status).toBe(404);
  const preflight = (origin: string) =>
    send(`${desk.apis.client}/chats/version`, { method: 'OPTIONS', headers: { Origin: origin } });
  const good = await preflight('https://shop.example.org');
  expect(good.status).toBe(204);
  expect(good.headers['access-control-allow-origin']).toBe('https://shop.example.org');
  expect(good.headers['access-control-allow-credentials']).toBe('true');
  expect((await preflight('https://evil.example.org')).headers['access-control-allow-origin']).toBeUndefined();
  const read = await send(`${desk.host.url}/chats/messages/read`, { headers: dave.headers, body: [5385] });
  expect(read.envelope).toEqual({ OK: true, Error: null, Result: null, Rels: {} });
});

it('escapes what other wires wrote for clients that render HTML, and for nobody else', async () => {
  await carol.ask('/chats/channel/send/support', { LocalId: 1, Text: '<b>mine</b>' });
  const [chat] = await dave.ask(`/chats/query_by_channel/${desk.queue.id}`);
  await dave.ask(`/chats/join/${chat.Id}`);
  const actor = desk.test.actor(desk.dave, { namespace: 'other', via: 'other' });
  await desk.core.messages.send(actor, { conversationId: chat.Id, text: '<script>x</script> AT&T &lt;' });
  const texts = (list: Loose[]) => list.filter(({ Payload }) => Payload === 'text').map(({ Text }) => Text);
  const plain = ['<b>mine</b>', '<script>x</script> AT&T &lt;'];
  expect(texts(await carol.ask('/chats/channel/messages/support'))).toEqual([
    '<b>mine</b>',
    '&lt;script>x&lt;/script> AT&T &amp;lt;',
  ]);
  expect(texts(await dave.ask(`/chats/messages/query_by_chat/${chat.Id}`, {}))).toEqual(plain);
  expect(texts(await desk.seed(carol).ask(`/chats/messages/query_by_chat/${chat.Id}`, {}))).toEqual(plain);
});
