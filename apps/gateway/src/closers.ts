/** What has been opened, to be closed in the opposite order: after a start that failed half-way as after a long life. */
import type { Log } from '@switchboard/core';

export interface Closers {
  add(name: string, close: () => Promise<unknown> | unknown): void;
  /** Closes everything, each within `patienceMs`: what fails or hangs is told and passed over. A second call waits for the first. */
  closeAll(): Promise<void>;
}

export function createClosers(log: Log, patienceMs: number): Closers {
  const closers: { name: string; close: () => Promise<unknown> | unknown }[] = [];
  let closing: Promise<void> | null = null;

  async function closeInTurn(): Promise<void> {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await within(patienceMs, closer, log);
  }

  return {
    add: (name, close) => void closers.push({ name, close }),
    closeAll() {
      closing ??= closeInTurn();
      return closing;
    },
  };
}

async function within(
  patienceMs: number,
  { name, close }: { name: string; close: () => Promise<unknown> | unknown },
  log: Log,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log('warn', `closing the ${name} takes too long; going on without`);
      resolve();
    }, patienceMs);
  });
  try {
    await Promise.race([Promise.resolve().then(close), late]);
  } catch (error) {
    log('warn', `closing the ${name} failed`, { error });
  } finally {
    clearTimeout(timer);
  }
}
