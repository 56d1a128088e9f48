/**
 * What the bus did not bring: compares the head in the store with what was received, reads holes from the store, and notices a log that
 * went backwards. Delivers nothing itself.
 */
import type { CorePorts } from '../context.ts';
import type { LogEvent } from '../events.ts';
import type { LogPosition, UnixMs } from '../ids.ts';
import type { LogSlice } from '../ports/log-store.ts';
import type { Sequence } from './sequence.ts';

export interface Healing {
  /** Something at or before `through` has not come: the bus gets a moment, then the store is asked. */
  missing(through: LogPosition): void;
  /** Asks the store for its head now. */
  check(): Promise<void>;
  /** Whether this node itself found out, before this `log.jumped` came, that the log went backwards. */
  noticed(position: LogPosition): boolean;
  /** Newest head known of. */
  readonly head: LogPosition;
  /** The store answered when it was last asked. */
  readonly healthy: boolean;
  close(): Promise<void>;
}

export interface HealingOptions extends Pick<CorePorts, 'store' | 'clock' | 'log'> {
  readonly sequence: Sequence;
  /** So many entries of unknown types were passed over. */
  readonly onUnknown: (count: number) => void;
  /** Something was let out. */
  readonly onProgress: () => void;
  /** The log went backwards: what was let out and not delivered is void. */
  readonly onGoneBack: () => void;
}

const BUS_PATIENCE_MS = 20;
/** A store that has not answered for so long is not there, whatever it may still say. */
const SILENCE_MS = 5_000;
const PAGE = 500;
const LARGEST_PAGE = 50_000;

export function createHealing(options: HealingOptions): Healing {
  const { store, clock, log, sequence, onUnknown, onProgress, onGoneBack } = options;
  let head: LogPosition = 0;
  let healthy = true;
  let askedAt: UnixMs | null = null;
  let closed = false;
  let cancelTimer: (() => void) | null = null;
  let healing: Promise<void> | null = null;
  let checking: Promise<void> | null = null;
  let written: LogPosition = 0;

  const isBehind = () => sequence.heldFrom !== null || sequence.received < head;

  function missing(through: LogPosition): void {
    if (through > head) head = through;
    if (cancelTimer || healing || closed) return;
    cancelTimer = clock.after(BUS_PATIENCE_MS, () => {
      cancelTimer = null;
      if (isBehind() && !closed) void heal();
    });
  }

  function heal(): Promise<void> {
    healing ??= readMissing()
      .then(
        () => {
          healthy = true;
        },
        (error: unknown) => {
          // The next check tries again.
          healthy = false;
          log('warn', 'a hole in the log could not be read', { error: String(error) });
        },
      )
      .finally(() => {
        healing = null;
      });
    return healing;
  }

  async function readMissing(): Promise<void> {
    while (isBehind() && !closed) {
      const after = sequence.received;
      const heldFrom = sequence.heldFrom;
      const page = await readWhole(after, heldFrom === null ? null : heldFrom - 1);
      // Meanwhile the log was found to have gone backwards, or the bus brought it after all.
      if (sequence.received !== after) continue;
      if (page.through <= after) {
        // The store does not have it (any more): whether the log is still the same is another question.
        void check();
        return;
      }
      log('debug', 'read from the store what the bus did not bring', { after, through: page.through });
      if (page.unknown > 0) onUnknown(page.unknown);
      sequence.heal(page.events, page.through);
      onProgress();
    }
  }

  /** Whole batches: what one commit wrote is never torn apart. `end`: where a commit is known to have ended. */
  async function readWhole(
    after: LogPosition,
    end: LogPosition | null,
  ): Promise<Pick<LogSlice, 'events' | 'through' | 'unknown'>> {
    for (let limit = PAGE; ; limit = Math.min(LARGEST_PAGE, limit * 10)) {
      const wanted = end === null ? limit : Math.min(limit, end - after);
      const { events, through, unknown } = await store.log.read(after, wanted);
      const isFull = events.length + unknown >= wanted;
      if (!isFull || through === end || limit === LARGEST_PAGE) return { events, through, unknown };
      const last = events.at(-1)?.batch;
      const cut = events.findLastIndex((event) => event.batch !== last);
      if (cut >= 0) {
        // Unknown entries behind the cut come again; those before it are few.
        return { events: events.slice(0, cut + 1), through: (events[cut] as LogEvent).position, unknown: 0 };
      }
    }
  }

  function check(): Promise<void> {
    if (checking) return checking;
    askedAt = clock.now();
    checking = compare()
      .then(
        () => {
          healthy = true;
        },
        () => {
          healthy = false;
        },
      )
      .finally(() => {
        checking = null;
        askedAt = null;
      });
    return checking;
  }

  async function compare(): Promise<void> {
    const { received, batch } = sequence;
    const [found, freed] = await Promise.all([store.log.check(received), store.log.freeLock()]);
    if (freed > 0) log('warn', "a node that stands still was relieved of the log's lock", { freed });
    if (closed) return;
    const isOther = batch !== null && found.batch !== null && found.batch !== batch;
    if (found.head < received || isOther) return goneBack(received, found.head);
    if (found.head > head) head = found.head;
    if (isBehind()) missing(head);
  }

  async function goneBack(seen: LogPosition, found: LogPosition): Promise<void> {
    log('error', 'the log went backwards: caches are dropped and clients are told to come back', { seen, found });
    // Whoever is first writes it there; it reaches this node as any entry does.
    written = seen + 1;
    onGoneBack();
    const jumped = await store.log.jump(seen);
    if (closed) return;
    if (jumped === null) {
      // Others have gone on meanwhile, and nobody here has heard of it.
      const now = await store.log.check(seen);
      head = now.head;
      if (now.head >= sequence.received) sequence.restart(now.head, null);
      onProgress();
    } else {
      head = jumped;
    }
    if (isBehind()) missing(head);
  }

  return {
    missing,
    check,
    noticed: (position) => position === written,
    get head() {
      return Math.max(head, sequence.received);
    },
    get healthy() {
      return healthy && (askedAt === null || clock.now() - askedAt < SILENCE_MS);
    },
    async close() {
      closed = true;
      cancelTimer?.();
      await Promise.all([healing, checking]);
    },
  };
}
