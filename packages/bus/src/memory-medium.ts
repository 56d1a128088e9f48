/**
 * What nodes of one process share when there is no Redis: the queue of the bus, and the presence of all. Tests make several nodes on
 * one medium; a single gateway has one of its own. Knows nothing of what the messages say.
 */
import { randomUUID } from 'node:crypto';
import type {
  Attendance,
  BusListener,
  Commit,
  ConnectionId,
  ConnectionRecord,
  ConversationId,
  ManualStatus,
  NodeId,
  Signal,
  UnixMs,
  UserId,
} from '@switchboard/core';

export type BusMessage =
  | { readonly kind: 'commit'; readonly commit: Commit }
  | { readonly kind: 'signals'; readonly signals: readonly Signal[] };

/** A user with at least one counting connection. */
export interface PresentUser {
  manual: ManualStatus | null;
  readonly connections: Map<ConnectionId, ConnectionRecord>;
}

interface Held {
  readonly connection: ConnectionId;
  readonly nodeId: NodeId;
}

export interface MemoryMedium {
  readonly id: string;
  readonly listeners: Set<{ readonly listener: BusListener; readonly onError: (error: unknown) => void }>;
  readonly queue: BusMessage[];
  readonly users: Map<UserId, PresentUser>;
  /** Node → when it last said that it lives. */
  readonly nodes: Map<NodeId, UnixMs>;
  readonly claims: Map<string, Held>;
  readonly attendances: Map<ConversationId, Map<ConnectionId, Held & Attendance>>;
}

export function createMemoryMedium(): MemoryMedium {
  return {
    id: randomUUID(),
    listeners: new Set(),
    queue: [],
    users: new Map(),
    nodes: new Map(),
    claims: new Map(),
    attendances: new Map(),
  };
}
