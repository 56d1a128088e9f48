/**
 * Who is connected, over all nodes. Nodes refresh what they hold every 5 s and are dead 12.5 s after their last refresh; after a restart
 * of the medium each node registers its own again. Implementations (memory, Redis) pass one contract suite.
 */

import type { PresenceStatus } from '../events.ts';
import type { ConnectionId, ConversationId, Namespace, NodeId, UnixMs, UserId } from '../ids.ts';

export interface ConnectionRecord {
  readonly id: ConnectionId;
  readonly userId: UserId;
  readonly namespace: Namespace;
  readonly nodeId: NodeId;
  /** How long the connection still counts after its end. */
  readonly graceMs: number;
  readonly asleep: boolean;
  readonly connectedAt: UnixMs;
  /** Set when it ended and its grace runs. */
  readonly endedAt: UnixMs | null;
  /** For the administration: what is shown of it (address, client, space). Never a secret. */
  readonly info: Readonly<Record<string, string | number | boolean>>;
}

/** By hand, `online` is the absence of another choice. */
export type ManualStatus = Exclude<PresenceStatus, 'online'>;

/** A user's state as all nodes agree on it. */
export interface UserPresence {
  readonly userId: UserId;
  /** `idle` or `offline` set by hand; gone with the last counting connection. */
  readonly manual: ManualStatus | null;
  /** Counting connections: live ones, and ended ones in their grace. */
  readonly connections: readonly ConnectionRecord[];
}

export interface PresenceChange {
  readonly before: UserPresence;
  readonly after: UserPresence;
}

/**
 * Calls reject with `unavailable` within about a second while the medium is away. What this node holds is made up for when it is back:
 * connections that could not be registered or ended then are, and the next sweep answers what changed by it.
 */
export interface PresenceStore {
  /**
   * Registers or refreshes; answers the user's state before and after, atomically. With `initial`: the user's first counting connection
   * sets its manual status (none for `online`), and a further one does not wake a user whose connections are all asleep.
   */
  register(record: ConnectionRecord, initial?: PresenceStatus): Promise<PresenceChange>;
  /** Marks as ended: it counts until its grace (or `graceMs`, when given) has passed. Its claims and attendances go at once. Unknown ids change nothing. */
  end(id: ConnectionId, userId: UserId, graceMs?: number): Promise<PresenceChange>;
  setAsleep(id: ConnectionId, userId: UserId, asleep: boolean): Promise<PresenceChange>;
  /** `online` takes the manual status away and wakes the connection it was set by, or all when they are asleep all the same. No effect on users without connections. */
  setManual(userId: UserId, status: PresenceStatus, by?: ConnectionId): Promise<PresenceChange>;
  get(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, UserPresence>>;
  /**
   * Removes graces that have passed and connections of nodes that are dead, and answers each user whose state changed by that, exactly
   * once over all nodes. Called about once a second by every node. Connections of a dead node end 12.5 s after its last refresh.
   */
  sweep(): Promise<readonly PresenceChange[]>;
  /** All connections, cluster-wide, for the administration. */
  list(filter?: { namespace?: Namespace; userId?: UserId }): Promise<readonly ConnectionRecord[]>;

  /** Takes a key for a connection; answers the previous live holder, if it was another. */
  claim(key: string, connection: ConnectionId): Promise<ConnectionId | null>;
  /** Gives the key up, if it is still held by the connection. */
  unclaim(key: string, connection: ConnectionId): Promise<void>;

  /** Counts a connection as attending; false (and no change) when `limit` others attend already. Repeating is true. */
  attend(conversationId: ConversationId, attendance: Attendance, limit?: number): Promise<boolean>;
  unattend(conversationId: ConversationId, connection: ConnectionId): Promise<void>;
  attending(conversationId: ConversationId): Promise<readonly Attendance[]>;

  close(): Promise<void>;
}

export interface Attendance {
  readonly connection: ConnectionId;
  readonly userId: UserId;
}
