/**
 * How long the log remembers: deletes what is behind the horizon, in pieces outside the lock, on one node at a time. Messages stay;
 * streams that ask for less than the floor are answered as their wire says.
 */
import type { CorePorts } from './context.ts';

export interface RetentionOptions {
  /** Entries older than this may go. Default 30 days. */
  readonly keepMs?: number;
  /** Never fewer than this many stay. Default 10,000. */
  readonly keepEntries?: number;
}

export interface Retention {
  start(): void;
  /** Removes what may go now; answers how many entries went. 0 while another node is at it. */
  prune(): Promise<number>;
  close(): Promise<void>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const PERIOD_MS = 10 * 60 * 1000;
/** A piece takes tens of milliseconds; the lease is renewed with each. */
const LEASE_MS = 60_000;
const PIECE = 5_000;
/** Under this name it stands among the consumers of the log. */
const NAME = 'retention';

export function createRetention(
  { store, clock, log, nodeId }: Pick<CorePorts, 'store' | 'clock' | 'log' | 'nodeId'>,
  { keepMs = 30 * DAY_MS, keepEntries = 10_000 }: RetentionOptions = {},
): Retention {
  let stop = () => {};
  let pruning: Promise<unknown> | null = null;
  let closed = false;

  async function prune(): Promise<number> {
    let removed = 0;
    while (!closed) {
      if ((await store.log.lease(NAME, nodeId, LEASE_MS)) === null) return removed;
      const piece = await store.log.prune({ olderThan: clock.now() - keepMs }, keepEntries, PIECE);
      removed += piece;
      if (piece < PIECE) break;
    }
    await store.log.advance(NAME, nodeId, (await store.log.floor()) - 1);
    await store.log.release(NAME, nodeId);
    if (removed > 0) log('info', 'old entries of the log were removed', { removed });
    return removed;
  }

  function pruneQuietly(): void {
    pruning ??= prune()
      .catch((error: unknown) => log('warn', 'old entries could not be removed', { error: String(error) }))
      .finally(() => {
        pruning = null;
      });
  }

  return {
    start() {
      stop = clock.every(PERIOD_MS, pruneQuietly);
    },
    prune,
    async close() {
      closed = true;
      stop();
      await pruning;
    },
  };
}
