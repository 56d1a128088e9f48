/**
 * Conversations and participants as PostgreSQL writes them in JSON (`to_json`), and the model's. Shared by lists, changes, caches and
 * hydration. Ids, seqs and positions fit a number: they end far below 2^53.
 */
import type {
  Conversation,
  ConversationId,
  ConversationKind,
  JsonObject,
  MessageId,
  Participant,
  ParticipantId,
  ParticipantRole,
  ParticipantSide,
  SeqRange,
  SpaceId,
  UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';

/** Columns of a statement over `conversations c`. */
export interface ConversationRow {
  readonly conversation: ConversationColumns;
  readonly external_ids: Readonly<Record<string, string>> | null;
}

interface ConversationColumns {
  readonly id: number;
  readonly kind: string;
  readonly type_label: string | null;
  readonly key: string | null;
  readonly space_id: number | null;
  readonly visibility: string;
  readonly title: string;
  readonly description: string;
  readonly avatar: string | null;
  readonly created_by: number | null;
  readonly owner_id: number | null;
  readonly customer_id: number | null;
  readonly assignee_id: number | null;
  readonly open: boolean;
  readonly episode: number;
  readonly opened_at: string | null;
  readonly closed_at: string | null;
  readonly expires_at: string | null;
  readonly temporary: boolean;
  readonly last_seq: number;
  readonly last_message_id: number | null;
  readonly last_public_message_id: number | null;
  readonly last_activity_at: string;
  readonly customer_unread: number;
  readonly staff_unread: number;
  readonly attributes: JsonObject;
  readonly created_at: string;
  readonly updated_at: string;
  readonly changed_position: number;
  readonly deleted_at: string | null;
}

/** `to_json` of a row of `participants`. */
export interface ParticipantRow {
  readonly id: number;
  readonly conversation_id: number;
  readonly user_id: number;
  readonly role: string;
  readonly groups: readonly string[];
  readonly side: string;
  readonly active: boolean;
  readonly present: boolean;
  readonly joined_at: string;
  readonly left_at: string | null;
  readonly removed_at: string | null;
  readonly assigned_at: string | null;
  readonly blocked_at: string | null;
  readonly blocked_by: number | null;
  readonly muted: boolean;
  readonly pinned_at: string | null;
  readonly hidden_at_seq: number | null;
  readonly cleared_to_seq: number;
  readonly joined_seq: number;
  readonly read_seq: number;
  /** `{[3,5),[8,9)}` */
  readonly read_above: string;
  readonly received_seq: number;
  readonly past_seqs: string;
  readonly read_at: string | null;
  readonly calls_count: number;
  readonly latest_call_at: string | null;
  readonly created_at: string;
  readonly changed_position: number;
}

/** The columns of `ConversationRow`, also after `returning`. */
export const conversationColumns = Prisma.sql`to_json(c) as conversation, (
  select json_object_agg(e.namespace, e.external_id) from external_ids e where e.kind = 'conversation' and e.object_id = c.id) as external_ids`;

/** The participants of `c` in joining order, as one column. */
export const participantsOfConversation = Prisma.sql`(
  select coalesce(json_agg(p order by p.joined_at, p.id), '[]') from participants p where p.conversation_id = c.id)`;

export function toConversation(row: ConversationRow): Conversation {
  const { conversation: c } = row;
  return {
    id: c.id as ConversationId,
    kind: c.kind as ConversationKind,
    typeLabel: c.type_label,
    key: c.key,
    spaceId: c.space_id as SpaceId | null,
    visibility: c.visibility as Conversation['visibility'],
    title: c.title,
    description: c.description,
    avatar: c.avatar,
    createdBy: c.created_by as UserId | null,
    ownerId: c.owner_id as UserId | null,
    customerId: c.customer_id as UserId | null,
    assigneeId: c.assignee_id as UserId | null,
    open: c.open,
    episode: c.episode,
    openedAt: toMs(c.opened_at),
    closedAt: toMs(c.closed_at),
    expiresAt: toMs(c.expires_at),
    temporary: c.temporary,
    lastSeq: c.last_seq,
    lastMessageId: c.last_message_id as MessageId | null,
    lastPublicMessageId: c.last_public_message_id as MessageId | null,
    lastActivityAt: Date.parse(c.last_activity_at),
    customerUnread: c.customer_unread,
    staffUnread: c.staff_unread,
    attributes: c.attributes,
    externalIds: row.external_ids ?? {},
    createdAt: Date.parse(c.created_at),
    updatedAt: Date.parse(c.updated_at),
    changedPosition: c.changed_position,
    deletedAt: toMs(c.deleted_at),
  };
}

export function toParticipant(p: ParticipantRow): Participant {
  return {
    id: p.id as ParticipantId,
    conversationId: p.conversation_id as ConversationId,
    userId: p.user_id as UserId,
    role: p.role as ParticipantRole,
    groups: p.groups,
    side: p.side as ParticipantSide,
    active: p.active,
    present: p.present,
    joinedAt: Date.parse(p.joined_at),
    leftAt: toMs(p.left_at),
    removedAt: toMs(p.removed_at),
    assignedAt: toMs(p.assigned_at),
    blockedAt: toMs(p.blocked_at),
    blockedBy: p.blocked_by as UserId | null,
    muted: p.muted,
    pinnedAt: toMs(p.pinned_at),
    hiddenAtSeq: p.hidden_at_seq,
    clearedToSeq: p.cleared_to_seq,
    joinedSeq: p.joined_seq,
    readSeq: p.read_seq,
    readAbove: toRanges(p.read_above),
    receivedSeq: p.received_seq,
    pastSeqs: toRanges(p.past_seqs),
    readAt: toMs(p.read_at),
    callsCount: p.calls_count,
    latestCallAt: toMs(p.latest_call_at),
    createdAt: Date.parse(p.created_at),
    changedPosition: p.changed_position,
  };
}

const NO_RANGES: readonly SeqRange[] = [];

/** Of an int8multirange in PostgreSQL's canonical form: lower bounds included, upper ones not. */
function toRanges(multirange: string): readonly SeqRange[] {
  if (multirange === '{}') return NO_RANGES;
  return Array.from(multirange.matchAll(/\[(\d+),(\d+)\)/g), ([, from, to]) => [Number(from), Number(to) - 1] as const);
}

export function toMs(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}
