/** A reader that does not read costs itself its connection, and nobody else a moment; a long history costs nobody anything. */
import { connect as connectSocket, type Socket } from 'node:net';
import type { EventClient } from '@switchboard/protocol-event/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { historyOf, joinAs, sendTo, signToken, until } from './support/people.ts';

jest.setTimeout(120_000);

const APPLICATION = 500;
const TEXT = 'x'.repeat(30_000);

let gateway: TestGateway;
let url: string;
const clients: EventClient[] = [];

beforeAll(async () => {
  gateway = await startTestGateway();
  url = gateway.addresses.main.url;
});

afterAll(async () => {
  for (const client of clients) client.terminate();
  await gateway?.close();
});

async function enter(sid: number, application = APPLICATION): Promise<EventClient> {
  const client = await joinAs(url, { sid, application });
  clients.push(client);
  return client;
}

/** A client that joins by hand and then reads no byte more: the `ws` package would go on reading into memory. */
async function enterDeaf(sid: number): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connectSocket(Number(port), hostname);
  socket.on('error', () => undefined);
  const token = signToken({ request_id: '1' });
  socket.write(
    `GET /ws?sid=${sid} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: access_token, ${token}\r\n\r\n`,
  );
  await hears(socket, '101 Switching');
  const args = JSON.stringify({ user_id: sid, application_id: APPLICATION });
  socket.write(maskedFrame(JSON.stringify({ name: 'Event.AddConversation', args })));
  await hears(socket, '"ok":true');
  socket.pause();
  return socket;
}

function hears(socket: Socket, words: string): Promise<void> {
  let heard = '';
  return new Promise((resolve) => {
    const listen = (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (!heard.includes(words)) return;
      socket.off('data', listen);
      resolve();
    };
    socket.on('data', listen);
  });
}

/** A text frame of a client, masked with zeros. */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([header, payload]);
}

const metric = async (name: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{protocol="event"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
};

it('cuts off a reader that stops reading, while the others see no delay', async () => {
  const [sender, reader] = [await enter(1_001), await enter(1_002)];
  const deaf = await enterDeaf(1_003);
  const before = await metric('switchboard_slow_consumers_total');

  let slowest = 0;
  let sent = 0;
  await until(async () => {
    const startedAt = performance.now();
    const [answer, message] = await Promise.all([sendTo(sender, APPLICATION, `${sent} ${TEXT}`), reader.message()]);
    slowest = Math.max(slowest, performance.now() - startedAt);
    expect(answer.ok).toBe(true);
    expect(message.content).toBe(`${sent} ${TEXT}`);
    sent += 1;
    return sent % 10 === 0 && (await metric('switchboard_slow_consumers_total')) > before;
  });

  // The bound and what the kernel takes besides, no more.
  expect(sent * TEXT.length).toBeGreaterThan(1024 * 1024);
  expect(sent * TEXT.length).toBeLessThan(32 * 1024 * 1024);
  expect(slowest).toBeLessThan(1_000);

  const ended = new Promise((resolve) => deaf.once('close', resolve));
  deaf.resume();
  await ended;
  expect(await sendTo(sender, APPLICATION, 'the others go on')).toMatchObject({ ok: true });
});

it('sends a history of 20,000 messages whole, and the connection lives on', async () => {
  const application = 501;
  const sender = await enter(1_011, application);
  const { messages } = gateway.core;
  const conversation = await gateway.core.conversations.findByExternalId('event', String(application));
  const user = await gateway.core.identities.resolve('event', '1011');
  if (!conversation || !user) throw new Error('the conversation is not there');
  const actor = {
    userId: user.id,
    via: 'event',
    namespace: 'event',
    capacity: 'customer' as const,
    sessionId: null,
    connectionId: null,
    lastPosition: 0,
  };
  const total = 20_000;
  for (let from = 0; from < total; from += 500) {
    await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        messages.send({ ...actor }, { conversationId: conversation.id, text: `message ${from + index}` }),
      ),
    );
  }
  const history = await historyOf(sender, application);
  expect(history).toHaveLength(total);
  expect(history.map(({ id }) => id)).toEqual(history.map(({ id }) => id).sort((one, other) => one - other));
  expect(await sendTo(sender, application, 'and on it goes')).toMatchObject({ ok: true });
  expect((await historyOf(sender, application)).at(-1)).toMatchObject({ content: 'and on it goes' });
});
