/** What tests of presence, typing, deadlines and calls share: people on connections, and waiting for what a node tells. */
import type { ConnectionId, DomainEvent, DomainEventType, User, UserActor } from '@switchboard/core';
import type { TestCore } from '@switchboard/testing';

export type ConnectedActor = UserActor & { readonly connectionId: ConnectionId };

export interface Heard {
  readonly events: readonly DomainEvent[];
  /** Those of a type so far. */
  of<T extends DomainEventType>(type: T): Extract<DomainEvent, { readonly type: T }>[];
  /** The type's n-th event (from 1), when it has come. */
  next<T extends DomainEventType>(type: T, n?: number): Promise<Extract<DomainEvent, { readonly type: T }>>;
}

/** What this node delivers from now on, signals included. */
export function listen({ core }: TestCore): Heard {
  const events: DomainEvent[] = [];
  const waiting = new Set<() => void>();
  core.events.subscribe({
    onEvents(batch) {
      events.push(...batch.map(({ event }) => event));
      for (const look of [...waiting]) look();
    },
    onReset: () => undefined,
  });
  const of: Heard['of'] = (type) => events.filter((event) => event.type === type) as never;
  return {
    events,
    of,
    next: (type, n = 1) =>
      new Promise((resolve) => {
        const look = () => {
          const found = of(type)[n - 1];
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

let connections = 0;

/** The user on a device of its own, which counts for presence on this node. */
export async function connect(
  test: TestCore,
  user: User,
  options: { graceMs?: number; namespace?: string; initial?: 'online' | 'idle' | 'offline' } = {},
): Promise<ConnectedActor> {
  connections += 1;
  const connectionId = `${user.displayName.toLowerCase()}-${connections}` as ConnectionId;
  const actor = test.actor(user, { connectionId, namespace: options.namespace ?? 'test' }) as ConnectedActor;
  await test.core.presence.connected(actor, {
    graceMs: options.graceMs ?? 0,
    ...(options.initial && { initial: options.initial }),
  });
  return actor;
}
