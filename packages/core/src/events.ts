/**
 * What happens, in the domain's words: lasting events, which are entries of the log, and signals, which pass and are never stored.
 * Every adapter answers every type of both unions (`Projection` in the kit is complete by type). A stored entry keeps only the facts
 * that cannot be read back later (`data`); what can be is hydrated by the writer, or from the store as it is now.
 */

import type {
  CallId,
  ConnectionId,
  ConversationId,
  FileId,
  LogPosition,
  MessageId,
  Namespace,
  Seq,
  SessionId,
  SpaceId,
  UnixMs,
  UserId,
  Via,
} from './ids.ts';
import type { Call, CallEndReason, CallInvite, CallLeg, CallParticipantState, MediaState } from './model/call.ts';
import type { Conversation, Participant, ParticipantSide, SeqRange } from './model/conversation.ts';
import type { Message, MessageVisibility } from './model/message.ts';
import type { Space, SpaceMember, SpaceRole } from './model/space.ts';
import type { JsonValue, User } from './model/user.ts';

/** Version written into every entry and bus message; a reader skips and counts what it does not know. */
export const EVENT_VERSION = 1;

interface LogFields {
  readonly position: LogPosition;
  readonly v: number;
  readonly at: UnixMs;
  readonly conversationId: ConversationId | null;
  readonly spaceId: SpaceId | null;
  /** The personal audience, where it is not the conversation's or the space's. */
  readonly userIds: readonly UserId[];
  readonly actorId: UserId | null;
  readonly via: Via;
  /** The connection that caused it. */
  readonly origin: ConnectionId | null;
  readonly visibility: MessageVisibility;
  /** All entries of one transaction share it. */
  readonly batch: string;
}

/**
 * What one participant's marks became, and which messages it read or received by that. Read implies received: with kind read the received
 * seq is at least `seq` and the top of `readAbove`.
 */
export interface MarkAdvance {
  readonly userId: UserId;
  readonly kind: 'received' | 'read';
  /** The connection that marked; null when several did in one batch. */
  readonly origin: ConnectionId | null;
  /** The watermark (kind read) or the received seq after the change. */
  readonly seq: Seq;
  /** The watermark or received seq before. */
  readonly previousSeq: Seq;
  /** `readAbove` after the change (kind read). */
  readonly readAbove: readonly SeqRange[];
  /** The seqs newly covered, own and deleted messages among them: at most 200 ranges, newest first. */
  readonly added: readonly SeqRange[];
}

type Payloads = {
  'user.created': { readonly user: User };
  /** Profile, identities or account of a user changed; `changed` names the fields. */
  'user.updated': { readonly user: User; readonly changed: readonly string[] };
  'user.deleted': { readonly userId: UserId };
  /** Every node closes the session's connections within 5 s. No session id: all sessions of the user (in the namespace, if given). */
  'session.revoked': {
    readonly userId: UserId;
    readonly sessionId: SessionId | null;
    readonly namespace: Namespace | null;
  };

  'space.created': { readonly space: Space; readonly members: readonly SpaceMember[] };
  'space.updated': { readonly space: Space; readonly changed: readonly string[] };
  'space.deleted': { readonly spaceId: SpaceId };
  'space.member_joined': { readonly space: Space; readonly member: SpaceMember };
  'space.member_changed': { readonly space: Space; readonly member: SpaceMember; readonly previousRole: SpaceRole };
  'space.member_left': { readonly spaceId: SpaceId; readonly userId: UserId; readonly removed: boolean };

  /** Made, with all its first participants. */
  'conversation.created': { readonly conversation: Conversation; readonly participants: readonly Participant[] };
  /** Title, description, avatar, type, owner, visibility, attributes, external ids … `changed` names the fields. */
  'conversation.updated': {
    readonly conversation: Conversation;
    readonly changed: readonly string[];
    readonly previous: { readonly title?: string; readonly ownerId?: UserId | null };
  };
  'conversation.deleted': { readonly conversation: Conversation };
  'conversation.opened': { readonly conversation: Conversation };
  /** `presentIds`: the staff who were present until then. */
  'conversation.closed': { readonly conversation: Conversation; readonly presentIds: readonly UserId[] };
  'conversation.assigned': {
    readonly conversation: Conversation;
    readonly assigneeId: UserId;
    readonly previousId: UserId | null;
  };
  'conversation.unassigned': { readonly conversation: Conversation; readonly previousId: UserId };

  /** Joined, or came back; `first` when it has never been in before. */
  'participant.joined': {
    readonly conversation: Conversation;
    readonly participant: Participant;
    readonly first: boolean;
    /** By its own doing, asked in by somebody, or as a consequence (space membership, a transfer). */
    readonly how: 'joined' | 'invited' | 'implied';
  };
  'participant.left': {
    readonly conversation: Conversation;
    readonly participant: Participant;
    /** Taken out by somebody else. */
    readonly removed: boolean;
    readonly wasPresent: boolean;
    /** The conversation was assigned to it until then; no `conversation.unassigned` of its own tells that. */
    readonly wasAssigned: boolean;
    readonly side: ParticipantSide;
  };
  /** Role, groups, side, presence or block of a participant changed; told to the conversation. */
  'participant.changed': {
    readonly conversation: Conversation;
    readonly participant: Participant;
    readonly changed: readonly string[];
  };
  /** Mute, pin, hide, clear: told to the participant alone. */
  'participant.preferences_changed': {
    readonly conversation: Conversation;
    readonly participant: Participant;
    readonly changed: readonly string[];
  };

  'message.sent': { readonly message: Message };
  'message.edited': { readonly message: Message };
  /** For everybody. */
  'message.deleted': { readonly message: Message };
  /** For oneself: told to that user alone. */
  'message.hidden': { readonly message: Message; readonly userId: UserId };
  /** A voice message was played, a prompt answered or ignored, a push handed over. */
  'message.updated': { readonly message: Message; readonly what: 'heard' | 'prompt' | 'pushed' | 'file' };
  /** One per conversation and batch; in support conversations one per message and kind that the other side has for the first time. */
  'receipts.advanced': {
    readonly marks: readonly MarkAdvance[];
    readonly first: { readonly message: Message; readonly kind: 'received' | 'read'; readonly by: UserId } | null;
  };

  'file.updated': { readonly fileId: FileId; readonly messageIds: readonly MessageId[] };

  /** A call began: ringing, or a room. The legs it begins with follow as `call.leg_joined` or `call.leg_moved`. */
  'call.started': { readonly call: Call };
  /** Somebody was asked into a conversation's call, whether one runs or not: told to the one who is asked. */
  'call.invited': { readonly invite: CallInvite };
  /** Told to the one who asked. Null: no answer within the time. */
  'call.invite_answered': { readonly invite: CallInvite; readonly response: JsonValue | null };
  /** The one who was asked came in, or the conversation is gone: told to the one who was asked. */
  'call.invite_cancelled': { readonly invite: CallInvite };
  /** A callee of a ringing call accepted (`reason` null), or left it without having been in. */
  'call.answered': {
    readonly call: Call;
    readonly userId: UserId;
    readonly state: CallParticipantState;
    readonly reason: CallEndReason | null;
  };
  'call.connected': { readonly call: Call };
  'call.leg_joined': { readonly call: Call; readonly leg: CallLeg };
  /**
   * The user's leg came from another device, or from another call. In the latter case the old call's `call.leg_left` (reason `moved`)
   * is an entry of its own: before this one when the device is the same, after it when it is another.
   */
  'call.leg_moved': { readonly call: Call; readonly leg: CallLeg; readonly from: CallLeg };
  /** The connection is gone and may come back until `leg.graceUntil`. */
  'call.leg_dropped': { readonly call: Call; readonly leg: CallLeg };
  /** The same device under a new connection, after a drop. */
  'call.leg_resumed': { readonly call: Call; readonly leg: CallLeg; readonly previousConnectionId: ConnectionId };
  'call.leg_left': { readonly call: Call; readonly leg: CallLeg; readonly reason: CallEndReason };
  /** `legs`: the devices that were in it until now. */
  'call.ended': { readonly call: Call; readonly legs: readonly CallLeg[] };

  /** The log went backwards: positions between `from` and this one hold nothing, clients are told to return. */
  'log.jumped': { readonly from: LogPosition };
};

export type LogEventType = keyof Payloads;
export type LogEventPayload<T extends LogEventType> = Payloads[T];
export type LogEvent<T extends LogEventType = LogEventType> = {
  [Type in T]: LogFields & Payloads[Type] & { readonly type: Type; readonly transient: false };
}[T];

/** Effective presence: `idle` is online to wires with two states. */
export type PresenceStatus = 'online' | 'idle' | 'offline';

interface SignalFields {
  readonly transient: true;
  readonly at: UnixMs;
  readonly conversationId: ConversationId | null;
  readonly actorId: UserId | null;
  readonly via: Via;
  readonly origin: ConnectionId | null;
}

type SignalPayloads = {
  /** One per change; carries the user's conversations and spaces, so that no node asks the store. */
  'presence.changed': {
    readonly userId: UserId;
    readonly status: PresenceStatus;
    readonly previous: PresenceStatus;
    readonly lastSeenAt: UnixMs | null;
    readonly conversationIds: readonly ConversationId[];
    readonly spaceIds: readonly SpaceId[];
    /** Set by hand on any device: the user's own devices are told. */
    readonly manual: boolean;
  };
  'typing.changed': { readonly userId: UserId; readonly typing: boolean };
  /** Media flags of a leg. */
  'call.media_changed': { readonly callId: CallId; readonly leg: CallLeg; readonly media: MediaState };
  /** SDP, ICE, hints: opaque, to the devices named (or to all legs of the call). `mute` is core's own: somebody asks the device to be silent. */
  'call.signal': {
    readonly callId: CallId;
    readonly name: string;
    readonly to: readonly UserId[];
    /** Only these connections; empty = all of the users named. */
    readonly connections: readonly ConnectionId[];
    readonly data: JsonValue;
  };
  /** What only one wire knows (Netalo's `event`), relayed within its namespace. */
  'wire.signal': {
    readonly namespace: Namespace;
    readonly name: string;
    /** Empty = everybody in the conversation. */
    readonly to: readonly UserId[];
    readonly data: JsonValue;
  };
};

export type SignalType = keyof SignalPayloads;
export type Signal<T extends SignalType = SignalType> = {
  [Type in T]: SignalFields & SignalPayloads[Type] & { readonly type: Type };
}[T];

export type DomainEvent = LogEvent | Signal;
export type DomainEventType = DomainEvent['type'];

/** Every type, for tables and for telling known entries from those of a newer version. */
export const LOG_EVENT_TYPES = [
  'user.created',
  'user.updated',
  'user.deleted',
  'session.revoked',
  'space.created',
  'space.updated',
  'space.deleted',
  'space.member_joined',
  'space.member_changed',
  'space.member_left',
  'conversation.created',
  'conversation.updated',
  'conversation.deleted',
  'conversation.opened',
  'conversation.closed',
  'conversation.assigned',
  'conversation.unassigned',
  'participant.joined',
  'participant.left',
  'participant.changed',
  'participant.preferences_changed',
  'message.sent',
  'message.edited',
  'message.deleted',
  'message.hidden',
  'message.updated',
  'receipts.advanced',
  'file.updated',
  'call.started',
  'call.invited',
  'call.invite_answered',
  'call.invite_cancelled',
  'call.answered',
  'call.connected',
  'call.leg_joined',
  'call.leg_moved',
  'call.leg_dropped',
  'call.leg_resumed',
  'call.leg_left',
  'call.ended',
  'log.jumped',
] as const satisfies readonly LogEventType[];

export const SIGNAL_TYPES = [
  'presence.changed',
  'typing.changed',
  'call.media_changed',
  'call.signal',
  'wire.signal',
] as const satisfies readonly SignalType[];
