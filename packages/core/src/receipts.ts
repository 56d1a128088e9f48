/** Read and received marks, and what is unread. One row per participant, never one per message. */
import type { Actor, UserActor } from './actor.ts';
import type { ConversationId, MessageId, Seq, UserId } from './ids.ts';
import type { Message } from './model/message.ts';

/** Counting stops here. */
export const UNREAD_CAP = 10_000;

export interface Receipts {
  /**
   * Marks each message for itself. Unknown ids, foreign and own messages are passed over; repeating changes nothing and tells nobody.
   * Staff of a queue may mark without taking part. Errors: `unavailable` only. Answers how many messages were newly covered.
   */
  mark(
    actor: UserActor,
    command: { readonly kind: 'received' | 'read'; readonly messageIds: readonly MessageId[] },
  ): Promise<number>;
  /** Marks everything up to and with the message (or seq). Marks only advance. `not_found` unless the actor takes part. */
  markUpTo(
    actor: UserActor,
    command: {
      readonly kind: 'received' | 'read';
      readonly conversationId: ConversationId;
      readonly messageId?: MessageId;
      readonly seq?: Seq;
    },
  ): Promise<number>;
  /**
   * Unread messages of others per conversation, counted from the floor (event, SignalR) or from the watermark alone (Netalo: earlier
   * history of a new participant is unread), each capped.
   */
  unreadCounts(
    userId: UserId,
    query: { readonly since: 'floor' | 'watermark'; readonly conversationIds: readonly ConversationId[] },
  ): Promise<ReadonlyMap<ConversationId, number>>;
  /** Over all conversations, since the floors, capped; with `waitingFor` the messages that wait for the staff of these queues too, each once. */
  unreadTotal(actor: UserActor, query?: { readonly includeWaiting?: boolean }): Promise<number>;
  /** The messages that `unreadTotal` counts, ascending ids, the oldest `UNREAD_CAP`, in pages of 500. */
  unreadPages(actor: UserActor, query?: { readonly includeWaiting?: boolean }): AsyncIterable<readonly Message[]>;
  /** Who else has read these messages of one conversation: users by message, most recent reader first where that is known. */
  readersOf(
    actor: Actor,
    conversationId: ConversationId,
    seqs: readonly Seq[],
  ): Promise<ReadonlyMap<Seq, readonly UserId[]>>;
}
