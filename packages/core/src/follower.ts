/**
 * The log in order, on every node: hears commits from the bus, holds back what came early, reads from the store what did not come, and
 * hands every event on exactly once, in strict order of positions, with its audience as of that position.
 */
import type { DeliveredEvent } from './audience.ts';
import type { CorePorts } from './context.ts';
import type { Missing, NodeDirectory } from './directory.ts';
import { type DomainEvent, LOG_EVENT_TYPES, type Signal } from './events.ts';
import { createHealing } from './follower/healing.ts';
import { createReplays, type Replay } from './follower/replay.ts';
import { createSequence, type Stretch } from './follower/sequence.ts';
import { createWaiters } from './follower/waiters.ts';
import type { LogPosition } from './ids.ts';

export interface EventListener {
  /**
   * A batch in order; what one commit wrote is never torn apart. Events that concern nobody on this node come with an empty audience,
   * and nothing about them need be in the lookup. Synchronous: when it returns, the listener has taken the events, and the lookup may
   * move on.
   */
  onEvents(batch: readonly DeliveredEvent[]): void;
  /** The log went backwards: caches are gone, clients shall come back. */
  onReset(): void;
}

export interface EventStream {
  subscribe(listener: EventListener): () => void;
  /** Newest position delivered to the listeners on this node. */
  readonly position: LogPosition;
  /** Resolves when this node has delivered `position` (at once when it has). Rejects with `unavailable` after 10 s. */
  delivered(position: LogPosition): Promise<void>;
  /**
   * One page of the log for a stream that comes back: events after the cursor with their audience then, and where to go on. What the
   * events refer to is in the lookup when it resolves.
   */
  readonly replay: Replay;
  /** Whether this node hears its store and bus: what readiness says. */
  readonly healthy: boolean;
  /** How far the follower is behind the head it knows of. */
  readonly lag: number;
  /** Entries of types that this version does not know, skipped since the start. */
  readonly unknown: number;
}

export interface Follower extends EventStream {
  /** Hears the bus from now on; resolves when the log's head has been reached. Rejects with `unavailable` while the store is away. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export type FollowerPorts = Pick<CorePorts, 'store' | 'bus' | 'clock' | 'log'> & { readonly directory: NodeDirectory };

/** What waits for its turn, in order. */
type Item =
  | { readonly kind: 'log'; readonly stretch: Stretch; loads: number }
  | { readonly kind: 'signals'; readonly signals: readonly Signal[]; loads: number }
  | { readonly kind: 'reset'; loads: number };

const KNOWN_TYPES: ReadonlySet<string> = new Set(LOG_EVENT_TYPES);
const CHECK_MS = 1_000;
const RETRY_MS = 250;
/** Items whose needs are loaded together. */
const LOAD_AHEAD = 64;
/** Loads after which an event goes out with what there is. */
const MOST_LOADS = 8;

export function createFollower(ports: FollowerPorts): Follower {
  const { store, bus, clock, log, directory } = ports;
  const listeners = new Set<EventListener>();
  const waiters = createWaiters(clock);
  const replays = createReplays({ log: store.log, directory, clock });
  const stops: (() => void)[] = [];
  let queue: Item[] = [];
  let loading = false;
  let started = false;
  let closed = false;
  let unknown = 0;

  const sequence = createSequence((stretch) => {
    queue.push({ kind: 'log', stretch, loads: 0 });
  });
  const healing = createHealing({ ...ports, sequence, onUnknown, onProgress: pump, onGoneBack });

  function onUnknown(count: number): void {
    unknown += count;
  }

  function onGoneBack(): void {
    queue = [{ kind: 'reset', loads: 0 }];
    pump();
  }

  function needsOf(item: Item): Missing | null {
    if (item.kind === 'reset') return null;
    if (item.kind === 'log') {
      const { events, through, healed } = item.stretch;
      return directory.missing(events, healed ? through : 0);
    }
    for (const signal of item.signals) {
      const missing = directory.missingForSignal(signal);
      if (missing) return missing;
    }
    return null;
  }

  function pump(): void {
    if (loading || !started || closed) return;
    let done = 0;
    while (done < queue.length) {
      const item = queue[done] as Item;
      const needs = item.loads < MOST_LOADS ? needsOf(item) : null;
      if (needs) {
        item.loads += 1;
        void load(needs, queue.slice(done + 1, done + LOAD_AHEAD));
        break;
      }
      done += 1;
      deliver(item);
    }
    if (done > 0) queue.splice(0, done);
  }

  /** One round trip for all that waits, as far as it can be seen now. */
  async function load(needs: Missing, ahead: readonly Item[]): Promise<void> {
    loading = true;
    const all = [needs, ...ahead.map(needsOf)];
    try {
      await Promise.all(all.map((missing) => (missing ? directory.load(missing) : null)));
      loading = false;
      pump();
    } catch (error) {
      log('warn', 'the follower waits for the store', { error: String(error) });
      clock.after(RETRY_MS, () => {
        for (const item of queue) item.loads = 0;
        loading = false;
        pump();
      });
    }
  }

  function deliver(item: Item): void {
    if (item.kind === 'reset') {
      reset();
    } else if (item.kind === 'signals') {
      tell(item.signals.map((event) => ({ event, audience: directory.audienceOfSignal(event) })));
    } else {
      deliverStretch(item.stretch);
    }
  }

  function deliverStretch({ events, through }: Stretch): void {
    const batch: DeliveredEvent[] = [];
    for (const event of events) {
      if (!KNOWN_TYPES.has(event.type)) {
        unknown += 1;
        continue;
      }
      // Told by whoever noticed first: everything this node knows may come from the log that is no more.
      if (event.type === 'log.jumped' && !healing.noticed(event.position)) reset();
      batch.push({ event, audience: directory.apply(event) });
      replays.note(event);
    }
    directory.position = through;
    if (batch.length > 0) tell(batch);
    waiters.reached(through);
  }

  function reset(): void {
    directory.reset();
    replays.clear();
    for (const listener of listeners) attempt(() => listener.onReset());
    waiters.releaseAll();
  }

  function tell(batch: readonly DeliveredEvent<DomainEvent>[]): void {
    for (const listener of listeners) attempt(() => listener.onEvents(batch));
  }

  /** One listener's fault keeps nothing from the others. */
  function attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      log('error', 'a listener of the log failed', { error: error instanceof Error ? error.stack : String(error) });
    }
  }

  return {
    async start() {
      await bus.subscribe({
        onCommit(commit) {
          if (sequence.offer(commit) && started) healing.missing(commit.head);
          pump();
        },
        onSignal(signals) {
          queue.push({ kind: 'signals', signals, loads: 0 });
          pump();
        },
        onReconnect: () => void healing.check(),
      });
      const head = await store.log.head();
      const { batch } = await store.log.check(head);
      directory.position = head;
      started = true;
      sequence.restart(head, batch);
      if (sequence.heldFrom !== null) healing.missing(head);
      pump();
      stops.push(
        clock.every(CHECK_MS, () => {
          waiters.expire();
          directory.sweep();
          replays.sweep();
          void healing.check();
        }),
      );
    },
    async close() {
      closed = true;
      for (const stop of stops) stop();
      waiters.releaseAll();
      await healing.close();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get position() {
      return directory.position;
    },
    async delivered(position) {
      if (position > directory.position) await waiters.wait(position);
    },
    replay: replays.replay,
    get healthy() {
      return started && healing.healthy && bus.isUp();
    },
    get lag() {
      return Math.max(0, healing.head - directory.position);
    },
    get unknown() {
      return unknown;
    },
  };
}
