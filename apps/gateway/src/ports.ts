/** The domain's ports on real machinery: PostgreSQL (embedded or given), the bus, presence, files. Plain code, in the order of need. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  createMemoryEventBus,
  createMemoryMedium,
  createMemoryPresenceStore,
  createRedisEventBus,
  createRedisPresenceStore,
} from '@switchboard/bus';
import { type CorePorts, type Log, type NodeId, type OnCommitted, systemClock, systemIds } from '@switchboard/core';
import {
  applyMigrations,
  createCommitter,
  createDiskBlobStore,
  createPrismaStore,
  type DiskBlobStore,
  fsFault,
  startEmbeddedPostgres,
} from '@switchboard/persistence';
import type { Closers } from './closers.ts';
import type { Config } from './config.ts';
import type { GatewayMetrics } from './metrics.ts';
import { keepSessionKey } from './session-key.ts';

export interface GatewayPorts extends CorePorts {
  readonly blobs: DiskBlobStore;
}

/** Of the repository or the image: they stand at the same place seen from the sources and from the build. */
const MIGRATIONS_DIR = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

export async function openPorts(
  config: Config,
  { log, metrics, closers }: { readonly log: Log; readonly metrics: GatewayMetrics; readonly closers: Closers },
): Promise<GatewayPorts> {
  const clock = systemClock;
  const nodeId = createNodeId();
  const connectionString = config.databaseUrl ?? (await startEmbedded(config.dataDir, log, closers));
  const sessionKey =
    config.sessionKey ?? (await keepSessionKey(config.dataDir).catch(told(config.dataDir, 'DATA_DIR')));
  await applyMigrations({ connectionString, migrationsDir: MIGRATIONS_DIR, log });

  const medium = createMemoryMedium();
  const { redisUrl } = config;
  const bus = redisUrl ? createRedisEventBus({ url: redisUrl, nodeId, log }) : createMemoryEventBus(medium, nodeId);
  closers.add('bus', () => bus.close());
  const presence = redisUrl
    ? createRedisPresenceStore({ url: redisUrl, nodeId, clock, log })
    : createMemoryPresenceStore({ medium, nodeId, clock });
  closers.add('presence store', () => presence.close());

  const onCommitted: OnCommitted = (events, head) => bus.publishCommit({ events, head });
  const store = await createPrismaStore({ connectionString, onCommitted, clock, log });
  closers.add('store', () => store.close());
  const committer = createCommitter({ connectionString, onCommitted, stats: metrics.committer, log });
  closers.add('committer', () => committer.close());
  const blobs = createDiskBlobStore({ directory: config.filesDir });
  // From before the first heartbeat until after the last: whoever hears of this node looks for its sign.
  await blobs.sign(nodeId).catch(told(config.filesDir, 'FILES_DIR'));
  closers.add('sign in the directory of files', () => blobs.unsign(nodeId));

  return {
    store,
    committer,
    bus,
    presence,
    blobs,
    clock,
    ids: systemIds,
    nodeId,
    version: readVersion(),
    sessionKey,
    limits: config.coreLimits,
    log,
  };
}

/** A directory that cannot be used, as a sentence for the person at the terminal. */
function told(directory: string, setting: string) {
  return (error: unknown): never => {
    throw fsFault(error, directory, setting);
  };
}

async function startEmbedded(dataDir: string, log: Log, closers: Closers): Promise<string> {
  const server = await startEmbeddedPostgres({ dataDir, log });
  closers.add('embedded PostgreSQL', () => server.close());
  return server.connectionString;
}

/** Tells the machine, and differs from every earlier process on it. */
function createNodeId(): NodeId {
  const machine = hostname().replace(/[^A-Za-z0-9_-]/g, '-');
  return `${machine.slice(0, 60)}-${systemIds.uuid().slice(0, 8)}` as NodeId;
}

/** As this package states it; the same file seen from the sources and from the build. */
function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
