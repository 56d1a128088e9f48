/**
 * Durable readers of the log (push, webhooks, retention): each entry at least once, in order, on one node at a time. Knows what its
 * handlers want of the log, not what they do with it.
 */
import type { CorePorts } from './context.ts';
import type { LogEvent } from './events.ts';
import type { EventListener, EventStream } from './follower.ts';

export type ConsumerHandler = (events: readonly LogEvent[]) => Promise<void>;

export interface Consumers {
  /**
   * Hands every entry after the consumer's stored position to `handler`, in order, in pages; what a handler rejects comes again, after a
   * pause. A consumer that has never run begins at the log's floor. One node at a time runs it; when that one dies, another goes on
   * within `LEASE_MS`. Runs until the returned function is called.
   */
  run(name: string, handler: ConsumerHandler): () => Promise<void>;
  close(): Promise<void>;
}

export type ConsumerPorts = Pick<CorePorts, 'store' | 'clock' | 'log' | 'nodeId' | 'ids'>;

/** How long a node keeps a consumer that it does not come back to. */
export const LEASE_MS = 15_000;
/** How often a node looks whether there is something to do, and keeps its lease. */
const LOOK_MS = 1_000;
const PAGE = 500;
/** Pause after a page that was far from full. */
const GATHER_MS = 50;

export function createConsumers(ports: ConsumerPorts, stream: Pick<EventStream, 'subscribe'>): Consumers {
  const running = new Set<() => Promise<void>>();

  function run(name: string, handler: ConsumerHandler): () => Promise<void> {
    const consumer = createConsumer(ports, { name, handler });
    // A hint: what was delivered here can be read now. The look of every second finds the rest.
    const listener: EventListener = { onEvents: consumer.look, onReset: consumer.look };
    const unsubscribe = stream.subscribe(listener);
    const stopLooking = ports.clock.every(LOOK_MS, consumer.look);
    consumer.look();
    const stop = async () => {
      running.delete(stop);
      unsubscribe();
      stopLooking();
      await consumer.close();
    };
    running.add(stop);
    return stop;
  }

  return {
    run,
    async close() {
      await Promise.all([...running].map((stop) => stop()));
    },
  };
}

interface ConsumerTask {
  readonly name: string;
  readonly handler: ConsumerHandler;
}

function createConsumer({ store, clock, log, nodeId, ids }: ConsumerPorts, { name, handler }: ConsumerTask) {
  /** A node that comes back under its old name does not take its own lease for granted. */
  const owner = `${nodeId}:${ids.uuid()}`;
  let closed = false;
  let working: Promise<void> | null = null;
  let renewing: Promise<unknown> | null = null;
  let again = false;
  /** Nothing happens before this time: after a failure, and so that many small commits are read together. */
  let pausedUntil = 0;
  let leasedAt = 0;
  let failures = 0;

  async function work(): Promise<void> {
    while (!closed) {
      again = false;
      const position = await store.log.lease(name, owner, LEASE_MS);
      if (position === null) return;
      leasedAt = clock.now();
      const { events, through } = await store.log.read(position, PAGE);
      if (through === position) {
        if (again) continue;
        return;
      }
      if (events.length > 0) await handler(events);
      if (!(await store.log.advance(name, owner, through))) {
        // Another node has taken over and hands the same page on again.
        log('warn', 'a consumer of the log lost its lease', { consumer: name, through });
        return;
      }
      failures = 0;
      if (events.length < PAGE / 2) {
        pausedUntil = clock.now() + GATHER_MS;
        return;
      }
    }
  }

  function look(): void {
    again = true;
    if (closed || clock.now() < pausedUntil) return;
    if (working) {
      renew();
      return;
    }
    working = work()
      .catch((error: unknown) => {
        failures += 1;
        pausedUntil = clock.now() + Math.min(60_000, 500 * 2 ** failures);
        log('warn', 'a consumer of the log failed and tries again', { consumer: name, failures, error: String(error) });
      })
      .finally(() => {
        working = null;
      });
  }

  /** A handler may take its time: whoever is at work keeps the lease. */
  function renew(): void {
    if (renewing || leasedAt === 0 || clock.now() - leasedAt < LEASE_MS / 3) return;
    leasedAt = clock.now();
    renewing = store.log
      .lease(name, owner, LEASE_MS)
      .catch(() => null)
      .finally(() => {
        renewing = null;
      });
  }

  return {
    look,
    async close() {
      closed = true;
      await working;
      await renewing;
      await store.log.release(name, owner).catch(() => undefined);
    },
  };
}
