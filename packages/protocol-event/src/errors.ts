/** This wire's words for every refusal and every goodbye. Wire: PROTOCOL.md §2.3, §6. */
import type { DomainError } from '@switchboard/core';
import type { CloseTable, ErrorTable, ProtocolError } from '@switchboard/protocol';
import { OP } from './wire.ts';

export const TEXT = {
  unreadableArguments: 'error marshaling message',
  notYourself: 'a registered user is different from one you are trying to use',
  channelInvalid: 'received session channel value is invalid',
  argumentsInvalid: 'received event arguments invalid',
  conversationNotFound: 'conversation not found',
  /** Sic. */
  joinFirst: 'error finding a chat room, you shoud join first',
  joining: 'error while joining a chat room',
  gettingConversation: 'error while getting a conversation',
  creatingConversation: 'error while creating a new conversation',
  creatingMessage: 'error while creating a new message',
  updatingMessage: 'error while updating a message',
  readingMessages: 'error while reading user messages',
  listingConversations: 'error while getting list of conversations',
  listingMessages: 'error while getting messages by conversation id',
} as const;

/** Reasons that this adapter gives to its own refusals (`DomainError.details.reason`), besides core's. */
export const REASON = {
  notSelf: 'not_self',
  channel: 'session_channel',
  creating: 'creating',
  joining: 'joining',
} as const;

/** What went wrong where the store failed, as the original would have logged it. */
const FAILED: Readonly<Record<string, string>> = {
  [OP.addConversation]: TEXT.gettingConversation,
  [OP.getConversationList]: TEXT.listingConversations,
  [OP.getMessageList]: TEXT.listingMessages,
  [OP.sendMessage]: TEXT.creatingMessage,
  [OP.readMessage]: TEXT.updatingMessage,
  [OP.getUnreadInfo]: TEXT.readingMessages,
  [OP.getUnreadMessages]: TEXT.readingMessages,
};

/** How an answer is written: in an envelope under the operation's name, or as a bare JSON string. */
export interface WireError {
  readonly form: 'envelope' | 'bare';
  readonly text: string;
}

const inEnvelope = (text: string): WireError => ({ form: 'envelope', text });
const bare = (text: string): WireError => ({ form: 'bare', text });
const unreadable = (error: ProtocolError): WireError =>
  bare(`message parsing error: ${error.details.reason ?? error.message}`);

function failed(error: DomainError, operation: string): WireError {
  if (operation === OP.addConversation && error.details.reason === REASON.creating) {
    return inEnvelope(TEXT.creatingConversation);
  }
  if (operation === OP.addConversation && error.details.reason === REASON.joining) return inEnvelope(TEXT.joining);
  return inEnvelope(FAILED[operation] ?? TEXT.argumentsInvalid);
}

/** The state does not admit it: the only such state here is a full room. */
function conflicting(error: DomainError, operation: string): WireError {
  return operation === OP.addConversation ? inEnvelope(TEXT.joining) : failed(error, operation);
}

function forbidden(error: DomainError, operation: string): WireError {
  if (error.details.reason === REASON.notSelf) return inEnvelope(TEXT.notYourself);
  return inEnvelope(operation === OP.sendMessage ? TEXT.joinFirst : TEXT.conversationNotFound);
}

function invalid(error: DomainError): WireError {
  if (error.details.reason === 'arguments') return inEnvelope(TEXT.unreadableArguments);
  return inEnvelope(error.details.reason === REASON.channel ? TEXT.channelInvalid : TEXT.argumentsInvalid);
}

/** Context: the operation's name. */
export const errors: ErrorTable<WireError, string> = {
  domain: {
    unauthenticated: inEnvelope(TEXT.notYourself),
    forbidden,
    not_found: inEnvelope(TEXT.conversationNotFound),
    already_exists: conflicting,
    conflict: conflicting,
    invalid,
    too_large: inEnvelope(TEXT.argumentsInvalid),
    rate_limited: failed,
    expired: inEnvelope(TEXT.notYourself),
    unsupported: inEnvelope(TEXT.argumentsInvalid),
    unavailable: failed,
    internal: failed,
  },
  protocol: {
    malformed: unreadable,
    too_large: bare('message parsing error: too many members'),
    too_deep: bare('message parsing error: nested too deep'),
    unknown_operation: (error) => bare(`not supported event: ${error.details.name ?? ''}`),
    not_signed_in: inEnvelope(TEXT.notYourself),
    wrong_state: inEnvelope(TEXT.argumentsInvalid),
    handshake_failed: bare('message parsing error: invalid JSON'),
    origin_refused: bare('message parsing error: invalid JSON'),
  },
};

/** Close codes; `null`: the library has said it, or there is nobody to tell. */
export const closes: CloseTable<{ readonly code: number | null }> = {
  normal: { code: null, shouldReturn: true },
  shutdown: { code: 1001, shouldReturn: true },
  auth_failed: { code: 1008, shouldReturn: false },
  auth_expired: { code: 1008, shouldReturn: false },
  replaced: { code: 1008, shouldReturn: false },
  protocol_violation: { code: 1002, shouldReturn: true },
  slow_consumer: { code: 1013, shouldReturn: true },
  revoked: { code: 1008, shouldReturn: false },
  kicked: { code: 1008, shouldReturn: false },
};

/** Plain HTTP before the upgrade. Bodies end with a line feed. */
export const refusals = {
  token: { status: 401, reason: 'Unauthorized', body: 'Unauthorized\n' },
  sid: { status: 400, reason: 'Bad Request', body: 'the sid parameter is invalid\n' },
  claims: { status: 400, reason: 'Bad Request', body: 'received token has wrong structure\n' },
  noUpgrade: { status: 400, reason: 'Bad Request', body: 'Bad Request\n' },
  origin: { status: 403, reason: 'Forbidden', body: 'Forbidden\n' },
  path: { status: 404, reason: 'Not Found', body: '404 page not found\n' },
  unavailable: { status: 503, reason: 'Service Unavailable', body: 'Service Unavailable\n' },
} as const;

export type RefusalName = keyof typeof refusals;
