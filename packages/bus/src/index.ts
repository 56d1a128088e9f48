/** The EventBus and PresenceStore ports, in memory and on Redis. */
export { createMemoryEventBus } from './memory-event-bus.ts';
export { createMemoryMedium, type MemoryMedium } from './memory-medium.ts';
export { createMemoryPresenceStore } from './memory-presence-store.ts';
export { createRedisEventBus, type RedisBusOptions } from './redis-event-bus.ts';
export { createRedisPresenceStore, type RedisPresenceOptions } from './redis-presence-store.ts';
