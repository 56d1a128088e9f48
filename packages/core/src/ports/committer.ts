/**
 * The fast lane: sends, edits, deletes and receipts of this node, in batches. One round trip judges and writes a batch; each command
 * gets a verdict of its own, and one bad command never fails its neighbours.
 */
import type { LogEvent } from '../events.ts';
import type { ConnectionId, ConversationId, LogPosition, MessageId, Seq, UnixMs, UserId, Via } from '../ids.ts';
import type { Message, MessageKind, MessagePart, MessagePrompt, MessageVisibility } from '../model/message.ts';
import type { JsonObject } from '../model/user.ts';

interface FastCommandBase {
  readonly actorId: UserId;
  readonly via: Via;
  readonly origin: ConnectionId | null;
}

export interface SendCommand extends FastCommandBase {
  readonly kind: 'send';
  readonly conversationId: ConversationId;
  /** With its namespace in front; null = no key, a repeat is a second message. */
  readonly clientRef: string | null;
  readonly messageKind: MessageKind;
  readonly text: string;
  readonly parts: readonly MessagePart[];
  /** Stored when it is a message of the conversation that the actor may see, else left out. */
  readonly replyToId: MessageId | null;
  readonly prompt: MessagePrompt | null;
  readonly visibility: MessageVisibility;
  readonly meta: JsonObject;
  /** Nobody of the other side attends: kept with the message when the sender is not staff and the conversation is in a queue. */
  readonly unattended: boolean;
  /** For imported history; null = now. */
  readonly createdAt: UnixMs | null;
}

export interface EditCommand extends FastCommandBase {
  readonly kind: 'edit';
  readonly messageId: MessageId;
  /** When given it must be the message's. */
  readonly conversationId: ConversationId | null;
  /** Null = unchanged. */
  readonly text: string | null;
  readonly parts: readonly MessagePart[] | null;
  /** Merged over the message's own, by namespace. */
  readonly meta: JsonObject | null;
}

export interface DeleteCommand extends FastCommandBase {
  readonly kind: 'delete';
  readonly messageId: MessageId;
  readonly conversationId: ConversationId | null;
  readonly scope: 'all' | 'self';
}

/** Marks of one actor: single messages, each for itself, or everything up to one. */
export interface MarkCommand extends FastCommandBase {
  readonly kind: 'mark';
  readonly mark: 'received' | 'read';
  /** Single marks. Unknown, foreign and own messages are passed over. */
  readonly messageIds: readonly MessageId[];
  /** Cumulative marks: everything in the conversation up to the message or seq. */
  readonly upTo: { readonly conversationId: ConversationId; readonly messageId?: MessageId; readonly seq?: Seq } | null;
  /** Let staff of the conversation's queue mark without taking part: sets the message's first read time. */
  readonly asStaff: boolean;
}

export type FastCommand = SendCommand | EditCommand | DeleteCommand | MarkCommand;

export type Refusal =
  | 'not_found'
  /** Knows of the conversation but does not take part (any more). */
  | 'not_participant'
  | 'blocked'
  /** A support conversation that is closed: the slow lane opens it first. */
  | 'closed'
  /** Not the right to edit or delete this message. */
  | 'forbidden'
  /** Deleted already (edit). */
  | 'deleted'
  /** The store could not take these values (they failed alone). */
  | 'invalid';

export type Verdict =
  | {
      readonly ok: true;
      /** The message after the command (send, edit, delete). Null for marks. */
      readonly message: Message | null;
      /** The same command has been carried out before; nothing was appended. */
      readonly repeated: boolean;
      /** Newest position of the command's own entries, 0 when it appended none. */
      readonly position: LogPosition;
      /** Marks: how many messages were newly covered. */
      readonly advanced: number;
    }
  | { readonly ok: false; readonly refusal: Refusal };

export interface CommitterStats {
  /** One observation per batch. */
  onBatch?(size: number, durationMs: number): void;
}

export interface Committer {
  /**
   * Resolves with the verdict once the commit has returned. Rejects with `unavailable` when the outcome could not be learned within
   * 10 s, or the queue is full.
   */
  submit(command: FastCommand): Promise<Verdict>;
  /** Commands waiting, the batch in flight included. */
  readonly depth: number;
  /** Refuses new commands, finishes what waits. */
  close(): Promise<void>;
}

/** Told after each commit, in commit order of this node: what goes to the bus. */
export type OnCommitted = (events: readonly LogEvent[], head: LogPosition) => void;
