/** What a connection costs that is signed in and silent: memory of the process, after all garbage has gone. */
import type { Scenario } from '../scenario.ts';

export const idle: Scenario = {
  name: 'idle',
  about: 'Resident memory before and after 5,000 more connections, each of another user; 500 came first, to warm up.',
  stores: true,
  figures: {
    'RSS per connection': { unit: 'KB', better: 'lower', budget: 8 },
    'of it on the JavaScript heap': { unit: 'KB', better: 'lower' },
  },
  async run(target, bench) {
    const first = 500;
    const count = bench.quick ? 2_000 : 5_000;
    const plan = await target.planIdle(first + count);
    const connections = await bench.load.idle(plan, { port: target.port, first });
    try {
      const before = await target.memory();
      await connections.openRest();
      const after = await target.memory();
      const each = (name: keyof typeof before) => (after[name] - before[name]) / count / 1024;
      return { 'RSS per connection': each('residentBytes'), 'of it on the JavaScript heap': each('heapUsedBytes') };
    } finally {
      await connections.close();
    }
  },
};
