/** How many sends a second are stored and acknowledged while a hundred others listen. */
import type { Scenario } from '../scenario.ts';
import { runLoad, SHARES } from './load-run.ts';

export const sends: Scenario = {
  name: 'sends',
  about: '64 connections send 200-byte texts, each as soon as its last is acknowledged; they and 100 readers hear all.',
  stores: true,
  figures: {
    'acknowledged sends': { unit: '/s', better: 'higher', ratioBudget: 6 },
    'sends per second of server CPU': { unit: '', better: 'higher' },
    'deliveries to readers': { unit: '/s', better: 'higher', budget: 1_000_000 },
    'deliveries in all': { unit: '/s', better: 'higher' },
    'ack p50': { unit: 'ms', better: 'lower' },
    'ack p99': { unit: 'ms', better: 'lower' },
    ...SHARES,
  },
  async run(target, bench) {
    const report = await runLoad(target, bench, { readers: 100, senders: 64, window: 1 });
    return {
      'acknowledged sends': report.acksPerSecond,
      'sends per second of server CPU': report.perCpuSecond(report.acksPerSecond),
      'deliveries to readers': report.readerDeliveriesPerSecond,
      'deliveries in all': report.deliveriesPerSecond,
      'ack p50': report.ack.p50,
      'ack p99': report.ack.p99,
      ...report.shares,
    };
  },
};
