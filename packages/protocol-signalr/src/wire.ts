/**
 * What stands on this wire, to the letter: names, message types, shapes, and one schema per operation's arguments. Members of argument
 * objects arrive in lower case here (the codec compares them without regard to case). Knows no domain.
 * Wire: PROTOCOL.md, "Frames", "Operations", "Events".
 */
import { z } from 'zod';

/** Ends every JSON message and the handshake. */
export const RECORD_SEPARATOR = 0x1e;

export const MESSAGE = {
  invocation: 1,
  streamItem: 2,
  completion: 3,
  streamInvocation: 4,
  cancelInvocation: 5,
  ping: 6,
  close: 7,
  ack: 8,
  sequence: 9,
} as const;

export const OP = {
  ping: 'Ping',
  pong: 'Pong',
  authorize: 'Authorize',
  getGeneralInfo: 'GetGeneralInfo',
  getConversationList: 'GetConversationList',
  getMessages: 'GetConversationInstanceMessages',
  sendMessage: 'SendMessageToConversation',
  seenMessage: 'SeenMessage',
  setTyping: 'SetConversationTypingStatus',
  setNotification: 'SetConversationNotificationStatus',
  startUpdates: 'StartReceivingConversationUpdates',
  stopUpdates: 'StopReceivingConversationUpdates',
  subscribe: 'SubscribeToIdentitiesStatusUpdates',
  /** Sic. */
  unsubscribe: 'UnsubscribeToIdentitiesStatusUpdates',
} as const;

export type OperationName = (typeof OP)[keyof typeof OP];

/** Targets are compared without regard to case. */
export const OPERATION_NAMES: ReadonlyMap<string, OperationName> = new Map(
  Object.values(OP).map((name) => [name.toLowerCase(), name]),
);

export const EVENT = {
  pong: 'Pong',
  ping: 'Ping',
  authorizationResult: 'AuthorizationResult',
  newMessage: 'OnNewMessage',
  messageUpdate: 'OnMessageUpdate',
  conversationUpdate: 'OnConversationUpdate',
  identityStatus: 'OnIdentityStatusUpdate',
} as const;

export const IDENTITY_STATUS = { unknown: 0, online: 1, offline: 2 } as const;

/** Kept per connection, never sent. */
export const STATE = { unstable: 0, oneWay: 1, stable: 2, identified: 3 } as const;

/** Everything the server writes but the handshake's answer. Absent members are left out, never null. */
export type ServerMessage =
  | { readonly type: 1; readonly target: string; readonly arguments: readonly unknown[] }
  | { readonly type: 3; readonly invocationId: string; readonly result: unknown }
  | { readonly type: 3; readonly invocationId: string; readonly error: string }
  | { readonly type: 6 }
  | { readonly type: 7; readonly error?: string; readonly allowReconnect?: true };

/** An event: a call on the client, without an id. */
export function event(target: string, ...args: readonly unknown[]): ServerMessage {
  return { type: MESSAGE.invocation, target, arguments: args };
}

/** Models. Members stand in the order in which they are written; dates are ISO 8601 UTC with milliseconds. */
export interface ClientMessage {
  readonly id: string;
  readonly content: string;
  readonly senderId: string;
  readonly conversationId: string;
  /** People who have seen it, the sender never among them. */
  readonly seenCount: number;
  readonly isSeenByYou: boolean;
  readonly createdDate: string;
  readonly userMeta: object | null;
}

export interface ClientConversation {
  readonly id: string;
  readonly createdDate: string;
  readonly participants: readonly string[];
  readonly isTurnedTheNotificationOff: boolean;
  readonly type: string;
  readonly title: string;
  readonly identityGroups: Readonly<Record<string, readonly string[]>>;
}

export interface NewMessageEvent {
  readonly messageId: string;
  readonly conversationId: string;
  readonly content: string;
  readonly senderId: string;
  readonly seenCount: number;
  readonly userMeta: object | null;
}

export interface MessageUpdateEvent {
  readonly messageId: string;
  readonly conversationId: string;
  readonly seenCount: number;
}

export interface ConversationUpdateEvent {
  readonly conversationId: string;
  readonly conversationTitle: string;
  readonly conversationParticipants: readonly string[];
  readonly identityGroups: Readonly<Record<string, readonly string[]>>;
}

export interface ConversationType {
  readonly title: string;
  readonly validations: readonly { readonly type: string; readonly value: unknown }[];
  readonly identityGroups: readonly { readonly name: string; readonly indicator: { readonly title: string } }[];
}

export interface GeneralInfo {
  readonly conversationTypes: Readonly<Record<string, ConversationType>>;
}

/** A missing or null string counts as "". */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** A number, or the name of one; missing or null counts as 0. What number it is is the operation's business. */
const enumeration = (names: Readonly<Record<string, number>>) =>
  z
    .union([z.int(), z.string().refine((name) => name.toLowerCase() in names)])
    .nullish()
    .transform((value) => (typeof value === 'string' ? (names[value.toLowerCase()] ?? 0) : (value ?? 0)));

const bag = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? null);

/** As many elements as the operation takes. */
export const noArguments = z.tuple([]);
/** The placeholder that the list takes, or leaves. */
export const placeholder = z.union([z.tuple([]), z.tuple([z.record(z.string(), z.unknown()).nullable()])]);
/** Whatever its members are: a bad credential is a verdict, not a fault of binding. */
export const authorizeArguments = z.tuple([z.record(z.string(), z.unknown())]);
export const conversationArguments = z.tuple([z.object({ conversationid: text })]);
export const sendArguments = z.tuple([z.object({ content: text, conversationid: text, usermeta: bag })]);
export const seenArguments = z.tuple([z.object({ messageids: z.array(z.string().nullable()) })]);
export const typingArguments = z.tuple([
  z.object({ conversationid: text, typingstatus: enumeration({ nottyping: 0, typing: 1 }) }),
]);
export const notificationArguments = z.tuple([
  z.object({ conversationid: text, status: enumeration({ off: 0, on: 1 }) }),
]);
export const identitiesArguments = z.tuple([z.object({ identities: z.array(z.string().nullable()) })]);
