import { DomainError, ERROR_CODES, type ErrorDetails } from '@switchboard/core';
import { CLOSE_REASONS, PROTOCOL_ERROR_CODES, ProtocolError, wordFault } from '@switchboard/protocol';
import type { Call } from './codec.ts';
import { closes, errors } from './errors.ts';

const call = (name: string, fields: Partial<Call> = {}): Call => ({
  name,
  target: name.toLowerCase(),
  invocationId: '1',
  isStream: false,
  streams: 0,
  ...fields,
});
const word = (code: DomainError['code'], name = 'SendMessageToConversation', details: ErrorDetails = {}) =>
  wordFault(errors, new DomainError(code, 'secret detail', details), call(name));

describe('refusals', () => {
  const hub = (text: string) =>
    `An unexpected error occurred invoking 'sendmessagetoconversation' on the server. HubException: ${text}`;

  it.each([
    ['not_found', hub('Conversation not found.')],
    ['forbidden', hub('Conversation not found.')],
    ['invalid', hub('Content is required.')],
    ['too_large', hub('Content is too long.')],
    ['rate_limited', hub('Too many requests.')],
    ['conflict', hub('Conflict.')],
    ['already_exists', hub('Conflict.')],
    ['unsupported', hub('Not supported.')],
    ['expired', "Failed to invoke 'sendmessagetoconversation' because user is unauthorized"],
    ['unauthenticated', "Failed to invoke 'sendmessagetoconversation' because user is unauthorized"],
    ['unavailable', "An unexpected error occurred invoking 'sendmessagetoconversation' on the server."],
    ['internal', "An unexpected error occurred invoking 'sendmessagetoconversation' on the server."],
  ] as const)('%s is worded with the target as the client wrote it', (code, text) => {
    expect(word(code)).toBe(text);
  });

  it('say what an operation says of its own values', () => {
    expect(word('invalid', 'SetConversationTypingStatus')).toContain('HubException: Invalid typing status.');
    expect(word('invalid', 'SetConversationNotificationStatus')).toContain(
      'HubException: Invalid notification status.',
    );
    expect(word('invalid', 'SeenMessage')).toBe("Failed to invoke 'seenmessage' due to an error on the server.");
    expect(word('invalid', 'SeenMessage', { reason: 'arguments' })).toBe(word('invalid', 'SeenMessage'));
    expect(word('too_large', 'SubscribeToIdentitiesStatusUpdates', { field: 'identities' })).toContain(
      'HubException: Too many identities.',
    );
  });

  it('never leak what they were thrown with', () => {
    for (const code of ERROR_CODES) expect(word(code)).not.toContain('secret');
    for (const code of PROTOCOL_ERROR_CODES) {
      expect(wordFault(errors, new ProtocolError(code, 'secret detail'), call('X'))).not.toContain('secret');
    }
  });
});

describe('goodbyes', () => {
  it('tell those to return who may', () => {
    const returning = CLOSE_REASONS.filter((reason) => closes[reason].message?.allowReconnect);
    expect(returning).toEqual(['shutdown', 'auth_expired', 'slow_consumer']);
    for (const reason of CLOSE_REASONS) {
      expect(closes[reason].shouldReturn).toBe(closes[reason].message?.allowReconnect === true);
    }
  });
});
