/** Who waits for a position to be delivered. Knows positions and nothing of events. */
import { DomainError } from '../errors.ts';
import type { LogPosition, UnixMs } from '../ids.ts';
import type { Clock } from '../ports/clock.ts';

export interface Waiters {
  wait(position: LogPosition): Promise<void>;
  /** Lets go whoever waits for this position or an earlier one. */
  reached(position: LogPosition): void;
  /** Turns away who has waited too long. Called about once a second. */
  expire(): void;
  releaseAll(): void;
}

interface Waiter {
  readonly position: LogPosition;
  readonly until: UnixMs;
  readonly resolve: () => void;
  readonly reject: (error: DomainError) => void;
}

const PATIENCE_MS = 10_000;

export function createWaiters(clock: Clock): Waiters {
  /** Ascending positions; nearly always added at the end. */
  let waiting: Waiter[] = [];

  return {
    wait(position) {
      return new Promise((resolve, reject) => {
        const waiter = { position, until: clock.now() + PATIENCE_MS, resolve, reject };
        let at = waiting.length;
        while (at > 0 && (waiting[at - 1] as Waiter).position > position) at -= 1;
        if (at === waiting.length) waiting.push(waiter);
        else waiting.splice(at, 0, waiter);
      });
    },
    reached(position) {
      let count = 0;
      while (count < waiting.length && (waiting[count] as Waiter).position <= position) count += 1;
      if (count === 0) return;
      for (const waiter of waiting.splice(0, count)) waiter.resolve();
    },
    expire() {
      if (waiting.length === 0) return;
      const now = clock.now();
      const late = waiting.filter((waiter) => waiter.until <= now);
      if (late.length === 0) return;
      waiting = waiting.filter((waiter) => waiter.until > now);
      for (const waiter of late) {
        waiter.reject(new DomainError('unavailable', `position ${waiter.position} was not delivered in time`));
      }
    },
    releaseAll() {
      const all = waiting;
      waiting = [];
      for (const waiter of all) waiter.resolve();
    },
  };
}
