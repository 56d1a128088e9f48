/** The host under real client libraries: who comes in where, what passes by, and how it ends. */

import { encodeAck, encodeEvent, type NamespaceSocket, socketIoHost } from '@switchboard/protocol-socketio';
import { type BareHost, createBareHost } from './support/bare-host.ts';

// Three generations of one library: what the tests use of them is the same.
interface Client {
  readonly id: string;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  disconnect(): unknown;
  readonly io: { readonly engine: { readonly transport: { readonly name: string } } };
}
type Io = (url: string, options: object) => Client;

const CLIENTS: readonly [string, Io][] = ['1.7', '2.4', '4.8'].map((version) => [
  version,
  jest.requireActual<Io>(`socket.io-client-${version}`),
]);

describe('the socket.io host', () => {
  let bare: BareHost;
  let clients: Client[];
  let sockets: NamespaceSocket[];
  let root: NamespaceSocket[];
  let close: () => Promise<unknown>;

  beforeEach(async () => {
    bare = await createBareHost();
    clients = [];
    sockets = [];
    root = [];
    const socketIo = socketIoHost(bare.host);
    const data = socketIo.claim('/data', {
      headers: ['session'],
      connected: (socket) => {
        sockets.push(socket);
        socket.write(encodeEvent('/data', 'hello', { id: socket.id }));
      },
      received(socket, { name, args, ackId }) {
        if (name === 'leave') socket.leave();
        else if (name === 'end') socket.end();
        else if (ackId !== null) socket.write(encodeAck('/data', ackId, { name, args }));
        else {
          const frame = encodeEvent('/data', name, ...args);
          for (let at = 0; at < 3; at += 1) socket.write(frame);
        }
      },
      disconnected: (socket) => void sockets.splice(sockets.indexOf(socket), 1),
    });
    const main = socketIo.claim('/', {
      connected: (socket) => void root.push(socket),
      received: (socket, { name, args }) => void socket.write(encodeEvent('/', name, ...args)),
      disconnected: (socket) => void root.splice(root.indexOf(socket), 1),
    });
    close = () => Promise.all([data.close(), main.close()]);
  });

  afterEach(async () => {
    for (const client of clients) client.disconnect();
    await close();
    await bare.close();
  });

  function connect(io: Io, path: string, options: object = {}): Client {
    const client = io(`${bare.url}${path}`, { forceNew: true, reconnection: false, ...options });
    clients.push(client);
    return client;
  }

  const next = <T>(client: Client, event: string) =>
    new Promise<T>((resolve) => client.once(event, (...args) => resolve(args[0] as T)));
  const ask = (client: Client, event: string, ...args: unknown[]) =>
    new Promise((resolve) => client.emit(event, ...args, resolve));

  describe.each(CLIENTS)('with client %s', (version, io) => {
    const isOld = version !== '4.8';

    it.each([['websocket'], ['polling']])('brings events and acknowledgements over %s', async (transport) => {
      const client = connect(io, '/data?session=abc', { transports: [transport], extraHeaders: { Session: 'abc' } });
      const hello = await next<{ id: string }>(client, 'hello');
      // Clients 1 know the engine's id alone, in every namespace.
      expect(hello.id).toBe(version === '1.7' ? `/data#${client.id}` : client.id);
      const { query, headers, auth, revision } = (sockets[0] as NamespaceSocket).handshake;
      expect({ query, headers, auth, revision }).toEqual({
        query: { session: 'abc' },
        headers: { session: 'abc' },
        auth: isOld ? { session: 'abc' } : {},
        revision: isOld ? 3 : 4,
      });
      const text = 'ключ 🔑 "quoted"';
      expect(await ask(client, 'echo', { text }, text)).toEqual({ name: 'echo', args: [{ text }, text] });
      const heard: unknown[] = [];
      const third = new Promise<void>((resolve) =>
        client.on('thrice', (value) => {
          heard.push(value);
          if (heard.length === 3) resolve();
        }),
      );
      client.emit('thrice', { text });
      await third;
      expect(heard).toEqual([{ text }, { text }, { text }]);
    });

    it('keeps the order while a client changes over from polling', async () => {
      const client = connect(io, '/data', { transports: ['polling', 'websocket'] });
      const heard: number[] = [];
      client.on('count', (value) => heard.push(value as number));
      await next(client, 'hello');
      const socket = sockets[0] as NamespaceSocket;
      let sent = 0;
      while (client.io.engine.transport.name !== 'websocket' || sent < 500) {
        for (let at = 0; at < 10; at += 1) socket.write(encodeEvent('/data', 'count', sent++));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await ask(client, 'echo');
      await ask(client, 'echo');
      expect(heard).toEqual(Array.from({ length: sent }, (_, at) => at));
    });

    it('hands on binary arguments', async () => {
      const client = connect(io, '/data', { transports: ['websocket'] });
      await next(client, 'hello');
      const { args } = (await ask(client, 'echo', Buffer.from('abc'), 1)) as { args: unknown[] };
      expect(args).toEqual([{ type: 'Buffer', data: [97, 98, 99] }, 1]);
    });

    it('says nothing of those who only pass through "/"', async () => {
      const client = connect(io, '/data');
      await next(client, 'hello');
      await ask(client, 'echo');
      expect(root).toEqual([]);
    });

    it('serves "/" with the id that the client knows', async () => {
      const client = connect(io, '/');
      const echoed = next<number>(client, 'echo');
      client.emit('echo', 1);
      expect(await echoed).toBe(1);
      expect(root[0]?.id).toBe(client.id);
    });

    it('ends a namespace so that clients stay away, and a connection so that they return', async () => {
      const left = connect(io, '/data', { transports: ['websocket'], reconnection: true, reconnectionDelay: 10 });
      const gone = next<string>(left, 'disconnect');
      left.emit('leave');
      expect(await gone).toBe('io server disconnect');
      const ended = connect(io, '/data', { transports: ['websocket'], reconnection: true, reconnectionDelay: 10 });
      await next(ended, 'hello');
      const lost = next<string>(ended, 'disconnect');
      const again = new Promise<void>((resolve) => void lost.then(() => ended.once('hello', () => resolve())));
      ended.emit('end');
      expect(await lost).toBe('transport close');
      await again;
    });

    it('refuses a namespace that nobody has claimed', async () => {
      const client = connect(io, '/elsewhere');
      const refusal = await next<string | Error>(client, isOld ? 'error' : 'connect_error');
      expect(typeof refusal === 'object' ? refusal.message : refusal).toBe('Invalid namespace');
    });

    it('forgets who has gone', async () => {
      const client = connect(io, '/data', { transports: ['websocket'] });
      await next(client, 'hello');
      const socket = sockets[0] as NamespaceSocket;
      client.disconnect();
      while (sockets.length > 0) await new Promise((resolve) => setImmediate(resolve));
      expect(socket.write(Buffer.from('x'))).toBe(true);
    });
  });

  it('lets good origins in, with credentials, and others not', async () => {
    const strict = await createBareHost(['https://good.example']);
    const namespace = socketIoHost(strict.host).claim('/data', {
      connected: () => undefined,
      received: () => undefined,
      disconnected: () => undefined,
    });
    const url = `${strict.url}/socket.io/?EIO=4&transport=polling`;
    const good = await fetch(url, { headers: { Origin: 'https://good.example' } });
    expect([good.status, good.headers.get('access-control-allow-origin')]).toEqual([200, 'https://good.example']);
    expect(good.headers.get('access-control-allow-credentials')).toBe('true');
    const bad = await fetch(url, { headers: { Origin: 'https://bad.example' } });
    expect([bad.status, bad.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    await namespace.close();
    await strict.close();
  });

  it('closes a connection that speaks no socket.io', async () => {
    const url = `${bare.url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1)) as { sid: string };
    await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '4nonsense' });
    const answer = await fetch(`${url}&sid=${sid}`);
    expect(await answer.text()).toMatch(/1$/);
    expect((await fetch(`${url}&sid=${sid}`)).status).toBe(400);
  });

  it('greets older clients in the answer to their first poll', async () => {
    const answer = await fetch(`${bare.url}/socket.io/?EIO=3&transport=polling&b64=1`);
    expect(await answer.text()).toMatch(/^\d+:0\{.*\}2:40$/);
    const newer = await fetch(`${bare.url}/socket.io/?EIO=4&transport=polling`);
    expect(await newer.text()).toMatch(/^0\{.*\}$/);
  });
});
