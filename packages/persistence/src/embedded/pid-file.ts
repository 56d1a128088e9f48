/**
 * `postmaster.pid`, as PostgreSQL 10 and newer write it (src/include/utils/pidfile.h): eight lines, the last of them
 * the state the server is in.
 */
import { readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from './processes.ts';

export interface PidFile {
  pid: number;
  port: number;
  /** '' when it does not listen on a socket. */
  socketDir: string;
  /** '' when it has no TCP port. */
  address: string;
  /** 'starting', 'ready', 'stopping', 'standby'; '' before it is written. */
  status: string;
}

/** Undefined when there is none, or it is not complete enough to name a process. */
export async function readPidFile(clusterDir: string): Promise<PidFile | undefined> {
  const text = await readFile(pidFile(clusterDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    port: Number(lines[3]) || 0,
    socketDir: lines[4] ?? '',
    address: lines[5] ?? '',
    status: lines[7] ?? '',
  };
}

/** A postmaster's working directory is its cluster. Undefined where the system does not tell. */
export async function isPostmasterOf(pid: number, clusterDir: string): Promise<boolean | undefined> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === clusterDir;
  } catch {
    return undefined;
  }
}

/**
 * PostgreSQL refuses to start as long as the pid in the file exists, and is wrong when it now belongs to another
 * process, or to a dead one that nobody has reaped (containers whose first process reaps nobody). The file must stay,
 * it also leads to the shared memory by which PostgreSQL notices children of the dead server that still write. But
 * PostgreSQL knows that its own parent, which is us, is no server: so the file gets our pid.
 */
export async function disownPidFile(clusterDir: string): Promise<void> {
  const file = await readPidFile(clusterDir);
  if (!file || (isAlive(file.pid) && (await isPostmasterOf(file.pid, clusterDir)) !== false)) return;
  const text = await readFile(pidFile(clusterDir), 'utf8');
  await writeFile(pidFile(clusterDir), text.replace(/^\d+/, String(process.pid)));
}

/** PostgreSQL fills the file in the moment in which it makes it: one that stays empty is all that is left of a server. */
const FILLED_WITHIN_MS = 2_000;

/**
 * Whether a server of this cluster runs, or is about to: its gateway may have been killed while it was starting. A file that nobody will
 * fill any more is taken away, because PostgreSQL refuses to start beside it.
 */
export async function serverOf(clusterDir: string): Promise<'running' | 'about to start' | 'none'> {
  const file = await readPidFile(clusterDir);
  if (file) return isAlive(file.pid) && (await isPostmasterOf(file.pid, clusterDir)) ? 'running' : 'none';
  const stats = await stat(pidFile(clusterDir)).catch(() => undefined);
  if (stats?.size !== 0) return 'none';
  if (Date.now() - stats.mtimeMs < FILLED_WITHIN_MS) return 'about to start';
  await rm(pidFile(clusterDir), { force: true });
  return 'none';
}

function pidFile(clusterDir: string): string {
  return join(clusterDir, 'postmaster.pid');
}
