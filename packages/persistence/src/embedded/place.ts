/**
 * Where the cluster lives and as whom PostgreSQL runs. PostgreSQL refuses to run as root, so a gateway that is root runs
 * it as the owner of an existing cluster, or else as `nobody`, and puts it where that account can reach it.
 * `DATA_DIR/postgres` always leads there: it is the cluster, or a link to it.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, chown, lchown, lstat, mkdir, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type StoreLog, StoreStartError } from '../store-start-error.ts';
import { damaged, notAllowed } from './faults.ts';
import { type Account, spawnAs } from './processes.ts';

export interface Place {
  /** Absolute, without links. */
  clusterDir: string;
  /** Undefined: PostgreSQL runs as whoever we are. */
  account: Account | undefined;
  /** Set when there is no cluster yet: an empty directory of that account, to be filled and renamed to `clusterDir`. */
  draftDir?: string;
  /** Set when `clusterDir` is elsewhere: the link to make once it is filled. */
  linkFrom?: string;
}

export interface ChoosePlaceOptions {
  dataDir: string;
  /** Where clusters and programs go that an unprivileged account could not reach otherwise. */
  sharedDir: string;
  log: StoreLog;
}

export async function choosePlace(options: ChoosePlaceOptions): Promise<Place> {
  const entry = join(options.dataDir, 'postgres');
  const found = await lstat(entry).catch(() => undefined);
  return found ? existingPlace(entry, options) : newPlace(entry, options);
}

async function existingPlace(entry: string, options: ChoosePlaceOptions): Promise<Place> {
  const clusterDir = await realpath(entry).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? damaged(entry, 'it is a link, and what it leads to is gone.') : error;
  });
  const stats = await stat(clusterDir);
  if (!stats.isDirectory()) throw damaged(entry, 'it is not a directory.');
  const account = await accountFor(stats, clusterDir, options.log);
  if (account && !canUse(clusterDir, account)) {
    throw new StoreStartError(
      'wrong_owner',
      `The database in ${clusterDir} belongs to the user with uid ${account.uid}, who may not enter the directories above it. Let others pass through them (chmod o+x), or move ${options.dataDir} elsewhere and set DATA_DIR.`,
    );
  }
  // PostgreSQL refuses to start when others may read; a careless copy is no reason to fail.
  await chmod(clusterDir, 0o700);
  const isEmpty = (await readdir(clusterDir)).length === 0;
  // Probably a mount point, which cannot be renamed over: filled where it is.
  return isEmpty ? { clusterDir, account, draftDir: clusterDir } : { clusterDir, account };
}

async function accountFor(stats: Stats, clusterDir: string, log: StoreLog): Promise<Account | undefined> {
  const me = process.getuid?.();
  if (me === undefined) return undefined;
  if (me !== 0) {
    if (stats.uid !== me) throw belongsTo(stats.uid, clusterDir);
    return undefined;
  }
  if (stats.uid !== 0) return { uid: stats.uid, gid: stats.gid };
  const account = await nobody();
  log('info', `${clusterDir} belongs to root, as whom PostgreSQL does not run; giving it to nobody.`);
  await chownTree(clusterDir, account);
  return account;
}

async function newPlace(entry: string, options: ChoosePlaceOptions): Promise<Place> {
  const account = process.getuid?.() === 0 ? await nobody() : undefined;
  // We hold the lock of the data directory: whatever an earlier start left here is nobody's.
  const draftDir = await emptyDir(`${entry}.new`, account);
  if (!account || canUse(draftDir, account)) {
    return { clusterDir: join(await realpath(options.dataDir), 'postgres'), account, draftDir };
  }
  await rm(draftDir, { recursive: true });
  await makeReachable(options.sharedDir);
  // A name of its own each time: who deletes DATA_DIR starts anew and does not get the old database back.
  const clusterDir = join(await realpath(options.sharedDir), `data-${randomBytes(4).toString('hex')}`);
  const sharedDraft = await emptyDir(`${clusterDir}.new`, account);
  if (!canUse(sharedDraft, account)) {
    await rm(sharedDraft, { recursive: true });
    throw notAllowed(options.sharedDir);
  }
  options.log(
    'info',
    `Switchboard runs as root and PostgreSQL as nobody, who cannot enter ${options.dataDir}; the database goes to ${clusterDir}, ${entry} is a link to it.`,
  );
  return { clusterDir, account, draftDir: sharedDraft, linkFrom: entry };
}

async function emptyDir(path: string, account: Account | undefined): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { mode: 0o700 });
  if (account) await chown(path, account.uid, account.gid);
  return realpath(path);
}

/** Creates a directory others may pass through, whatever the umask. Leaves an existing one as it is. */
export async function makeReachable(path: string): Promise<void> {
  const created = await mkdir(path, { recursive: true });
  if (created !== undefined) await chmod(path, 0o755);
}

/** Asked of the system itself: mode bits do not tell of access lists, mounts and security modules. */
export function canUse(dir: string, account: Account): boolean {
  const test = spawnSync('/bin/sh', ['-c', 'cd -- "$1" && test -w . && test -r .', 'sh', dir], {
    ...spawnAs(account),
    cwd: '/',
    env: {},
    stdio: 'ignore',
  });
  if (test.error) throw mayNotBecome(account, test.error);
  return test.status === 0;
}

/** Root without the right to change users, as in containers that drop all capabilities. */
function mayNotBecome(account: Account, cause: unknown): StoreStartError {
  return new StoreStartError(
    'no_unprivileged_user',
    `Switchboard runs as root, PostgreSQL refuses to, and this system does not let us start it as the user with uid ${account.uid}. Run Switchboard as an ordinary user, or set DATABASE_URL.`,
    cause,
  );
}

async function nobody(): Promise<Account> {
  const account = parseAccount(await readFile('/etc/passwd', 'utf8').catch(() => ''), 'nobody');
  if (account) return account;
  throw new StoreStartError(
    'no_unprivileged_user',
    'Switchboard runs as root, PostgreSQL refuses to, and there is no user "nobody" to run it as. Run Switchboard as an ordinary user, create the user "nobody", or set DATABASE_URL.',
  );
}

/** From the text of /etc/passwd. macOS writes -2 there and means 2^32 - 2. */
export function parseAccount(passwd: string, name: string): Account | undefined {
  const fields = passwd
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':');
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return Number.isInteger(uid) && Number.isInteger(gid) && uid !== 0 ? { uid: uid >>> 0, gid: gid >>> 0 } : undefined;
}

async function chownTree(path: string, account: Account): Promise<void> {
  await lchown(path, account.uid, account.gid);
  const stats = await lstat(path);
  if (!stats.isDirectory()) return;
  for (const name of await readdir(path)) await chownTree(join(path, name), account);
}

function belongsTo(uid: number, clusterDir: string): StoreStartError {
  return new StoreStartError(
    'wrong_owner',
    `The database in ${clusterDir} belongs to the user with uid ${uid}, and Switchboard runs as uid ${process.getuid?.()}. Run it as that user (or as root), give the directory to this one (chown -R), or set DATA_DIR to another directory.`,
  );
}
