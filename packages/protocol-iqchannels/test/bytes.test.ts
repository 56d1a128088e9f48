import { connect } from 'node:net';
import { adminActor } from '@switchboard/core';
import { type IqClient, refusedWith } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

let desk: Desk;
let dave: IqClient;
let carol: Awaited<ReturnType<Desk['client']>>;

beforeEach(async () => {
  desk = await createDesk({ clock: 'fake' });
  dave = await desk.operator(desk.dave);
  carol = await desk.client('carol');
});

afterEach(() => desk.close());

/** A request written by hand, and the raw answer as it grows. */
function raw(request: string) {
  const socket = connect(desk.host.port, '127.0.0.1');
  let text = '';
  const looking = new Set<() => void>();
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
    for (const look of [...looking]) look();
  });
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.write(request);
  return {
    socket,
    ended,
    get text() {
      return text;
    },
    until: (what: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!text.includes(what)) return;
          looking.delete(look);
          resolve();
        };
        looking.add(look);
        look();
      }),
  };
}

const get = (path: string, version = '1.1', headers = '') => `GET ${path} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`;

it('writes heads, comments and blocks to the letter', async () => {
  const client = `Authorization: Client ${carol.token}\r\n`;
  const stream = raw(get('/public/api/v1/sse/chats/channel/events/support?ChatType=regular', '1.0', client));
  await stream.until(': ok\n\n');
  const [head = '', body] = stream.text.split('\r\n\r\n');
  expect(head.split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
  expect(head.split('\r\n')).toContain('Content-Type: text/event-stream');
  expect(head).toContain('Cache-Control: no-cache, no-transform');
  expect(head).toContain('X-Accel-Buffering: no');
  expect(body).toBe(': ok\n\n');

  await carol.ask('/chats/channel/send/support', { LocalId: 3, Text: 'Привет 🎉' });
  await stream.until('message_created');
  await desk.test.clock.advance(21_000);
  await stream.until(': ping\n\n');
  const sent = stream.text.slice(stream.text.indexOf('\r\n\r\n') + 4);
  expect(sent).not.toContain('\r');
  expect(sent).not.toContain('\n\n\n');
  expect(sent).toMatch(/^[\x20-\x7e\n]*$/);
  expect(sent).not.toContain('event:');
  const block = sent.split('\n\n').find((one) => one.includes('data: ')) ?? '';
  const [id, data] = block.split('\n');
  const envelope = JSON.parse((data ?? '').slice('data: '.length));
  expect(id).toBe(`id: ${envelope.Result.at(-1).Id}`);
  expect(envelope.Rels.ChatMessages[0].Text).toBe('Привет 🎉');
});

it('frames a stream in chunks for HTTP/1.1, and ends it whole when the gateway stops', async () => {
  const stream = raw(
    get('/public/api/v1/sse/chats/channel/events/support', '1.1', `Authorization: Client ${carol.token}\r\n`),
  );
  await stream.until(': ok');
  expect(stream.text).toContain('Transfer-Encoding: chunked');
  expect(stream.text.endsWith('\r\n\r\n6\r\n: ok\n\n\r\n')).toBe(true);
  const closing = desk.host.close();
  await stream.ended;
  expect(stream.text.endsWith('0\r\n\r\n')).toBe(true);
  await closing;
});

it('refuses over the stream itself, waits, and ends', async () => {
  const stream = raw(get('/public/api/v1/sse/chats/channel/events/support', '1.0'));
  await stream.until('data: ');
  expect(stream.text).toContain('Content-Type: text/event-stream\r\n');
  const data = stream.text.split('data: ')[1] ?? '';
  expect(JSON.parse(data)).toEqual({
    OK: false,
    Error: { Code: 'unauthorized', Text: expect.any(String) },
    Result: null,
    Rels: null,
  });
  await desk.test.clock.advance(60);
  await stream.ended;
});

it('ends the streams of a session that was revoked, with its reason', async () => {
  const stream = await carol.events('/sse/chats/channel/events/support');
  const listener = await dave.listener(`/ws/chats/events/listen_to_channel/${desk.queue.id}`);
  await desk.core.sessions.revokeAll(adminActor(), carol.id as never);
  await desk.core.sessions.revokeAll(adminActor(), desk.dave.id);
  await stream.frame('the reason', refusedWith('unauthorized'));
  await listener.frame('the reason', refusedWith('unauthorized'));
  expect(await listener.closed).toEqual({ code: 1008 });
  await desk.test.clock.advance(60);
  await stream.ended;
});

it('reads a second question mark as what it was meant to be', async () => {
  await carol.ask('/chats/channel/send/support', { LocalId: 1, Text: 'one' });
  const stream = await carol.events('/sse/chats/channel/events/support?ChatType=regular?LastEventId=1');
  const first = await stream.event('the message', ({ Type }) => Type === 'message_created');
  const again = await carol.events(`/sse/chats/channel/events/support?ChatType=regular?LastEventId=${first.Id}`);
  await carol.ask('/chats/channel/send/support', { LocalId: 2, Text: 'two' });
  const second = await again.event('the next message', ({ Type }) => Type === 'message_created');
  expect(second.Id).toBeGreaterThan(first.Id);
});

it('takes the standard header for a cursor, and keeps frames below the limit that was asked for', async () => {
  for (let at = 1; at <= 5; at += 1) await carol.ask('/chats/channel/send/support', { LocalId: at, Text: String(at) });
  const { openEvents } = await import('../testing/driver.ts');
  const path = `${desk.apis.client}/sse/chats/channel/events/support?Limit=2`;
  const stream = await openEvents(path, { ...carol.headers, 'Last-Event-ID': '1' });
  await stream.until('all of them', ({ events }) => events.length === 5);
  expect(stream.frames.map(({ Result }) => Result.length)).toEqual([2, 2, 1]);
});

it('refuses a listener of somebody else over the socket', async () => {
  const own = desk.seed(carol);
  const listener = await own.listener(`/ws/chats/events/listen_to_channel/${desk.queue.id}`);
  await listener.frame('the refusal', refusedWith('forbidden'));
  expect(await listener.closed).toEqual({ code: 1008 });
  await expect(dave.listener('/ws/chats/events/listen_to_nothing/1')).rejects.toThrow('404');
});

it('drops a listener that answers no ping', async () => {
  const stream = raw(
    get(
      `/api/v1/ws/chats/events/listen_to_channel/${desk.queue.id}`,
      '1.1',
      `Authorization: User ${dave.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
    ),
  );
  await stream.until('101 Switching Protocols');
  while (desk.host.hub.size === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let at = 0; at < 4; at += 1) await desk.test.clock.advance(26_000);
  await stream.ended;
});
