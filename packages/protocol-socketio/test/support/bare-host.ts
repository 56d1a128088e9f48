/** A host with a server and nothing behind it: the socket.io host asks for neither core nor hub. */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock } from '@switchboard/core';
import { createPathMatcher, DEFAULT_HOST_LIMITS, type Host } from '@switchboard/protocol';

export interface BareHost {
  readonly host: Host;
  readonly url: string;
  close(): Promise<void>;
}

export async function createBareHost(origins: readonly string[] | null = null): Promise<BareHost> {
  const routes: [(path: string) => boolean, Parameters<Host['route']>[1]][] = [];
  const upgrades: [(path: string) => boolean, Parameters<Host['upgrade']>[1]][] = [];
  const shared = new Map<string, unknown>();
  const sockets = new Set<Socket>();
  const pathOf = (url = '/') => url.split('?')[0] as string;
  const server = createServer((request, response) => {
    const route = routes.find(([matches]) => matches(pathOf(request.url)));
    if (route) route[1](request, response);
    else response.writeHead(404).end();
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    upgrades.find(([matches]) => matches(pathOf(request.url)))?.[1](request, socket, head);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = {
    clock: systemClock,
    log: () => undefined,
    limits: DEFAULT_HOST_LIMITS,
    origins,
    trustProxy: false,
    route: (path, listener) => void routes.push([createPathMatcher(path), listener]),
    upgrade: (path, listener) => void upgrades.push([createPathMatcher(path), listener]),
    shared<T>(key: string, create: () => T): T {
      if (!shared.has(key)) shared.set(key, create());
      return shared.get(key) as T;
    },
  } satisfies Partial<Host>;
  return {
    host: host as unknown as Host,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
