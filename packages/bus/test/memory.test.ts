/** The ports in memory keep the contracts. */
import type { PresenceStore } from '@switchboard/core';
import { createFakeClock } from '@switchboard/testing';
import { createMemoryEventBus, createMemoryMedium, createMemoryPresenceStore } from '../src/index.ts';
import { commitOf, createRecorder, itIsAnEventBus, nodeId } from './event-bus-contract.ts';
import { itIsAPresenceStore } from './presence-store-contract.ts';

describe('the event bus in memory', () => {
  itIsAnEventBus(async () => {
    const medium = createMemoryMedium();
    return { node: async (id) => createMemoryEventBus(medium, nodeId(id)), close: async () => undefined };
  });

  it('keeps nothing from the others when one listener fails', async () => {
    const faults: unknown[] = [];
    const medium = createMemoryMedium();
    const bus = createMemoryEventBus(medium, nodeId('a'), (fault) => faults.push(fault));
    const fault = new Error('of the listener');
    const refuse = () => {
      throw fault;
    };
    await bus.subscribe({ onCommit: refuse, onSignal: refuse, onReconnect: refuse });
    const heard = createRecorder();
    await bus.subscribe(heard);
    bus.publishCommit(commitOf(1));
    await heard.until(() => heard.commits.length === 1);
    expect(faults).toEqual([fault]);
  });
});

describe('the presence store in memory', () => {
  itIsAPresenceStore(async () => {
    const medium = createMemoryMedium();
    const clock = createFakeClock();
    const stores: PresenceStore[] = [];
    return {
      clock,
      node: async (id) => {
        const store = createMemoryPresenceStore({ medium, nodeId: nodeId(id), clock });
        stores.push(store);
        return store;
      },
      kill: (store) => store.close(),
      close: async () => {
        for (const store of stores) await store.close();
      },
    };
  });
});
