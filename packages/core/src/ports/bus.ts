/**
 * The event bus: what one node tells all nodes, itself included. Core hears its own commits from here and nowhere else.
 * Implementations (memory, Redis) pass one contract suite.
 */
import type { LogEvent, Signal } from '../events.ts';
import type { LogPosition } from '../ids.ts';

/** One commit: its hydrated events in ascending positions, and the log's head after it. */
export interface Commit {
  readonly events: readonly LogEvent[];
  readonly head: LogPosition;
}

export interface BusListener {
  /** A commit of any node. May come late, twice, out of order or never: the follower heals. */
  onCommit(commit: Commit): void;
  onSignal(signals: readonly Signal[]): void;
  /** The bus is reachable (again): the follower compares heads at once, presence registers its own again. */
  onReconnect(): void;
}

export interface EventBus {
  /** Names the medium: nodes with equal ids hear each other (`memory:<node>`, `redis:<run id and channel>`). */
  readonly id: string;
  /** Never throws and never blocks; what cannot be told is healed from the store (commits) or lost (signals). */
  publishCommit(commit: Commit): void;
  /** Signals of one turn may be joined into one message; their order is kept. */
  publishSignals(signals: readonly Signal[]): void;
  subscribe(listener: BusListener): Promise<void>;
  /** Whether the medium can be reached now; the memory bus always can. */
  isUp(): boolean;
  close(): Promise<void>;
}
