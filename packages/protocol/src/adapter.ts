/**
 * The seam, on one screen: what an adapter is, what the gateway gives it, and what it answers. The gateway's http-host owns the only
 * `upgrade` listener and the only request listener; an adapter claims paths and never attaches itself to a server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Actor, Clock, Core, Ids, JsonObject, Log, SessionId, SpaceId, UnixMs, UserId } from '@switchboard/core';
import type { CloseReason } from './error-table.ts';
import type { Delivery, Hub } from './hub.ts';
import type { Metrics } from './metrics.ts';
import { createFlusher, type OutboxOptions } from './outbox.ts';

export interface ProtocolAdapter {
  /** In configuration, logs, metrics and the administration. */
  readonly name: string;
  /** Claims its paths and starts to listen. Called once per host. */
  mount(host: Host): MountedAdapter;
}

export interface MountedAdapter {
  /**
   * Brings events to this adapter's connections: each connection in a delivery may see its event and wants it. Synchronous, in log
   * order; the lookup stands at (or after) the batch. Usually a projector's `deliver` and nothing else.
   */
  deliver(deliveries: readonly Delivery[]): void;
  /** Ends every connection with its goodbye and refuses new ones. Resolves when the goodbyes have left. */
  close(reason: CloseReason): Promise<void>;
  /** A credential with which a client of this wire speaks as the user. Throws `DomainError`s; absent: not something this wire does. */
  issueCredential?(request: CredentialRequest): Promise<IssuedCredential>;
}

export interface CredentialRequest {
  /** The administration, or who else asks: what the issued session is written down with. */
  readonly actor: Actor;
  readonly userId: UserId;
  /** In the wire's words; `invalid`, field `role`, when it has no such role. */
  readonly role?: string;
  readonly spaceId?: SpaceId;
  /** Absent: the wire's default. */
  readonly ttlMs?: number;
  /** Where clients find this adapter, `http://host:port` or `https://…`, without a final slash. */
  readonly baseUrl: string;
}

export interface IssuedCredential {
  /** Revoking it ends the credential and its connections. */
  readonly sessionId: SessionId;
  readonly expiresAt: UnixMs | null;
  /** All that a client of this wire needs to connect, in its wire's words. */
  readonly connect: JsonObject;
}

export interface Host {
  readonly core: Core;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: HostLimits;
  /** Development secrets and lenient defaults are refused. */
  readonly production: boolean;
  /** Allowed origins of browsers; null = any (development). Exact, or `*.example.org` for its subdomains. */
  readonly origins: readonly string[] | null;
  /** Whether `X-Forwarded-For` is believed. */
  readonly trustProxy: boolean;
  /**
   * Claims plain requests. First claim wins, in the order of mounting; the adapter owns CORS, body limits and 404 below its path. The
   * path is compared without its query.
   */
  route(path: RoutePath, listener: (request: IncomingMessage, response: ServerResponse) => void): void;
  /** Claims upgrades. What no one claims is answered 404. */
  upgrade(path: RoutePath, listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  /** What two adapters of one host share (one Engine.IO server): made by the first who asks for the key. */
  shared<T>(key: string, create: () => T): T;
}

/** Exactly this path, or everything at and below a prefix (`/api/v1` holds `/api/v1/x`, not `/api/v10`; `/` holds all). */
export interface RoutePath {
  readonly exact?: string;
  readonly prefix?: string;
  /** Compare without regard to case, with or without a final slash. */
  readonly lenient?: boolean;
}

export interface HostLimits {
  /** Events waiting behind a connection that is not read. Default 1 MiB. */
  readonly outboxBytes: number;
  /** Frames of one connection that wait for their turn; above it its socket is not read. */
  readonly inboxFrames: number;
  readonly inboxBytes: number;
  /** Nesting and number of members and elements in one JSON text. */
  readonly jsonDepth: number;
  readonly jsonMembers: number;
}

export const DEFAULT_HOST_LIMITS: HostLimits = {
  outboxBytes: 1024 * 1024,
  inboxFrames: 128,
  inboxBytes: 1024 * 1024,
  jsonDepth: 32,
  jsonMembers: 10_000,
};

/** What the outboxes of one adapter are made with: once at mount, given to every connection. */
export function createOutboxOptions(host: Pick<Host, 'limits' | 'metrics'>, protocol: string): OutboxOptions {
  return {
    flusher: createFlusher(),
    limitBytes: host.limits.outboxBytes,
    onSignalsDropped: (count) => host.metrics.signalsDropped(protocol, count),
  };
}
