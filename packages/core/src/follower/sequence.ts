/**
 * Commits in the order of the log: takes them as they come (late, twice, torn, or never) and lets them out without gap or repeat. What
 * the bus does not bring is asked for. Knows positions and batches; reads nothing itself.
 */
import type { LogEvent } from '../events.ts';
import type { LogPosition } from '../ids.ts';
import type { Commit } from '../ports/bus.ts';

/** A stretch of the log without holes. */
export interface Stretch {
  readonly events: readonly LogEvent[];
  /** Last position it covers. */
  readonly through: LogPosition;
  /** Read back from the store: objects as they are now, not as they were. */
  readonly healed: boolean;
}

export interface Sequence {
  /** Everything up to here has been let out. */
  readonly received: LogPosition;
  /** Which batch wrote the entry at `received`, where known. */
  readonly batch: string | null;
  /** Lets out what has its turn now, and says whether something earlier is missing. */
  offer(commit: Commit): boolean;
  /** What the store holds after `received`, whole batches only. */
  heal(events: readonly LogEvent[], through: LogPosition): void;
  /** Begins anew after this position. */
  restart(position: LogPosition, batch: string | null): void;
  /** Lowest position held back, or null. */
  readonly heldFrom: LogPosition | null;
}

/** Held back at most; what is beyond is read from the store in time. */
const MOST_HELD = 10_000;

export function createSequence(letOut: (stretch: Stretch) => void): Sequence {
  /** Below every position until `restart` says where to begin: everything is held back. */
  let received: LogPosition = -1;
  let batch: string | null = null;
  /** By first position. */
  const held = new Map<LogPosition, Commit>();

  function take(commit: Commit): void {
    const first = commit.events[0] as LogEvent;
    const events =
      first.position > received ? commit.events : commit.events.filter((event) => event.position > received);
    pass({ events, through: commit.head, healed: false });
  }

  function pass(stretch: Stretch): void {
    received = stretch.through;
    batch = stretch.events.at(-1)?.batch ?? batch;
    letOut(stretch);
  }

  /** What was held back and has its turn now. */
  function release(): void {
    while (held.size > 0) {
      const next = held.get(received + 1);
      if (next) {
        held.delete(received + 1);
        take(next);
        continue;
      }
      let moved = false;
      for (const [first, commit] of held) {
        if (first > received) continue;
        held.delete(first);
        if (commit.head > received) {
          take(commit);
          moved = true;
        }
      }
      if (!moved) return;
    }
  }

  return {
    get received() {
      return received;
    },
    get batch() {
      return batch;
    },
    get heldFrom() {
      let lowest: LogPosition | null = null;
      for (const first of held.keys()) if (lowest === null || first < lowest) lowest = first;
      return lowest;
    },
    offer(commit) {
      const first = commit.events[0];
      if (!first || commit.head <= received) return held.size > 0;
      if (first.position > received + 1) {
        if (held.size < MOST_HELD) held.set(first.position, commit);
        return true;
      }
      take(commit);
      release();
      return held.size > 0;
    },
    heal(events, through) {
      if (through <= received) return;
      pass({ events: events.filter((event) => event.position > received), through, healed: true });
      release();
    },
    restart(position, newBatch) {
      received = position;
      batch = newBatch;
      for (const [first, commit] of held) if (commit.head <= position) held.delete(first);
      release();
    },
  };
}
