/** What a measurement is made of: scenarios, and the targets they are run against. A new wire is a new target and no change here. */
import type { LoadClient } from './load-client.ts';
import type { Usage } from './machine.ts';
import type { MemoryReport } from './measured.ts';
import type { PlanLine } from './plan.ts';

export interface Target {
  readonly name: string;
  /** In a process of its own, on an empty store. `stores` false: one that can leave storing out does so. */
  start(need: { readonly stores: boolean }): Promise<void>;
  /** Of the running process. */
  readonly port: number;
  /** Connections that hear the one conversation everybody is in. Called once after a start, before `planSenders`. */
  planReaders(count: number): Promise<readonly PlanLine[]>;
  /** Connections that may send into it. */
  planSenders(count: number): Promise<readonly PlanLine[]>;
  /** Connections that are signed in and do nothing. */
  planIdle(count: number): Promise<readonly PlanLine[]>;
  /** Processor time so far of its process. */
  usage(): Usage;
  /** Of its process, after all garbage has been collected. */
  memory(): Promise<MemoryReport>;
  /** A CPU profile of its process, from now on until it is written. */
  beginProfile(): void;
  endProfile(file: string): Promise<void>;
  /** The end of what its process has written. */
  lastWords(): string;
  stop(): Promise<void>;
}

export interface Bench {
  readonly load: LoadClient;
  /** Shorter, for a look. */
  readonly quick: boolean;
  /** Processor time so far of PostgreSQL. */
  postgresUsage(): Usage;
  /** Where CPU profiles go, as `<target>-<n>.cpuprofile`; undefined: none are taken. */
  readonly profileDir?: string | undefined;
}

export type Figures = Readonly<Record<string, number>>;

export interface FigureInfo {
  readonly unit: string;
  /** `none`: shown, not judged. */
  readonly better: 'higher' | 'lower' | 'none';
  /** At least (`lower`: at most) so many times the reference's. */
  readonly ratioBudget?: number;
  readonly budget?: number;
}

export interface Scenario {
  readonly name: string;
  /** One line: what is done. */
  readonly about: string;
  readonly stores: boolean;
  readonly figures: Readonly<Record<string, FigureInfo>>;
  /** The target has been started. */
  run(target: Target, bench: Bench): Promise<Figures>;
}
