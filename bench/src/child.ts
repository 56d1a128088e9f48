/** A process of ours with its output by the line. Knows nothing of what runs in it. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The first line, from now on or said before and not yet taken, that matches; others before it are dropped. Rejects at the end. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** The end of what it has written so far, to either stream. */
  lastWords(): string;
  /** `code`, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** In order, and by force after `patienceMs`. */
  stop(patienceMs?: number): Promise<void>;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly ipc?: boolean;
}

/** NODE_OPTIONS: flags for the servers under measurement (heap snapshots, traces). */
const KEPT_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'USER', 'NODE_OPTIONS'];
const STOP_WITHIN_MS = 15_000;

export function startChild(command: readonly string[], { env = {}, ipc = false }: ChildOptions = {}): Child {
  const [program = '', ...args] = command;
  const inherited = Object.fromEntries(KEPT_VARIABLES.map((name) => [name, process.env[name]]));
  const child = spawn(program, args, {
    env: { ...inherited, ...env },
    stdio: ['pipe', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  });
  const lines: string[] = [];
  let rest = '';
  let words = '';
  const keep = (text: string) => {
    words = (words + text).slice(-4_000);
  };
  let wake: (() => void) | null = null;
  let hasEnded = false;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    keep(text);
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake?.();
  });
  child.stderr?.setEncoding('utf8').on('data', keep);
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      hasEnded = true;
      wake?.();
      resolve(code ?? signal ?? -1);
    });
  });
  ended.catch(() => wake?.());

  async function line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (let next = lines.shift(); next !== undefined; next = lines.shift()) {
        const found = pattern.exec(next);
        if (found) return found;
      }
      if (hasEnded) throw new Error(`${program} ended before it said ${pattern}: ${words || 'nothing'}`);
      await Promise.race([
        new Promise<void>((resolve) => {
          wake = resolve;
        }),
        ended,
      ]);
    }
  }

  return {
    pid: child.pid ?? -1,
    process: child,
    line,
    lastWords: () => words,
    ended,
    async stop(patienceMs = STOP_WITHIN_MS) {
      const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(force);
    },
  };
}
