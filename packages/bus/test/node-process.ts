/** A node as a process of its own: holds one connection with a grace, sweeps once a second, and prints what it hears and learns. */
import type { ConnectionId, NodeId, UserId } from '@switchboard/core';
import { createRedisPresenceStore } from '../src/index.ts';

const [url = '', name = '', userId = '0'] = process.argv.slice(2);
const store = createRedisPresenceStore({
  url,
  nodeId: name as NodeId,
  clock: {
    now: Date.now,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    every: (ms, run) => {
      const timer = setInterval(run, ms);
      return () => clearInterval(timer);
    },
  },
  log: () => undefined,
});
await store.sweep();
await store.register({
  id: `connection-${name}` as ConnectionId,
  userId: Number(userId) as UserId,
  namespace: 'event',
  nodeId: name as NodeId,
  graceMs: 1_000,
  asleep: false,
  connectedAt: Date.now(),
  endedAt: null,
  info: {},
});
process.stdout.write('registered\n');
setInterval(() => {
  store.sweep().then(
    (changes) => {
      for (const { after } of changes) process.stdout.write(`${after.userId} ${after.connections.length}\n`);
    },
    () => undefined,
  );
}, 1_000);
