/**
 * Branded ids and times. Every numeric id is a positive integer below 2^53; nobody outside persistence ever sees a bigint.
 * Knows nothing of how a wire writes an id.
 */

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

export type UserId = Branded<number, 'UserId'>;
export type SpaceId = Branded<number, 'SpaceId'>;
export type SpaceMemberId = Branded<number, 'SpaceMemberId'>;
export type ConversationId = Branded<number, 'ConversationId'>;
export type ParticipantId = Branded<number, 'ParticipantId'>;
export type SessionId = Branded<number, 'SessionId'>;
export type CallId = Branded<number, 'CallId'>;
/** Time of creation in microseconds: 16 digits, unique and ascending over the whole server. */
export type MessageId = Branded<number, 'MessageId'>;
/** 1, 2, 3 … of a message in its conversation. */
export type Seq = number;
/** Place of an entry in the log: gap-free, in commit order. */
export type LogPosition = number;
/** Random UUIDs: knowing one is a permission. */
export type FileId = Branded<string, 'FileId'>;
export type InviteId = Branded<string, 'InviteId'>;
export type NodeId = Branded<string, 'NodeId'>;
/** A live socket or stream, unique over all nodes. */
export type ConnectionId = Branded<string, 'ConnectionId'>;

/** Id space of a wire: by default the protocol's name; two adapters may share one. */
export type Namespace = string;
/** Through what a change was made: a namespace, the administration, or the gateway itself. */
export type Via = Namespace | 'admin' | 'system';

/** Milliseconds since 1970 UTC. */
export type UnixMs = number;

/** Ids from sequences (users, spaces, conversations, participants, calls, sessions) end here: synthetic ids are computed from them. */
export const MAX_SEQUENCE_ID = 1_294_967_295;

/** Whether a value is an id that the core may have given out: an integer from 1 to 2^53 - 1. */
export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
