/**
 * Time and randomness that a test owns: nothing passes until `advance` is called, and ids count up. Knows nothing of what the timers do.
 */
import type { Clock, Ids, UnixMs } from '@switchboard/core';

export interface FakeClock extends Clock {
  /** Timers that wait, periodic ones included. */
  readonly pending: number;
  /**
   * Moves time forward and runs what falls due on the way, in order of time (equal times: order of setting), each at its own moment.
   * Between two moments the microtasks are let run, so that what one timer's promise sets is seen by the next. Resolves at the new time.
   */
  advance(ms: number): Promise<void>;
  /** As `advance`, for a test that has no promises in play: nothing but timers runs in between. */
  advanceSync(ms: number): void;
  /** Jumps without running anything: a machine that slept. What is overdue runs with the next `advance`. */
  skip(ms: number): void;
}

/** 2026-11-20T12:00:00Z: where tests begin unless they say otherwise. */
export const TEST_START: UnixMs = 1_795_176_000_000;

interface Timer {
  at: UnixMs;
  readonly order: number;
  readonly periodMs: number | null;
  readonly run: () => void;
}

export function createFakeClock(start: UnixMs = TEST_START): FakeClock {
  const timers = new Set<Timer>();
  let now = start;
  let order = 0;

  function add(delayMs: number, periodMs: number | null, run: () => void): () => void {
    const timer: Timer = { at: now + Math.max(0, delayMs), order: order++, periodMs, run };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  function nextDue(until: UnixMs): Timer | null {
    let next: Timer | null = null;
    for (const timer of timers) {
      if (timer.at > until) continue;
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }

  function fire(timer: Timer): void {
    now = Math.max(now, timer.at);
    // A period of 0 would never let time go on.
    if (timer.periodMs === null) timers.delete(timer);
    else timer.at += Math.max(1, timer.periodMs);
    timer.run();
  }

  return {
    now: () => now,
    after: (delayMs, run) => add(delayMs, null, run),
    every: (periodMs, run) => add(periodMs, periodMs, run),
    get pending() {
      return timers.size;
    },
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (let timer = nextDue(until); timer; timer = nextDue(until)) {
        fire(timer);
        await settle();
      }
      now = until;
    },
    advanceSync(ms) {
      const until = now + ms;
      for (let timer = nextDue(until); timer; timer = nextDue(until)) fire(timer);
      now = until;
    },
    skip(ms) {
      now += ms;
    },
  };
}

/** Lets everything that waits only for promises run; what waits for a socket or the store does not count. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Ids that count up: `00000000-0000-4000-8000-000000000001`, and tokens of the asked length that end in the count. */
export function createFakeIds(): Ids {
  let count = 0;
  return {
    uuid() {
      count += 1;
      return `00000000-0000-4000-8000-${count.toString(16).padStart(12, '0')}`;
    },
    token(bytes) {
      count += 1;
      return String(count).padStart(Math.ceil((bytes * 4) / 3), 'A');
    },
  };
}
