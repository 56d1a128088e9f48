import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createHttpHost, type HttpHost, ListenError } from './http-host.ts';

const log = () => undefined;
const anyPort = { host: '127.0.0.1', port: 0, setting: 'PORT' };
const hosts: HttpHost[] = [];

function createHost(): HttpHost {
  const host = createHttpHost({ log });
  hosts.push(host);
  return host;
}

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

/** Sends bytes as they are and reads until the other side hangs up. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

const upgradeOf = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

describe('requests', () => {
  it('go to the first who claimed the path, and to nobody else', async () => {
    const host = createHost();
    const answers = (name: string) => (_request: unknown, response: import('node:http').ServerResponse) =>
      void response.end(name);
    host.route({ exact: '/healthz' }, answers('exact'));
    host.route({ prefix: '/api/v1' }, answers('prefix'));
    host.route({ prefix: '/ChatHub', lenient: true }, answers('lenient'));
    const { url } = await host.listen(anyPort);
    const get = async (path: string) => {
      const response = await fetch(url + path);
      return response.status === 200 ? response.text() : response.status;
    };
    expect(await get('/healthz?x=1')).toBe('exact');
    expect(await get('/healthz/')).toBe(404);
    expect(await get('/api/v1')).toBe('prefix');
    expect(await get('/api/v1/x/y')).toBe('prefix');
    expect(await get('/api/v10')).toBe(404);
    expect(await get('/API/v1')).toBe(404);
    expect(await get('/chathub/')).toBe('lenient');
    expect(await get('/CHATHUB/negotiate')).toBe('lenient');
    host.route({ prefix: '/' }, answers('rest'));
    expect(await get('/api/v10')).toBe('rest');
  });

  it('are found by their path when the address is absolute', async () => {
    const host = createHost();
    host.route({ exact: '/x' }, (request, response) => void response.end(`found ${request.url}`));
    const { port } = await host.listen(anyPort);
    const answer = await exchange(
      port,
      'GET http://other.example/x?y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    // Whoever claimed the path sees no host in it.
    expect(answer).toMatch(/found \/x\?y$/);
  });

  it('are answered 500 when a listener throws, and the next one works', async () => {
    const host = createHost();
    let calls = 0;
    host.route({ exact: '/' }, (_request, response) => {
      calls += 1;
      if (calls === 1) throw new Error('a fault');
      response.end('fine');
    });
    const { url } = await host.listen(anyPort);
    expect((await fetch(url)).status).toBe(500);
    expect(await (await fetch(url)).text()).toBe('fine');
  });

  it('with headers beyond the limit are refused', async () => {
    const host = createHost();
    const { port } = await host.listen(anyPort);
    const answer = await exchange(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('that are no HTTP are refused', async () => {
    const host = createHost();
    const { port } = await host.listen(anyPort);
    expect(await exchange(port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('upgrades', () => {
  it('go to the one listener that claimed the path', async () => {
    const host = createHost();
    host.upgrade({ exact: '/ws' }, (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello'));
    const { port } = await host.listen(anyPort);
    expect(await exchange(port, upgradeOf('/ws?sid=1'))).toMatch(/^HTTP\/1\.1 101 [\s\S]*hello$/);
  });

  it('that nobody claimed are answered 404', async () => {
    const host = createHost();
    host.route({ prefix: '/' }, (_request, response) => void response.end());
    const { port } = await host.listen(anyPort);
    expect(await exchange(port, upgradeOf('/ws'))).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  });

  it('survive a client that hangs up in the middle', async () => {
    const host = createHost();
    let onClose = () => {};
    const isClosed = new Promise<void>((resolve) => {
      onClose = resolve;
    });
    host.upgrade({ exact: '/ws' }, (_request, socket) => {
      socket.on('close', onClose);
      socket.resume();
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    const { port, url } = await host.listen(anyPort);
    const socket = connect(port, '127.0.0.1', () => socket.write(upgradeOf('/ws')));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await isClosed;
    expect((await fetch(url)).status).toBe(404);
  });

  it('are cut at the end', async () => {
    const host = createHost();
    host.upgrade({ exact: '/ws' }, (_request, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
    const { port } = await host.listen(anyPort);
    const socket = connect(port, '127.0.0.1', () => socket.write(upgradeOf('/ws')));
    await new Promise((resolve) => socket.once('data', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await host.close();
    await closed;
  });
});

describe('addresses', () => {
  it('that are taken are named, with the setting to change', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const failure = await createHost()
      .listen({ host: '127.0.0.1', port, setting: 'listen.event' })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ListenError);
    expect((failure as Error).message).toBe(
      `Port ${port} on 127.0.0.1 is taken by another process. Stop that one, or give another port with listen.event.`,
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it('that are not of this machine are named', async () => {
    await expect(createHost().listen({ host: '192.0.2.1', port: 0, setting: 'HOST' })).rejects.toThrow(
      '192.0.2.1 is no address of this machine',
    );
  });
});

it('takes nobody new once it stops listening, and finishes what is under way', async () => {
  const host = createHost();
  let finish = () => {};
  const arrived = new Promise<void>((resolve) => {
    host.route({ exact: '/slow' }, (_request, response) => {
      finish = () => void response.end('done');
      resolve();
    });
  });
  const { port, url } = await host.listen(anyPort);
  const answer = new Promise<string>((resolve) => {
    httpRequest(`${url}/slow`, (response) => {
      response.setEncoding('utf8');
      response.on('data', resolve);
    }).end();
  });
  await arrived;
  host.stopListening();
  await expect(exchange(port, 'GET / HTTP/1.1\r\n\r\n')).rejects.toThrow('ECONNREFUSED');
  finish();
  expect(await answer).toBe('done');
  await host.drained();
});
