/**
 * Where the embedded server listens: a unix socket in a private directory, or (no unix sockets: Windows) a port of the
 * loopback address behind a password. Owns the directory and the addresses; knows nothing of processes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreStartError } from '../store-start-error.ts';
import { canUse } from './place.ts';
import type { Account } from './processes.ts';

export const SUPERUSER = 'postgres';
export const DATABASE = 'switchboard';

export type Transport = 'socket' | 'tcp';

export interface Endpoint {
  /** The directory of the socket, or an address. */
  host: string;
  port: number;
  /** With `tcp` only. */
  password?: string;
}

/** The kernel's limit is 108 bytes with the final zero, 104 on BSD and macOS. */
const LONGEST_SOCKET_PATH = 100;
const DEFAULT_PORT = 5432;

export function isSocket(endpoint: Endpoint): boolean {
  return endpoint.password === undefined;
}

export function socketPath(endpoint: Endpoint): string {
  return join(endpoint.host, `.s.PGSQL.${endpoint.port}`);
}

/** What `pg`, @prisma/adapter-pg and DATABASE_URL understand. */
export function connectionStringOf(endpoint: Endpoint, database: string): string {
  if (isSocket(endpoint)) {
    return `postgresql://${SUPERUSER}@localhost:${endpoint.port}/${database}?host=${encodeURIComponent(endpoint.host)}`;
  }
  return `postgresql://${SUPERUSER}:${endpoint.password}@${endpoint.host}:${endpoint.port}/${database}`;
}

/** A place to listen that stays the same for one data directory as long as nobody else sits there. */
export async function chooseSocket(clusterDir: string, account: Account | undefined): Promise<Endpoint> {
  const name = `switchboard-${createHash('sha256').update(clusterDir).digest('hex').slice(0, 12)}`;
  for (const base of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    const endpoint = { host: join(base, name), port: DEFAULT_PORT };
    if (socketPath(endpoint).length > LONGEST_SOCKET_PATH) continue;
    if (!(await makePrivate(endpoint.host, account).catch(() => false))) {
      // Somebody else has made a directory of that name: leave it alone.
      endpoint.host = await mkdtemp(`${endpoint.host}-`).catch(() => '');
      if (!(await makePrivate(endpoint.host, account).catch(() => false))) continue;
    }
    if (!account || canUse(endpoint.host, account)) return endpoint;
  }
  throw new StoreStartError(
    'wrong_owner',
    `There is no temporary directory for PostgreSQL's socket: neither ${tmpdir()} nor /tmp can be written by its user. Set TMPDIR to one that can.`,
  );
}

/** Before every start: whoever cleans the temporary directory may have taken it. False when it is not ours. */
export async function makePrivate(dir: string, account: Account | undefined): Promise<boolean> {
  const mine = process.getuid?.() ?? 0;
  const owner = account?.uid ?? mine;
  await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const stats = await lstat(dir);
  if (!stats.isDirectory() || (stats.uid !== owner && stats.uid !== mine)) return false;
  if (stats.uid !== owner && account) await chown(dir, account.uid, account.gid);
  await chmod(dir, 0o700);
  return true;
}

/** What a dead server has left behind, so that the next one does not take it for alive. */
export async function removeSocket(endpoint: Endpoint): Promise<void> {
  if (!isSocket(endpoint)) return;
  await rm(socketPath(endpoint), { force: true });
  await rm(`${socketPath(endpoint)}.lock`, { force: true });
}

export async function removeSocketDir(endpoint: Endpoint): Promise<void> {
  if (!isSocket(endpoint)) return;
  await removeSocket(endpoint);
  await removeIfUnused(endpoint);
}

/** After a start that failed. Whoever still listens there is left alone. */
export async function removeIfUnused(endpoint: Endpoint): Promise<void> {
  if (isSocket(endpoint)) await rmdir(endpoint.host).catch(() => undefined);
}

/** The port is free now; should it be taken a moment later, the start is tried again. */
export async function chooseTcp(password: string): Promise<Endpoint> {
  const port = await new Promise<number>((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
  return { host: '127.0.0.1', port, password };
}

/** Made with the cluster and kept beside it, readable for us only. */
export async function readPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'postgres.password');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(18).toString('base64url');
  await writeFile(path, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}
