import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IqClient, type IqEnvelope, type Loose, openEvents, openListener, send } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

/** As the sources have it: `golden/wire.json`, described in PROTOCOL.md, "Golden data". */
interface Entry {
  readonly name: string;
  readonly kind: string;
  readonly payload: Loose;
}

const entries = JSON.parse(readFileSync(join(__dirname, 'golden/wire.json'), 'utf8')) as readonly Entry[];
const CODES = ['', 'internal_server_error', 'bad_request', 'not_found', 'forbidden', 'unauthorized', 'invalid'];

let desk: Desk;
let dave: IqClient;
let carol: Awaited<ReturnType<Desk['client']>>;
let chatId: number;
let messageId: number;

beforeAll(async () => {
  desk = await createDesk();
  dave = await desk.operator(desk.dave);
  carol = await desk.client('carol');
  messageId = await carol.ask('/chats/channel/send/support', { LocalId: 3, Text: 'hello' });
  const [chat] = await dave.ask(`/chats/query_by_channel/${desk.queue.id}`);
  chatId = chat.Id;
});

afterAll(() => desk.close());

/** The request with tokens of ours, and ids of things that are there. */
function ours({ path, headers, body }: Loose): { path: string; headers: Record<string, string>; body: unknown } {
  const token = (text: string) => text.replace('<session token>', carol.token).replace('<user token>', dave.token);
  const filled = Object.fromEntries(
    Object.entries(headers as Record<string, string>).map(([key, value]) => [key, token(value)]),
  );
  const idOf = (prefix: string) =>
    /channel/.test(prefix) ? desk.queue.id : /user/.test(prefix) ? desk.dave.id : chatId;
  const placed = token(path).replace(
    /(\/(?:get|open|close|join|leave|invite|assign|transfer|typing|send|\w+_by_\w+|listen_to_\w+))\/\d+/,
    (found: string, at: string) => `${at}/${idOf(placeOf(found, path))}`,
  );
  const userId = body?.UserId === undefined ? {} : { UserId: desk.erin.id };
  return {
    path: placed,
    headers: filled,
    body:
      typeof body === 'object' && body && !Array.isArray(body)
        ? { ...body, ...userId }
        : body === ''
          ? undefined
          : body,
  };
}

function placeOf(found: string, path: string): string {
  return /\/channels\/|_channel\//.test(path) ? 'channel' : /_user\//.test(path) ? 'user' : found;
}

const requests = entries.filter(({ kind, payload }) => /request$/.test(kind) && payload.method === 'POST');

it.each(requests.map((entry): [string, Entry] => [entry.name, entry]))('answers %s', async (_name, { payload }) => {
  const { path, headers, body } = ours(payload);
  const { status, envelope } = await send(desk.host.url + path, { headers, body: body === null ? 'null' : body });
  expect(status).toBe(200);
  expect(Object.keys(envelope).filter((key) => key !== 'Data')).toEqual(['OK', 'Error', 'Result', 'Rels']);
  if (envelope.OK) expect(typeof envelope.Rels).toBe('object');
  else expect(CODES).toContain(envelope.Error?.Code);
});

/** Every field that the sources show, of the same kind; null stands for any kind that may be absent. */
function sameShape(where: string, shown: Loose, given: Loose): string[] {
  if (shown === null || given === null || shown === '<rels>') return [];
  if (Array.isArray(shown)) {
    if (!Array.isArray(given)) return [`${where} is no list`];
    return shown.length > 0 && given.length > 0 ? sameShape(`${where}[]`, shown[0], given[0]) : [];
  }
  if (typeof shown !== typeof given) return [`${where} is ${typeof given}, not ${typeof shown}`];
  if (typeof shown !== 'object') return [];
  return Object.entries(shown).flatMap(([key, value]) => {
    // A list of `Rels` that is empty is left out.
    if (given[key] === undefined)
      return /^Rels\./.test(`${where.split('.').at(-1)}.`) ? [] : [`${where}.${key} is missing`];
    return sameShape(`${where}.${key}`, value, given[key]);
  });
}

const answered = entries.flatMap((entry, at): [string, Entry, Entry][] => {
  const request = entries[at - 1];
  return entry.kind === 'operator-response' && request ? [[entry.name, request, entry]] : [];
});

it.each(answered)('shows what the sources show: %s', async (_name, request, { payload }) => {
  if (payload.Result?.ClientId === 0 || request.payload.path.endsWith('/57')) return;
  const { path, headers, body } = ours(request.payload);
  const { envelope } = await send(desk.host.url + path, { headers, body });
  expect({ OK: envelope.OK, Code: envelope.Error?.Code }).toEqual({ OK: payload.OK, Code: payload.Error?.Code });
  if (payload.Error) expect(envelope.Error).toEqual(payload.Error);
  expect(sameShape('', payload, envelope)).toEqual([]);
});

it('opens every stream that the sources show', async () => {
  const streams = entries.filter(({ kind, payload }) => /request$/.test(kind) && payload.method === 'GET');
  expect(streams.length).toBeGreaterThan(6);
  for (const { name, payload } of streams) {
    const { path, headers } = ours(payload);
    // The signed token of the widget names a session of its own time.
    const url = desk.host.url + path.replace(/&x-client-token=.*/, '');
    const isSocket = payload.headers.Upgrade === 'websocket';
    const stream = isSocket ? await openListener(url) : await openEvents(url, headers);
    if (!isSocket) await stream.until(`the first bytes of ${name}`, ({ bytes }) => bytes.length > 0);
    expect({ name, refusals: stream.frames.filter(({ OK }) => !OK) }).toEqual({ name, refusals: [] });
    stream.cut();
  }
});

it('writes events as the sources write them', async () => {
  const frameOf = (part: string): IqEnvelope => {
    const text = entries.find(({ name, kind }) => kind.endsWith('-frame') && name.includes(part))?.payload as string;
    return JSON.parse(text.includes('data: ') ? (text.split('data: ')[1] as string) : text) as IqEnvelope;
  };
  const channel = await dave.events(`/sse/chats/events/listen_to_channel/${desk.queue.id}`);
  const phone = await carol.events('/sse/chats/channel/events/support');
  const id = await dave.ask(`/chats/send/${chatId}`, { LocalId: 1488797470001, Text: 'Здравствуйте! Чем помочь?' });
  const isIt = ({ Result }: IqEnvelope) => Result[0]?.MessageId === id;
  expect(sameShape('', frameOf('SSE frame, two events'), await channel.frame('it', isIt))).toEqual([]);
  const clients = await phone.frame('it', isIt);
  expect(sameShape('', frameOf('the same message on the client'), clients)).toEqual([]);
  expect(clients.Rels.ChatMessages[0]).toMatchObject({ LocalId: id, My: false });
  expect(clients.Rels.Users[0]).toMatchObject({ Email: '' });
  await carol.ask('/chats/channel/typing/support');
  const typing = await channel.frame('typing', ({ Result }) => Result[0]?.Type === 'typing');
  expect(sameShape('', frameOf('the client types'), typing)).toEqual([]);
  expect(messageId).toBeLessThan(id);
});
