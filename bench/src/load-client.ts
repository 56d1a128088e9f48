/** The load client of load/: compiled when it is first needed, run in a process of its own. Knows no wire. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from './child.ts';
import { type PlanLine, renderPlan } from './plan.ts';

export interface LoadOptions {
  readonly port: number;
  /** Closed loop: sends in flight per sender. */
  readonly window?: number;
  /** Open loop: sends a second, all senders together. */
  readonly rate?: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** What has not arrived so long after the last send is lost. Default 10. */
  readonly drainSeconds?: number;
  /** At the beginning and at the end of what is measured. */
  readonly onMeasuring?: () => void;
  readonly onMeasured?: () => void;
}

interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Rates are of the measured time; `lost` and `unacked` of everything ever sent. Latencies in ms, from when a send was due. */
export interface LoadReport {
  readonly readers: number;
  readonly senders: number;
  readonly seconds: number;
  readonly sent: number;
  readonly acksPerSecond: number;
  /** To everybody who hears: readers, and senders where they hear. */
  readonly deliveriesPerSecond: number;
  readonly readerDeliveriesPerSecond: number;
  readonly unacked: number;
  readonly lost: number;
  /** Of one core, that the load client itself took. */
  readonly cpuShare: number;
  readonly delivery: Percentiles;
  readonly ack: Percentiles;
}

export interface IdleConnections {
  /** Opens the others. */
  openRest(): Promise<void>;
  close(): Promise<void>;
}

export interface LoadClient {
  run(plan: readonly PlanLine[], options: LoadOptions): Promise<LoadReport>;
  /** Opens the first connections of the plan and keeps them. */
  idle(plan: readonly PlanLine[], options: { readonly port: number; readonly first: number }): Promise<IdleConnections>;
}

/** The load client cannot be had on this machine; the message is a sentence for people. */
export class NoLoadClientError extends Error {
  override readonly name = 'NoLoadClientError';
}

export async function createLoadClient(prefix: readonly string[]): Promise<LoadClient> {
  const program = await compile();

  async function withPlan<T>(plan: readonly PlanLine[], use: (file: string) => Promise<T>): Promise<T> {
    const dir = await mkdtemp(join(tmpdir(), 'switchboard-load-'));
    try {
      const file = join(dir, 'plan.tsv');
      await writeFile(file, renderPlan(plan));
      return await use(file);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  return {
    run: (plan, options) =>
      withPlan(plan, async (file) => {
        const pace = options.rate === undefined ? ['-w', `${options.window ?? 1}`] : ['-r', `${options.rate}`];
        const { warmUpSeconds, seconds, drainSeconds = 10 } = options;
        const times = ['-u', `${warmUpSeconds}`, '-t', `${seconds}`, '-d', `${drainSeconds}`];
        const child = startChild([...prefix, program, '-p', `${options.port}`, ...pace, ...times, file]);
        try {
          await child.line(/^connected$/);
          child.process.stdin?.write('go\n');
          await child.line(/^measuring$/);
          options.onMeasuring?.();
          await child.line(/^measured$/);
          options.onMeasured?.();
          const [report] = await child.line(/^\{.*\}$/);
          return JSON.parse(report) as LoadReport;
        } finally {
          await child.stop();
        }
      }),

    idle: (plan, { port, first }) =>
      withPlan(plan, async (file) => {
        const child = startChild([...prefix, program, '-p', `${port}`, '-i', `${first}`, file]);
        try {
          await child.line(/^connected$/);
        } catch (error) {
          await child.stop();
          throw error;
        }
        return {
          async openRest() {
            child.process.stdin?.write('on\n');
            await child.line(/^connected$/);
          },
          close: () => child.stop(),
        };
      }),
  };
}

/** Kept under a name made of the sources: compiled again when they change. */
async function compile(): Promise<string> {
  if (process.platform !== 'linux') {
    throw new NoLoadClientError('The load client is written for Linux (epoll): run the benches there.');
  }
  const dir = fileURLToPath(new URL('../load/', import.meta.url));
  const files = (await readdir(dir)).filter((name) => /\.[ch]$/.test(name)).sort();
  const hash = createHash('sha256');
  for (const name of files) hash.update(await readFile(join(dir, name)));
  const cache = join(tmpdir(), `switchboard-bench-${userInfo().uid}`);
  const program = join(cache, `load-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  if (spawnSync('cc', ['--version']).error) {
    throw new NoLoadClientError(
      'The load client is compiled from C, and there is no "cc" on this machine: install a C compiler (Debian: apt install gcc libc6-dev).',
    );
  }
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const sources = files.filter((name) => name.endsWith('.c')).map((name) => join(dir, name));
  const draft = `${program}.${process.pid}`;
  execFileSync('cc', ['-O2', '-o', draft, ...sources]);
  await rename(draft, program);
  return program;
}
