// A door in front of the test's PostgreSQL that lets a COMMIT in and cuts the line instead of letting its answer out.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CommitCutter {
  readonly connectionString: string;
  /** The answers to the next so many COMMITs are lost. */
  losses: number;
  close(): Promise<void>;
}

export async function createCommitCutter(target: string): Promise<CommitCutter> {
  const url = new URL(target);
  const host = url.searchParams.get('host') ?? url.hostname;
  const port = Number(url.port || url.searchParams.get('port') || 5432);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    let isCommitting = false;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (cutter.losses > 0 && bytes.includes('COMMIT')) {
        cutter.losses -= 1;
        isCommitting = true;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (isCommitting) client.destroy();
      else client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  url.searchParams.delete('host');
  url.searchParams.delete('port');
  const cutter: CommitCutter = {
    connectionString: url.toString(),
    losses: 0,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return cutter;
}
