/**
 * `postmaster.pid`, as PostgreSQL 10 and newer write it (src/include/utils/pidfile.h): eight lines, the last of them
 * the state the server is in.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

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
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => undefined);
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
