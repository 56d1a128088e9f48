/**
 * A live socket or stream: who looks through it, what it asked for, and the bounded outbox before it. Plain data with shared functions:
 * an idle connection keeps no closure of its own. Knows neither frames nor bytes' meaning.
 */
import type {
  Capacity,
  ConnectionId,
  DomainEvent,
  Session as IssuedSession,
  Namespace,
  SessionId,
  UnixMs,
  UserActor,
  UserId,
} from '@switchboard/core';
import type { CloseReason } from './error-table.ts';
import { createOutbox, endOutbox, type Outbox, type OutboxOptions, pushReply } from './outbox.ts';
import type { Transport } from './transport.ts';

/** Through whose eyes a connection sees. */
export interface Viewer {
  readonly userId: UserId;
  readonly namespace: Namespace;
  readonly capacity: Capacity;
  readonly sessionId: SessionId | null;
}

/** What all connections of one adapter share: made once at mount. */
export interface ConnectionKind<Session> {
  /** The adapter's name, in logs, metrics and the administration. */
  readonly protocol: string;
  /**
   * Which part of what it may see this stream asked for (joined conversations, one chat, not its own doing: compare `event.origin`).
   * Called for every event and candidate: no allocation, no I/O.
   */
  wants(event: DomainEvent, connection: Connection<Session>): boolean;
  /**
   * Of conversations that come and go in their workspace, these connections hear even when their users may not look into them
   * (`Audience.noticeTo`): whoever sets it shows such an event by the conversation's id alone. Default false.
   */
  readonly takesNotices?: boolean;
  /**
   * Says goodbye in the wire's words and ends the transport. Called exactly once per connection, also when the transport is gone
   * already (reason `normal`); what `connection.write` takes here still leaves before the end.
   */
  goodbye(connection: Connection<Session>, reason: CloseReason): void;
}

export interface Connection<Session = unknown> {
  readonly id: ConnectionId;
  readonly kind: ConnectionKind<Session>;
  /** The adapter's own state of this connection. */
  readonly session: Session;
  /** Null until signed in; the hub keeps only connections that have one. */
  viewer: Viewer | null;
  /** Which of the adapter's encodings its frames need (`json`, `msgpack`, `sse` …): frames are encoded once per encoding. */
  readonly encoding: string;
  readonly transport: Transport;
  readonly outbox: Outbox;
  /** The session behind it, where one was issued here: the hub keeps it in use, and closes with `auth_expired` when it has run out. */
  issued: IssuedSession | null;
  /** For credentials without an issued session: when their time is over; null = never. Closed then with `auth_expired`. */
  expiresAt: UnixMs | null;
  readonly openedAt: UnixMs;
  /** Set by the first `close`. */
  closed: CloseReason | null;
  /** Does the stream want this event? Whether it *may* see it is the audience's answer, never this one's. */
  wants(this: Connection<Session>, event: DomainEvent): boolean;
  /** Queues encoded frames that answer the client (replies, handshakes, pings): not counted against the bound. */
  write(this: Connection<Session>, bytes: Buffer): void;
  /** Ends it with its wire's goodbye. A second call does nothing. */
  close(this: Connection<Session>, reason: CloseReason): void;
}

export interface ConnectionOptions<Session> {
  readonly id: ConnectionId;
  readonly kind: ConnectionKind<Session>;
  readonly session: Session;
  readonly viewer?: Viewer | null;
  readonly encoding?: string;
  readonly transport: Transport;
  readonly openedAt: UnixMs;
  readonly issued?: IssuedSession | null;
  readonly expiresAt?: UnixMs | null;
  readonly outbox: OutboxOptions;
}

/** Takes the transport over. Nothing is delivered before `hub.add`. */
export function createConnection<Session>(options: ConnectionOptions<Session>): Connection<Session> {
  const connection: Connection<Session> = {
    id: options.id,
    kind: options.kind,
    session: options.session,
    viewer: options.viewer ?? null,
    encoding: options.encoding ?? '',
    transport: options.transport,
    outbox: createOutbox(options.transport, options.outbox),
    issued: options.issued ?? null,
    expiresAt: options.expiresAt ?? null,
    openedAt: options.openedAt,
    closed: null,
    wants,
    write,
    close,
  };
  connection.outbox.owner = connection;
  return connection;
}

/** The actor that acts for a viewer through a connection. One per connection (or REST call): core notes its newest position on it. */
export function createActor<Id extends ConnectionId | null>(
  viewer: Viewer,
  connectionId: Id,
): UserActor & { readonly connectionId: Id } {
  return {
    userId: viewer.userId,
    via: viewer.namespace,
    namespace: viewer.namespace,
    capacity: viewer.capacity,
    sessionId: viewer.sessionId,
    connectionId,
    lastPosition: 0,
  };
}

function wants<Session>(this: Connection<Session>, event: DomainEvent): boolean {
  return this.kind.wants(event, this);
}

function write<Session>(this: Connection<Session>, bytes: Buffer): void {
  pushReply(this.outbox, bytes);
}

function close<Session>(this: Connection<Session>, reason: CloseReason): void {
  if (this.closed) return;
  this.closed = reason;
  endOutbox(this.outbox, reason === 'slow_consumer');
  this.kind.goodbye(this, reason);
  // An operation that is still running has nobody to answer any more.
  this.outbox.isSealed = true;
}
