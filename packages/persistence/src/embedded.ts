/**
 * An embedded real PostgreSQL for one data directory: `DATA_DIR/lock`, `DATA_DIR/postgres`, `DATA_DIR/postgres.log`.
 * Composes the parts of `embedded/` and hands out an address. Knows nothing of schema or migrations.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import pg from 'pg';
import { adoptPostmaster } from './embedded/adopt.ts';
import type { Cluster } from './embedded/cluster.ts';
import { connectionStringOf, DATABASE, removeSocketDir, SUPERUSER, type Transport } from './embedded/endpoint.ts';
import { fsFault } from './embedded/faults.ts';
import { keepRunning } from './embedded/keeper.ts';
import { lockDirectory } from './embedded/lock.ts';
import { openCluster } from './embedded/open-cluster.ts';
import { type Postmaster, startPostmaster } from './embedded/postmaster.ts';
import { type StoreLog, StoreStartError } from './store-start-error.ts';

export interface EmbeddedPostgresOptions {
  /** Created when missing. At most one process at a time. */
  dataDir: string;
  log: StoreLog;
  /** PostgreSQL settings over ours; a change takes effect at the next start. */
  settings?: Readonly<Record<string, string>>;
  /** Default: a unix socket, on Windows TCP on a random loopback port with a password. */
  transport?: Transport;
  /** Default /var/lib/switchboard: for root only, when PostgreSQL's user cannot reach DATA_DIR or node_modules. */
  sharedDir?: string;
  /** The programs of PostgreSQL 17 or newer (`bin`, `lib`). Default: those that npm installed for this platform. */
  binariesDir?: string;
}

export interface EmbeddedPostgres {
  connection: {
    /** An address, or the directory of the unix socket. */
    host: string;
    port: number;
    user: string;
    database: string;
    password?: string;
  };
  /** The same as an URL, for `pg`, @prisma/adapter-pg and DATABASE_URL. Stays true for as long as it runs. */
  connectionString: string;
  /** The database `postgres` of the same server, from which databases can be created. */
  adminConnectionString: string;
  /** Of the server that runs now: it is started again whenever it ends by itself. */
  pid(): number;
  /** Fast shutdown, then the directory is free for the next. A second call waits for the first. */
  close(): Promise<void>;
}

/** Resolves when the server takes connections. Throws StoreStartError, and then nothing is left running or locked. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  const dataDir = await createDir(resolve(options.dataDir));
  const lock = await lockDirectory(dataDir, log);
  try {
    const cluster = await openCluster({
      dataDir,
      log,
      sharedDir: options.sharedDir ?? '/var/lib/switchboard',
      transport: options.transport ?? (process.platform === 'win32' ? 'tcp' : 'socket'),
      settings: options.settings ?? {},
      binariesDir: options.binariesDir,
    });
    const postmaster = await bringUp(cluster, log);
    const keeper = keepRunning(cluster, postmaster, log);
    const { endpoint } = cluster;
    const adminConnectionString = connectionStringOf(endpoint, 'postgres');
    async function close(): Promise<void> {
      await keeper.stop();
      await removeSocketDir(endpoint);
      await lock.release();
    }
    try {
      await createDatabase(adminConnectionString);
    } catch (error) {
      await close();
      throw error;
    }
    return {
      connection: { ...endpoint, user: SUPERUSER, database: DATABASE },
      connectionString: connectionStringOf(endpoint, DATABASE),
      adminConnectionString,
      pid: keeper.pid,
      close,
    };
  } catch (error) {
    await lock.release();
    throw fsFault(error, dataDir);
  }
}

const TRIES = 3;

/** A server that was just being started when its gateway was killed comes up at any moment: then it is taken over. */
async function bringUp(cluster: Cluster, log: StoreLog): Promise<Postmaster> {
  for (let tries = 1; ; tries += 1) {
    const adopted = await adoptPostmaster(cluster, log);
    if (adopted) return adopted;
    try {
      return await startPostmaster(cluster, log);
    } catch (error) {
      if (tries === TRIES || !(error instanceof StoreStartError) || error.code !== 'locked') throw error;
    }
  }
}

async function createDir(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    return await realpath(path);
  } catch (error) {
    throw fsFault(error, path);
  }
}

async function createDatabase(adminConnectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminConnectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}
