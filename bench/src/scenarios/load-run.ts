/** One run of the load client against a target, with who had how much of which core meanwhile. */
import { join } from 'node:path';
import type { LoadReport } from '../load-client.ts';
import { shareOf, type Usage, usageOfAll } from '../machine.ts';
import type { Bench, Figures, Target } from '../scenario.ts';

export interface LoadRun {
  readonly readers: number;
  readonly senders: number;
  readonly window?: number;
  readonly rate?: number;
}

export interface LoadResult extends LoadReport {
  /** Of a rate: how much of it a second of the server's processor time pays for. Holds on a busy machine, too. */
  perCpuSecond(rate: number): number;
  readonly shares: Figures;
}

/**
 * Figures of every scenario that loads: shares of one core in percent. They show who was the bottleneck, and whether others were at work:
 * what they took was not there for whom is measured.
 */
export const SHARES = {
  'server CPU': { unit: '%', better: 'none' },
  'PostgreSQL CPU': { unit: '%', better: 'none' },
  'load client CPU': { unit: '%', better: 'none' },
  'CPU of others': { unit: '%', better: 'none' },
} as const;

/** Throws when anything that was sent got lost: a rate without it would mean nothing. */
export async function runLoad(target: Target, bench: Bench, run: LoadRun): Promise<LoadResult> {
  const { readers, senders, ...pace } = run;
  const plan = [...(await target.planReaders(readers)), ...(await target.planSenders(senders))];
  const before: Usage[] = [];
  const after: Usage[] = [];
  const look = (list: Usage[]) => () => list.push(target.usage(), bench.postgresUsage(), usageOfAll());
  const report = await bench.load.run(plan, {
    ...pace,
    port: target.port,
    warmUpSeconds: bench.quick ? 1 : 3,
    seconds: bench.quick ? 2 : 6,
    onMeasuring() {
      if (bench.profileDir) target.beginProfile();
      look(before)();
    },
    onMeasured: look(after),
  });
  if (bench.profileDir) await target.endProfile(join(bench.profileDir, `${target.name}-${Date.now()}.cpuprofile`));
  if (report.lost !== 0 || report.unacked !== 0) {
    throw new Error(`${target.name} lost ${report.lost} deliveries and ${report.unacked} acknowledgements`);
  }
  const share = (at: number) => 100 * shareOf(before[at] as Usage, after[at] as Usage);
  const own = { 'server CPU': share(0), 'PostgreSQL CPU': share(1), 'load client CPU': 100 * report.cpuShare };
  const others = share(2) - Object.values(own).reduce((total, one) => total + one, 0);
  const perCpuSecond = (rate: number) => rate / (own['server CPU'] / 100);
  return { ...report, perCpuSecond, shares: { ...own, 'CPU of others': Math.max(0, others) } };
}
