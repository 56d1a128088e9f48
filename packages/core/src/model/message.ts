/** Messages and what they carry. Readonly data only. */
import type { ConversationId, FileId, LogPosition, MessageId, Namespace, Seq, UnixMs, UserId, Via } from '../ids.ts';
import type { JsonObject, JsonValue } from './user.ts';

export type MessageKind = 'text' | 'image' | 'file' | 'audio' | 'video' | 'call' | 'notice';
/** Everybody in the conversation, staff alone, or the users of one namespace alone. */
export type MessageVisibility = 'all' | 'staff' | `namespace:${Namespace}`;

/** An attachment: a file of ours, or an address that a wire gave. Sizes in bytes, durations in ms. */
export interface MessagePart {
  readonly kind: 'image' | 'file' | 'audio' | 'video' | 'buttons' | 'card' | 'product' | 'other';
  readonly fileId?: FileId;
  readonly url?: string;
  readonly name?: string;
  readonly contentType?: string;
  readonly sizeBytes?: number;
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  /** Structured content (buttons, cards) as the wire gave it. */
  readonly data?: JsonValue;
}

/** A question that a message puts: a rating, a form, buttons. Its id is the message's. */
export interface MessagePrompt {
  readonly kind: 'rating' | 'form' | 'buttons';
  readonly state: 'pending' | 'answered' | 'ignored' | 'poll' | 'finished';
  readonly data?: JsonValue;
  readonly answer?: JsonValue;
}

export interface Message {
  readonly id: MessageId;
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly episode: number;
  readonly senderId: UserId;
  /** `<namespace>:<the client's key>`. */
  readonly clientRef: string | null;
  readonly via: Via;
  readonly kind: MessageKind;
  /** Empty once deleted. */
  readonly text: string;
  readonly parts: readonly MessagePart[];
  readonly replyToId: MessageId | null;
  readonly prompt: MessagePrompt | null;
  readonly visibility: MessageVisibility;
  /** What only one wire knows, under that wire's namespace. */
  readonly meta: JsonObject;
  readonly waitingForStaff: boolean;
  /** First arrival and first reading at the other side (support conversations). */
  readonly firstReceivedAt: UnixMs | null;
  readonly firstReadAt: UnixMs | null;
  readonly createdAt: UnixMs;
  readonly editedAt: UnixMs | null;
  readonly deletedAt: UnixMs | null;
  readonly changedPosition: LogPosition;
}
