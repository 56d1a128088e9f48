import { DomainError, ERROR_CODES } from '@switchboard/core';
import { type ErrorTable, PROTOCOL_ERROR_CODES, ProtocolError, toFault, wordFault } from './error-table.ts';

const table: ErrorTable<string, { operation: string }> = {
  domain: {
    ...(Object.fromEntries(ERROR_CODES.map((code) => [code, `domain ${code}`])) as Record<
      (typeof ERROR_CODES)[number],
      string
    >),
    invalid: (error, context) => `${context.operation}: ${error.details.field}`,
  },
  protocol: Object.fromEntries(PROTOCOL_ERROR_CODES.map((code) => [code, `protocol ${code}`])) as Record<
    (typeof PROTOCOL_ERROR_CODES)[number],
    string
  >,
};

describe('an error table', () => {
  it('words every fault of both lists', () => {
    const word = (fault: DomainError | ProtocolError) => wordFault(table, fault, { operation: 'send' });
    expect(word(new DomainError('forbidden', ''))).toBe('domain forbidden');
    expect(word(new ProtocolError('malformed', ''))).toBe('protocol malformed');
    expect(word(new DomainError('too_large', ''))).toBe('domain too_large');
    expect(word(new ProtocolError('too_large', ''))).toBe('protocol too_large');
    expect(word(new DomainError('invalid', '', { field: 'text' }))).toBe('send: text');
  });

  it('takes everything else for a fault of ours and keeps its cause', () => {
    const cause = new TypeError('x is undefined');
    expect(toFault(cause)).toMatchObject({ code: 'internal', cause });
  });
});
