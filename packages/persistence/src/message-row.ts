/**
 * Messages as PostgreSQL writes them in JSON (`to_jsonb(m)`), and the model's. Shared by the fast lane and the reads. Ids fit a number:
 * they end far below 2^53.
 */
import type {
  ConversationId,
  JsonObject,
  Message,
  MessageId,
  MessageKind,
  MessagePart,
  MessagePrompt,
  MessageVisibility,
  UserId,
} from '@switchboard/core';

/** The columns of `messages`; times as ISO text. */
export interface MessageRow {
  readonly id: number;
  readonly conversation_id: number;
  readonly seq: number;
  readonly episode: number;
  readonly sender_id: number;
  readonly client_ref: string | null;
  readonly via: string;
  readonly kind: string;
  readonly text: string;
  readonly parts: readonly MessagePart[] | null;
  readonly reply_to_id: number | null;
  readonly prompt: MessagePrompt | null;
  readonly visibility: string;
  readonly meta: JsonObject | null;
  readonly waiting_for_staff: boolean;
  readonly first_received_at: string | null;
  readonly first_read_at: string | null;
  readonly created_at: string;
  readonly edited_at: string | null;
  readonly deleted_at: string | null;
  readonly changed_position: number;
}

export function toMessage(row: MessageRow): Message {
  return {
    id: row.id as MessageId,
    conversationId: row.conversation_id as ConversationId,
    seq: row.seq,
    episode: row.episode,
    senderId: row.sender_id as UserId,
    clientRef: row.client_ref,
    via: row.via,
    kind: row.kind as MessageKind,
    text: row.text,
    parts: row.parts ?? [],
    replyToId: row.reply_to_id as MessageId | null,
    prompt: row.prompt,
    visibility: row.visibility as MessageVisibility,
    meta: row.meta ?? {},
    waitingForStaff: row.waiting_for_staff,
    firstReceivedAt: toMs(row.first_received_at),
    firstReadAt: toMs(row.first_read_at),
    createdAt: Date.parse(row.created_at),
    editedAt: toMs(row.edited_at),
    deletedAt: toMs(row.deleted_at),
    changedPosition: row.changed_position,
  };
}

function toMs(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}
