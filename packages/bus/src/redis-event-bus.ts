/**
 * The event bus on Redis: one channel that every node publishes to and hears, one connection for each. What is published while a publish
 * is on its way goes together in the next one, so a busy node costs few messages. Lost commits are healed by the follower, lost signals
 * are lost; nothing is kept for later beyond a bound.
 */
import type { BusListener, Commit, EventBus, Log, NodeId, Signal } from '@switchboard/core';
import type { BusMessage } from './memory-medium.ts';
import { connectRedis } from './redis-connection.ts';

export interface RedisBusOptions {
  readonly url: string;
  readonly nodeId: NodeId;
  /** Of the channel and of all keys; deployments that share a Redis have different ones. Default `switchboard`. */
  readonly prefix?: string;
  readonly log: Log;
}

/** What stands on the channel. A reader skips what has another version, and what it does not know. */
interface Envelope {
  readonly v: number;
  readonly node: NodeId;
  readonly messages: readonly BusMessage[];
}

const VERSION = 1;
/** Events and signals that wait behind a publish that is on its way. */
const BOUND = 20_000;
/** Events and signals after which one message of Redis is full. */
const AT_ONCE = 500;
/** A node that does not hear itself for three of these has a deaf connection. */
const BEAT_MS = 5_000;
/** How long `subscribe` waits for Redis before it leaves the rest to the reconnect. */
const FIRST_CONNECT_MS = 3_000;

export function createRedisEventBus({ url, nodeId, prefix = 'switchboard', log }: RedisBusOptions): EventBus {
  const channel = `${prefix}:bus`;
  const listeners = new Set<BusListener>();
  let waiting: BusMessage[] = [];
  /** Events and signals in it. */
  let weight = 0;
  let publishing: Promise<void> | null = null;
  let dropped = 0;
  let unknown = 0;
  let runId = '';
  let heardAt = Date.now();
  let subscribed = false;
  let onSubscribed = () => {};
  let onKnown = () => {};
  /** Hears, and knows which Redis it is: before that its id is not what the other nodes' are. */
  const connected = Promise.all([
    new Promise<void>((resolve) => {
      onSubscribed = resolve;
    }),
    new Promise<void>((resolve) => {
      onKnown = resolve;
    }),
  ]);

  const publisher = connectRedis({
    url,
    name: `${prefix}-publisher-${nodeId}`,
    log,
    onReady: async (redis) => {
      runId = /run_id:(\w+)/.exec(await redis.info('server'))?.[1] ?? '';
      onKnown();
      flush();
    },
  });
  const subscriber = connectRedis({
    url,
    name: `${prefix}-subscriber-${nodeId}`,
    log,
    onReady: async (redis) => {
      await redis.subscribe(channel);
      heardAt = Date.now();
      onSubscribed();
      // Also the first time, when somebody has been waiting in vain: from here on nothing is missed, what was before may have been.
      if (subscribed) for (const listener of listeners) listener.onReconnect();
      subscribed = true;
    },
  });
  subscriber.redis.on('message', (_channel: string, text: string) => hear(text));

  const beat = setInterval(() => {
    if (Date.now() - heardAt > 3 * BEAT_MS && subscriber.isUp()) {
      log('warn', 'the bus does not hear itself; connecting again', { node: nodeId });
      subscriber.redis.disconnect(true);
    }
    if (!publishing) publish([]);
  }, BEAT_MS);
  beat.unref();

  function enqueue(message: BusMessage): void {
    weight += weightOf(message);
    while (weight > BOUND && waiting.length > 0) {
      weight -= weightOf(waiting.shift() as BusMessage);
      dropped += 1;
    }
    waiting.push(message);
    // The turn's other messages go along.
    if (waiting.length === 1 && !publishing) setImmediate(flush);
  }

  function flush(): void {
    if (publishing || waiting.length === 0) return;
    let count = 0;
    let full = 0;
    while (count < waiting.length && full < AT_ONCE) full += weightOf(waiting[count++] as BusMessage);
    const messages = waiting.slice(0, count);
    waiting = waiting.slice(count);
    weight -= full;
    publish(messages);
  }

  function publish(messages: readonly BusMessage[]): void {
    const envelope: Envelope = { v: VERSION, node: nodeId, messages };
    publishing = publisher
      .call((redis) => redis.publish(channel, JSON.stringify(envelope)))
      .then(reportDropped, () => {
        dropped += messages.length;
        // The others heal from the store; this node need not wait for that to hear itself.
        deliver(messages);
      })
      .finally(() => {
        publishing = null;
        flush();
      });
  }

  function reportDropped(): void {
    if (dropped === 0) return;
    log('warn', 'messages of the bus were dropped while Redis was away', { dropped });
    dropped = 0;
  }

  function hear(text: string): void {
    const envelope = parse(text);
    if (!envelope) {
      log('warn', 'something on the channel of the bus is none of its messages', { channel });
      return;
    }
    if (envelope.node === nodeId) heardAt = Date.now();
    if (envelope.v !== VERSION) {
      unknown += 1;
      if (unknown === 1)
        log('warn', 'a node speaks a version of the bus that this one does not know', { v: envelope.v });
      return;
    }
    deliver(envelope.messages);
  }

  function deliver(messages: readonly BusMessage[]): void {
    for (const message of messages) for (const listener of listeners) tell(listener, message);
  }

  function tell(listener: BusListener, message: BusMessage): void {
    try {
      if (message.kind === 'commit') listener.onCommit(message.commit);
      else if (message.kind === 'signals') listener.onSignal(message.signals);
    } catch (error) {
      log('error', 'a listener of the bus failed', { error });
    }
  }

  return {
    get id() {
      return `redis:${runId}:${channel}`;
    },
    publishCommit: (commit: Commit) => enqueue({ kind: 'commit', commit }),
    publishSignals: (signals: readonly Signal[]) => {
      if (signals.length > 0) enqueue({ kind: 'signals', signals });
    },
    async subscribe(listener) {
      listeners.add(listener);
      const patience = new Promise<void>((resolve) => setTimeout(resolve, FIRST_CONNECT_MS).unref());
      await Promise.race([connected, patience]);
      // A connect that comes later is told as a reconnect: something may have been missed.
      subscribed = true;
    },
    isUp: () => publisher.isUp() && subscriber.isUp(),
    async close() {
      clearInterval(beat);
      listeners.clear();
      flush();
      while (publishing) await publishing;
      await publisher.close();
      await subscriber.close();
    },
  };
}

function parse(text: string): Envelope | null {
  try {
    const envelope = JSON.parse(text) as Partial<Envelope> | null;
    return typeof envelope?.v === 'number' && Array.isArray(envelope.messages) ? (envelope as Envelope) : null;
  } catch {
    return null;
  }
}

function weightOf(message: BusMessage): number {
  return message.kind === 'commit' ? message.commit.events.length : message.signals.length;
}
