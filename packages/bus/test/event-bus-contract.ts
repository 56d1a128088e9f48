/** What every event bus does, whatever it is made of. */
import type { BusListener, Commit, EventBus, LogEvent, NodeId, Signal, UserId } from '@switchboard/core';

export interface BusMedium {
  node(id: string): Promise<EventBus>;
  close(): Promise<void>;
}

export interface Recorder extends BusListener {
  readonly commits: Commit[];
  readonly signals: Signal[];
  reconnects: number;
  /** Resolves when the condition holds, which is looked at after everything heard. */
  until(condition: () => boolean): Promise<void>;
}

export function createRecorder(): Recorder {
  const waiting = new Set<() => void>();
  const look = () => {
    for (const one of waiting) one();
  };
  const recorder: Recorder = {
    commits: [],
    signals: [],
    reconnects: 0,
    onCommit(commit) {
      recorder.commits.push(commit);
      look();
    },
    onSignal(signals) {
      recorder.signals.push(...signals);
      look();
    },
    onReconnect() {
      recorder.reconnects += 1;
      look();
    },
    until: (condition) =>
      new Promise((resolve) => {
        const one = () => {
          if (!condition()) return;
          waiting.delete(one);
          resolve();
        };
        waiting.add(one);
        one();
      }),
  };
  return recorder;
}

/** Everything that JSON could spoil: large ids, nulls, empty lists, nesting, text beyond ASCII. */
export function commitOf(position: number): Commit {
  const event = {
    type: 'conversation.updated',
    transient: false,
    position,
    v: 1,
    at: 1_795_176_000_000 + position,
    conversationId: 1_294_967_295,
    spaceId: null,
    userIds: [],
    actorId: 7,
    via: 'test',
    origin: null,
    visibility: 'all',
    batch: `batch-${position}`,
    conversation: {
      id: 1_294_967_295,
      lastMessageId: 1_795_176_000_000_123,
      title: 'Grüße 🎉\u2028',
      attributes: { a: { b: [] } },
    },
    changed: ['title'],
    previous: { title: '', ownerId: null },
  };
  return { events: [event as unknown as LogEvent], head: position };
}

export function typingOf(userId: number): Signal {
  return {
    type: 'typing.changed',
    transient: true,
    at: 1_795_176_000_000,
    conversationId: null,
    actorId: userId as UserId,
    via: 'test',
    origin: null,
    userId: userId as UserId,
    typing: true,
  };
}

export const nodeId = (name: string) => name as NodeId;

export function itIsAnEventBus(open: () => Promise<BusMedium>): void {
  let medium: BusMedium;
  beforeEach(async () => {
    medium = await open();
  });
  afterEach(() => medium.close());

  async function join(name: string): Promise<{ bus: EventBus; heard: Recorder }> {
    const bus = await medium.node(name);
    const heard = createRecorder();
    await bus.subscribe(heard);
    return { bus, heard };
  }

  it('tells every node what one published, the publisher included, and nothing is changed on the way', async () => {
    const [a, b] = [await join('a'), await join('b')];
    a.bus.publishCommit(commitOf(1));
    for (const { heard } of [a, b]) {
      await heard.until(() => heard.commits.length === 1);
      expect(heard.commits).toStrictEqual([commitOf(1)]);
    }
  });

  it('delivers after the publishing code has run, never within it', async () => {
    const a = await join('a');
    a.bus.publishCommit(commitOf(1));
    expect(a.heard.commits).toEqual([]);
    await a.heard.until(() => a.heard.commits.length === 1);
  });

  it('keeps the order of what one node published, over many turns', async () => {
    const [a, b] = [await join('a'), await join('b')];
    for (let position = 1; position <= 2_000; position += 1) {
      a.bus.publishCommit(commitOf(position));
      if (position % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await b.heard.until(() => b.heard.commits.length === 2_000);
    expect(b.heard.commits.map(({ head }) => head)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
  });

  it('keeps the order of signals, and theirs among commits', async () => {
    const [a, b] = [await join('a'), await join('b')];
    const order: string[] = [];
    await b.bus.subscribe({
      onCommit: ({ head }) => void order.push(`commit ${head}`),
      onSignal: (signals) => void order.push(...signals.map(({ actorId }) => `signal ${actorId}`)),
      onReconnect: () => undefined,
    });
    a.bus.publishSignals([typingOf(1), typingOf(2)]);
    a.bus.publishCommit(commitOf(1));
    a.bus.publishSignals([]);
    a.bus.publishSignals([typingOf(3)]);
    await b.heard.until(() => b.heard.signals.length === 3);
    expect(order).toEqual(['signal 1', 'signal 2', 'commit 1', 'signal 3']);
    expect(b.heard.signals).toStrictEqual([typingOf(1), typingOf(2), typingOf(3)]);
  });

  it('says by its id whom it hears, and that it is up', async () => {
    const [a, b] = [await join('a'), await join('b')];
    expect(a.bus.id).toBe(b.bus.id);
    expect(a.bus.isUp()).toBe(true);
  });

  it('tells nothing to a node that has closed, and everything to the others', async () => {
    const [a, b] = [await join('a'), await join('b')];
    await b.bus.close();
    a.bus.publishCommit(commitOf(1));
    await a.heard.until(() => a.heard.commits.length === 1);
    expect(b.heard.commits).toEqual([]);
  });

  it('publishes what is under way before it closes', async () => {
    const [a, b] = [await join('a'), await join('b')];
    a.bus.publishCommit(commitOf(1));
    await a.bus.close();
    await b.heard.until(() => b.heard.commits.length === 1);
  });
}
