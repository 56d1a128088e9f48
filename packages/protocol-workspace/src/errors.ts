/** This wire's words for every refusal and every goodbye. Wire: PROTOCOL.md, "Errors and closes". */
import { DomainError, type ErrorCode } from '@switchboard/core';
import type { CloseTable, ErrorTable } from '@switchboard/protocol';
import { EVENT } from './wire.ts';

/** An answer that is no success; `data` stands beside the message. */
export interface WireError {
  readonly status: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Clients branch on these texts, spelling included. */
const REFUSALS = {
  missingAuthentication: { status: 401, message: 'Missing authentication' },
  badToken: { status: 401, message: 'Bad token' },
  tokenExpired: { status: 401, message: 'Access token is expired' },
  credentialsInvalid: { status: 401, message: 'Credentials are invalid' },
  refreshExpired: { status: 401, message: 'Refresh token is expired' },
  passwordWrong: { status: 401, message: 'Email or password are invalid' },
  oldPasswordWrong: { status: 401, message: 'Invalid password' },
  socketNotFound: { status: 400, message: 'Socket not found' },
  unknownSocket: { status: 400, message: 'Unknow socket connection' },
  notInChannel: { status: 400, message: 'Socket connection not in a channel' },
  alreadySelected: { status: 400, message: 'Channel already selected' },
  notSelected: { status: 400, message: 'Channel is not selected' },
  otherChannels: { status: 400, message: 'Users are not in the same channel' },
  accessDenied: { status: 403, message: 'Access denied' },
  forbidden: { status: 403, message: 'Forbidden' },
  notFound: { status: 404, message: 'Not found' },
  emailTaken: { status: 400, message: 'A user with that email address has already signed up' },
  signInLink: { status: 400, message: 'Auth link is not valid' },
  verification: { status: 400, message: 'Verification code is not valid' },
  inviteAtSignUp: { status: 400, message: 'Invite code is invalid' },
  inviteLooked: { status: 400, message: 'Invite code is not valid' },
  inviteJoined: { status: 400, message: 'InvalidCode' },
  channelInvite: { status: 400, message: 'Invalid invite code' },
  noInvite: { status: 404, message: 'InviteNotFound' },
  noChannelsForGuests: { status: 401, message: 'UserCanNotCreateChannels' },
  lastChannelAdmin: { status: 400, message: 'Last admin in channel' },
  wrongName: { status: 400, message: 'Wrong name' },
  userNotFound: { status: 404, message: 'User not found' },
  messageNotFound: { status: 400, message: 'Message not found' },
  ownInvite: { status: 400, message: 'Can not invite yourself' },
  talkUsers: { status: 400, message: 'Users are not members of the workspace' },
  talkAlone: { status: 400, message: 'Can not talk with yourself' },
  slack: { status: 400, message: 'SlackIsNotConnected' },
  payload: { status: 400, message: 'Invalid request payload input' },
  params: { status: 400, message: 'Invalid request params input' },
  permissions: { status: 400, message: 'Bad data for checking permissions' },
} as const satisfies Record<string, WireError>;

export type RefusalName = keyof typeof REFUSALS;

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
};

/** A refusal of this wire's own, carried through the kit by its name. */
export function refusal(name: RefusalName, field?: string): DomainError {
  const { status, message } = REFUSALS[name];
  return new DomainError(CODES[status] ?? 'invalid', message, { reason: `workspace:${name}`, ...(field && { field }) });
}

function named({ details: { reason, field } }: DomainError): WireError | null {
  const name = reason?.startsWith('workspace:') ? reason.slice('workspace:'.length) : null;
  if (name === null || !Object.hasOwn(REFUSALS, name)) return null;
  const words = REFUSALS[name as RefusalName];
  return name === 'permissions' && field !== undefined ? { ...words, data: { action: field } } : words;
}

const otherwise = (name: RefusalName) => (error: DomainError) => named(error) ?? REFUSALS[name];

function invalid(error: DomainError): WireError {
  const { field = '' } = error.details;
  return named(error) ?? (/^(params|query)\b/.test(field) ? REFUSALS.params : REFUSALS.payload);
}

const UNAVAILABLE: WireError = { status: 503, message: 'Service is unavailable, try again later' };
const INTERNAL: WireError = { status: 500, message: 'An internal server error occurred' };

/** What REST answers. */
export const errors: ErrorTable<WireError, string> = {
  domain: {
    unauthenticated: otherwise('badToken'),
    forbidden: otherwise('accessDenied'),
    not_found: otherwise('notFound'),
    already_exists: otherwise('payload'),
    conflict: otherwise('accessDenied'),
    invalid,
    too_large: otherwise('payload'),
    rate_limited: { status: 429, message: 'Too many requests' },
    expired: otherwise('tokenExpired'),
    unsupported: otherwise('notFound'),
    unavailable: UNAVAILABLE,
    internal: INTERNAL,
  },
  protocol: {
    malformed: REFUSALS.payload,
    too_large: (error) =>
      error.details.reason === 'bytes' ? { status: 413, message: 'Payload is too large' } : REFUSALS.payload,
    too_deep: REFUSALS.payload,
    unknown_operation: { status: 404, message: 'Not Found' },
    not_signed_in: REFUSALS.missingAuthentication,
    wrong_state: REFUSALS.payload,
    handshake_failed: REFUSALS.payload,
    origin_refused: REFUSALS.forbidden,
  },
};

const SYSTEM_ERROR = 'System error';
const wrongFormat = (event: string) => `Invalid data format for "${event}" event`;

/** What the two error events say. Context: the client event's name. */
export const socketErrors: ErrorTable<string, string> = {
  domain: {
    unauthenticated: 'Invalid access token',
    forbidden: "Can't listen workspace events",
    not_found: "Can't listen workspace events",
    already_exists: SYSTEM_ERROR,
    conflict: SYSTEM_ERROR,
    invalid: (_error, event) => wrongFormat(event),
    too_large: 'Payload is too large',
    rate_limited: 'Too many requests',
    expired: 'Invalid access token',
    unsupported: SYSTEM_ERROR,
    unavailable: SYSTEM_ERROR,
    internal: SYSTEM_ERROR,
  },
  protocol: {
    malformed: (_error, event) => wrongFormat(event),
    too_large: ({ details }, event) => (details.reason === 'broadcast' ? 'Payload is too large' : wrongFormat(event)),
    too_deep: (_error, event) => wrongFormat(event),
    unknown_operation: (_error, event) => wrongFormat(event),
    not_signed_in: 'Not authenticated',
    wrong_state: (_error, event) => wrongFormat(event),
    handshake_failed: (_error, event) => wrongFormat(event),
    origin_refused: SYSTEM_ERROR,
  },
};

/** The two events that tell of a refusal, in their order. */
export function errorEvents(event: string, message: string, transaction: string | null) {
  const general = [EVENT.error, { event, message }] as const;
  return transaction === null ? [general] : [[`${EVENT.error}-${transaction}`, { message }] as const, general];
}

/**
 * Ending the engine connection makes clients return by themselves; ending the namespace keeps them away. `normal` is the client's own
 * `logout`, or a transport that is gone already.
 */
export const closes: CloseTable<{ readonly ends: 'engine' | 'namespace' }> = {
  normal: { ends: 'namespace', shouldReturn: false },
  shutdown: { ends: 'engine', shouldReturn: true },
  auth_failed: { ends: 'namespace', shouldReturn: false },
  auth_expired: { ends: 'namespace', shouldReturn: false },
  replaced: { ends: 'engine', shouldReturn: true },
  protocol_violation: { ends: 'engine', shouldReturn: true },
  slow_consumer: { ends: 'engine', shouldReturn: true },
  revoked: { ends: 'namespace', shouldReturn: false },
  kicked: { ends: 'namespace', shouldReturn: false },
};
