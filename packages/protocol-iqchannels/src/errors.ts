/** This wire's words for every refusal and every goodbye. No other code is ever sent: strict clients fail on them. Wire: PROTOCOL.md, "Errors". */
import type { DomainError } from '@switchboard/core';
import type { CloseTable, ErrorTable } from '@switchboard/protocol';
import type { WireError, WireErrorCode } from './wire/objects.ts';

const TEXTS: Readonly<Record<WireErrorCode, string>> = {
  internal_server_error: 'Internal server error',
  bad_request: 'Bad request',
  not_found: 'Not found',
  forbidden: 'Access denied',
  unauthorized: 'Authorization required',
  invalid: 'Invalid value',
};

const say = (Code: WireErrorCode, Text = TEXTS[Code]): WireError => ({ Code, Text });

const INVALID: Readonly<Record<string, string>> = {
  not_support: 'Not a support chat',
  not_staff: 'Not an operator of the channel',
  channel: 'No such channel',
  credentials: 'Credentials required',
  bad_words: 'The message holds a word that is not allowed',
};

function invalid({ details }: DomainError): WireError {
  if (details.reason === 'arguments') return say('bad_request');
  const field = details.field ? `Invalid value of ${details.field}` : TEXTS.invalid;
  return say('invalid', INVALID[details.reason ?? ''] ?? field);
}

function tooLarge({ details }: DomainError): WireError {
  return say('invalid', details.subject === 'file' ? 'The file is too large' : 'The value is too long');
}

export const errors: ErrorTable<WireError> = {
  domain: {
    unauthenticated: say('unauthorized'),
    forbidden: say('forbidden'),
    not_found: say('not_found'),
    already_exists: say('invalid'),
    conflict: say('invalid'),
    invalid,
    too_large: tooLarge,
    rate_limited: say('invalid', 'Too many requests'),
    expired: say('unauthorized'),
    unsupported: say('invalid', 'Not supported'),
    unavailable: say('internal_server_error'),
    internal: say('internal_server_error'),
  },
  protocol: {
    malformed: say('bad_request'),
    too_large: say('bad_request'),
    too_deep: say('bad_request'),
    unknown_operation: say('not_found'),
    not_signed_in: say('unauthorized'),
    wrong_state: say('bad_request'),
    handshake_failed: say('bad_request'),
    origin_refused: say('forbidden'),
  },
};

/** `code`: of the WebSocket. `failure`: what an event stream is told before it ends; null: it just ends. */
export interface Goodbye {
  readonly code: number;
  readonly failure: WireError | null;
}

const over: Goodbye & { readonly shouldReturn: false } = {
  code: 1008,
  failure: say('unauthorized'),
  shouldReturn: false,
};

export const closes: CloseTable<Goodbye> = {
  normal: { code: 1000, failure: null, shouldReturn: true },
  shutdown: { code: 1001, failure: null, shouldReturn: true },
  auth_failed: over,
  auth_expired: over,
  replaced: { code: 1008, failure: null, shouldReturn: false },
  protocol_violation: { code: 1002, failure: null, shouldReturn: true },
  slow_consumer: { code: 1013, failure: null, shouldReturn: true },
  revoked: over,
  kicked: over,
};
