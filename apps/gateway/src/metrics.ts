/** What Prometheus is told: the kit's counters, the commits of the fast lane, and gauges that are read when somebody asks. */
import type { CommitterStats } from '@switchboard/core';
import type { Metrics } from '@switchboard/protocol';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Read at the moment of a scrape. */
export interface Gauges {
  followerLag(): number;
  committerDepth(): number;
  /** Bytes that wait before connections, by protocol. */
  outboxBytes(): ReadonlyMap<string, number>;
}

export interface GatewayMetrics {
  readonly kit: Metrics;
  readonly committer: CommitterStats;
  watch(gauges: Gauges): void;
  /** The exposition text. */
  render(): Promise<string>;
  readonly contentType: string;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): GatewayMetrics {
  // Of its own: several gateways may live in one process (tests), and each tells of itself alone.
  const registry = new Registry();
  const registers = [registry];
  const byProtocol = ['protocol'] as const;
  const connections = new Gauge({
    name: 'switchboard_connections',
    help: 'Live connections of this node.',
    labelNames: byProtocol,
    registers,
  });
  const operations = new Counter({
    name: 'switchboard_operations_total',
    help: 'Operations carried out or refused, by result: ok, or the code of the fault.',
    labelNames: ['protocol', 'operation', 'result'] as const,
    registers,
  });
  const operationTime = new Histogram({
    name: 'switchboard_operation_seconds',
    help: 'Time from an operation being taken up to its reply.',
    labelNames: byProtocol,
    buckets: SECONDS,
    registers,
  });
  const delivered = new Counter({
    name: 'switchboard_events_delivered_total',
    help: 'Events handed to connections.',
    labelNames: byProtocol,
    registers,
  });
  const slowConsumers = new Counter({
    name: 'switchboard_slow_consumers_total',
    help: 'Connections cut off because they did not read.',
    labelNames: byProtocol,
    registers,
  });
  const signalsDropped = new Counter({
    name: 'switchboard_signals_dropped_total',
    help: 'Signals left out because their reader is slow.',
    labelNames: byProtocol,
    registers,
  });
  const batchSize = new Histogram({
    name: 'switchboard_commit_batch_commands',
    help: 'Commands in one commit of the fast lane.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  });
  const batchTime = new Histogram({
    name: 'switchboard_commit_seconds',
    help: 'Time of one commit of the fast lane.',
    buckets: SECONDS,
    registers,
  });

  return {
    kit: {
      connections: (protocol, change) => connections.inc({ protocol }, change),
      operation(protocol, operation, result, durationMs) {
        operations.inc({ protocol, operation, result });
        operationTime.observe({ protocol }, durationMs / 1000);
      },
      delivered: (protocol, events) => delivered.inc({ protocol }, events),
      slowConsumer: (protocol) => slowConsumers.inc({ protocol }),
      signalsDropped: (protocol, count) => signalsDropped.inc({ protocol }, count),
    },
    committer: {
      onBatch(size, durationMs) {
        batchSize.observe(size);
        batchTime.observe(durationMs / 1000);
      },
    },
    watch(gauges) {
      new Gauge({
        name: 'switchboard_follower_lag',
        help: 'Log positions that this node knows of and has not delivered.',
        registers,
        collect() {
          this.set(gauges.followerLag());
        },
      });
      new Gauge({
        name: 'switchboard_committer_queue',
        help: 'Commands that wait for their commit.',
        registers,
        collect() {
          this.set(gauges.committerDepth());
        },
      });
      new Gauge({
        name: 'switchboard_outbox_bytes',
        help: 'Bytes that wait before connections of this node.',
        labelNames: byProtocol,
        registers,
        collect() {
          this.reset();
          for (const [protocol, bytes] of gauges.outboxBytes()) this.set({ protocol }, bytes);
        },
      });
      collectDefaultMetrics({ register: registry });
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
