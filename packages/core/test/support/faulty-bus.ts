/** A bus between one node and its medium that loses, repeats or holds back commits when a test says so. */
import { createMemoryEventBus, createMemoryMedium, type MemoryMedium } from '@switchboard/bus';
import type { BusListener, Commit, EventBus, NodeId } from '@switchboard/core';

export interface FaultyBus extends EventBus {
  /** What becomes of each commit on its way in: the commits to hear instead, in that order. */
  fault: (commit: Commit) => readonly Commit[];
  /** As the bus would, when it is back after an absence. */
  reconnect(): void;
}

export const passOn = (commit: Commit): readonly Commit[] => [commit];
export const lose = (): readonly Commit[] => [];

export function createFaultyBus(medium: MemoryMedium = createMemoryMedium()): FaultyBus {
  const inner = createMemoryEventBus(medium, 'faulty' as NodeId);
  const listeners: BusListener[] = [];
  const bus: FaultyBus = {
    ...inner,
    fault: passOn,
    async subscribe(listener) {
      listeners.push(listener);
      await inner.subscribe({
        ...listener,
        onCommit: (commit) => {
          for (const heard of bus.fault(commit)) listener.onCommit(heard);
        },
      });
    },
    reconnect() {
      for (const listener of listeners) listener.onReconnect();
    },
  };
  return bus;
}
