/** When people were last seen, written in batches: thousands who drop at once are a few statements. What fails is written with the next. */
import type { CoreContext } from './context.ts';
import { isDomainError } from './errors.ts';
import type { UnixMs, UserId } from './ids.ts';

export interface LastSeen {
  note(userId: UserId, at: UnixMs): void;
  /** Writes what waits. */
  flush(): Promise<void>;
}

const AT_ONCE = 1_000;

export function createLastSeen({ store, log }: Pick<CoreContext, 'store' | 'log'>): LastSeen {
  let waiting = new Map<UserId, UnixMs>();
  let writing: Promise<void> | null = null;

  function flush(): Promise<void> {
    writing ??= write().finally(() => {
      writing = null;
    });
    return writing;
  }

  async function write(): Promise<void> {
    while (waiting.size > 0) {
      const seen = [...waiting].map(([userId, at]) => ({ userId, at })).slice(0, AT_ONCE);
      for (const { userId } of seen) waiting.delete(userId);
      try {
        await store.users.touchLastSeen(seen);
      } catch (error) {
        // Whoever was seen again meanwhile keeps the later time.
        waiting = new Map([...seen.map(({ userId, at }) => [userId, at] as const), ...waiting]);
        if (isDomainError(error) && error.code === 'unavailable') return;
        log('warn', 'when people were last seen was not noted', { error });
        return;
      }
    }
  }

  return {
    note(userId, at) {
      waiting.set(userId, at);
      // The turn's others go along.
      if (waiting.size === 1) setImmediate(() => void flush());
    },
    flush,
  };
}
