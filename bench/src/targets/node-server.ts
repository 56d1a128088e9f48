/** A Node server under measurement, in a process of its own: started, asked for its memory, stopped, profiled when wanted. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../child.ts';
import { type Usage, usageOf } from '../machine.ts';
import type { MemoryReport } from '../measured.ts';

export interface NodeServer {
  readonly port: number;
  usage(): Usage;
  memory(): Promise<MemoryReport>;
  stop(): Promise<void>;
}

export interface NodeServerOptions {
  /** What pins it. */
  readonly prefix: readonly string[];
  /** Built JavaScript, as it runs in production. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where a CPU profile is written when it ends. */
  readonly profileDir?: string | undefined;
}

const MEASURED = fileURLToPath(new URL('../../dist/measured.js', import.meta.url));

/** Resolves when it says `… ready on http://host:port`. */
export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const { prefix, script, args = [], env, profileDir } = options;
  const profile = profileDir ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`] : [];
  const flags = ['--expose-gc', '--import', MEASURED, ...profile];
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
    memory: () => askMemory(child),
    stop: () => child.stop(),
  };
}

async function askMemory({ process: server }: Child): Promise<MemoryReport> {
  server.send('memory');
  const [report] = (await once(server, 'message')) as [MemoryReport];
  return report;
}
