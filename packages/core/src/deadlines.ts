/**
 * Whatever must happen later, once, on any node, also after a restart: rows written with their cause (`tx.deadlines.set`), fired here by
 * a handler per kind inside one slow-lane transaction that finds the row still due and removes it. Knows no kind.
 */

import { systemActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { isDomainError } from './errors.ts';
import type { Deadline } from './ports/deadline-store.ts';
import type { Tx } from './ports/store.ts';

/** Runs inside the transaction that removed the deadline; may run twice (see `Store.transaction`): no effect outside. */
export type DeadlineHandler = (tx: Tx, deadline: Deadline) => Promise<void>;

export interface Deadlines {
  /** One handler per kind; a kind without one waits for a node that has it. */
  on(kind: string, handler: DeadlineHandler): void;
  start(): void;
  /** Resolves when what was being fired is done. */
  close(): Promise<void>;
}

/** How often each node looks: what another node wrote, or a clock that jumped, is noticed so late at most. */
const POLL_MS = 1_000;
const AT_ONCE = 100;
/** How long a deadline waits whose handler failed. */
const RETRY_MS = 30_000;

export function createDeadlines({ store, change, clock, log }: CoreContext): Deadlines {
  const handlers = new Map<string, DeadlineHandler>();
  let stopPolling = () => {};
  let stopTimer = () => {};
  let running: Promise<void> | null = null;
  /** Time has passed while it was looking. */
  let again = false;

  function look(): void {
    again = running !== null;
    running ??= fireDue()
      .catch((error: unknown) => {
        // A store that is away is told elsewhere; the next look tries again.
        if (!isDomainError(error) || error.code !== 'unavailable')
          log('error', 'looking for deadlines failed', { error });
      })
      .finally(() => {
        running = null;
        if (again) look();
      });
  }

  /** Fires what is due, and sets a timer for the first that is due before the next look. */
  async function fireDue(): Promise<void> {
    stopTimer();
    const soon = await store.deadlines.due(clock.now() + POLL_MS, AT_ONCE);
    const known = soon.filter(({ kind }) => handlers.has(kind));
    const now = clock.now();
    for (const deadline of known) if (deadline.dueAt <= now) await fire(deadline);
    const next = known.find(({ dueAt }) => dueAt > now);
    if (next) stopTimer = clock.after(Math.max(0, next.dueAt - clock.now()), look);
  }

  async function fire(deadline: Deadline): Promise<void> {
    const { kind, subject } = deadline;
    const handler = handlers.get(kind) as DeadlineHandler;
    try {
      await change(systemActor(), async (tx) => {
        const due = await tx.deadlines.take(kind, subject);
        if (due) await handler(tx, due);
      });
    } catch (error) {
      if (isDomainError(error) && error.code === 'unavailable') throw error;
      log('error', 'a deadline could not be met and waits for another try', { kind, subject, error });
      await store.deadlines.postpone(deadline, clock.now() + RETRY_MS);
    }
  }

  return {
    on(kind, handler) {
      if (handlers.has(kind)) throw new Error(`two handlers for deadlines of kind ${kind}`);
      handlers.set(kind, handler);
    },
    start() {
      stopPolling = clock.every(POLL_MS, look);
      look();
    },
    async close() {
      stopPolling();
      while (running) await running;
      stopTimer();
    },
  };
}
