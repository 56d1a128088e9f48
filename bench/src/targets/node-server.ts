/** A Node server under measurement, in a process of its own: started, asked for its memory, profiled, stopped. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../child.ts';
import { type Usage, usageOf } from '../machine.ts';
import type { MemoryReport, Order } from '../measured.ts';

export interface NodeServer {
  readonly port: number;
  usage(): Usage;
  memory(): Promise<MemoryReport>;
  beginProfile(): void;
  endProfile(file: string): Promise<void>;
  lastWords(): string;
  stop(): Promise<void>;
}

export interface NodeServerOptions {
  /** What pins it. */
  readonly prefix: readonly string[];
  /** Built JavaScript, as it runs in production. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const MEASURED = fileURLToPath(new URL('../../dist/measured.js', import.meta.url));

/** Resolves when it says `… ready on http://host:port`. */
export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const { prefix, script, args = [], env } = options;
  const flags = ['--expose-gc', '--import', MEASURED];
  const child = startChild([...prefix, process.execPath, ...flags, script, ...args], { env, ipc: true });
  let port: number;
  try {
    const [, url = ''] = await child.line(/ ready on (http:\/\/\S+)/);
    port = Number(new URL(url).port);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return {
    port,
    usage: () => usageOf(child.pid),
    memory: () => ask<MemoryReport>(child, { order: 'memory' }),
    beginProfile: () => void child.process.send({ order: 'profile' } satisfies Order),
    async endProfile(file) {
      await ask(child, { order: 'profiled', file });
    },
    lastWords: child.lastWords,
    stop: () => child.stop(),
  };
}

async function ask<T>({ process: server }: Child, order: Order): Promise<T> {
  server.send(order);
  const [answer] = (await once(server, 'message')) as [T];
  return answer;
}
