/**
 * Sending, editing, deleting and listing messages. Limits and rights are decided here and in the store's own SQL; the caches are never
 * asked who may.
 */
import type { Actor, UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import type { ConversationId, MessageId, Namespace, Seq, UnixMs, UserId } from './ids.ts';
import { createMessageChanges } from './messages/changes.ts';
import { createMessageReads } from './messages/reads.ts';
import { createSending, type SendingNeighbours } from './messages/send.ts';
import type { SeqRange } from './model/conversation.ts';
import type { Message, MessageKind, MessagePart, MessagePrompt, MessageVisibility } from './model/message.ts';
import type { JsonObject, JsonValue } from './model/user.ts';

export interface SendMessage {
  readonly conversationId: ConversationId;
  /** At most the core's one limit (32,768 UTF-16 units by default). U+0000 and unpaired surrogates become U+FFFD. */
  readonly text: string;
  /** The client's own key, without namespace; absent or "" = none. */
  readonly clientRef?: string | null;
  /** Default `text`. */
  readonly kind?: MessageKind;
  readonly parts?: readonly MessagePart[];
  /** A message of the same conversation that the sender may see; any other is left out. */
  readonly replyToId?: MessageId | null;
  readonly prompt?: MessagePrompt | null;
  /** Default `all`. `staff` only from staff. */
  readonly visibility?: MessageVisibility;
  readonly meta?: JsonObject;
  /** May the text be empty when there are neither parts nor meta? Default false: `invalid`, field `text`. */
  readonly allowEmpty?: boolean;
  /** Cut a longer text at the limit instead of refusing it. */
  readonly truncate?: boolean;
  /** Join first (staff of the queue) when the sender takes no part. Default false: `forbidden`, reason `no_participant`. */
  readonly joinFirst?: boolean;
}

export interface SentMessage {
  readonly message: Message;
  /** The client ref was known: nothing was stored. */
  readonly repeated: boolean;
}

export interface EditMessage {
  readonly messageId: MessageId;
  readonly conversationId?: ConversationId | null;
  readonly text?: string;
  readonly parts?: readonly MessagePart[];
  readonly meta?: JsonObject;
}

export interface ListMessages {
  readonly conversationId: ConversationId;
  /** Exclusive bounds; absent = none. They need not be existing ids. */
  readonly beforeId?: MessageId | number;
  readonly afterId?: MessageId | number;
  readonly afterSeq?: Seq;
  /** Which end of what fits is taken, and the order of the answer: `newest` first or `oldest` first. */
  readonly from: 'newest' | 'oldest';
  /** At most 1000. */
  readonly limit: number;
  /** Leave out so many from that end. */
  readonly offset?: number;
  /** Case-insensitive part of the text. */
  readonly search?: string;
  /** Deleted messages as tombstones (Netalo) or not at all. Default false. */
  readonly tombstones?: boolean;
}

export interface Messages {
  /**
   * Stores and tells. Errors: `not_found` (no such conversation, or none that the actor may know of), `forbidden` with reason
   * `no_participant` or `blocked`, `invalid`, `too_large` (field `text`), `rate_limited`, `unavailable`. A closed support conversation
   * is opened first. On return the message is committed.
   */
  send(actor: UserActor, command: SendMessage): Promise<SentMessage>;
  /** The sender alone, not blocked; `conflict` with reason `deleted` for a deleted message. */
  edit(actor: UserActor, command: EditMessage): Promise<Message>;
  /** For all: the sender, owner and admins of a non-direct conversation, staff in support. For self: any participant. Repeating is fine. */
  remove(
    actor: UserActor,
    command: {
      readonly messageId: MessageId;
      readonly conversationId?: ConversationId | null;
      readonly scope: 'all' | 'self';
    },
  ): Promise<{ readonly message: Message; readonly repeated: boolean }>;
  /** Visible to the actor: not cleared, not hidden, not of another's visibility. `not_found` unless it takes part, or is staff of the queue. */
  list(actor: Actor, query: ListMessages): Promise<readonly Message[]>;
  /** Everything, oldest first, in pages of 500, each read when it is asked for. */
  pages(actor: Actor, conversationId: ConversationId): AsyncIterable<readonly Message[]>;
  /**
   * What stands at these places of a conversation, ascending: the newest `limit` (at most 1000) of them, without those of
   * `exceptSenderId`, deleted ones and those that the actor may not see. Ranges without overlaps. `not_found` as in `list`.
   */
  findBySeq(
    actor: Actor,
    conversationId: ConversationId,
    query: { readonly ranges: readonly SeqRange[]; readonly limit: number; readonly exceptSenderId?: UserId },
  ): Promise<readonly Message[]>;
  /** By id; messages that the actor may not see are left out. */
  find(actor: Actor, messageIds: readonly MessageId[]): Promise<readonly Message[]>;
  /**
   * A voice message was played, a prompt answered or ignored (`prompt` is merged over it), a push handed over. Repeating changes nothing
   * and tells nobody. For whoever takes part, staff of the queue and the gateway; when it was heard or pushed stands in `meta.core`.
   */
  update(
    actor: Actor,
    command: {
      readonly messageId: MessageId;
      readonly what: 'heard' | 'prompt' | 'pushed';
      readonly prompt?: JsonValue;
      readonly at?: UnixMs;
    },
  ): Promise<Message>;
  /**
   * Newest message of each conversation that the user may see (lists), tombstones included; messages of one namespace alone only for
   * `namespace`.
   */
  latestVisible(
    userId: UserId,
    conversationIds: readonly ConversationId[],
    namespace?: Namespace,
  ): Promise<ReadonlyMap<ConversationId, Message>>;
  /** The ids of the messages that stand at these places, in their order; null = none. No rights are judged. */
  idsAt(
    places: readonly { readonly conversationId: ConversationId; readonly seq: Seq }[],
  ): Promise<readonly (MessageId | null)[]>;
  /** Who deleted these messages for themselves. */
  hiddenBy(messageIds: readonly MessageId[]): Promise<ReadonlyMap<MessageId, readonly UserId[]>>;
}

export function createMessages(context: CoreContext, neighbours: SendingNeighbours): Messages {
  return { ...createSending(context, neighbours), ...createMessageChanges(context), ...createMessageReads(context) };
}
