/** This wire's words for every refusal and every goodbye. Wire: PROTOCOL.md §3, §1.3. */
import type { DomainError } from '@switchboard/core';
import type { CloseTable, ErrorTable, ProtocolError } from '@switchboard/protocol';
import { RESULT, type ResultCode } from './wire.ts';

/** Reasons that this adapter gives to its own refusals (`DomainError.details.reason`), besides core's. */
export const REASON = {
  /** Somebody else is named as the one who acts. */
  notSelf: 'not_self',
} as const;

function forbidden({ details }: DomainError): ResultCode {
  if (details.reason === REASON.notSelf) return RESULT.wrongSession;
  if (details.reason === 'blocked') return RESULT.blocked;
  return details.reason === 'no_participant' ? RESULT.failed : RESULT.forbidden;
}

function notFound({ details }: DomainError): ResultCode {
  if (details.subject === 'user') return RESULT.userNotExist;
  return details.subject === 'participant' ? RESULT.userNotFound : RESULT.failed;
}

function conflict({ details }: DomainError): ResultCode {
  if (details.subject === 'call' || details.subject === 'leg') return RESULT.callState;
  if (details.reason === 'full') return RESULT.limit;
  return RESULT.failed;
}

function invalid({ details }: DomainError): ResultCode {
  return details.reason === 'no_participant' ? RESULT.userNotFound : RESULT.invalid;
}

function malformed({ details }: ProtocolError): ResultCode {
  if (details.reason === 'enum') return RESULT.wrongType;
  return details.reason === 'field' ? RESULT.invalid : RESULT.parsingFailed;
}

export const errors: ErrorTable<ResultCode> = {
  domain: {
    unauthenticated: RESULT.expired,
    forbidden,
    not_found: notFound,
    already_exists: RESULT.duplicate,
    conflict,
    invalid,
    too_large: RESULT.limit,
    rate_limited: RESULT.limit,
    expired: RESULT.expired,
    unsupported: RESULT.unsupported,
    unavailable: RESULT.internal,
    internal: RESULT.internal,
  },
  protocol: {
    malformed,
    too_large: RESULT.limit,
    too_deep: RESULT.parsingFailed,
    unknown_operation: RESULT.unsupported,
    not_signed_in: RESULT.expired,
    wrong_state: RESULT.callState,
    handshake_failed: RESULT.expired,
    origin_refused: RESULT.expired,
  },
};

/**
 * `leave` ends the namespace, upon which clients stay away; `end` the connection, upon which they return. `login`: the code that is told
 * before. Null: there is nobody to tell.
 */
export interface Goodbye {
  readonly how: 'leave' | 'end' | null;
  readonly login: ResultCode | null;
}

export const closes: CloseTable<Goodbye> = {
  normal: { how: null, login: null, shouldReturn: true },
  shutdown: { how: 'end', login: null, shouldReturn: true },
  auth_failed: { how: 'leave', login: RESULT.expired, shouldReturn: false },
  auth_expired: { how: 'leave', login: RESULT.expired, shouldReturn: false },
  replaced: { how: 'leave', login: RESULT.loginConflict, shouldReturn: false },
  protocol_violation: { how: 'end', login: null, shouldReturn: true },
  slow_consumer: { how: 'end', login: null, shouldReturn: true },
  revoked: { how: 'leave', login: RESULT.expired, shouldReturn: false },
  kicked: { how: 'leave', login: null, shouldReturn: false },
};
