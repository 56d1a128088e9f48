/**
 * The database cluster on disk: made once by initdb, checked at every start, with the settings PostgreSQL is started
 * with. Knows no running process.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, readFile, rename, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Binaries, childEnv } from './binaries.ts';
import { type Endpoint, isSocket, SUPERUSER } from './endpoint.ts';
import { damaged, startFault } from './faults.ts';
import type { Place } from './place.ts';
import { type Account, spawnAs } from './processes.ts';

export interface Cluster {
  dir: string;
  account: Account | undefined;
  binaries: Binaries;
  endpoint: Endpoint;
  /** What PostgreSQL is started with, on top of its own defaults. */
  settings: Readonly<Record<string, string>>;
  logFile: string;
}

const SUCCESS = 'ended with code 0';

/**
 * Durable, and made for many small commits. Statements and values stay out of the log: they hold people's messages.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '128MB',
  max_connections: '100',
  // Room for a batch of commits between two writes, and few checkpoints: after each every page is logged whole again.
  wal_buffers: '16MB',
  max_wal_size: '1GB',
  min_wal_size: '160MB',
  checkpoint_timeout: '10min',
  jit: 'off',
  // No query here is worth a second process, and the shared memory of containers is too small for them.
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  max_logical_replication_workers: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // startFault reads English.
  lc_messages: 'C',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  cluster_name: 'switchboard',
};

export function settingsFor(
  endpoint: Endpoint,
  overrides: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const listen: Record<string, string> = isSocket(endpoint)
    ? { listen_addresses: '', unix_socket_directories: endpoint.host, unix_socket_permissions: '0700' }
    : { listen_addresses: endpoint.host, unix_socket_directories: '' };
  return { ...SETTINGS, ...overrides, ...listen, port: String(endpoint.port) };
}

/** Tells a server started with other settings; PostgreSQL carries it along as a setting nobody reads. */
export function fingerprint(cluster: Cluster): string {
  return createHash('sha256').update(JSON.stringify(cluster.settings)).digest('hex').slice(0, 16);
}

/** The cluster appears under its name only when it is complete, so a start that was cut off is simply repeated. */
export async function initCluster(place: Place, cluster: Cluster): Promise<void> {
  const { draftDir, linkFrom } = place;
  if (draftDir === undefined) return;
  try {
    await runInitdb(draftDir, cluster);
    if (draftDir !== place.clusterDir) await rename(draftDir, place.clusterDir);
  } catch (error) {
    // An emptied mount point stays, it was there before us.
    if (draftDir !== place.clusterDir) await rm(draftDir, { recursive: true, force: true });
    throw error;
  }
  if (linkFrom !== undefined) await symlink(place.clusterDir, linkFrom);
}

/** Throws `damaged` for what can be seen without starting PostgreSQL. */
export async function checkCluster(dir: string, binaries: Binaries): Promise<void> {
  const made = await readFile(join(dir, 'PG_VERSION'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw damaged(dir, 'the file PG_VERSION is missing.');
    throw error;
  });
  const ours = binaries.version.split('.')[0];
  if (made.trim() === ours) return;
  throw damaged(
    dir,
    `it was made by PostgreSQL ${made.trim() || '(unknown)'}, this Switchboard brings PostgreSQL ${ours}. To keep it, use the Switchboard that made it, or run a PostgreSQL of that version on it and set DATABASE_URL.`,
  );
}

export async function freeBytesAt(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function runInitdb(dir: string, cluster: Cluster): Promise<void> {
  const { endpoint, binaries, account } = cluster;
  const args = ['-D', dir, '-U', SUPERUSER, '--encoding=UTF8', '--no-instructions'];
  // Sorting and upper case by code point, the same on every system and for ever: no upgrade breaks an index.
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  // Beside the directory, which has to be empty.
  const passwordFile = `${dir}.password`;
  if (endpoint.password === undefined) args.push('--auth=trust');
  else {
    args.push('--auth=scram-sha-256', `--pwfile=${passwordFile}`);
    await writeFile(passwordFile, `${endpoint.password}\n`, { mode: 0o600 });
    if (account) await chown(passwordFile, account.uid, account.gid);
  }
  try {
    const { output, how } = await collect(binaries.initdb, args, account);
    if (how !== SUCCESS) {
      throw startFault({ program: 'initdb', clusterDir: dir, output, how, freeBytes: await freeBytesAt(dir) });
    }
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function collect(program: string, args: string[], account: Account | undefined) {
  return new Promise<{ output: string; how: string }>((resolve, reject) => {
    const child = spawn(program, args, {
      ...spawnAs(account),
      cwd: '/',
      env: childEnv(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ output, how: signal ? `was ended by ${signal}` : `ended with code ${code}` });
    });
  });
}
