// Starts owner.ts in a process of its own, as whomever a test wants, and reads what it tells.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EmbeddedPostgresOptions } from '../../src/embedded.ts';

export interface OwnerLine {
  event: 'log' | 'ready' | 'acknowledged' | 'interrupted' | 'failed';
  level?: string;
  message?: string;
  pid?: number;
  connectionString?: string;
  n?: number;
  code?: string;
}

export interface OwnerProcess {
  pid: number;
  lines: OwnerLine[];
  /** The first line of that kind, past or future. Rejects when the process ends without one. */
  next(event: OwnerLine['event']): Promise<OwnerLine>;
  signal(name: NodeJS.Signals): Promise<void>;
  /** Ctrl-C at its terminal: everybody in its process group gets the signal. */
  interruptGroup(): void;
}

export function startOwner(
  dataDir: string,
  options: Partial<EmbeddedPostgresOptions> = {},
  as?: { uid: number; tmpDir: string },
): OwnerProcess {
  const script = join(__dirname, 'owner.ts');
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=source', script, dataDir, JSON.stringify(options)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      ...(as && { uid: as.uid, gid: as.uid, env: { ...process.env, TMPDIR: as.tmpDir } }),
    },
  );
  const lines: OwnerLine[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of waiting) look();
  };
  const { stdout } = child;
  if (!stdout) throw new Error('an owner without an output');
  let ended = false;
  const reader = createInterface({ input: stdout });
  reader.on('line', (line) => {
    lines.push(JSON.parse(line));
    wake();
  });
  reader.on('close', () => {
    ended = true;
    wake();
  });
  const exit = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    lines,
    next(event) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => line.event === event);
          if (!found && !ended) return;
          waiting.delete(look);
          if (found) resolve(found);
          else reject(new Error(`the owner ended without "${event}": ${JSON.stringify(lines)}`));
        };
        waiting.add(look);
        look();
      });
    },
    async signal(name) {
      child.kill(name);
      await exit;
    },
    interruptGroup: () => process.kill(-(child.pid ?? 0), 'SIGINT'),
  };
}
