/** Conversations and who takes part in them, with each one's marks and preferences. Readonly data only. */
import type {
  ConversationId,
  LogPosition,
  MessageId,
  Namespace,
  ParticipantId,
  Seq,
  SpaceId,
  UnixMs,
  UserId,
} from '../ids.ts';
import type { JsonObject } from './user.ts';

export type ConversationKind = 'direct' | 'group' | 'support' | 'channel';
export type ParticipantRole = 'owner' | 'admin' | 'moderator' | 'user';
/** Staff and customer are sides of one conversation, never kinds of user. */
export type ParticipantSide = 'customer' | 'staff' | 'member';

export interface Conversation {
  readonly id: ConversationId;
  readonly kind: ConversationKind;
  readonly typeLabel: string | null;
  /** Unique while the conversation lives. */
  readonly key: string | null;
  readonly spaceId: SpaceId | null;
  readonly visibility: 'public' | 'private';
  readonly title: string;
  readonly description: string;
  readonly avatar: string | null;
  readonly createdBy: UserId | null;
  readonly ownerId: UserId | null;
  readonly customerId: UserId | null;
  readonly assigneeId: UserId | null;
  readonly open: boolean;
  readonly episode: number;
  readonly openedAt: UnixMs | null;
  readonly closedAt: UnixMs | null;
  readonly expiresAt: UnixMs | null;
  readonly temporary: boolean;
  readonly lastSeq: Seq;
  readonly lastMessageId: MessageId | null;
  readonly lastPublicMessageId: MessageId | null;
  readonly lastActivityAt: UnixMs;
  readonly customerUnread: number;
  readonly staffUnread: number;
  readonly attributes: JsonObject;
  readonly externalIds: Readonly<Record<Namespace, string>>;
  readonly createdAt: UnixMs;
  readonly updatedAt: UnixMs;
  readonly changedPosition: LogPosition;
  readonly deletedAt: UnixMs | null;
}

/** An inclusive range of seqs. */
export type SeqRange = readonly [from: Seq, to: Seq];

/** What one participant has read: (floor, watermark] and the ranges beside it. */
export interface ReadMarks {
  /** The floor: the conversation's last seq when the participant (last) joined. */
  readonly joinedSeq: Seq;
  /** The watermark. */
  readonly readSeq: Seq;
  readonly readAbove: readonly SeqRange[];
  readonly receivedSeq: Seq;
}

export interface Participant extends ReadMarks {
  readonly id: ParticipantId;
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly role: ParticipantRole;
  readonly groups: readonly string[];
  readonly side: ParticipantSide;
  /** Takes part now. */
  readonly active: boolean;
  /** Staff at work in the current episode. */
  readonly present: boolean;
  readonly joinedAt: UnixMs;
  readonly leftAt: UnixMs | null;
  readonly removedAt: UnixMs | null;
  readonly assignedAt: UnixMs | null;
  readonly blockedAt: UnixMs | null;
  readonly blockedBy: UserId | null;
  /** Sent while it took part before it left, once or several times. */
  readonly pastSeqs: readonly SeqRange[];
  readonly muted: boolean;
  readonly pinnedAt: UnixMs | null;
  readonly hiddenAtSeq: Seq | null;
  readonly clearedToSeq: Seq;
  readonly readAt: UnixMs | null;
  /** Calls of the conversation that it came into. Counted in the store alone: nothing tells it. */
  readonly callsCount: number;
  readonly latestCallAt: UnixMs | null;
  readonly createdAt: UnixMs;
  readonly changedPosition: LogPosition;
}

export interface ConversationWithParticipants {
  readonly conversation: Conversation;
  /** Everybody who takes part or ever did, in joining order. */
  readonly participants: readonly Participant[];
}

/** Whether a message with this seq was sent while the participant took part. */
export function wasRecipient({ active, joinedSeq, pastSeqs }: Participant, seq: Seq): boolean {
  return (active && seq > joinedSeq) || pastSeqs.some(([from, to]) => seq >= from && seq <= to);
}

/** Whether somebody with these marks has read another's message with this seq. */
export function hasRead(marks: ReadMarks, seq: Seq): boolean {
  if (seq > marks.joinedSeq && seq <= marks.readSeq) return true;
  return marks.readAbove.some(([from, to]) => seq >= from && seq <= to);
}
