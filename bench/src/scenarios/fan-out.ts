/** How many deliveries a second reach a thousand readers. The reference stores nothing here; the gateway knows no such mode and does. */
import type { Scenario } from '../scenario.ts';
import { runLoad, SHARES } from './load-run.ts';

export const fanOut: Scenario = {
  name: 'fan-out',
  about: '64 connections send without a pause to 1,000 readers. The reference stores nothing; the gateway always does.',
  stores: false,
  figures: {
    'deliveries in all': { unit: '/s', better: 'higher', ratioBudget: 5 },
    'deliveries per second of server CPU': { unit: '', better: 'higher' },
    'deliveries to readers': { unit: '/s', better: 'higher' },
    'delivery p50': { unit: 'ms', better: 'lower' },
    'delivery p99': { unit: 'ms', better: 'lower' },
    ...SHARES,
  },
  async run(target, bench) {
    const report = await runLoad(target, bench, { readers: 1_000, senders: 64, window: 1 });
    return {
      'deliveries in all': report.deliveriesPerSecond,
      'deliveries per second of server CPU': report.perCpuSecond(report.deliveriesPerSecond),
      'deliveries to readers': report.readerDeliveriesPerSecond,
      'delivery p50': report.delivery.p50,
      'delivery p99': report.delivery.p99,
      ...report.shares,
    };
  },
};
