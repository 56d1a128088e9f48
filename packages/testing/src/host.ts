/**
 * A gateway's inside for one adapter under test: hub, host and a listening server on a free port, over a test core. Leaves out what the
 * gateway adds (health, administration, configuration). Knows no wire.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { adminActor, type Clock, type SpaceId, systemIds, type UserId } from '@switchboard/core';
import {
  type CloseReason,
  createHub,
  createPathMatcher,
  DEFAULT_HOST_LIMITS,
  type Host,
  type HostLimits,
  type HubControl,
  type IssuedCredential,
  type MountedAdapter,
  NO_METRICS,
  type ProtocolAdapter,
} from '@switchboard/protocol';
import type { LogLine, TestCore } from './core.ts';

export interface TestHostOptions {
  readonly limits?: Partial<HostLimits>;
  readonly production?: boolean;
  readonly origins?: readonly string[] | null;
  /** Default: the core's. */
  readonly clock?: Clock;
}

export interface TestHost {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  readonly hub: HubControl;
  readonly adapter: MountedAdapter;
  /** What the adapter and the hub logged. */
  readonly lines: readonly LogLine[];
  /** A credential for the user, as the administration would issue it. */
  credential(
    userId: UserId,
    options?: { readonly role?: string; readonly spaceId?: SpaceId; readonly ttlMs?: number },
  ): Promise<IssuedCredential>;
  /** The goodbye of a gateway that stops, then the server's end. The core stays. */
  close(reason?: CloseReason): Promise<void>;
}

export async function createTestHost(
  test: TestCore,
  adapter: ProtocolAdapter,
  options: TestHostOptions = {},
): Promise<TestHost> {
  const { core } = test;
  const clock = options.clock ?? test.clock;
  const lines: LogLine[] = [];
  const log: Host['log'] = (level, message, fields = {}) => void lines.push({ level, message, fields });
  const hub = createHub({
    core,
    clock,
    log,
    metrics: NO_METRICS,
    publish: (signals) => test.bus.publishSignals(signals),
  });
  const routes: [matches: (path: string) => boolean, listener: Parameters<Host['route']>[1]][] = [];
  const upgrades: [matches: (path: string) => boolean, listener: Parameters<Host['upgrade']>[1]][] = [];
  const shared = new Map<string, unknown>();
  const sockets = new Set<Duplex>();

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const claim = routes.find(([matches]) => matches(pathOf(request)));
    if (claim) claim[1](request, response);
    else response.writeHead(404).end();
  });
  // Shared by all sockets: a closure of each would keep its request, and no measure of an idle connection would be right.
  function forget(this: Duplex): void {
    sockets.delete(this);
  }
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', forget);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', ignore);
    const claim = upgrades.find(([matches]) => matches(pathOf(request)));
    if (claim) claim[1](request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });

  const mounted = adapter.mount({
    core,
    hub,
    clock,
    ids: systemIds,
    log,
    metrics: NO_METRICS,
    limits: { ...DEFAULT_HOST_LIMITS, ...options.limits },
    production: options.production ?? false,
    origins: options.origins ?? null,
    trustProxy: false,
    route: (path, listener) => void routes.push([createPathMatcher(path), listener]),
    upgrade: (path, listener) => void upgrades.push([createPathMatcher(path), listener]),
    shared<T>(key: string, create: () => T): T {
      if (!shared.has(key)) shared.set(key, create());
      return shared.get(key) as T;
    },
  });
  const unregister = hub.register(adapter.name, mounted);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  let closing: Promise<void> | null = null;

  async function close(reason: CloseReason): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    await mounted.close(reason);
    unregister();
    hub.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    url,
    port,
    hub,
    adapter: mounted,
    lines,
    credential(userId, about = {}) {
      if (!mounted.issueCredential) throw new Error(`${adapter.name} issues no credentials`);
      return mounted.issueCredential({ actor: adminActor(), userId, baseUrl: url, ...about });
    },
    close(reason = 'shutdown') {
      closing ??= close(reason);
      return closing;
    },
  };
}

function ignore(): void {}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?')[0] ?? '/';
}
