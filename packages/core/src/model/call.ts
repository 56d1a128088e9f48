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
  UnixMs,
  UserId,
} from '../ids.ts';
import type { JsonObject } from './user.ts';

/** `ringing` asks callees and leaves a record; a `room` lasts from its first leg to its last. */
export type CallMode = 'ringing' | 'room';
export type CallState = 'ringing' | 'active' | 'ended';
export type CallMedia = 'audio' | 'video';
export type CallEndReason = 'stopped' | 'rejected' | 'failed' | 'timeout' | 'left' | 'lost' | 'conversation_ended';
export type CallParticipantState = 'asked' | 'accepted' | 'rejected' | 'left';

export interface CallParticipant {
  readonly userId: UserId;
  readonly state: CallParticipantState;
  readonly askedBy: UserId | null;
  readonly inviteId: InviteId | null;
  readonly askedAt: UnixMs;
  readonly answeredAt: UnixMs | null;
  readonly data: JsonObject;
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
  /** Set while the connection is gone and may still come back. */
  readonly graceUntil: UnixMs | null;
}

export interface Call {
  readonly id: CallId;
  readonly conversationId: ConversationId;
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
  readonly recordMessageId: MessageId | null;
  readonly meta: JsonObject;
  readonly changedPosition: LogPosition;
}
