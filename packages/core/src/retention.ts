/**
 * How long the log remembers, and what is over: deletes what is behind the horizon, in pieces outside the lock, on one node at a time.
 * Messages stay; streams that ask for less than the floor are answered as their wire says.
 */
import type { CorePorts } from './context.ts';
import type { UnixMs } from './ids.ts';

export interface RetentionOptions {
  /** Entries older than this may go, and sessions and codes that have been over for as long. Default 30 days. */
  readonly keepMs?: number;
  /** Never fewer than this many stay. Default 10,000. */
  readonly keepEntries?: number;
}

export interface Retention {
  start(): void;
  /** Removes what may go now; answers how much went. Nothing while another node is at it. */
  prune(): Promise<Removed>;
  close(): Promise<void>;
}

/** Sessions and codes are looked at once a day. */
export interface Removed {
  readonly entries: number;
  readonly sessions: number;
  readonly codes: number;
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
  let tidiedAt: UnixMs | null = null;

  /** Piece by piece, until there is no more, or the lease is another's. */
  async function inPieces(remove: () => Promise<number>): Promise<number> {
    let removed = 0;
    while (!closed && (await store.log.lease(NAME, nodeId, LEASE_MS)) !== null) {
      const piece = await remove();
      removed += piece;
      if (piece < PIECE) break;
    }
    return removed;
  }

  async function prune(): Promise<Removed> {
    const now = clock.now();
    const before = now - keepMs;
    const entries = await inPieces(() => store.log.prune({ olderThan: before }, keepEntries, PIECE));
    await store.log.advance(NAME, nodeId, (await store.log.floor()) - 1);
    const isTidy = tidiedAt !== null && now - tidiedAt < DAY_MS;
    const sessions = isTidy ? 0 : await inPieces(() => store.sessions.removeEnded(before, PIECE));
    const codes = isTidy ? 0 : await inPieces(() => store.sessions.removeSpentCodes(before, PIECE));
    if (!isTidy) tidiedAt = now;
    await store.log.release(NAME, nodeId);
    const removed = { entries, sessions, codes };
    if (entries + sessions + codes > 0) log('info', 'what was old was removed', removed);
    return removed;
  }

  function pruneQuietly(): void {
    pruning ??= prune()
      .catch((error: unknown) => log('warn', 'what is old could not be removed', { error: String(error) }))
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
