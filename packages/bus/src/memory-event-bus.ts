/**
 * The event bus of nodes in one process: everything published is delivered to every subscriber, the publisher included, in order and
 * after the publishing turn's own code has run. Events go by reference: they are readonly data.
 */
import type { EventBus, NodeId } from '@switchboard/core';
import type { BusMessage, MemoryMedium } from './memory-medium.ts';

type Subscription = MemoryMedium['listeners'] extends Set<infer S> ? S : never;

export function createMemoryEventBus(
  medium: MemoryMedium,
  _nodeId: NodeId,
  onError: (error: unknown) => void = rethrowLater,
): EventBus {
  const own = new Set<Subscription>();

  function publish(message: BusMessage): void {
    medium.queue.push(message);
    if (medium.queue.length === 1) queueMicrotask(() => deliver(medium));
  }

  return {
    id: `memory:${medium.id}`,
    publishCommit: (commit) => publish({ kind: 'commit', commit }),
    publishSignals: (signals) => {
      if (signals.length > 0) publish({ kind: 'signals', signals });
    },
    subscribe: async (listener) => {
      const subscription = { listener, onError };
      own.add(subscription);
      medium.listeners.add(subscription);
    },
    isUp: () => true,
    close: async () => {
      for (const subscription of own) medium.listeners.delete(subscription);
      own.clear();
    },
  };
}

/** Takes what was published meanwhile as well: the queue is empty when this returns, so the next publish starts a new turn. */
function deliver(medium: MemoryMedium): void {
  const { queue, listeners } = medium;
  for (let next = 0; next < queue.length; next++) {
    const message = queue[next] as BusMessage;
    for (const { listener, onError } of [...listeners]) {
      try {
        if (message.kind === 'commit') listener.onCommit(message.commit);
        else listener.onSignal(message.signals);
      } catch (error) {
        onError(error);
      }
    }
  }
  queue.length = 0;
}

/** One listener's fault keeps nothing from the others, and is not swallowed either. */
function rethrowLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
