import { createFakeTransport, endOfTurn, type FakeTransport } from '../test/fakes.ts';
import {
  createFlusher,
  createOutbox,
  endOutbox,
  holdEvents,
  type Outbox,
  pushEvent,
  pushReply,
  releaseEvents,
  reserve,
  whenTaken,
} from './outbox.ts';
import type { Chunk, ChunkUse } from './rope.ts';

const LIMIT = 1_000;

function chunk(text: string, use: ChunkUse = 'event', position = 0): Chunk {
  return { bytes: Buffer.from(text), use, position, shared: true };
}

describe('an outbox', () => {
  let transport: FakeTransport;
  let outbox: Outbox;
  let closed: string[];
  let droppedSignals: number;

  beforeEach(() => {
    closed = [];
    droppedSignals = 0;
    transport = createFakeTransport();
    outbox = createOutbox(transport, {
      flusher: createFlusher(),
      limitBytes: LIMIT,
      onSignalsDropped: (count) => {
        droppedSignals += count;
      },
    });
    outbox.owner = {
      close(reason) {
        closed.push(reason);
        endOutbox(outbox, true);
      },
    };
  });

  /** Makes the transport refuse after one more write. */
  async function block(): Promise<void> {
    transport.isFull = true;
    pushReply(outbox, Buffer.from('!'));
    await endOfTurn();
    transport.writes.length = 0;
  }

  it('writes once per turn, in order, replies and events alike', async () => {
    pushEvent(outbox, chunk('one '));
    pushReply(outbox, Buffer.from('reply '));
    pushEvent(outbox, chunk('two'));
    expect(transport.writes).toEqual([]);
    await endOfTurn();
    expect(transport.writes).toEqual(['one reply two']);
  });

  it('writes the same bytes to everybody with the same events', async () => {
    const written: Buffer[] = [];
    const flusher = createFlusher();
    const outboxes = [1, 2, 3].map(() => {
      const one = createFakeTransport();
      one.write = (bytes) => written.push(bytes) > 0;
      return createOutbox(one, { flusher, limitBytes: LIMIT });
    });
    const [first, second] = [chunk('first '), chunk('second')];
    for (const one of outboxes) pushEvent(one, first);
    for (const one of outboxes) pushEvent(one, second);
    await endOfTurn();
    expect(written.map(String)).toEqual(['first second', 'first second', 'first second']);
    expect(new Set(written).size).toBe(1);
  });

  it('keeps a full transport waiting and goes on where it stopped', async () => {
    await block();
    pushEvent(outbox, chunk('one '));
    await endOfTurn();
    pushEvent(outbox, chunk('two '));
    await endOfTurn();
    expect(transport.writes).toEqual([]);
    transport.drain();
    pushEvent(outbox, chunk('three'));
    await endOfTurn();
    expect(transport.writes.join('')).toBe('one two three');
    expect(outbox.waitingBytes).toBe(0);
  });

  it('never delays another connection', async () => {
    const other = createFakeTransport();
    const others = createOutbox(other, { flusher: outbox.options.flusher, limitBytes: LIMIT });
    await block();
    const event = chunk('event');
    pushEvent(outbox, event);
    pushEvent(others, event);
    await endOfTurn();
    expect(other.writes).toEqual(['event']);
  });

  it('closes a reader behind whom too many events wait', async () => {
    await block();
    for (let round = 0; round < 10; round += 1) pushEvent(outbox, chunk('x'.repeat(100)));
    expect(closed).toEqual([]);
    pushEvent(outbox, chunk('x'));
    expect(closed).toEqual(['slow_consumer']);
  });

  it('does not count what a reader who keeps up is given', async () => {
    for (let round = 0; round < 100; round += 1) {
      pushEvent(outbox, chunk('x'.repeat(900)));
      if (round % 10 === 9) await endOfTurn();
    }
    expect(closed).toEqual([]);
  });

  it('counts what the socket holds of a burst as at most half of the bound', async () => {
    transport.isFull = true;
    pushEvent(outbox, chunk('x'.repeat(5 * LIMIT)));
    await endOfTurn();
    pushEvent(outbox, chunk('x'.repeat(LIMIT / 2)));
    expect(closed).toEqual([]);
    pushEvent(outbox, chunk('x'));
    expect(closed).toEqual(['slow_consumer']);
  });

  it('leaves out signals before it gives a reader up', async () => {
    await block();
    pushEvent(outbox, chunk('a'.repeat(400)));
    pushEvent(outbox, chunk('s'.repeat(300), 'signal'));
    await endOfTurn();
    pushEvent(outbox, chunk('s'.repeat(300), 'signal'));
    expect(droppedSignals).toBe(0);
    pushEvent(outbox, chunk('b'.repeat(400)));
    expect([closed, droppedSignals]).toEqual([[], 2]);
    pushEvent(outbox, chunk('s'.repeat(300), 'signal'));
    expect([closed, droppedSignals]).toEqual([[], 3]);
    pushEvent(outbox, chunk('c'.repeat(200)));
    transport.drain();
    await endOfTurn();
    expect(transport.writes.join('')).toBe('a'.repeat(400) + 'b'.repeat(400) + 'c'.repeat(200));
    expect(outbox.waitingBytes).toBe(0);
  });

  it('does not count replies', async () => {
    await block();
    pushReply(outbox, Buffer.alloc(10 * LIMIT));
    pushEvent(outbox, chunk('x'.repeat(LIMIT)));
    await endOfTurn();
    expect(closed).toEqual([]);
    transport.drain();
    expect(transport.writes.join('')).toHaveLength(11 * LIMIT);
  });

  it('lets events wait behind a reply', async () => {
    holdEvents(outbox);
    pushEvent(outbox, chunk('event '));
    await endOfTurn();
    expect(transport.writes).toEqual([]);
    pushReply(outbox, Buffer.from('reply '));
    releaseEvents(outbox);
    pushEvent(outbox, chunk('next'));
    await endOfTurn();
    expect(transport.writes).toEqual(['reply event next']);
    expect(outbox.waitingBytes).toBe(0);
  });

  it('holds until everybody who wanted it has let go', async () => {
    holdEvents(outbox);
    holdEvents(outbox);
    pushEvent(outbox, chunk('event'));
    releaseEvents(outbox);
    await endOfTurn();
    expect(transport.writes).toEqual([]);
    releaseEvents(outbox);
    await endOfTurn();
    expect(transport.writes).toEqual(['event']);
  });

  it('keeps a place for what is still being made', async () => {
    pushEvent(outbox, chunk('before '));
    const first = reserve(outbox);
    pushEvent(outbox, chunk('between '));
    const second = reserve(outbox);
    pushEvent(outbox, chunk('after'));
    second(chunk('second '));
    await endOfTurn();
    expect(transport.writes).toEqual(['before ']);
    first(chunk('first '));
    await endOfTurn();
    expect(transport.writes.join('')).toBe('before first between second after');
  });

  it('goes on when there was nothing to say in a place that was kept, and forgets places of a closed connection', async () => {
    const nothing = reserve(outbox);
    pushEvent(outbox, chunk('after'));
    nothing(null);
    await endOfTurn();
    expect(transport.writes).toEqual(['after']);
    const late = reserve(outbox);
    endOutbox(outbox);
    late(chunk('too late'));
    await endOfTurn();
    expect(transport.writes.join('')).toBe('after');
    expect(outbox.waitingBytes).toBe(0);
  });

  it('leaves out held events that a replay has brought already', async () => {
    holdEvents(outbox);
    for (const position of [7, 8, 9]) pushEvent(outbox, chunk(String(position), 'event', position));
    pushEvent(outbox, chunk('s', 'signal'));
    releaseEvents(outbox, 8);
    await endOfTurn();
    expect(transport.writes).toEqual(['9s']);
    expect([outbox.waitingBytes, outbox.waitingSignalBytes]).toEqual([0, 0]);
  });

  it('counts held events, and drops held signals first', () => {
    holdEvents(outbox);
    pushEvent(outbox, chunk('s'.repeat(600), 'signal'));
    pushEvent(outbox, chunk('x'.repeat(600)));
    expect([closed, droppedSignals, outbox.waitingBytes]).toEqual([[], 1, 600]);
    pushEvent(outbox, chunk('x'.repeat(600)));
    expect(closed).toEqual(['slow_consumer']);
  });

  it('keeps counts right when events are held and the transport drains', async () => {
    await block();
    pushEvent(outbox, chunk('before'));
    holdEvents(outbox);
    pushEvent(outbox, chunk('held'));
    transport.drain();
    await endOfTurn();
    expect(outbox.waitingBytes).toBe(4);
    releaseEvents(outbox);
    await endOfTurn();
    expect(transport.writes.join('')).toBe('beforeheld');
    expect(outbox.waitingBytes).toBe(0);
  });

  it('says when a client has taken its replies', async () => {
    expect(whenTaken(outbox)).toBeNull();
    await block();
    let isTaken = false;
    const taken = whenTaken(outbox)?.then(() => {
      isTaken = true;
    });
    await endOfTurn();
    expect(isTaken).toBe(false);
    transport.drain();
    await taken;
    expect(isTaken).toBe(true);
  });

  it('makes a client with large replies wait for the end of the turn', async () => {
    pushReply(outbox, Buffer.alloc(70_000));
    const taken = whenTaken(outbox);
    expect(taken).not.toBeNull();
    await taken;
    expect(transport.writes).toHaveLength(1);
  });

  it('writes what waits before the end, and nothing after it but the goodbye', async () => {
    pushEvent(outbox, chunk('event '));
    endOutbox(outbox);
    pushEvent(outbox, chunk('late'));
    pushReply(outbox, Buffer.from('goodbye'));
    await endOfTurn();
    expect(transport.writes).toEqual(['event ', 'goodbye']);
  });
});
