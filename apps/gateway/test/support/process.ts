/** A gateway in a process of its own, as `npm start` makes it but straight from the sources, and what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All it has written so far, to either stream. */
  output(): string;
  /** Resolves with the output once it matches; rejects when the process ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  /** The main address, once it is ready. */
  url(): Promise<string>;
  /** Ends it in order, and by force if it does not. */
  stop(): Promise<number | NodeJS.Signals>;
}

const STOP_WITHIN_MS = 15_000;

export function spawnGateway(env: Record<string, string>, entry = MAIN): GatewayProcess {
  return spawnNode(['--import', 'tsx', '--conditions=source', entry], env);
}

export function spawnNode(args: readonly string[], env: Record<string, string>): GatewayProcess {
  const child = spawn(process.execPath, args, {
    env: { ...cleanEnvironment(), PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const watchers = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    text += chunk.toString();
    for (const watcher of watchers) watcher();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const exit = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? -1);
      for (const watcher of watchers) watcher();
    });
  });

  function says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(text);
        const ended = child.exitCode !== null || child.signalCode !== null;
        if (!found && !ended) return;
        watchers.delete(look);
        if (found) resolve(found);
        else reject(new Error(`the gateway ended before it said ${pattern}:\n${text}`));
      };
      watchers.add(look);
      look();
    });
  }

  return {
    child,
    get pid() {
      return child.pid ?? -1;
    },
    output: () => text,
    says,
    exit,
    url: async () => (await says(/is ready on (http:\/\/\S+)/))[1] as string,
    async stop() {
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      child.kill('SIGTERM');
      const code = await exit;
      clearTimeout(force);
      return code;
    },
  };
}

/** Jest's own variables and whatever the developer has set for a gateway stay outside. */
function cleanEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'USER'];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name] as string]] : [])));
}
