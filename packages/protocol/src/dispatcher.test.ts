import type { Actor } from '@switchboard/core';
import { createFakeClock } from '@switchboard/testing/clock';
import { createFakeCore, createTestConnection, endOfTurn } from '../test/fakes.ts';
import { createDispatcher, type Request } from './dispatcher.ts';
import { ProtocolError } from './error-table.ts';
import { NO_METRICS } from './metrics.ts';
import { isAnybody, type Operations, operation } from './operations.ts';
import { pushEvent } from './outbox.ts';
import { createRunner } from './runner.ts';

interface TestSession {
  readonly actor: Actor | null;
}

const anybody = isAnybody<TestSession>;
const anything = { safeParse: (data: unknown) => ({ success: true as const, data: String(data) }) };

/** Frames are `name:args`, several with `;`. Operations called `slow…` wait for `finish(args)`. */
function setUp(options: { open?: boolean } = {}) {
  const lines: string[] = [];
  const started: string[] = [];
  const waiting = new Map<string, () => void>();
  const wait = (args: string) => new Promise<void>((resolve) => waiting.set(args, resolve));
  const slow = (answers: 'first' | 'any') =>
    operation({
      guard: anybody,
      args: anything,
      run: async (_core, _session, args) => {
        started.push(args);
        await wait(args);
        return args;
      },
      answers,
    });
  const rows: Operations<'quick' | 'slow' | 'slowFirst' | 'list' | 'silent', TestSession> = {
    quick: operation({ guard: anybody, args: anything, run: (_core, _session, args) => args }),
    silent: operation({ guard: anybody, args: anything, run: () => null }),
    slow: slow('any'),
    slowFirst: slow('first'),
    list: operation({
      guard: anybody,
      args: anything,
      run: (_core, _session, args) => args,
      async *reply(args) {
        for (let page = 1; page <= 3; page += 1) {
          started.push(`page ${page}`);
          if (args === `fails at ${page}`) throw new Error('the store is gone');
          yield Buffer.from(`p${page} `);
        }
      },
    }),
  };
  const log = (_level: string, message: string) => void lines.push(message);
  const runner = createRunner({
    protocol: 'test',
    core: createFakeCore().core,
    operations: rows,
    clock: createFakeClock(),
    log,
    metrics: NO_METRICS,
  });
  const dispatcher = createDispatcher<string, TestSession, string>({
    protocol: 'test',
    runner,
    log,
    limits: { inboxFrames: 4, inboxBytes: 1_000 },
    sizeOf: (frame) => frame.length,
    decode(frame): Request<string>[] {
      if (frame === 'bug') throw new Error('a bug of ours');
      if (frame.startsWith('!')) throw new ProtocolError('malformed', 'bad frame');
      return frame.split(';').map((call) => {
        const [name = '', args = ''] = call.split(':');
        return { name, args, ref: args };
      });
    },
    answer: (_connection, _request, value) =>
      value === null || value instanceof Object ? (value as null | AsyncIterable<Buffer>) : Buffer.from(`${value} `),
    refuse: (_connection, request, fault) => Buffer.from(`${request?.ref ?? ''}!${fault.code} `),
  });
  const connection = createTestConnection<TestSession>({ userId: 1, session: { actor: null } });
  const inbox = dispatcher.open(connection, options.open ?? true);
  return {
    connection,
    dispatcher,
    inbox,
    lines,
    started,
    start: () => dispatcher.start(inbox),
    receive: (...frames: string[]) => {
      for (const frame of frames) dispatcher.receive(inbox, frame);
    },
    finish: async (args: string) => {
      waiting.get(args)?.();
      await endOfTurn();
      await endOfTurn();
    },
    written: () => connection.transport.writes.join(''),
  };
}

const event = (text: string) => ({ bytes: Buffer.from(text), use: 'event' as const, position: 1, shared: true });

describe('the dispatcher', () => {
  it('runs the operations of one connection one at a time, in arrival order', async () => {
    const { receive, finish, started, written } = setUp();
    receive('slow:1', 'slow:2', 'quick:3');
    await endOfTurn();
    expect(started).toEqual(['1']);
    await finish('1');
    expect(started).toEqual(['1', '2']);
    await finish('2');
    expect(written()).toBe('1 2 3 ');
  });

  it('takes several calls out of one frame', async () => {
    const { receive, written } = setUp();
    receive('quick:1;quick:2');
    await endOfTurn();
    await endOfTurn();
    expect(written()).toBe('1 2 ');
  });

  it('answers a bad frame and goes on', async () => {
    const { receive, written, lines } = setUp();
    receive('!', 'nothing:2', 'quick:3');
    await endOfTurn();
    await endOfTurn();
    expect(written()).toBe('!malformed 2!unknown_operation 3 ');
    expect(lines).toEqual([]);
  });

  it('logs a fault of its own decoding once and answers internal', async () => {
    const { receive, written, lines } = setUp();
    receive('bug');
    await endOfTurn();
    expect(written()).toBe('!internal ');
    expect(lines).toHaveLength(1);
  });

  it('answers nothing where nothing is wanted', async () => {
    const { receive, written } = setUp();
    receive('silent:1', 'quick:2');
    await endOfTurn();
    await endOfTurn();
    expect(written()).toBe('2 ');
  });

  it('lets events wait for the reply of an operation that answers first', async () => {
    const { receive, finish, connection, written } = setUp();
    receive('slowFirst:reply');
    await endOfTurn();
    pushEvent(connection.outbox, event('event '));
    await endOfTurn();
    expect(written()).toBe('');
    await finish('reply');
    expect(written()).toBe('reply event ');
  });

  it('lets events pass an operation that answers anyhow', async () => {
    const { receive, finish, connection, written } = setUp();
    receive('slow:reply');
    await endOfTurn();
    pushEvent(connection.outbox, event('event '));
    await finish('reply');
    expect(written()).toBe('event reply ');
  });

  it('reads no more from a client that asks faster than it is answered, and goes on later', async () => {
    const { receive, finish, connection, started } = setUp();
    receive('slow:1', ...Array.from({ length: 5 }, (_, at) => `quick:${at}`));
    expect(connection.transport.isPaused).toBe(true);
    await endOfTurn();
    expect(started).toEqual(['1']);
    await finish('1');
    expect(connection.transport.isPaused).toBe(false);
  });

  it('starts the next operation when the client has taken the reply', async () => {
    const { receive, connection, started, finish } = setUp();
    connection.transport.isFull = true;
    receive('slow:1', 'slow:2');
    await endOfTurn();
    await finish('1');
    receive('quick:x');
    await endOfTurn();
    // The first reply filled the transport at the end of its turn; the second operation had begun by then, the third must not.
    await finish('2');
    receive('slow:3');
    await endOfTurn();
    expect(started).toEqual(['1', '2']);
    connection.transport.drain();
    await endOfTurn();
    await endOfTurn();
    expect(started).toEqual(['1', '2', '3']);
  });

  it('keeps early frames until the session is ready', async () => {
    const { receive, start, written } = setUp({ open: false });
    receive('quick:1', 'quick:2');
    await endOfTurn();
    expect(written()).toBe('');
    start();
    await endOfTurn();
    await endOfTurn();
    expect(written()).toBe('1 2 ');
  });

  it('writes a long answer piece by piece, each when the last has been taken, with no event in between', async () => {
    const { receive, connection, started, written } = setUp();
    connection.transport.isFull = true;
    receive('list:all');
    await endOfTurn();
    pushEvent(connection.outbox, event('event '));
    // Small pieces are taken while the turn lasts; once the transport is full no more are read.
    const before = started.length;
    await endOfTurn();
    expect(started.length).toBe(before);
    connection.transport.drain();
    await endOfTurn();
    await endOfTurn();
    expect(written()).toBe('p1 p2 p3 event ');
  });

  it('refuses a long answer that fails before it has begun', async () => {
    const { receive, written, connection } = setUp();
    receive('list:fails at 1');
    await endOfTurn();
    await endOfTurn();
    expect(written()).toBe('fails at 1!internal ');
    expect(connection.closed).toBeNull();
  });

  it('tells the client to come again when a long answer breaks off', async () => {
    const { receive, connection, lines } = setUp();
    receive('list:fails at 2');
    await endOfTurn();
    await endOfTurn();
    expect(connection.closed).toBe('shutdown');
    expect(lines).toHaveLength(1);
  });

  it('throws away what waits when the connection ends', async () => {
    const { receive, connection, finish, started, inbox } = setUp();
    receive('slow:1', 'slow:2');
    await endOfTurn();
    connection.close('normal');
    await finish('1');
    receive('slow:3');
    expect(started).toEqual(['1']);
    expect(inbox.frames).toEqual([]);
    expect(connection.transport.writes).toEqual(['[normal]']);
  });

  it('drains: the operation under way is answered, what waits or comes is forgotten', async () => {
    const { receive, finish, started, written, dispatcher, inbox } = setUp();
    receive('slow:1', 'quick:2');
    await endOfTurn();
    let isDrained = false;
    const drained = dispatcher.drain(inbox).then(() => {
      isDrained = true;
    });
    receive('quick:3');
    await endOfTurn();
    expect(isDrained).toBe(false);
    await finish('1');
    await drained;
    await endOfTurn();
    expect(started).toEqual(['1']);
    expect(written()).toBe('1 ');
    await dispatcher.drain(inbox);
  });
});
