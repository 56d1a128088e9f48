/** What the kit counts. The gateway hands in counters; tests and benches none. */

export interface Metrics {
  connections(protocol: string, change: 1 | -1): void;
  /** `result`: `ok`, or the code of the fault. */
  operation(protocol: string, name: string, result: string, durationMs: number): void;
  delivered(protocol: string, events: number): void;
  slowConsumer(protocol: string): void;
  /** Signals that were left out because their reader is slow. */
  signalsDropped(protocol: string, count: number): void;
}

export const NO_METRICS: Metrics = {
  connections() {},
  operation() {},
  delivered() {},
  slowConsumer() {},
  signalsDropped() {},
};
