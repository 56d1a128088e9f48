/**
 * Who is connected to this node, and bringing events to them: audience → connections → what each asked for → one call per adapter. Ends
 * connections whose session or user is gone. Knows no wire, and asks nobody what may be seen.
 */
import {
  type Clock,
  type ConnectionId,
  type Core,
  createSessionWatch,
  type DeliveredEvent,
  type DomainEvent,
  type Log,
  type PresenceStatus,
  type Signal,
  type UnixMs,
  type UserId,
} from '@switchboard/core';
import { createGatherer, type Gathered, type LocalUser } from './audience.ts';
import { type Connection, createActor, type Viewer } from './connection.ts';
import { CLOSE_REASONS, type CloseReason } from './error-table.ts';
import type { Metrics } from './metrics.ts';

/** One event and those connections of one adapter that may see it and want it. The list is the hub's: do not keep or change it. */
export interface Delivery<Session = unknown> {
  readonly event: DomainEvent;
  readonly connections: readonly Connection<Session>[];
}

export interface PresenceOptions {
  /** How long the connection still counts after its end. */
  readonly graceMs: number;
  readonly initial?: PresenceStatus;
  /** Shown to the administration; never a secret. */
  readonly info?: Readonly<Record<string, string | number | boolean>>;
}

/** What lets a connection speak; see `Connection`. */
export type Credential = Pick<Connection, 'issued' | 'expiresAt'> & { readonly viewer: Viewer };

export interface Hub {
  /**
   * Resolves when every event that its viewer may see reaches it; events may come before that, from the call on (`wants`, `holdEvents`
   * keep them back). Registers presence, unless `presence` is null (helper streams that do not count). The connection must have a
   * viewer; a session that was revoked meanwhile is closed at once. Rejects with `unavailable` when the store is away: sign-in has failed,
   * and the connection is to be closed and removed.
   */
  add<Session>(connection: Connection<Session>, presence: PresenceOptions | null): Promise<void>;
  /**
   * The connection goes on by another credential of the same user: from now on that one's session and time count. Closed at once when
   * it has been revoked meanwhile. Unknown connections: nothing.
   */
  renew<Session>(connection: Connection<Session>, credential: Credential): void;
  /** Nothing more reaches it; presence ends after its grace, or after `graceMs` when given. Unknown connections: nothing. */
  remove<Session>(connection: Connection<Session>, graceMs?: number): Promise<void>;
  /** Connections of this node. */
  get(id: ConnectionId): Connection | undefined;
  ofUser(userId: UserId): readonly Connection[];
  /** Closes a connection wherever in the cluster it is: `kicked` by the administration, `replaced` by another device. */
  end(id: ConnectionId, reason: CloseReason): void;
  /**
   * Closes all of this node's connections, of one protocol or of all. Resolves when they have been removed (their goodbyes have left),
   * or after 5 s.
   */
  endAll(reason: CloseReason, protocol?: string): Promise<void>;
  readonly size: number;
}

/** The hub as the gateway holds it. */
export interface HubControl extends Hub {
  /** Adapters take their deliveries here; a name may be registered once. */
  register(protocol: string, adapter: { deliver(deliveries: readonly Delivery[]): void }): () => void;
  /** Event bytes that wait before the connections of this node, by protocol. Walks over all of them: for a scrape, not for a turn. */
  outboxBytes(): ReadonlyMap<string, number>;
  /** Stops listening; connections stay as they are. */
  close(): void;
}

export interface HubOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Tells the other nodes (the bus): without it `end` reaches this node alone. */
  readonly publish?: (signals: readonly Signal[]) => void;
}

/** Namespace and name of the signal by which nodes ask each other to end a connection. */
const HUB_NAMESPACE = 'switchboard';
const END_SIGNAL = 'connection.end';
/** `expiresAt` is looked at this often. */
const EXPIRY_CHECK_MS = 1_000;
/** Goodbyes may take as long; a little more than a transport lingers. */
const GOODBYE_MS = 5_000;
/** How long a revocation is remembered for connections that were just signing in. */
const REVOCATION_MEMORY_MS = 60_000;

type Revocation = Extract<DomainEvent, { type: 'session.revoked' }>;

interface Kept {
  readonly connection: Connection;
  readonly presence: PresenceOptions | null;
  /** Presence calls of one connection follow each other. */
  registered: Promise<void>;
}

export function createHub(options: HubOptions): HubControl {
  const { core, clock, log, metrics, publish } = options;
  const users = new Map<UserId, LocalUser>();
  const connections = new Map<ConnectionId, Kept>();
  const slots = new Map<string, number>();
  const adapters: ({ deliver(deliveries: readonly Delivery[]): void } | null)[] = [];
  const gatherer = createGatherer(users, core.directory);
  /** Those who wait for connections to be gone. */
  const emptying = new Set<() => void>();
  const watch = createSessionWatch({ sessions: core.sessions, clock, log });
  let revocations: { readonly event: Revocation; readonly at: UnixMs }[] = [];

  function slotOf(protocol: string): number {
    let slot = slots.get(protocol);
    if (slot === undefined) {
      slot = slots.size;
      slots.set(protocol, slot);
    }
    return slot;
  }

  function index(connection: Connection, userId: UserId): void {
    let user = users.get(userId);
    if (!user) {
      user = { userId, slots: [], count: 0, mark: 0 };
      users.set(userId, user);
    }
    const slot = slotOf(connection.kind.protocol);
    const list = user.slots[slot];
    if (list) list.push(connection);
    else user.slots[slot] = [connection];
    user.count += 1;
  }

  function unindex(connection: Connection, userId: UserId): void {
    const user = users.get(userId);
    const list = user?.slots[slotOf(connection.kind.protocol)];
    const at = list?.indexOf(connection) ?? -1;
    if (!user || !list || at === -1) return;
    list.splice(at, 1);
    user.count -= 1;
    if (user.count > 0) return;
    users.delete(userId);
    core.directory.release(userId);
  }

  function onEvents(batch: readonly DeliveredEvent[]): void {
    const deliveries: Delivery[][] = [];
    // Consecutive events of one conversation have one audience: gathered once per batch.
    let last: DeliveredEvent | null = null;
    let gathered: Gathered = [];
    for (const delivered of batch) {
      if (users.size > 0) {
        if (!last || !hasSameAudience(last, delivered)) gathered = gatherer.gather(delivered);
        last = delivered;
        for (let slot = 0; slot < gathered.length; slot += 1) {
          const candidates = gathered[slot];
          if (!candidates || candidates.length === 0) continue;
          const wanting = keepWanting(candidates, delivered.event);
          if (wanting.length === 0) continue;
          const list = deliveries[slot];
          if (list) list.push({ event: delivered.event, connections: wanting });
          else deliveries[slot] = [{ event: delivered.event, connections: wanting }];
        }
      }
    }
    for (let slot = 0; slot < deliveries.length; slot += 1) {
      const list = deliveries[slot];
      if (list) adapters[slot]?.deliver(list);
    }
    // After the frames: who is told of the end of a session is told before it ends.
    for (const { event } of batch) obey(event);
  }

  function obey(event: DomainEvent): void {
    if (event.type === 'session.revoked') {
      revocations = revocations.filter((revocation) => revocation.at > clock.now() - REVOCATION_MEMORY_MS);
      revocations.push({ event, at: clock.now() });
      for (const connection of connectionsOf(event.userId)) {
        if (isRevokedBy(event, connection)) connection.close('revoked');
      }
    } else if (event.type === 'user.deleted') {
      for (const connection of connectionsOf(event.userId)) connection.close('revoked');
    } else if (event.type === 'wire.signal' && event.namespace === HUB_NAMESPACE && event.name === END_SIGNAL) {
      const { connectionId, reason } = event.data as { connectionId: ConnectionId; reason: CloseReason };
      if (CLOSE_REASONS.includes(reason)) connections.get(connectionId)?.connection.close(reason);
    }
  }

  /** A revocation that was told while the connection was signing in. */
  function isRevokedSince(connection: Connection): boolean {
    // On wires that sign in late, a connection may be older than the session it got after a revocation.
    const since = Math.max(connection.openedAt, connection.issued?.createdAt ?? 0);
    return revocations.some(({ event, at }) => at >= since && isRevokedBy(event, connection));
  }

  function connectionsOf(userId: UserId): Connection[] {
    return users.get(userId)?.slots.flatMap((list) => list ?? []) ?? [];
  }

  function checkExpiries(): void {
    const now = clock.now();
    for (const { connection } of [...connections.values()]) {
      if (connection.expiresAt !== null && connection.expiresAt <= now) connection.close('auth_expired');
    }
  }

  async function register(kept: Kept, userId: UserId): Promise<void> {
    const { connection, presence } = kept;
    await core.directory.membershipsOf(userId);
    if (!presence || !connection.viewer) return;
    try {
      await core.presence.connected(createActor(connection.viewer, connection.id), presence);
    } catch (error) {
      // Presence is a courtesy: its medium being away keeps nobody from talking.
      log('warn', 'presence could not be registered', { connection: connection.id, error: String(error) });
    }
  }

  const unsubscribe = core.events.subscribe({
    onEvents,
    onReset() {
      log('warn', 'the log went backwards: all clients are told to return', { connections: connections.size });
      for (const { connection } of [...connections.values()]) connection.close('shutdown');
    },
  });
  const stopExpiries = clock.every(EXPIRY_CHECK_MS, checkExpiries);
  watch.onEnded((sessionId) => {
    for (const { connection } of [...connections.values()]) {
      if (connection.viewer?.sessionId === sessionId) connection.close('auth_expired');
    }
  });

  return {
    async add(added, presence) {
      const connection = added as Connection;
      const { viewer } = connection;
      if (!viewer) throw new Error('a connection is added to the hub once it is signed in');
      if (connections.has(connection.id)) return connections.get(connection.id)?.registered;
      if (connection.closed) return;
      const kept: Kept = { connection, presence, registered: Promise.resolve() };
      connections.set(connection.id, kept);
      index(connection, viewer.userId);
      if (connection.issued) watch.hold(connection.issued);
      metrics.connections(connection.kind.protocol, 1);
      if (isRevokedSince(connection)) connection.close('revoked');
      kept.registered = register(kept, viewer.userId);
      return kept.registered;
    },

    renew(renewed, { viewer, issued, expiresAt }) {
      const connection = renewed as Connection;
      if (connections.get(connection.id)?.connection !== connection) return;
      if (connection.viewer?.userId !== viewer.userId)
        throw new Error('a connection stays the one user it was added for');
      const { issued: previous } = connection;
      connection.viewer = viewer;
      connection.issued = issued;
      connection.expiresAt = expiresAt;
      if (issued) watch.hold(issued);
      if (previous) watch.release(previous.id);
      if (isRevokedSince(connection)) connection.close('revoked');
    },

    async remove(removed, graceMs) {
      const connection = removed as Connection;
      const kept = connections.get(connection.id);
      if (!kept || kept.connection !== connection) return;
      const { viewer } = connection;
      if (!viewer) return;
      connections.delete(connection.id);
      unindex(connection, viewer.userId);
      if (connection.issued) watch.release(connection.issued.id);
      metrics.connections(connection.kind.protocol, -1);
      if (connection.closed === 'slow_consumer') metrics.slowConsumer(connection.kind.protocol);
      for (const look of emptying) look();
      await kept.registered.catch(() => undefined);
      if (!kept.presence) return;
      try {
        await core.presence.disconnected(createActor(viewer, connection.id), graceMs);
      } catch (error) {
        log('warn', 'presence could not be ended', { connection: connection.id, error: String(error) });
      }
    },

    get: (id) => connections.get(id)?.connection,
    ofUser: connectionsOf,

    end(id, reason) {
      const here = connections.get(id);
      if (here) return here.connection.close(reason);
      publish?.([
        {
          type: 'wire.signal',
          transient: true,
          at: clock.now(),
          conversationId: null,
          actorId: null,
          via: 'system',
          origin: null,
          namespace: HUB_NAMESPACE,
          name: END_SIGNAL,
          to: [],
          data: { connectionId: id, reason },
        },
      ]);
    },

    endAll(reason, protocol) {
      const isMeant = ({ connection }: Kept) => protocol === undefined || connection.kind.protocol === protocol;
      for (const kept of [...connections.values()].filter(isMeant)) kept.connection.close(reason);
      const isDone = () => ![...connections.values()].some(isMeant);
      if (isDone()) return Promise.resolve();
      return new Promise((resolve) => {
        const end = () => {
          cancel();
          emptying.delete(look);
          resolve();
        };
        const look = () => {
          if (isDone()) end();
        };
        const cancel = clock.after(GOODBYE_MS, end);
        emptying.add(look);
      });
    },

    get size() {
      return connections.size;
    },

    register(protocol, adapter) {
      const slot = slotOf(protocol);
      if (adapters[slot]) throw new Error(`an adapter named ${protocol} is mounted already`);
      adapters[slot] = adapter;
      return () => {
        adapters[slot] = null;
      };
    },

    outboxBytes() {
      const bytes = new Map<string, number>();
      for (const { connection } of connections.values()) {
        const { protocol } = connection.kind;
        bytes.set(protocol, (bytes.get(protocol) ?? 0) + connection.outbox.waitingBytes);
      }
      return bytes;
    },

    close() {
      unsubscribe();
      stopExpiries();
      watch.close();
    },
  };
}

/** The same list when everybody wants it: the common case allocates nothing. */
function keepWanting(candidates: readonly Connection[], event: DomainEvent): readonly Connection[] {
  let kept: Connection[] | null = null;
  for (let at = 0; at < candidates.length; at += 1) {
    const connection = candidates[at] as Connection;
    const isWanting = connection.closed === null && connection.wants(event);
    if (isWanting) kept?.push(connection);
    else kept ??= candidates.slice(0, at);
  }
  return kept ?? candidates;
}

/** Named users are few and differ; a filter to staff reads the event's own conversation. */
function hasSameAudience(one: DeliveredEvent, other: DeliveredEvent): boolean {
  const a = one.audience;
  const b = other.audience;
  return (
    a === b ||
    (a.participants === b.participants &&
      a.participants !== null &&
      a.staffOf === b.staffOf &&
      a.membersOf === b.membersOf &&
      a.namespace === b.namespace &&
      a.noticeTo === b.noticeTo &&
      !a.staffOnly &&
      !b.staffOnly &&
      a.users.length === 0 &&
      b.users.length === 0)
  );
}

function isRevokedBy(event: Revocation, connection: Connection): boolean {
  const { viewer } = connection;
  if (viewer?.userId !== event.userId) return false;
  if (event.sessionId !== null) return viewer.sessionId === event.sessionId;
  return event.namespace === null || event.namespace === viewer.namespace;
}
