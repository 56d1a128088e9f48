/**
 * Questions about processes of this machine: alive, since when, children. A process is told from a later one with the
 * same pid by when it began. Knows neither PostgreSQL nor the lock.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

/** Whom a child runs as when we are root; undefined: ourselves. */
export interface Account {
  uid: number;
  gid: number;
}

/** The part of spawn's options that says as whom. */
export function spawnAs(account: Account | undefined): { uid?: number; gid?: number } {
  // The system's ids are unsigned, spawn takes them signed.
  return account ? { uid: account.uid | 0, gid: account.gid | 0 } : {};
}

/** False for a process that has ended and only waits to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and not ours.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return statOf(pid)?.state !== 'Z';
}

/**
 * The same text for the same process however often it is asked, another for a later process with that pid.
 * Undefined when the process does not exist or the system does not tell.
 */
export async function identityOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = statOf(pid);
    return stat && `${stat.startTicks}@${bootId()}`;
  }
  if (process.platform === 'win32') return undefined;
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { LC_ALL: 'C' } });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Two processes with the same answer see the same pids. */
export function pidNamespace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Linux only, elsewhere none: the processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.parent === pid)
    .map(Number);
}

/** Signals; a process that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

interface ProcessStat {
  state: string;
  parent: number;
  startTicks: string;
}

function statOf(pid: number): ProcessStat | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything, brackets and blanks included.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), startTicks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
