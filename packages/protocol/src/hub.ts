/** Who is connected to this node, and bringing events to them. */
import type { ConnectionId, DeliveredEvent, DomainEvent, UserId } from '@switchboard/core';
import type { Connection } from './connection.ts';
import type { CloseReason } from './error-table.ts';

/** One event and those connections of one adapter that may see it and want it. The list is the hub's: do not keep or change it. */
export interface Delivery<Session = unknown> {
  readonly event: DomainEvent;
  readonly connections: readonly Connection<Session>[];
}

export interface PresenceOptions {
  /** How long the connection still counts after its end. */
  readonly graceMs: number;
  readonly initial?: 'online' | 'idle' | 'offline';
  /** Shown to the administration; never a secret. */
  readonly info?: Readonly<Record<string, string | number | boolean>>;
}

export interface Hub {
  /**
   * From now on events reach it. Registers presence (null: the connection does not count, as with helper streams) and resolves when that
   * is done. The connection must have a viewer.
   */
  add<Session>(connection: Connection<Session>, presence: PresenceOptions | null): Promise<void>;
  /** Nothing more reaches it; presence ends after its grace, or after `graceMs` when given. Unknown connections: nothing. */
  remove<Session>(connection: Connection<Session>, graceMs?: number): Promise<void>;
  get(id: ConnectionId): Connection | undefined;
  ofUser(userId: UserId): readonly Connection[];
  /** Closes a connection wherever in the cluster it is. */
  end(id: ConnectionId, reason: CloseReason): void;
  readonly size: number;
}

export type { DeliveredEvent };
