/**
 * What the store keeps of messages and marks. Reads stand in `MessageStore`: each judges in its own SQL what the reader may see. Sends,
 * edits, deletes and marks are the fast lane's (committer.ts); `MessageTx` holds what the slow lane writes under the log's lock.
 */
import type { ConversationId, MessageId, Namespace, Seq, SpaceId, UserId, Via } from '../ids.ts';
import type { SeqRange } from '../model/conversation.ts';
import type { Message, MessageKind, MessagePart, MessagePrompt, MessageVisibility } from '../model/message.ts';
import type { JsonObject } from '../model/user.ts';

/**
 * On whose behalf messages are read. `userId` null: the administration or the gateway, who see everything but what was deleted.
 * A user sees messages for all, for staff where it is staff, and those of its own namespace; never what it cleared or hid.
 */
export interface MessageReader {
  readonly userId: UserId | null;
  readonly namespace: Namespace;
}

export interface MessageQuery {
  readonly conversationId: ConversationId;
  /** Exclusive bounds. */
  readonly beforeId?: number;
  readonly afterId?: number;
  readonly afterSeq?: Seq;
  readonly from: 'newest' | 'oldest';
  readonly limit: number;
  readonly offset?: number;
  readonly search?: string;
  readonly tombstones?: boolean;
}

/** What a send needs to know of the conversation beforehand: only to find out who attends, never to judge. */
export interface SendHint {
  /** In a queue, and the user is not on the staff side of it. */
  readonly awaitsStaff: boolean;
}

/** What counts as unread besides the messages of others that no mark covers, and what does not. */
export interface UnreadSelection {
  readonly includeWaiting: boolean;
  /** With `includeWaiting`: only those of this queue. */
  readonly waitingIn?: SpaceId;
  /** Only what everybody in a conversation sees. */
  readonly publicOnly?: boolean;
}

export interface MessageStore {
  /** Null unless the reader takes part, is staff of the conversation's queue, or is the administration. */
  list(reader: MessageReader, query: MessageQuery): Promise<readonly Message[] | null>;
  /** Ascending seqs, the newest `limit` of what is there and not deleted. Null as in `list`. */
  findBySeq(
    reader: MessageReader,
    query: {
      readonly conversationId: ConversationId;
      readonly ranges: readonly SeqRange[];
      readonly limit: number;
      readonly exceptSenderId: UserId | null;
    },
  ): Promise<readonly Message[] | null>;
  /** In the order of the ids; what the reader may not see is left out, deleted messages are not. */
  find(reader: MessageReader, messageIds: readonly MessageId[]): Promise<readonly Message[]>;
  /** Newest visible message of each conversation, tombstones included. One statement. */
  latestVisible(reader: MessageReader, conversationIds: readonly ConversationId[]): Promise<readonly Message[]>;
  /** In the order of the places; null where nothing stands. One statement. */
  idsAt(
    places: readonly { readonly conversationId: ConversationId; readonly seq: Seq }[],
  ): Promise<readonly (MessageId | null)[]>;
  hiddenBy(messageIds: readonly MessageId[]): Promise<readonly { messageId: MessageId; userId: UserId }[]>;
  /** One cheap statement; false for conversations that do not exist. */
  sendHint(userId: UserId, conversationId: ConversationId): Promise<SendHint>;

  /** Unread messages of others in these conversations, counted up to `cap` each; conversations without any are left out. */
  unreadCounts(
    reader: MessageReader,
    query: {
      readonly since: 'floor' | 'watermark';
      readonly conversationIds: readonly ConversationId[];
      readonly cap: number;
    },
  ): Promise<readonly { conversationId: ConversationId; count: number }[]>;
  /**
   * Unread messages of others over all conversations, since the floors; with `includeWaiting` also those that wait for the staff of the
   * reader's queues, each once. Ascending ids after `afterId`, at most `limit`.
   */
  unread(
    reader: MessageReader,
    query: UnreadSelection & { readonly afterId: number; readonly limit: number },
  ): Promise<readonly Message[]>;
  /** How many `unread` would find, counted up to `cap`. */
  unreadTotal(reader: MessageReader, query: UnreadSelection & { readonly cap: number }): Promise<number>;
  /** Who else has read these messages, most recent reader first. Null unless the reader may see the conversation. */
  readersOf(
    reader: MessageReader,
    conversationId: ConversationId,
    seqs: readonly Seq[],
  ): Promise<readonly { seq: Seq; userId: UserId }[] | null>;
}

/** A message that the gateway writes beside the fast lane: notices, call records. Nobody's right is judged. */
export interface InsertMessage {
  readonly conversationId: ConversationId;
  readonly senderId: UserId;
  readonly via: Via;
  readonly kind: MessageKind;
  readonly text?: string;
  readonly parts?: readonly MessagePart[];
  readonly prompt?: MessagePrompt | null;
  /** Default `all`. */
  readonly visibility?: MessageVisibility;
  readonly meta?: JsonObject;
}

export interface MessageUpdate {
  readonly messageId: MessageId;
  readonly prompt?: MessagePrompt | null;
  /** Merged over the message's own, by namespace. */
  readonly meta?: JsonObject;
}

/** A message under the lock, with what its rights are judged by. */
export interface LockedMessage {
  readonly message: Message;
  readonly spaceId: SpaceId | null;
  /** The user takes part now. */
  readonly active: boolean;
  /** The user is on the staff side of it, taking part or not. */
  readonly staff: boolean;
}

export interface MessageTx {
  /**
   * Takes the conversation's next seq and moves its heads; ids ascend with those of the fast lane. In support conversations it counts as
   * unread unless it is a notice. `changedPosition` is the position of the next entry: append `message.sent` (subjectId = id,
   * conversationId, spaceId, visibility) right after it.
   */
  insert(message: InsertMessage): Promise<Message>;
  /** Null: no such message, or one that is deleted. */
  lock(userId: UserId | null, messageId: MessageId): Promise<LockedMessage | null>;
  /** `changedPosition` becomes that of the next entry: append `message.updated` right after it. */
  update(change: MessageUpdate): Promise<Message>;
}
