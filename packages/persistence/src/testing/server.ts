/**
 * A PostgreSQL of a test's own: embedded, thrown away afterwards, and not started again by itself, so that a test can
 * kill it, let clients feel its absence, and bring it back with what it had.
 */
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectionStringOf, removeSocketDir } from '../embedded/endpoint.ts';
import { lockDirectory } from '../embedded/lock.ts';
import { openCluster } from '../embedded/open-cluster.ts';
import { type Postmaster, startPostmaster } from '../embedded/postmaster.ts';
import { childrenOf, isAlive, signal } from '../embedded/processes.ts';
import type { StoreLog } from '../store-start-error.ts';
import { removeLeftovers, TEST_DIR_PREFIX } from './leftovers.ts';

export interface TestServerOptions {
  /** On disk instead of in memory: what a commit costs is what it costs in production. Default false. */
  durable?: boolean;
  /** PostgreSQL settings over the ones of production. */
  settings?: Readonly<Record<string, string>>;
  /** Default: warnings and errors go to the console. */
  log?: StoreLog;
}

export interface TestServer {
  /** The database `postgres`. The same after a restart. */
  adminConnectionString: string;
  /** Of the server that runs, or ran last. */
  pid(): number;
  /** As `kill -9` of every process of the server. Stays away until `restart`. */
  kill(): Promise<void>;
  /** Stops it when it runs, in an orderly way, and starts it on the same data at the same address. */
  restart(): Promise<void>;
  /** SIGSTOP to every process of the server: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Stops the server and removes its data. A second call does nothing. */
  close(): Promise<void>;
}

const TEST_SETTINGS = {
  shared_buffers: '64MB',
  max_connections: '200',
  // In its own directory, which is removed, also when the server was killed.
  dynamic_shared_memory_type: 'mmap',
};
const MEMORY_DIR = '/dev/shm';
const ENOUGH_MEMORY_BYTES = 1024 ** 3;

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const log = options.log ?? logTroubles;
  const base = options.durable ? tmpdir() : await fastDir();
  await removeLeftovers(base);
  const dataDir = await mkdtemp(join(base, TEST_DIR_PREFIX));
  // When we are root PostgreSQL runs as nobody, who must be able to pass through.
  await chmod(dataDir, 0o711);
  const lock = await lockDirectory(dataDir, log);
  const cluster = await openCluster({
    dataDir,
    log,
    sharedDir: '/var/lib/switchboard',
    transport: process.platform === 'win32' ? 'tcp' : 'socket',
    settings: { ...TEST_SETTINGS, ...options.settings },
  });
  let postmaster: Postmaster = await startPostmaster(cluster, log);
  let closing: Promise<void> | undefined;

  const everyProcess = () => [postmaster.pid, ...childrenOf(postmaster.pid)];
  const signalAll = (name: NodeJS.Signals) => {
    for (const pid of everyProcess()) signal(pid, name);
  };

  return {
    adminConnectionString: connectionStringOf(cluster.endpoint, 'postgres'),
    pid: () => postmaster.pid,
    async kill() {
      const processes = everyProcess();
      for (const pid of processes) signal(pid, 'SIGKILL');
      while (processes.some(isAlive)) await delay(5);
    },
    async restart() {
      await postmaster.stop();
      postmaster = await startPostmaster(cluster, log);
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    close() {
      closing ??= (async () => {
        signalAll('SIGCONT');
        await postmaster.stop();
        await removeSocketDir(cluster.endpoint);
        await lock.release();
        await rm(cluster.dir, { recursive: true, force: true });
        await rm(dataDir, { recursive: true, force: true });
      })();
      return closing;
    },
  };
}

/** The settings stay those of production; that a write costs nothing is the work of the file system. */
async function fastDir(): Promise<string> {
  const memory = await statfs(MEMORY_DIR).catch(() => undefined);
  return memory && memory.bavail * memory.bsize > ENOUGH_MEMORY_BYTES ? MEMORY_DIR : tmpdir();
}

const logTroubles: StoreLog = (level, message) => {
  if (level === 'warn' || level === 'error') console.error(message);
};
