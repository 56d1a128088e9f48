import { LOG_EVENT_TYPES, SIGNAL_TYPES } from '@switchboard/core';
import { createFakeCore, createTestConnection, endOfTurn, sent, typing } from '../test/fakes.ts';
import type { Connection } from './connection.ts';
import { createFlusher } from './outbox.ts';
import { dropped, type Projection, perViewer, shared, variants } from './projection.ts';
import { createProjector } from './projector.ts';

interface TestSession {
  readonly name: string;
}

const NOTHING = Object.fromEntries(
  [...LOG_EVENT_TYPES, ...SIGNAL_TYPES].map((type) => [type, dropped('not said here')]),
) as unknown as Projection<string, TestSession>;

function setUp(rows: Partial<Projection<string, TestSession>>) {
  const encoded: string[] = [];
  const logged: string[] = [];
  let delivered = 0;
  const projector = createProjector<string, TestSession>({
    protocol: 'test',
    projection: { ...NOTHING, ...rows },
    lookup: createFakeCore().core.directory,
    encode(frame, encoding) {
      encoded.push(frame);
      return Buffer.from(`${encoding}(${frame})`);
    },
    metrics: {
      connections() {},
      operation() {},
      slowConsumer() {},
      signalsDropped() {},
      delivered(_protocol, count) {
        delivered += count;
      },
    },
    log: (_level, message) => logged.push(message),
  });
  return { projector, encoded, logged, delivered: () => delivered };
}

describe('a projector', () => {
  const flusher = createFlusher();
  const connect = (name: string, encoding = 'json') =>
    createTestConnection<TestSession>({ userId: 1, session: { name }, encoding, flusher });
  const deliveries = (events: Parameters<typeof sent>[1][], connections: Connection<TestSession>[]) =>
    events.map((text, at) => ({ event: sent(at + 1, text, [1]).event, connections: connections as Connection[] }));

  it('makes and encodes a shared frame once for everybody of one encoding', async () => {
    const { projector, encoded, delivered } = setUp({ 'message.sent': shared((event) => [event.message.text]) });
    const connections = [connect('a'), connect('b', 'binary'), connect('c'), connect('d', 'binary')];
    projector.deliver(deliveries(['one', 'two'], connections));
    await endOfTurn();
    expect(encoded).toEqual(['one', 'one', 'two', 'two']);
    expect(connections.map(({ transport }) => transport.writes)).toEqual([
      ['json(one)json(two)'],
      ['binary(one)binary(two)'],
      ['json(one)json(two)'],
      ['binary(one)binary(two)'],
    ]);
    expect(delivered()).toBe(8);
  });

  it('makes a variant once per key, and nothing where there is no key', async () => {
    const { projector, encoded } = setUp({
      'message.sent': variants(
        (connection) => (connection.session.name === 'left out' ? null : connection.session.name === 'author'),
        (event, _lookup, isOwn) => [isOwn ? 'mine' : event.message.text],
      ),
    });
    const connections = ['author', 'x', 'y', 'left out', 'author'].map((name) => connect(name));
    projector.deliver(deliveries(['text'], connections));
    await endOfTurn();
    expect(encoded).toEqual(['mine', 'text']);
    expect(connections.map(({ transport }) => transport.writes[0])).toEqual([
      'json(mine)',
      'json(text)',
      'json(text)',
      undefined,
      'json(mine)',
    ]);
  });

  it('makes a frame for each viewer where the row says so', async () => {
    const { projector } = setUp({
      'typing.changed': perViewer((event, _lookup, connection) => [`${event.userId} to ${connection.session.name}`]),
    });
    const connections = [connect('a'), connect('b')];
    projector.deliver([{ event: typing(7, [1]).event, connections: connections as Connection[] }]);
    await endOfTurn();
    expect(connections.map(({ transport }) => transport.writes)).toEqual([['json(7 to a)'], ['json(7 to b)']]);
  });

  it('joins several frames of one event, and says nothing where there are none', async () => {
    const { projector } = setUp({
      'message.sent': shared((event) => (event.message.text === 'none' ? [] : [event.message.text, 'and more'])),
    });
    const connection = connect('a');
    projector.deliver(deliveries(['none', 'one'], [connection]));
    await endOfTurn();
    expect(connection.transport.writes).toEqual(['json(one)json(and more)']);
  });

  it('goes on when one event cannot be said', async () => {
    const { projector, logged } = setUp({
      'message.sent': shared((event) => {
        if (event.message.text === 'bad') throw new Error('no such view');
        return [event.message.text];
      }),
    });
    const connection = connect('a');
    projector.deliver(deliveries(['bad', 'good'], [connection]));
    await endOfTurn();
    expect(connection.transport.writes).toEqual(['json(good)']);
    expect(logged).toHaveLength(1);
  });

  it('passes over an event of a newer version', () => {
    const { projector } = setUp({});
    const event = { ...sent(1, 'x', []).event, type: 'poll.opened' } as never;
    expect(() => projector.deliver([{ event, connections: [connect('a') as Connection] }])).not.toThrow();
  });

  it('gives the frames of one event for one stream that comes back', () => {
    const { projector } = setUp({
      'message.sent': variants(
        (connection) => connection.session.name,
        (event, _lookup, name) => [`${event.message.text} for ${name}`],
      ),
    });
    expect(projector.frames(sent(1, 'text', []).event, connect('a'))).toEqual(['text for a']);
    expect(projector.frames(typing(1, []).event, connect('a'))).toEqual([]);
  });
});
