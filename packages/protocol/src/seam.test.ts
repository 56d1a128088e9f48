/** The seam as an adapter meets it: tables complete by type, rows inferred without annotations. */
import { LOG_EVENT_TYPES, SIGNAL_TYPES, type UserActor } from '@switchboard/core';
import { z } from 'zod';
import {
  dropped,
  isSignedIn,
  type Operations,
  operation,
  type Projection,
  type ProjectionRow,
  perViewer,
  shared,
  unsupported,
  variants,
} from './index.ts';

interface TestSession {
  readonly actor: UserActor | null;
  readonly dialect: 'old' | 'new';
}

const signedIn = isSignedIn<TestSession>;

const sendArgs = z.object({ conversation: z.number(), text: z.string() });

const operations: Operations<'send' | 'pin', TestSession> = {
  send: operation({
    guard: signedIn,
    args: sendArgs,
    run: (core, session, args) =>
      core.messages.send(session.actor, { conversationId: args.conversation as never, text: args.text }),
    reply: ({ message }, { session }) => ({ id: message.id, dialect: session.dialect }),
    answers: 'first',
  }),
  pin: unsupported('no known client sends it'),
};

const rest = Object.fromEntries(
  [...LOG_EVENT_TYPES, ...SIGNAL_TYPES].map((type) => [type, dropped('not said here')]),
) as unknown as Projection<string, TestSession>;

const rows: Pick<Projection<string, TestSession>, 'message.sent' | 'typing.changed' | 'receipts.advanced'> = {
  'message.sent': shared((event) => [event.message.text]),
  'typing.changed': variants(
    (connection) => connection.session.dialect,
    (event, _lookup, key) => [`${key}:${event.typing}`],
  ),
  'receipts.advanced': perViewer((event, _lookup, connection) =>
    event.marks.map((mark) => `${mark.userId}${connection.id}`),
  ),
};

// @ts-expect-error a table that leaves types out does not compile
export const partial: Projection<string, TestSession> = rows;

describe('the seam', () => {
  it('has a row for every type of event and signal', () => {
    const table: Projection<string, TestSession> = { ...rest, ...rows };
    const made = Object.values(table).map((row: ProjectionRow<never, string, TestSession>) => row.made);
    expect(new Set(made)).toEqual(new Set(['shared', 'variants', 'perViewer', 'dropped']));
    expect(made).toHaveLength(LOG_EVENT_TYPES.length + SIGNAL_TYPES.length);
  });

  it('says of an operation how it answers, and why it is not served', () => {
    expect(operations.send.answers).toBe('first');
    expect(operations.pin.why).toBe('no known client sends it');
    expect(() => operations.pin.prepare({ actor: null, dialect: 'old' }, {})).toThrow('no known client');
  });
});
