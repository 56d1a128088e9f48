/**
 * One timer wheel for everything that is due later and seldom is: pings, silences, polls that time out. An idle connection costs an entry,
 * no timer and no closure. Knows nothing of what is due.
 */
import type { Clock } from '@switchboard/core';

export interface Wheel<Item> {
  /** Due in `delayMs`, rounded up to the next tick; setting again moves it. */
  set(item: Item, delayMs: number): void;
  clear(item: Item): void;
  readonly size: number;
  close(): void;
}

export interface WheelOptions<Item> {
  readonly clock: Clock;
  /** Called once per setting, from the wheel's tick; it may set the item again. Must not throw. */
  readonly onDue: (item: Item) => void;
  /** Default 1,000. */
  readonly tickMs?: number;
  /** Delays above `tickMs × slots` go round more than once. Default 128. */
  readonly slots?: number;
}

export function createWheel<Item>(options: WheelOptions<Item>): Wheel<Item> {
  const { clock, onDue, tickMs = 1_000, slots = 128 } = options;
  const wheel: (Set<Item> | undefined)[] = new Array(slots);
  const dueTicks = new Map<Item, number>();
  const startedAt = clock.now();
  let tick = 0;

  function remove(item: Item): void {
    const due = dueTicks.get(item);
    if (due === undefined) return;
    dueTicks.delete(item);
    wheel[due % slots]?.delete(item);
  }

  function turn(): void {
    const until = Math.floor((clock.now() - startedAt) / tickMs);
    // After a sleep of the machine one round sees every slot.
    const first = Math.max(tick + 1, until - slots + 1);
    tick = until;
    for (let at = first; at <= until; at += 1) {
      for (const item of [...(wheel[at % slots] ?? [])]) {
        if ((dueTicks.get(item) ?? Number.POSITIVE_INFINITY) > until) continue;
        remove(item);
        onDue(item);
      }
    }
  }

  const stop = clock.every(tickMs, turn);

  return {
    set(item, delayMs) {
      remove(item);
      const elapsedMs = clock.now() - startedAt + Math.max(0, delayMs);
      const due = Math.max(tick + 1, Math.ceil(elapsedMs / tickMs));
      dueTicks.set(item, due);
      let slot = wheel[due % slots];
      if (!slot) {
        slot = new Set();
        wheel[due % slots] = slot;
      }
      slot.add(item);
    },
    clear: remove,
    get size() {
      return dueTicks.size;
    },
    close() {
      stop();
      dueTicks.clear();
      wheel.fill(undefined);
    },
  };
}
