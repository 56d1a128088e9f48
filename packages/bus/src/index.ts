/** The EventBus and PresenceStore ports, in memory and on Redis. */
export { createMemoryEventBus } from './memory-event-bus.ts';
export { createMemoryMedium, type MemoryMedium } from './memory-medium.ts';
export { createMemoryPresenceStore } from './memory-presence-store.ts';
