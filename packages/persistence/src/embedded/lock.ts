/**
 * `DATA_DIR/lock`: at most one gateway per data directory. The file names its holder; a holder that has died is
 * succeeded. Holders on other machines or in other containers (a shared volume) cannot be asked for life by pid, so a
 * holder also touches its file every two seconds.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type StoreLog, StoreStartError } from '../store-start-error.ts';
import { fsFault } from './faults.ts';
import { identityOf, isAlive, pidNamespace } from './processes.ts';

export interface DirectoryLock {
  /** A second call does nothing. Leaves a lock alone that is not ours any more. */
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  /** When the process began, as the system words it; null where the system does not tell. */
  identity: string | null;
  /** Where that pid means something. */
  namespace: string;
  since: string;
  nonce: string;
}

const HEARTBEAT_MS = 2_000;
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** `heartbeatMs` is shorter in tests. Throws StoreStartError: `locked` when a live process holds the directory, or what the disk says. */
export async function lockDirectory(
  dataDir: string,
  log: StoreLog,
  heartbeatMs = HEARTBEAT_MS,
): Promise<DirectoryLock> {
  const path = join(dataDir, 'lock');
  const nonce = randomBytes(8).toString('hex');
  const mine: Holder = {
    pid: process.pid,
    identity: (await identityOf(process.pid)) ?? null,
    namespace: pidNamespace(),
    since: new Date().toISOString(),
    nonce,
  };
  // Written first and then given its name, so that nobody ever reads half a lock.
  const draft = join(dataDir, `lock.${nonce}`);
  try {
    await writeFile(draft, `${JSON.stringify(mine)}\n`, { flag: 'wx' });
    while (!(await tryLink(draft, path))) await succeed({ path, draft, dataDir, silenceMs: 3 * heartbeatMs }, log);
  } catch (error) {
    throw fsFault(error, dataDir);
  } finally {
    await rm(draft, { force: true });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, heartbeatMs);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      const holder = parseHolder(await readIfThere(path));
      if (holder?.nonce === nonce) await rm(path, { force: true });
    },
  };
}

/** Whether somebody holds the directory, asked from the same machine. */
export async function isHeld(dataDir: string): Promise<boolean> {
  const holder = parseHolder(await readIfThere(join(dataDir, 'lock')));
  return holder !== undefined && holder.namespace === pidNamespace() && (await isHolderAlive(holder));
}

interface Contest {
  path: string;
  draft: string;
  dataDir: string;
  /** How long a holder elsewhere may be silent before it is taken for dead. */
  silenceMs: number;
}

/**
 * Removes the lock of a dead holder, or throws because the holder lives. Of several processes that find the same dead
 * holder exactly one may remove its file, otherwise the second would remove the lock of the first: that right is a
 * file as well, named after the dead holder's record, and the right of one that died holding it is succeeded alike.
 */
async function succeed(contest: Contest, log: StoreLog): Promise<void> {
  const record = await readIfThere(contest.path);
  if (record === undefined) return;
  await refuseIfAlive(contest, contest.path, log);
  const claims: string[] = [];
  let dead = record;
  for (;;) {
    const claim = `${contest.path}.after-${createHash('sha256').update(dead).digest('hex').slice(0, 16)}`;
    claims.push(claim);
    if (await tryLink(contest.draft, claim)) break;
    const claimed = await readIfThere(claim);
    if (claimed === undefined) return;
    await refuseIfAlive(contest, claim, log);
    dead = claimed;
  }
  try {
    // Only a holder of the right changes the file, so what is read now stays true until it is removed.
    if ((await readIfThere(contest.path)) === record) {
      log('info', `Taking over ${contest.dataDir} from ${describe(record)}, which has ended without releasing it.`);
      await rename(contest.path, `${contest.draft}.dead`);
      await rm(`${contest.draft}.dead`, { force: true });
    }
  } finally {
    for (const claim of claims) await rm(claim, { force: true });
  }
}

async function refuseIfAlive(contest: Contest, path: string, log: StoreLog): Promise<void> {
  const record = await readIfThere(path);
  const holder = parseHolder(record);
  if (record === undefined || !holder) return;
  const sameHost = holder.namespace === pidNamespace();
  const alive = sameHost ? await isHolderAlive(holder) : await isTouched(path, contest.silenceMs, log);
  if (!alive) return;
  const who = holder.pid === process.pid && sameHost ? 'this very process' : describe(record);
  throw new StoreStartError(
    'locked',
    `The data directory ${contest.dataDir} is in use by ${who}. Stop that one first, or set DATA_DIR to a directory of this gateway's own.`,
  );
}

async function isHolderAlive(holder: Holder): Promise<boolean> {
  if (!isAlive(holder.pid)) return false;
  const identity = await identityOf(holder.pid);
  return identity === undefined || holder.identity === null || identity === holder.identity;
}

async function isTouched(path: string, silenceMs: number, log: StoreLog): Promise<boolean> {
  const before = (await stat(path)).mtimeMs;
  log('info', `${path} was made on another machine or in another container; looking whether its holder is alive.`);
  for (let waitedMs = 0; waitedMs < silenceMs; waitedMs += silenceMs / 30) {
    await delay(silenceMs / 30);
    const now = await stat(path).catch(() => undefined);
    if (now && now.mtimeMs !== before) return true;
  }
  return false;
}

function describe(record: string): string {
  const holder = parseHolder(record);
  if (!holder) return 'an unknown process';
  const where = holder.namespace === pidNamespace() ? '' : ` on ${holder.namespace.split(' ')[0]}`;
  return `process ${holder.pid}${where} (since ${holder.since})`;
}

/** Undefined for anything that is not a lock we wrote: no one alive stands behind it. */
function parseHolder(record: string | undefined): Holder | undefined {
  try {
    const holder: Partial<Holder> | null = JSON.parse(record ?? '');
    return holder && Number.isInteger(holder.pid) && typeof holder.nonce === 'string' ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return false;
    if (!NO_HARD_LINKS.has(code)) throw error;
    return tryCopy(from, to);
  }
}

/** Where there are no hard links a reader may see half a record, for as long as it takes to write 200 bytes. */
async function tryCopy(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
