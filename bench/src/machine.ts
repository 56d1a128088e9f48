/**
 * The machine: who runs on which core, and how much processor time processes have had. Linux; elsewhere nothing is pinned and every time
 * is 0.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** Seconds of processor time, and when that was. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly atMs: number;
}

export interface Pins {
  /** Before the command of the server that is measured. */
  readonly server: readonly string[];
  /** Before the command of the load client. */
  readonly load: readonly string[];
  /** Moves a process with its threads and children. */
  pinStore(pid: number): void;
  readonly about: string;
}

const NO_PINS: Pins = { server: [], load: [], pinStore() {}, about: 'Nothing is pinned: the system places processes.' };

/** Kernel's clock ticks: 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export function createPins(wanted: boolean): Pins {
  if (!wanted || availableParallelism() < 2 || spawnSync('taskset', ['-V']).status !== 0) return NO_PINS;
  return {
    server: ['taskset', '-c', '0'],
    load: ['taskset', '-c', '1'],
    pinStore(pid) {
      for (const one of [pid, ...childrenOf(pid)]) execFileSync('taskset', ['-a', '-cp', '1', String(one)]);
    },
    about:
      'The measured server has core 0 for itself; PostgreSQL and the load client share core 1. The same for every target.',
  };
}

export function describeMachine(): string {
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  return `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${gigabytes} GB, ${process.platform} ${release()}, Node ${process.versions.node}`;
}

/** More runnable processes than this, before anything has been started, take part in what is measured. */
const QUIET_LOAD = 0.5;

/** A sentence for people when others are at work; null on a quiet machine. */
export function describeOthers(): string | null {
  const [lastMinute = 0] = loadavg();
  if (lastMinute <= QUIET_LOAD) return null;
  return `Others are at work here (load average ${lastMinute.toFixed(1)}): figures are too low, ratios uncertain.`;
}

/** Of the process and of those that it has started, ended ones included. */
export function usageOf(pid: number): Usage {
  const pids = [pid, ...childrenOf(pid)];
  const ticks = pids.reduce((total, one) => total + ticksOf(one, one === pid), 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, atMs: performance.now() };
}

/** Of everything on the machine: idle time and waiting for disks are none, time taken by other machines on the same host is. */
export function usageOfAll(): Usage {
  const text = process.platform === 'linux' ? readFileSync('/proc/stat', 'utf8') : '';
  const [, ...ticks] = text.slice(0, text.indexOf('\n')).split(/\s+/).map(Number);
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, softInterrupt = 0, stolen = 0] = ticks;
  const busy = user + nice + system + interrupt + softInterrupt + stolen;
  return { cpuSeconds: busy / TICKS_PER_SECOND, atMs: performance.now() };
}

/** Of one core, between two looks. */
export function shareOf(before: Usage, after: Usage): number {
  return ((after.cpuSeconds - before.cpuSeconds) * 1000) / (after.atMs - before.atMs);
}

function childrenOf(pid: number): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.[PARENT] === String(pid))
    .map(Number);
}

/** Places in /proc/<pid>/stat behind the program's name. */
const PARENT = 1;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
const ENDED_CHILDREN = [13, 14];

function ticksOf(pid: number, withEnded: boolean): number {
  const stat = statOf(pid);
  if (!stat) return 0;
  const places = [USER_TICKS, SYSTEM_TICKS, ...(withEnded ? ENDED_CHILDREN : [])];
  return places.reduce((total, place) => total + Number(stat[place]), 0);
}

function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
