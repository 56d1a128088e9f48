/** A Redis of a test's own on a fixed port, that can go away and come back. Null where the machine has none. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { freePort } from './people.ts';

export interface RedisProcess {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

export async function startRedis(): Promise<RedisProcess> {
  const port = await freePort();
  let server: ChildProcess | null = null;
  const redis: RedisProcess = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: '/tmp',
      });
      server = child;
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on('data', (chunk: Buffer) => {
          if (chunk.includes('eady to accept connections')) resolve();
        });
        child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
      });
    },
    async kill() {
      const child = server;
      server = null;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
  await redis.start();
  return redis;
}
