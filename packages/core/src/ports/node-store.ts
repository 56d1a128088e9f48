/** Running gateway processes, as they find each other in the store. */
import type { NodeId, UnixMs } from '../ids.ts';

export interface NodeRecord {
  readonly id: NodeId;
  readonly startedAt: UnixMs;
  readonly heartbeatAt: UnixMs;
  /** Equal ids hear each other on a bus. */
  readonly busId: string;
  readonly version: string;
}

export interface NodeStore {
  /** Writes this node's heartbeat and answers all nodes whose heartbeat is younger than `aliveMs`. */
  heartbeat(node: Omit<NodeRecord, 'heartbeatAt'>, aliveMs: number): Promise<readonly NodeRecord[]>;
  remove(id: NodeId): Promise<void>;
}
