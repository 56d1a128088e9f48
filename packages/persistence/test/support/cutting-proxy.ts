// A TCP door in front of the test's PostgreSQL that can swallow an answer and cut the line: what a client sees of a commit whose
// acknowledgement is lost.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly connectionString: string;
  /** From now on: the next answers are thrown away and the connections they belong to are cut. Once. */
  cutNextAnswer(): void;
  close(): Promise<void>;
}

export async function createCuttingProxy(target: string): Promise<CuttingProxy> {
  const url = new URL(target);
  const host = url.searchParams.get('host') ?? url.hostname;
  const port = Number(url.port || url.searchParams.get('port') || 5432);
  let armed = false;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (!armed) return client.write(bytes);
      armed = false;
      return client.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  url.searchParams.delete('host');
  url.searchParams.delete('port');
  return {
    connectionString: url.toString(),
    cutNextAnswer() {
      armed = true;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
