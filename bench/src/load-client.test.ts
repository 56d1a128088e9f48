/** The load client must be believed before any server is: here it meets servers whose doings are known. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { createLoadClient } from './load-client.ts';
import { MESSAGE_TEXT, type PlanLine } from './plan.ts';

const READER: PlanLine = { path: '/reader', steps: [{ expect: 'hello' }, { send: 'join\n"\\', expect: 'joined' }] };
const SENDER: PlanLine = {
  path: '/sender',
  sends: { frame: `say ${MESSAGE_TEXT}`, ack: 'stored it', hears: true, echoed: false },
};
const SHORT = { warmUpSeconds: 0.05, seconds: 0.2, drainSeconds: 0.2 };

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

/** Brings every message to everybody but its sender, and acknowledges it. `forget`: the first that may hear one does not. */
async function startServer({ forget = false, refuse = false } = {}): Promise<{ port: number; said: string[] }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => !refuse });
  servers.push(server);
  const said: string[] = [];
  const joined = new Set<WebSocket>();
  let isForgetting = forget;
  server.on('connection', (socket, request) => {
    if (request.url === '/sender') joined.add(socket);
    else socket.send('hello');
    socket.on('message', (data) => {
      const text = String(data);
      said.push(text);
      if (text.startsWith('join')) {
        joined.add(socket);
        socket.send('joined');
        return;
      }
      for (const other of joined) {
        if (other === socket) continue;
        if (!isForgetting) other.send(text);
        isForgetting = false;
      }
      socket.send('stored it');
    });
  });
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, said };
}

const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

describeOnLinux('the load client', () => {
  it('says its steps in order, each when the one before was answered', async () => {
    const { port, said } = await startServer();
    const load = await createLoadClient([]);
    await load.run([READER, SENDER], { port, ...SHORT });
    expect(said[0]).toBe('join\n"\\');
    expect(said[1]).toMatch(/^say ~[0-9a-f]{16}x{183}$/);
  });

  it('counts every delivery to readers and to senders that hear', async () => {
    const { port } = await startServer();
    const load = await createLoadClient([]);
    const report = await load.run([READER, READER, READER, SENDER, SENDER], { port, window: 4, ...SHORT });
    expect(report).toMatchObject({ readers: 3, senders: 2, lost: 0, unacked: 0 });
    expect(report.sent).toBeGreaterThan(8);
    // Three readers and the other sender hear each.
    expect(report.deliveriesPerSecond / report.readerDeliveriesPerSecond).toBeCloseTo(4 / 3, 1);
    expect(report.delivery.p50).toBeGreaterThan(0);
    expect(report.ack.p99).toBeGreaterThanOrEqual(report.ack.p50);
  });

  it('notices a delivery that did not come', async () => {
    const { port } = await startServer({ forget: true });
    const load = await createLoadClient([]);
    expect(await load.run([READER, SENDER], { port, ...SHORT })).toMatchObject({ lost: 1, unacked: 0 });
  });

  it('keeps to the rate it was given, whatever the answers take', async () => {
    const { port } = await startServer();
    const load = await createLoadClient([]);
    const report = await load.run([READER, SENDER, SENDER], { port, rate: 100, ...SHORT });
    expect(report.sent).toBe(25);
  });

  it('says why a connection was refused', async () => {
    const { port } = await startServer({ refuse: true });
    const load = await createLoadClient([]);
    await expect(load.run([READER, SENDER], { port, ...SHORT })).rejects.toThrow(/refused: HTTP\/1.1 401/);
  });
});
