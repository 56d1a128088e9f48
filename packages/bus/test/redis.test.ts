/** The ports on Redis keep the same contracts. What Redis does to them when it goes away stands in redis-faults.test.ts. */
import { randomUUID } from 'node:crypto';
import type { EventBus, PresenceStore } from '@switchboard/core';
import { createFakeClock } from '@switchboard/testing';
import { createRedisEventBus, createRedisPresenceStore } from '../src/index.ts';
import { itIsAnEventBus, nodeId } from './event-bus-contract.ts';
import { itIsAPresenceStore } from './presence-store-contract.ts';
import { openRedis, redisIsHere, type TestRedis } from './redis-server.ts';

const log = () => undefined;

(redisIsHere ? describe : describe.skip)('on Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  describe('the event bus', () => {
    itIsAnEventBus(async () => {
      const prefix = `test-${randomUUID()}`;
      const buses: EventBus[] = [];
      return {
        node: async (id) => {
          const bus = createRedisEventBus({ url: redis.url, nodeId: nodeId(id), prefix, log });
          buses.push(bus);
          return bus;
        },
        close: async () => {
          for (const bus of buses) await bus.close();
        },
      };
    });
  });

  describe('the presence store', () => {
    itIsAPresenceStore(async () => {
      const prefix = `test-${randomUUID()}`;
      const clock = createFakeClock();
      const stores: PresenceStore[] = [];
      return {
        clock,
        node: async (id) => {
          const store = createRedisPresenceStore({
            url: redis.url,
            nodeId: nodeId(id),
            prefix,
            clock,
            time: 'clock',
            log,
          });
          stores.push(store);
          await store.sweep();
          return store;
        },
        kill: (store) => store.close(),
        close: async () => {
          for (const store of stores) await store.close();
        },
      };
    });
  });
});
