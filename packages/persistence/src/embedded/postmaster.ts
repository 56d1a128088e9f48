/**
 * One running PostgreSQL: started by us, or found running and taken over. Owns its process from birth to end; who starts
 * it again when it ends is not decided here.
 */
import { execFile, spawn } from 'node:child_process';
import { open, rename, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type StoreLog, StoreStartError } from '../store-start-error.ts';
import { childEnv } from './binaries.ts';
import { type Cluster, fingerprint, freeBytesAt } from './cluster.ts';
import { isSocket, makePrivate, removeIfUnused, removeSocket } from './endpoint.ts';
import { alreadyRuns, diagnose, notAllowed, startFault } from './faults.ts';
import { disownPidFile, readPidFile, serverOf } from './pid-file.ts';
import { identityOf, isAlive, signal, spawnAs } from './processes.ts';

export interface Postmaster {
  pid: number;
  /** Resolves when the process is gone, with how ("was ended by SIGKILL"). Never rejects. */
  ended: Promise<string>;
  /**
   * Fast shutdown: ends sessions, writes everything down, resolves when the process is gone. Grows impatient after 4
   * seconds; what was acknowledged is safe in any case. May be called at any time, also while it starts.
   */
  stop(): Promise<void>;
}

const LARGEST_LOG_BYTES = 10 * 1024 * 1024;
const FAST_STOP_MS = 4_000;
const IMMEDIATE_STOP_MS = 1_000;
const RETRY_FOR_MS = 15_000;
const RETRY_MS = 100;

/**
 * Starts PostgreSQL where none runs, and resolves when it takes connections, however long its recovery lasts. Throws StoreStartError,
 * `locked` when one has come up meanwhile.
 * `onSpawn` hears of the process at once, so that a caller can stop it while it starts.
 */
export async function startPostmaster(
  cluster: Cluster,
  log: StoreLog,
  onSpawn: (postmaster: Postmaster) => void = () => undefined,
): Promise<Postmaster> {
  const giveUpAt = Date.now() + RETRY_FOR_MS;
  for (; ; await delay(RETRY_MS)) {
    const other = await serverOf(cluster.dir);
    if (other === 'running') throw alreadyRuns(cluster.dir);
    if (other === 'about to start') continue;
    const logFrom = await rotateLog(cluster.logFile);
    if (isSocket(cluster.endpoint) && !(await makePrivate(cluster.endpoint.host, cluster.account))) {
      throw notAllowed(cluster.endpoint.host);
    }
    await disownPidFile(cluster.dir);
    await removeSocket(cluster.endpoint);
    const postmaster = await launch(cluster);
    onSpawn(postmaster);
    const end = await readyOrEnd(cluster, postmaster, log);
    if (end === undefined) return postmaster;
    const output = await readFrom(cluster.logFile, logFrom);
    if (diagnose(output) !== 'retry' || Date.now() > giveUpAt) {
      await removeIfUnused(cluster.endpoint);
      const freeBytes = await freeBytesAt(cluster.dir);
      throw startFault({ program: 'PostgreSQL', clusterDir: cluster.dir, output, how: end, freeBytes });
    }
  }
}

/** A server that runs already and is not our child; it is asked for life every second. */
export function watchPostmaster(cluster: Cluster, pid: number): Postmaster {
  let told: (how: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => {
    told = resolve;
  });
  return {
    pid,
    ended: Promise.race([endOf(pid), stopped]),
    async stop() {
      await stopProcess(cluster, pid);
      told('was stopped');
    },
  };
}

async function launch(cluster: Cluster): Promise<Postmaster> {
  const settings = { ...cluster.settings, 'switchboard.fingerprint': fingerprint(cluster) };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  if (process.platform === 'win32') return launchOnWindows(cluster, args);
  const logHandle = await open(cluster.logFile, 'a', 0o600);
  try {
    const child = spawn(cluster.binaries.postgres, ['-D', cluster.dir, ...args], {
      ...spawnAs(cluster.account),
      cwd: '/',
      env: childEnv(),
      // A session of its own: the terminal's Ctrl-C is for us, and we stop PostgreSQL last.
      detached: true,
      stdio: ['ignore', logHandle.fd, logHandle.fd],
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('exit', (code, name) => resolve(name ? `was ended by ${name}` : `ended with code ${code}`));
    });
    child.unref();
    const { pid } = child;
    if (pid === undefined) throw new StoreStartError('start_failed', `PostgreSQL ${await ended}.`);
    return { pid, ended, stop: () => stopProcess(cluster, pid) };
  } finally {
    await logHandle.close();
  }
}

/** PostgreSQL refuses administrators, and pg_ctl alone knows how to give up an administrator's rights. */
async function launchOnWindows(cluster: Cluster, args: string[]): Promise<Postmaster> {
  const { pgCtl } = cluster.binaries;
  const options = ['-D', cluster.dir, '-l', cluster.logFile, '-o', args.join(' '), 'start'];
  await promisify(execFile)(pgCtl, options, { env: childEnv() }).catch(() => undefined);
  const pid = (await readPidFile(cluster.dir))?.pid;
  return pid === undefined
    ? { pid: 0, ended: Promise.resolve('did not start'), stop: async () => undefined }
    : watchPostmaster(cluster, pid);
}

/** Undefined when it takes connections, else how it ended. */
async function readyOrEnd(cluster: Cluster, postmaster: Postmaster, log: StoreLog): Promise<string | undefined> {
  let end: string | undefined;
  void postmaster.ended.then((how) => {
    end = how;
  });
  const startedAt = Date.now();
  let told = false;
  for (;;) {
    if (end !== undefined) return end;
    const file = await readPidFile(cluster.dir);
    if (file?.pid === postmaster.pid && file.status === 'ready') return undefined;
    if (!told && Date.now() - startedAt > 3_000) {
      told = true;
      log('info', 'PostgreSQL is reading its log to restore what was acknowledged before it was stopped; waiting.');
    }
    await delay(10);
  }
}

async function stopProcess(cluster: Cluster, pid: number): Promise<void> {
  // The pid may belong to somebody else once it is gone, so it is watched as the process it is now.
  const identity = await identityOf(pid);
  const isThere = async () => isAlive(pid) && (await identityOf(pid)) === identity;
  if (process.platform === 'win32') {
    const options = ['-D', cluster.dir, '-m', 'fast', 'stop'];
    await promisify(execFile)(cluster.binaries.pgCtl, options, { env: childEnv() }).catch(() => undefined);
  }
  const steps = [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const;
  for (const [name, patienceMs] of steps) {
    if (!(await isThere())) return;
    signal(pid, name);
    for (const until = Date.now() + patienceMs; Date.now() < until && (await isThere()); ) await delay(10);
  }
}

async function endOf(pid: number): Promise<string> {
  const identity = await identityOf(pid);
  while (isAlive(pid) && (await identityOf(pid)) === identity) await delay(1_000, undefined, { ref: false });
  return 'is gone';
}

/** One old log is kept. Answers where the new lines will begin. */
async function rotateLog(path: string): Promise<number> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size <= LARGEST_LOG_BYTES) return size;
  await rename(path, `${path}.1`);
  return 0;
}

async function readFrom(path: string, position: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(64 * 1024);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
