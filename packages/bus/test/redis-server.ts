/**
 * A Redis of a test's own: the `redis-server` of this machine on a private unix socket, or the one that TEST_REDIS_URL names (which
 * cannot be stopped, so tests that do leave it alone). Where there is neither, one line says so.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRedis {
  readonly url: string;
  /** Gone without a word, and all that it knew. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Alive but silent. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const given = process.env.TEST_REDIS_URL;
const installed = spawnSync('redis-server', ['--version']).status === 0;

export const redisCanBeStopped = installed;
export const redisIsHere = installed || given !== undefined;

if (!redisIsHere) {
  process.stdout.write('no redis-server on PATH and no TEST_REDIS_URL: the Redis half of the bus tests is left out\n');
}

export async function openRedis(): Promise<TestRedis> {
  if (!installed) {
    const refuse = () => {
      throw new Error('the Redis of TEST_REDIS_URL is not ours to stop');
    };
    return {
      url: given as string,
      kill: refuse,
      start: refuse,
      pause: refuse,
      resume: refuse,
      close: async () => undefined,
    };
  }
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-redis-'));
  const url = join(dir, 'redis.sock');
  let server: ChildProcess | null = null;

  async function start(): Promise<void> {
    const child = spawn('redis-server', ['--port', '0', '--unixsocket', url, '--save', '', '--dir', dir], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    server = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.includes('eady to accept connections')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    });
  }

  async function kill(): Promise<void> {
    const child = server;
    server = null;
    if (!child) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  await start();
  return {
    url,
    kill,
    start,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    close: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
