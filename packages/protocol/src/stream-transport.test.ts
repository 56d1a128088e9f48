import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createFakeClock } from '@switchboard/testing/clock';
import { createFlusher, createOutbox, pushEvent } from './outbox.ts';
import { createStreamTransport } from './stream-transport.ts';

/** Two ends of a real socket. */
async function pair(): Promise<{ server: Socket; client: Socket }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as { port: number }).port, '127.0.0.1');
  const [server] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  opened.push(client, server);
  return { server, client };
}

const opened: Socket[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

describe('a stream transport', () => {
  it('carries everything in order to a client that reads late, and closes nobody who reads', async () => {
    const { server, client } = await pair();
    const outbox = createOutbox(createStreamTransport(server, createFakeClock()), {
      flusher: createFlusher(),
      limitBytes: 64 * 1024 * 1024,
    });
    const closed: string[] = [];
    outbox.owner = { close: (reason) => void closed.push(reason) };
    client.pause();
    const piece = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < 24; at += 1) {
      const bytes = Buffer.from(piece).fill(at);
      pushEvent(outbox, { bytes, use: 'event', position: at, shared: false });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(outbox.isBlocked).toBe(true);
    let received = 0;
    let isInOrder = true;
    client.on('data', (data) => {
      for (const byte of [data[0], data[data.length - 1]]) {
        if (byte !== undefined && byte < Math.floor(received / piece.length)) isInOrder = false;
      }
      received += data.length;
      if (received === 24 * piece.length) client.emit('all');
    });
    client.resume();
    await once(client, 'all');
    expect([isInOrder, closed, outbox.waitingBytes]).toEqual([true, [], 0]);
  });

  it('cuts a client that does not take its goodbye', async () => {
    const { server, client } = await pair();
    const clock = createFakeClock();
    const transport = createStreamTransport(server, clock);
    client.pause();
    // More than the kernel takes for a client that does not read.
    for (let at = 0; at < 32; at += 1) transport.write(Buffer.alloc(1024 * 1024));
    transport.end(Buffer.from('goodbye'));
    expect(server.destroyed).toBe(false);
    const gone = once(server, 'close');
    await clock.advance(3_000);
    await gone;
    expect(server.destroyed).toBe(true);
  });

  it('forgets its deadline when the goodbye was taken', async () => {
    const { server, client } = await pair();
    const clock = createFakeClock();
    client.resume();
    createStreamTransport(server, clock).end(Buffer.from('goodbye'));
    await once(server, 'close');
    expect(clock.pending).toBe(0);
  });
});
