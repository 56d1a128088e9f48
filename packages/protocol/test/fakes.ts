/** What the kit's own tests stand on: a transport that remembers, a core that hands on what a test gives it. */
import type {
  Audience,
  Clock,
  ConnectionId,
  ConversationId,
  Core,
  DeliveredEvent,
  EventListener,
  LogEvent,
  Message,
  Signal,
  UserId,
} from '@switchboard/core';
import {
  type Connection,
  type ConnectionKind,
  createConnection,
  createFlusher,
  type Drainable,
  type Flusher,
  type Transport,
  type Viewer,
} from '../src/index.ts';

export interface FakeTransport extends Transport {
  readonly writes: string[];
  /** From now on writes are refused after being taken, as a full socket does. */
  isFull: boolean;
  isPaused: boolean;
  ended: 'end' | 'destroy' | null;
  held: number;
  drain(): void;
}

export function createFakeTransport(): FakeTransport {
  let owner: Drainable | null = null;
  const transport: FakeTransport = {
    writes: [],
    isFull: false,
    isPaused: false,
    ended: null,
    held: 0,
    write(bytes) {
      transport.writes.push(bytes.toString());
      if (transport.isFull) transport.held += bytes.length;
      return !transport.isFull;
    },
    bufferedBytes: () => transport.held,
    attach(given) {
      owner = given;
    },
    pause() {
      transport.isPaused = true;
    },
    resume() {
      transport.isPaused = false;
    },
    end(last) {
      if (last) transport.writes.push(last.toString());
      transport.ended = 'end';
    },
    destroy() {
      transport.ended = 'destroy';
    },
    drain() {
      transport.isFull = false;
      transport.held = 0;
      owner?.drained();
    },
  };
  return transport;
}

/** Resolves after the end of this turn of the event loop, when pending frames have been written. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

let count = 0;

export interface TestConnectionOptions<Session> {
  readonly userId: number;
  readonly session: Session;
  readonly protocol?: string;
  readonly viewer?: Partial<Viewer>;
  readonly encoding?: string;
  readonly wants?: ConnectionKind<Session>['wants'];
  readonly limitBytes?: number;
  readonly flusher?: Flusher;
  readonly clock?: Clock;
}

export function createTestConnection<Session>(
  options: TestConnectionOptions<Session>,
): Connection<Session> & { readonly transport: FakeTransport } {
  count += 1;
  return createConnection<Session>({
    id: `connection-${count}` as ConnectionId,
    kind: {
      protocol: options.protocol ?? 'test',
      wants: options.wants ?? (() => true),
      goodbye(connection, reason) {
        connection.write(Buffer.from(`[${reason}]`));
        connection.transport.end();
      },
    },
    session: options.session,
    viewer: {
      userId: options.userId as UserId,
      namespace: options.protocol ?? 'test',
      capacity: 'member',
      sessionId: null,
      ...options.viewer,
    },
    encoding: options.encoding ?? '',
    transport: createFakeTransport(),
    openedAt: options.clock?.now() ?? 0,
    outbox: { flusher: options.flusher ?? createFlusher(), limitBytes: options.limitBytes ?? 1_000_000 },
  }) as Connection<Session> & { readonly transport: FakeTransport };
}

export interface FakeCore {
  readonly core: Core;
  /** Presence calls, in order: `connected 7`, `disconnected 7 0`. */
  readonly presence: string[];
  emit(...batch: DeliveredEvent[]): void;
  reset(): void;
  /** Position that `delivered` waits for; resolves the waiters up to it. */
  deliverUpTo(position: number): void;
  /** Pages that `events.replay` answers, by cursor. */
  log: DeliveredEvent[];
}

/** Only what the kit asks of a core. */
export function createFakeCore(overrides: Partial<Core> = {}): FakeCore {
  const listeners = new Set<EventListener>();
  const waiters: { position: number; resolve: () => void }[] = [];
  const presence: string[] = [];
  let position = 0;
  const fake: FakeCore = {
    presence,
    log: [],
    core: {
      directory: {
        conversation: () => undefined,
        space: () => undefined,
        user: () => undefined,
        release: (userId: number) => void presence.push(`released ${userId}`),
        membershipsOf: () => Promise.resolve({ conversationIds: new Set(), spaces: new Map() }),
      },
      presence: {
        connected: (actor: { userId: number }) => {
          presence.push(`connected ${actor.userId}`);
          return Promise.resolve('online');
        },
        disconnected: (actor: { userId: number }, graceMs?: number) => {
          presence.push(`disconnected ${actor.userId} ${graceMs ?? 'grace'}`);
          return Promise.resolve();
        },
      },
      events: {
        subscribe(listener: EventListener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        get position() {
          return position;
        },
        delivered(wanted: number) {
          if (wanted <= position) return Promise.resolve();
          return new Promise<void>((resolve) => waiters.push({ position: wanted, resolve }));
        },
        replay(_scope: unknown, after: number, limit = 500) {
          const events = fake.log.filter((delivered) => positionOf(delivered) > after).slice(0, limit);
          const last = events.at(-1);
          const isWhole = events.length < limit;
          const head = Math.max(after, ...fake.log.map(positionOf));
          return Promise.resolve({ events, through: isWhole || !last ? head : positionOf(last) });
        },
      },
      sessions: { find: () => Promise.resolve(null), touch: () => Promise.resolve() },
      ...overrides,
    } as unknown as Core,
    emit(...batch) {
      for (const delivered of batch) position = Math.max(position, positionOf(delivered));
      for (const listener of listeners) listener.onEvents(batch);
    },
    reset() {
      for (const listener of listeners) listener.onReset();
    },
    deliverUpTo(to) {
      position = Math.max(position, to);
      for (const waiter of waiters.filter((one) => one.position <= to)) waiter.resolve();
    },
  };
  return fake;
}

function positionOf(delivered: DeliveredEvent): number {
  return delivered.event.transient ? 0 : delivered.event.position;
}

const NOBODY: Audience = {
  participants: null,
  staffOf: null,
  membersOf: null,
  users: [],
  staffOnly: false,
  noticeTo: null,
  namespace: null,
};

/** `message.sent` with a text, told to these users as participants (or to a set shared between events). */
export function sent(
  position: number,
  text: string,
  to: readonly number[] | ReadonlySet<UserId>,
): DeliveredEvent<LogEvent<'message.sent'>> {
  return {
    event: {
      type: 'message.sent',
      transient: false,
      position,
      v: 1,
      at: position,
      conversationId: 1 as ConversationId,
      spaceId: null,
      userIds: [],
      actorId: 1 as UserId,
      via: 'test',
      origin: null,
      visibility: 'all',
      batch: String(position),
      message: { text, senderId: 1 } as Message,
    },
    audience: { ...NOBODY, participants: to instanceof Set ? to : new Set(to as readonly UserId[]) },
  };
}

export function typing(userId: number, to: readonly number[]): DeliveredEvent<Signal<'typing.changed'>> {
  return {
    event: {
      type: 'typing.changed',
      transient: true,
      at: 0,
      conversationId: 1 as ConversationId,
      actorId: userId as UserId,
      via: 'test',
      origin: null,
      userId: userId as UserId,
      typing: true,
    },
    audience: { ...NOBODY, users: to as readonly UserId[] },
  };
}
