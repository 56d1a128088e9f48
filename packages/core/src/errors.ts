/**
 * The closed list of what the domain refuses, one line of meaning each. Adapters word them; core knows no status code and no text of a wire.
 */

export const ERROR_CODES = [
  /** No valid credential, or one that has been revoked. */
  'unauthenticated',
  /** Known, but not allowed to do this. */
  'forbidden',
  /** The subject does not exist, or must not be shown to exist. */
  'not_found',
  /** The subject exists already and may exist once. */
  'already_exists',
  /** The subject's state does not admit this (a call that is over, a room that is full). */
  'conflict',
  /** A value that can be read but not accepted; `field` names it. */
  'invalid',
  /** A text, list or file above its limit; `field` names it. */
  'too_large',
  /** Too many operations; `retryAfterMs` says when to come back. */
  'rate_limited',
  /** A code, token or session whose time has passed. */
  'expired',
  /** Understood, but not something this deployment does. */
  'unsupported',
  /** The store or the bus is away; trying again later is right. */
  'unavailable',
  /** A fault of ours. */
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What an error is about, in the domain's nouns. */
export type ErrorSubject =
  | 'user'
  | 'account'
  | 'identity'
  | 'session'
  | 'code'
  | 'space'
  | 'conversation'
  | 'participant'
  | 'message'
  | 'call'
  | 'leg'
  | 'invite'
  | 'file'
  | 'push_target'
  | 'store';

export interface ErrorDetails {
  readonly subject?: ErrorSubject;
  /** The command's field at fault. */
  readonly field?: string;
  /** A finer reason, where a wire tells several cases of one code apart (`blocked`, `no_participant`, `room_full` …). */
  readonly reason?: string;
  /** What the field must be, in words for an administrator: `a whole number from 1 to 10`. */
  readonly expected?: string;
  readonly retryAfterMs?: number;
  /** The id of what is in the way (the live call of a busy conversation, the message that holds a client ref). */
  readonly id?: number | string;
}

/** The only error that use cases throw on purpose. The message is for logs, never for a wire. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

export function isDomainError(error: unknown): error is DomainError {
  return error instanceof DomainError;
}
