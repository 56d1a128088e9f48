/** This wire's words for every refusal and every goodbye. Wire: PROTOCOL.md, "Errors and closes". */
import type { DomainError } from '@switchboard/core';
import type { CloseTable, ErrorTable, ProtocolError } from '@switchboard/protocol';
import type { Call } from './codec.ts';
import { OP } from './wire.ts';

export const TEXT = {
  conversationNotFound: 'Conversation not found.',
  contentRequired: 'Content is required.',
  contentTooLong: 'Content is too long.',
  invalidTyping: 'Invalid typing status.',
  invalidNotification: 'Invalid notification status.',
  tooManyIdentities: 'Too many identities.',
  tooManyRequests: 'Too many requests.',
  conflict: 'Conflict.',
  notSupported: 'Not supported.',
} as const;

/** Verdicts on a sign-in. */
export const VERDICT = {
  ok: '',
  notStable: 'Connection is not stable: call Ping, then answer Ping with Pong.',
  invalid: 'Invalid token or identity.',
  otherIdentity: 'Already authorized as another identity.',
} as const;

/** `DomainError.details.field` of a list of identities that is too long. */
export const FIELD_IDENTITIES = 'identities';

/** What an operation says of a value that it can read but not accept. */
const INVALID: Readonly<Record<string, string>> = {
  [OP.sendMessage]: TEXT.contentRequired,
  [OP.setTyping]: TEXT.invalidTyping,
  [OP.setNotification]: TEXT.invalidNotification,
};

const binding = (target: string) => `Failed to invoke '${target}' due to an error on the server.`;
const internal = (target: string) => `An unexpected error occurred invoking '${target}' on the server.`;
const hubException = (target: string, text: string) => `${internal(target)} HubException: ${text}`;
const unauthorized = (target: string) => `Failed to invoke '${target}' because user is unauthorized`;

const asHubException =
  (text: string) =>
  (_error: unknown, { target }: Call) =>
    hubException(target, text);
const asUnauthorized = (_error: unknown, { target }: Call) => unauthorized(target);
const asInternal = (_error: unknown, { target }: Call) => internal(target);
const asBinding = (_error: unknown, { target }: Call) => binding(target);

/** Streams are no arguments of ours: that they were given is found where arguments are read, and worded more finely than those. */
function unreadable({ target, isStream, streams }: Call): string {
  if (isStream) {
    return `The client attempted to invoke the non-streaming '${target}' method with a streaming invocation.`;
  }
  if (streams > 0) return hubException(target, `Client sent ${streams} stream(s), Hub method expects 0.`);
  return binding(target);
}

function invalid({ details }: DomainError, call: Call): string {
  if (details.reason === 'arguments') return unreadable(call);
  const text = INVALID[call.name];
  return text === undefined ? binding(call.target) : hubException(call.target, text);
}

function tooLarge({ details }: DomainError, { target }: Call): string {
  return hubException(target, details.field === FIELD_IDENTITIES ? TEXT.tooManyIdentities : TEXT.contentTooLong);
}

function unknown(_error: ProtocolError, { target }: Call): string {
  return `Failed to invoke '${target}' due to an error on the server. HubException: Method does not exist.`;
}

/** Context: the call, whose target is repeated as the client wrote it. */
export const errors: ErrorTable<string, Call> = {
  domain: {
    unauthenticated: asUnauthorized,
    forbidden: asHubException(TEXT.conversationNotFound),
    not_found: asHubException(TEXT.conversationNotFound),
    already_exists: asHubException(TEXT.conflict),
    conflict: asHubException(TEXT.conflict),
    invalid,
    too_large: tooLarge,
    rate_limited: asHubException(TEXT.tooManyRequests),
    expired: asUnauthorized,
    unsupported: asHubException(TEXT.notSupported),
    unavailable: asInternal,
    internal: asInternal,
  },
  protocol: {
    malformed: asBinding,
    too_large: asBinding,
    too_deep: asBinding,
    unknown_operation: unknown,
    not_signed_in: asUnauthorized,
    wrong_state: asUnauthorized,
    handshake_failed: asInternal,
    origin_refused: asUnauthorized,
  },
};

/** The Close message, or null: none is needed. */
interface Close {
  readonly message: { readonly error?: string; readonly allowReconnect?: true } | null;
}

const CLOSED_WITH_ERROR = 'Connection closed with an error.';
const AUTHENTICATION_EXPIRED = 'Connection closed because authentication expired.';

const comeBack = { message: { allowReconnect: true }, shouldReturn: true } as const;
const stayAway = { message: { error: AUTHENTICATION_EXPIRED }, shouldReturn: false } as const;

export const closes: CloseTable<Close> = {
  normal: { message: null, shouldReturn: false },
  shutdown: comeBack,
  slow_consumer: comeBack,
  protocol_violation: { message: { error: CLOSED_WITH_ERROR }, shouldReturn: false },
  auth_expired: { message: { error: AUTHENTICATION_EXPIRED, allowReconnect: true }, shouldReturn: true },
  auth_failed: stayAway,
  replaced: stayAway,
  revoked: stayAway,
  kicked: stayAway,
};

/** Answers to the first message, in place of `{}`. */
export const handshakeErrors = {
  protocol: (name: string) => `The protocol '${name}' is not supported.`,
  version: (version: number, name: string) =>
    `The server does not support version ${version} of the '${name}' protocol.`,
  transport:
    "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format.",
  unexpected: 'An unexpected error occurred during connection handshake.',
  canceled: 'Handshake was canceled.',
} as const;

/** Plain HTTP. */
export const refusals = {
  idRequired: { status: 400, body: 'Connection ID required' },
  transportChanged: { status: 400, body: 'Cannot change transports mid-connection' },
  notDeletable: { status: 400, body: 'Cannot terminate this connection using the DELETE endpoint.' },
  badUpgrade: { status: 400, body: 'Bad Request' },
  origin: { status: 403, body: 'Forbidden' },
  unknownId: { status: 404, body: 'No Connection with that ID' },
  notFound: { status: 404, body: 'Not Found' },
  method: { status: 405, body: 'Method Not Allowed' },
  postToWebSocket: { status: 405, body: 'POST requests are not allowed for WebSocket connections.' },
  occupied: { status: 409, body: '' },
  upgradeVersion: { status: 426, body: 'Upgrade Required' },
  unavailable: { status: 503, body: 'Service Unavailable' },
} as const;

export type RefusalName = keyof typeof refusals;

/** Members of the negotiate answer's `error`. */
export const negotiateErrors = {
  notInteger: 'The client requested a non-integer protocol version.',
  version: (version: string) =>
    `The client requested version '${version}', but the server does not support this version.`,
} as const;
