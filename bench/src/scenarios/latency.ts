/** How long a message takes from its sender to a hundred readers when there is little to do. */
import type { Scenario } from '../scenario.ts';
import { runLoad, SHARES } from './load-run.ts';

export const latency: Scenario = {
  name: 'latency',
  about:
    '200 sends a second from 64 connections, whatever becomes of the ones before, to 100 readers; from when each was due.',
  stores: true,
  figures: {
    'delivery p50': { unit: 'ms', better: 'lower', budget: 2 },
    'delivery p99': { unit: 'ms', better: 'lower', budget: 10 },
    'delivery max': { unit: 'ms', better: 'lower' },
    'ack p50': { unit: 'ms', better: 'lower' },
    'ack p99': { unit: 'ms', better: 'lower' },
    ...SHARES,
  },
  async run(target, bench) {
    const report = await runLoad(target, bench, { readers: 100, senders: 64, rate: 200 });
    return {
      'delivery p50': report.delivery.p50,
      'delivery p99': report.delivery.p99,
      'delivery max': report.delivery.max,
      'ack p50': report.ack.p50,
      'ack p99': report.ack.p99,
      ...report.shares,
    };
  },
};
