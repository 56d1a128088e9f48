/**
 * A host for one adapter under test: a bare HTTP server on a free port of the loopback, with the paths that the adapter claims and nothing
 * else. What the gateway adds (timeouts, probes, administration) is tested with the gateway.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemIds } from '@switchboard/core';
import {
  createHub,
  DEFAULT_HOST_LIMITS,
  type Host,
  type HostLimits,
  type HubControl,
  type Metrics,
  type MountedAdapter,
  NO_METRICS,
  type ProtocolAdapter,
  type RoutePath,
} from '@switchboard/protocol';
import type { LogLine, TestCore } from './core.ts';

export interface TestHostOptions {
  readonly limits?: Partial<HostLimits>;
  readonly production?: boolean;
  readonly origins?: readonly string[] | null;
  readonly metrics?: Metrics;
}

export interface TestHost {
  readonly host: Host;
  readonly hub: HubControl;
  /** `http://127.0.0.1:<port>`, without a final slash. */
  readonly url: string;
  readonly port: number;
  /** What hub and adapters logged. */
  readonly lines: readonly LogLine[];
  /** Mounts and registers. Closed with the host unless the test closes it first. */
  mount(adapter: ProtocolAdapter): MountedAdapter;
  /** Says goodbye with `shutdown`, then cuts what is left. The core stays. */
  close(): Promise<void>;
}

type Claim<Listener> = { readonly path: RoutePath; readonly listener: Listener };

/** One node's host. Several on one core, or on the cores of several nodes, are fine. */
export async function createTestHost(
  { core, bus, clock }: Pick<TestCore, 'core' | 'bus' | 'clock'>,
  options: TestHostOptions = {},
): Promise<TestHost> {
  const routes: Claim<Parameters<Host['route']>[1]>[] = [];
  const upgrades: Claim<Parameters<Host['upgrade']>[1]>[] = [];
  const things = new Map<string, unknown>();
  const sockets = new Set<Duplex>();
  const mounted: MountedAdapter[] = [];
  const lines: LogLine[] = [];
  const log: Host['log'] = (level, message, fields = {}) => void lines.push({ level, message, fields });
  const metrics = options.metrics ?? NO_METRICS;
  const hub = createHub({ core, clock, log, metrics, publish: (signals) => bus.publishSignals(signals) });

  const server = createServer();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const claim = routes.find(({ path }) => matches(path, request.url));
    if (claim) claim.listener(request, response);
    else response.writeHead(404).end();
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const claim = upgrades.find(({ path }) => matches(path, request.url));
    if (claim) claim.listener(request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const host: Host = {
    core,
    hub,
    clock,
    ids: systemIds,
    log,
    metrics,
    limits: { ...DEFAULT_HOST_LIMITS, ...options.limits },
    production: options.production ?? false,
    origins: options.origins ?? null,
    trustProxy: false,
    route: (path, listener) => void routes.push({ path, listener }),
    upgrade: (path, listener) => void upgrades.push({ path, listener }),
    shared<T>(key: string, create: () => T): T {
      if (!things.has(key)) things.set(key, create());
      return things.get(key) as T;
    },
  };

  return {
    host,
    hub,
    url: `http://127.0.0.1:${port}`,
    port,
    lines,
    mount(adapter) {
      const one = adapter.mount(host);
      hub.register(adapter.name, one);
      mounted.push(one);
      return one;
    },
    async close() {
      await Promise.all(mounted.map((one) => one.close('shutdown')));
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      hub.close();
    },
  };
}

function matches({ exact, prefix, lenient }: RoutePath, url = '/'): boolean {
  const given = normalize(url.split('?')[0] as string, lenient);
  if (exact !== undefined) return given === normalize(exact, lenient);
  const wanted = normalize(prefix ?? '/', lenient);
  return given === wanted || given.startsWith(wanted.endsWith('/') ? wanted : `${wanted}/`);
}

function normalize(path: string, lenient = false): string {
  if (!lenient) return path;
  const lower = path.toLowerCase();
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
}
