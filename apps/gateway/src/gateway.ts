/**
 * The process put together: ports, core, hub and adapters, in that order, in plain code. Whoever calls `close` has every wire say goodbye
 * and everything that was promised written down. Knows no signal and no exit code.
 */
import { type Core, createCore, type Log } from '@switchboard/core';
import { createHub, type Host, type HubControl } from '@switchboard/protocol';
import { ADAPTERS, type RunningAdapter } from './adapters.ts';
import { mountAdmin } from './admin/mount.ts';
import { createClosers } from './closers.ts';
import type { ProtocolName } from './config/schema.ts';
import type { Config } from './config.ts';
import { createDemoWorld } from './demo/world.ts';
import { type Check, createHealth } from './health.ts';
import { createHosts } from './hosts.ts';
import type { BoundAddress, HttpHost } from './http-host.ts';
import { createMetrics, type GatewayMetrics } from './metrics.ts';
import { type GatewayPorts, openPorts } from './ports.ts';

export interface GatewayAddresses {
  readonly main: BoundAddress;
  readonly admin: BoundAddress;
  /** By protocol: where its clients find it, without a final slash. Protocols that are off or not built in are not here. */
  readonly adapters: ReadonlyMap<ProtocolName, string>;
}

export interface Started {
  readonly addresses: GatewayAddresses;
  /** The domain, for whoever runs the gateway inside a process of its own making (tests, the demo). */
  readonly core: Core;
}

export interface Gateway {
  /** Resolves when clients are served. Throws StoreStartError, ListenError; then nothing is left running. Called once. */
  start(): Promise<Started>;
  /** Says goodbye on every wire, writes down what was promised, and lets go of everything. A second call waits for the first. */
  close(): Promise<void>;
}

/** How long each part may take to close; together they stay below the ten seconds of an orderly end. */
const CLOSE_PATIENCE_MS = 2_500;

export function createGateway(config: Config, { log }: { readonly log: Log }): Gateway {
  const closers = createClosers(log, CLOSE_PATIENCE_MS);
  let started: Promise<Started> | null = null;

  async function run(): Promise<Started> {
    const metrics = createMetrics();
    const ports = await openPorts(config, { log, metrics, closers });
    const core = createCore(ports);
    closers.add('core', () => core.close());
    await core.start();
    if (config.demoWorld) await createDemoWorld(core, log);

    const hub = createHub({
      core,
      clock: ports.clock,
      log,
      metrics: metrics.kit,
      publish: (signals) => ports.bus.publishSignals(signals),
    });
    closers.add('hub', () => hub.close());
    metrics.watch({
      followerLag: () => core.events.lag,
      committerDepth: () => ports.committer.depth,
      outboxBytes: hub.outboxBytes,
    });

    if (config.origins?.length === 0) {
      log('warn', 'no web page may connect: list the origins of yours in ORIGINS (or "origins" in switchboard.yaml)');
    }
    const hosts = createHosts(config, log);
    const health = createHealth(checksOf(core, ports), metrics);
    const running: RunningAdapter[] = [];
    const addresses = new Map<ProtocolName, string>();
    // Closed in the opposite order: readiness turns red, listeners close, every wire says goodbye, and only then are sockets cut.
    closers.add('connections', () => hosts.close());
    closers.add('goodbyes', () => Promise.all(running.map(({ mounted }) => mounted.close('shutdown'))));
    closers.add('listeners', () => {
      health.beginShutdown();
      hosts.stopListening();
    });

    for (const host of new Set([hosts.main, hosts.admin])) health.mountProbes(host);
    health.mountMetrics(hosts.admin);
    mountAdmin(hosts.admin, { core, hub, log, running, token: config.adminToken });
    for (const row of ADAPTERS) {
      const adapter = row.create(config, ports);
      if (!adapter) continue;
      const mounted = adapter.mount(hostFor(hosts.hostOf(row.name), { config, core, hub, ports, metrics }));
      hub.register(row.name, mounted);
      running.push({ name: row.name, mounted, baseUrl: () => addresses.get(row.name) ?? '' });
    }

    const bound = await hosts.listen();
    for (const { name } of running) {
      addresses.set(name, bound.own.get(name)?.url ?? config.publicUrl ?? bound.main.url);
    }
    return { addresses: { main: bound.main, admin: bound.admin, adapters: addresses }, core };
  }

  return {
    start() {
      started ??= run().catch(async (error: unknown) => {
        await closers.closeAll();
        throw error;
      });
      return started;
    },
    async close() {
      await started?.catch(() => undefined);
      await closers.closeAll();
    },
  };
}

function hostFor(
  http: HttpHost,
  parts: {
    readonly config: Config;
    readonly core: Core;
    readonly hub: HubControl;
    readonly ports: GatewayPorts;
    readonly metrics: GatewayMetrics;
  },
): Host {
  const { config, core, hub, ports, metrics } = parts;
  return {
    core,
    hub,
    clock: ports.clock,
    ids: ports.ids,
    log: ports.log,
    metrics: metrics.kit,
    limits: config.hostLimits,
    production: config.mode === 'production',
    origins: config.origins,
    trustProxy: config.trustProxy,
    route: http.route,
    upgrade: http.upgrade,
    shared: http.shared,
  };
}

function checksOf(core: Core, ports: GatewayPorts): Check[] {
  return [
    {
      name: 'store',
      run: () =>
        ports.store.ping().then(
          () => null,
          () => 'PostgreSQL does not answer',
        ),
    },
    { name: 'bus', run: () => (ports.bus.isUp() ? null : 'the bus cannot be reached') },
    { name: 'follower', run: () => (core.events.healthy ? null : 'the log cannot be followed') },
  ];
}
