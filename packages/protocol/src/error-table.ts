/**
 * Three closed lists become one wire's words: the domain's refusals, the faults of the conversation with a client, and the reasons for
 * ending a connection. Knows no wire; every adapter has exactly one table of each, complete by type.
 */
import { DomainError, type ErrorCode, isDomainError } from '@switchboard/core';

/** What a client can do wrong before any use case is asked. These never reach core. */
export const PROTOCOL_ERROR_CODES = [
  /** Bytes that this wire's grammar does not know. */
  'malformed',
  /** A frame, a body or a list of keys above its limit. */
  'too_large',
  /** Nested deeper than the limit. */
  'too_deep',
  /** An operation this wire has no name for. */
  'unknown_operation',
  /** An operation that wants a signed-in session. */
  'not_signed_in',
  /** An operation that does not fit the state of the connection (twice the handshake, an answer nobody asked for). */
  'wrong_state',
  /** The handshake or the credential in it cannot be read. */
  'handshake_failed',
  /** The origin is not on the list. */
  'origin_refused',
] as const;

export type ProtocolErrorCode = (typeof PROTOCOL_ERROR_CODES)[number];

export interface ProtocolErrorDetails {
  /** The operation's name as the client wrote it, the reason of a parser, the field at fault: whatever this wire's words need. */
  readonly name?: string;
  readonly reason?: string;
  readonly field?: string;
}

/** A fault of the conversation with the client. The message is for logs; tables word `code` and `details`. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;
  readonly details: ProtocolErrorDetails;

  constructor(code: ProtocolErrorCode, message: string, details: ProtocolErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Everything an adapter ever has to word. */
export type Fault = DomainError | ProtocolError;

/** Anything thrown, as one of the two lists: what is in neither becomes `internal`, with its cause kept for the log. */
export function toFault(thrown: unknown): Fault {
  if (isDomainError(thrown) || thrown instanceof ProtocolError) return thrown;
  return new DomainError('internal', 'a fault of ours', {}, { cause: thrown });
}

type Row<Wire, E, Context> = Wire | ((error: E, context: Context) => Wire);

/** One wire's words for every fault. A row is the wire's error itself, or a function where the wire is finer than the code. */
export interface ErrorTable<Wire, Context = void> {
  readonly domain: { readonly [Code in ErrorCode]: Row<Wire, DomainError, Context> };
  readonly protocol: { readonly [Code in ProtocolErrorCode]: Row<Wire, ProtocolError, Context> };
}

/** The wire's words for a fault. `context` is what the rows need besides it: the operation's name, its arguments. */
export function wordFault<Wire extends string | number | object, Context>(
  table: ErrorTable<Wire, Context>,
  fault: Fault,
  context: Context,
): Wire {
  if (fault instanceof ProtocolError) {
    const row = table.protocol[fault.code];
    return typeof row === 'function' ? row(fault, context) : row;
  }
  const row = table.domain[fault.code];
  return typeof row === 'function' ? row(fault, context) : row;
}

/** Why a connection ends. The client is told in its wire's way, and whether it should come back. */
export const CLOSE_REASONS = [
  /** The client's own wish. */
  'normal',
  /** The gateway stops, or starts over: come back. */
  'shutdown',
  /** The credential was refused. */
  'auth_failed',
  /** The session's time is over. */
  'auth_expired',
  /** Another connection took its place. */
  'replaced',
  /** Nonsense on the wire. */
  'protocol_violation',
  /** More events wait than the bound admits: come back and replay. */
  'slow_consumer',
  /** The session or the user is gone. */
  'revoked',
  /** Ended by the administration. */
  'kicked',
] as const;

export type CloseReason = (typeof CLOSE_REASONS)[number];

/** One wire's way of saying each goodbye. `shouldReturn`: what a client of that wire makes of it. */
export type CloseTable<Wire> = { readonly [Reason in CloseReason]: Wire & { readonly shouldReturn: boolean } };
