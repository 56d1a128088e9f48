/** Calls, who is asked, and the devices in them. Readonly data only. */
import type {
  CallId,
  ConnectionId,
  ConversationId,
  InviteId,
  LogPosition,
  MessageId,
  Namespace,
  NodeId,
  SpaceId,
  UnixMs,
  UserId,
} from '../ids.ts';
import type { JsonObject } from './user.ts';

/** `ringing` asks callees and leaves a record; a `room` lasts from its first leg to its last. */
export type CallMode = 'ringing' | 'room';
export type CallState = 'ringing' | 'active' | 'ended';
export type CallMedia = 'audio' | 'video';
/** Why a call ended, or why somebody left it. `moved`: went into another call; `removed`: no longer takes part in the conversation. */
export type CallEndReason =
  | 'stopped'
  | 'rejected'
  | 'failed'
  | 'timeout'
  | 'left'
  | 'moved'
  | 'lost'
  | 'removed'
  | 'conversation_ended';
export type CallParticipantState = 'asked' | 'accepted' | 'rejected' | 'left';

export interface CallParticipant {
  readonly userId: UserId;
  readonly state: CallParticipantState;
  readonly askedBy: UserId | null;
  readonly askedAt: UnixMs;
  readonly answeredAt: UnixMs | null;
  /** How it left (state rejected or left). */
  readonly reason: CallEndReason | null;
}

/** Asking somebody into a conversation's call; waits for its answer until `expiresAt`, when one is needed. */
export interface CallInvite {
  readonly id: InviteId;
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly fromId: UserId;
  /** As the asking wire wrote it. */
  readonly message: JsonObject;
  readonly answerNeeded: boolean;
  readonly createdAt: UnixMs;
  readonly expiresAt: UnixMs;
}

export interface MediaState {
  readonly microphone: boolean;
  readonly speakers: boolean;
  readonly screen: boolean;
  readonly camera: boolean;
  readonly speaking: boolean;
  readonly startScreenAt?: UnixMs;
  readonly startCameraAt?: UnixMs;
  readonly startSpeakingAt?: UnixMs;
}

/** One device in a call; at most one per user over all calls, nodes and protocols. */
export interface CallLeg {
  readonly userId: UserId;
  readonly callId: CallId;
  readonly conversationId: ConversationId;
  readonly connectionId: ConnectionId;
  /** What the wires show as the device: the workspace's socket id, say. */
  readonly device: string;
  readonly namespace: Namespace;
  readonly nodeId: NodeId;
  readonly media: MediaState;
  readonly mediaTokens: JsonObject;
  readonly joinedAt: UnixMs;
  /** How long the leg outlives its connection. */
  readonly graceMs: number;
  /** Set while the connection is gone and may still come back. */
  readonly graceUntil: UnixMs | null;
}

export interface Call {
  readonly id: CallId;
  readonly conversationId: ConversationId;
  /** The conversation's. */
  readonly spaceId: SpaceId | null;
  readonly mode: CallMode;
  readonly state: CallState;
  readonly media: CallMedia;
  readonly initiatorId: UserId;
  /** In the order in which they were named. */
  readonly participants: readonly CallParticipant[];
  readonly legs: readonly CallLeg[];
  readonly createdAt: UnixMs;
  readonly acceptedAt: UnixMs | null;
  readonly connectedAt: UnixMs | null;
  readonly endedAt: UnixMs | null;
  readonly endReason: CallEndReason | null;
  readonly endedBy: UserId | null;
  /** Whether a message of kind `call` tells of it when it has ended. */
  readonly recorded: boolean;
  readonly recordMessageId: MessageId | null;
  readonly meta: JsonObject;
  readonly changedPosition: LogPosition;
}

/** What the record message keeps of a call, in `meta.call`. */
export interface CallRecord {
  readonly callId: CallId;
  readonly media: CallMedia;
  readonly initiatorId: UserId;
  /** All who were asked, the initiator included, in the order in which they were named. */
  readonly participantIds: readonly UserId[];
  /** Who accepted, in the order of accepting. The initiator is not among them. */
  readonly acceptedIds: readonly UserId[];
  readonly createdAt: UnixMs;
  readonly acceptedAt: UnixMs | null;
  readonly connectedAt: UnixMs | null;
  readonly endedAt: UnixMs;
  readonly endReason: CallEndReason;
}

export function isLive(call: Call): boolean {
  return call.state !== 'ended';
}
