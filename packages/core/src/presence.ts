/** One presence per user over all protocols, typing, and who attends a conversation. Nothing here is stored. */
import type { UserActor } from './actor.ts';
import type { PresenceStatus } from './events.ts';
import type { ConnectionId, ConversationId, Namespace, UserId } from './ids.ts';
import type { ConnectionRecord } from './ports/presence-store.ts';

export interface Presence {
  /** Counts a connection from now on. Answers the effective status after it. */
  connected(
    actor: UserActor & { readonly connectionId: ConnectionId },
    options: { readonly graceMs: number; readonly initial?: PresenceStatus; readonly info?: ConnectionRecord['info'] },
  ): Promise<PresenceStatus>;
  /** It counts until its grace (or `graceMs`, when given) has passed. */
  disconnected(actor: UserActor & { readonly connectionId: ConnectionId }, graceMs?: number): Promise<void>;
  /** Of one device: idle when all are asleep. */
  setAsleep(actor: UserActor & { readonly connectionId: ConnectionId }, asleep: boolean): Promise<PresenceStatus>;
  /** By hand: for all devices, until the last connection has gone. */
  setStatus(actor: UserActor, status: PresenceStatus): Promise<PresenceStatus>;
  statuses(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, PresenceStatus>>;
  connections(filter?: {
    readonly namespace?: Namespace;
    readonly userId?: UserId;
  }): Promise<readonly ConnectionRecord[]>;

  /** Key → connection over all nodes (session conflicts, device resume). Answers the previous live holder. */
  claim(key: string, connection: ConnectionId): Promise<ConnectionId | null>;
  unclaim(key: string, connection: ConnectionId): Promise<void>;

  /** `conflict`, reason `full`, when `limit` connections attend already. */
  attend(
    actor: UserActor & { readonly connectionId: ConnectionId },
    conversationId: ConversationId,
    limit?: number,
  ): Promise<void>;
  unattend(connection: ConnectionId, conversationId: ConversationId): Promise<void>;
  /**
   * Whether somebody else would notice a message of this user there now: another person attends, or another participant is online on
   * a protocol other than `namespace`.
   */
  isAttended(conversationId: ConversationId, byUserId: UserId, namespace: Namespace): Promise<boolean>;

  /** Told to the other participants; ends by itself 6 s after the last renewal, on sending a message, and with the connection. */
  setTyping(actor: UserActor, conversationId: ConversationId, typing: boolean): Promise<void>;
}
