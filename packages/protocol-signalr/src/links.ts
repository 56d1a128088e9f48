/**
 * The table of links: by the key that requests name them with, from negotiation to their end; what they say before and after the handshake;
 * the wheel that looks at all their timers. Knows no HTTP and no chat.
 */
import type { Clock, ConnectionId, Ids } from '@switchboard/core';
import { type Connection, createWheel, type Inbox } from '@switchboard/protocol';
import {
  createSplitter,
  cut,
  dressText,
  encodeHandshakeAnswer,
  encodeMessage,
  HANDSHAKE_LIMIT_BYTES,
  type HubProtocol,
  readHandshake,
} from './codec.ts';
import { closes, handshakeErrors } from './errors.ts';
import type { Carrier, HubMessage, Link } from './link.ts';
import { VIOLATION } from './link.ts';
import type { SignalrOptions } from './options.ts';
import type { SignalrSession } from './session.ts';
import type { PollCarrier } from './transports/long-polling.ts';
import { CLOSE_CODE } from './transports/web-socket.ts';
import { MESSAGE } from './wire.ts';

export interface LinksContext {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly options: SignalrOptions;
  /** Hands were shaken: the kit's connection and its inbox. */
  readonly open: (link: Link, protocol: HubProtocol) => OpenLink;
  readonly receive: (inbox: Inbox<HubMessage, SignalrSession>, message: HubMessage) => void;
  /** The transport is gone, or as good as gone; called for every link that was open, sometimes twice. */
  readonly gone: (connection: Connection<SignalrSession>) => void;
}

export interface OpenLink {
  readonly connection: Connection<SignalrSession>;
  readonly inbox: Inbox<HubMessage, SignalrSession>;
}

export interface Links {
  /** A link without a transport yet; `version` 0 names it by its id alone. */
  negotiate(version: 0 | 1): Link;
  /** For WebSockets that negotiated nothing. */
  create(): Link;
  find(key: string): Link | undefined;
  /** The transport was chosen: what came before it is read now. */
  activate(link: Link, carrier: Carrier): void;
  onBytes(link: Link, bytes: Buffer): void;
  onGone(link: Link): void;
  onSent(link: Link): void;
  onBlocked(link: Link, isBlocked: boolean): void;
  /** Looks at its timers again: a poll came, or went. */
  schedule(link: Link): void;
  /** Ends it from the server's side with the wire's goodbye. */
  end(link: Link, reason: keyof typeof closes): void;
  /** Links with a transport. */
  readonly all: ReadonlySet<Link>;
  /** Resolves when every link with a transport has gone. */
  whenEmpty(): Promise<void>;
  close(): void;
}

/** Of ids and tokens. */
const ID_BYTES = 16;

export function createLinks(context: LinksContext): Links {
  const { clock, ids, options } = context;
  const byKey = new Map<string, Link>();
  const all = new Set<Link>();
  const wheel = createWheel<Link>({ clock, onDue: check });
  const emptying = new Set<() => void>();

  function newLink(key: string | null, id: string): Link {
    const now = clock.now();
    const link: Link = {
      id,
      key,
      openedAt: now,
      phase: 'waiting',
      dress: null,
      carrier: null,
      splitter: createSplitter(),
      protocol: 'json',
      connection: null,
      inbox: null,
      early: null,
      earlyBytes: 0,
      phaseSince: now,
      lastHeardAt: now,
      lastSentAt: now,
      hasPinged: false,
      blockedAt: null,
    };
    if (key !== null) byKey.set(key, link);
    schedule(link);
    return link;
  }

  function forget(link: Link): void {
    if (link.key !== null) byKey.delete(link.key);
    all.delete(link);
    wheel.clear(link);
    enter(link, 'ended');
    if (all.size > 0) return;
    for (const resolve of emptying) resolve();
    emptying.clear();
  }

  function enter(link: Link, phase: Link['phase']): void {
    link.phase = phase;
    link.phaseSince = clock.now();
  }

  function onBytes(link: Link, bytes: Buffer): void {
    link.lastHeardAt = clock.now();
    if (link.phase === 'waiting') keepEarly(link, bytes);
    else if (link.phase === 'handshake') shakeHands(link, bytes);
    else if (link.phase === 'open') takeMessages(link, bytes);
  }

  /** Before the first GET there is nobody to answer; more than one message's worth is nobody's honest handshake. */
  function keepEarly(link: Link, bytes: Buffer) {
    link.earlyBytes += bytes.length;
    if (link.earlyBytes > options.messageLimitBytes) return forget(link);
    link.early ??= [];
    link.early.push(Buffer.from(bytes));
  }

  function shakeHands(link: Link, bytes: Buffer) {
    const { carrier } = link;
    if (!carrier) return;
    let first: ReturnType<typeof cut>;
    try {
      first = cut(link.splitter, bytes, HANDSHAKE_LIMIT_BYTES);
    } catch {
      return refuse(link, handshakeErrors.unexpected);
    }
    if (!first) return;
    const handshake = readHandshake(first.message, carrier.dress !== 'sse');
    if (!handshake.ok) return refuse(link, handshake.error);
    link.protocol = handshake.protocol;
    link.splitter.framing = handshake.protocol === 'json' ? 'separated' : 'prefixed';
    carrier.write(dressText(encodeHandshakeAnswer(null), carrier.dress));
    enter(link, 'open');
    const opened = context.open(link, handshake.protocol);
    link.connection = opened.connection;
    link.inbox = opened.inbox;
    schedule(link);
    if (first.rest.length > 0) takeMessages(link, first.rest);
  }

  function refuse(link: Link, error: string): void {
    enter(link, 'ended');
    link.carrier?.end(dressText(encodeHandshakeAnswer(error), link.carrier.dress));
    schedule(link);
  }

  function takeMessages(link: Link, bytes: Buffer): void {
    const { inbox, splitter } = link;
    if (!inbox) return;
    try {
      for (let found = cut(splitter, bytes, options.messageLimitBytes); found; ) {
        context.receive(inbox, found.message);
        if (link.phase !== 'open' || found.rest.length === 0) return;
        found = cut(splitter, found.rest, options.messageLimitBytes);
      }
    } catch {
      // In its place: what was asked before it is answered.
      context.receive(inbox, VIOLATION);
      enter(link, 'ended');
    }
  }

  /** Everything that time does to a link; called when the earliest of its deadlines has come. */
  function check(link: Link) {
    const now = clock.now();
    if (link.phase === 'waiting' && now >= link.phaseSince + options.disconnectTimeoutMs) return forget(link);
    if (link.phase === 'handshake' && now >= link.phaseSince + options.handshakeTimeoutMs) {
      return refuse(link, handshakeErrors.canceled);
    }
    if (isAbandoned(link, now)) return link.carrier?.destroy();
    if (link.phase === 'open') checkOpen(link, now);
    if (all.has(link) || link.phase === 'waiting') schedule(link);
  }

  /** Nobody takes what is sent, or nobody polls. */
  function isAbandoned(link: Link, now: number): boolean {
    const poll = pollOf(link);
    if (poll) return poll.polledAt === null && now >= poll.leftAt + options.disconnectTimeoutMs;
    return link.blockedAt !== null && now >= link.blockedAt + options.sendTimeoutMs;
  }

  function checkOpen(link: Link, now: number) {
    const { connection, carrier } = link;
    if (!connection || !carrier) return;
    const poll = pollOf(link);
    if (poll?.polledAt != null && now >= poll.polledAt + options.pollTimeoutMs) poll.answerEmpty();
    if (!poll && link.hasPinged && now >= link.lastHeardAt + options.clientTimeoutMs && !link.inbox?.isPaused) {
      return carrier.destroy();
    }
    const { authorizeTimeoutMs } = options;
    if (authorizeTimeoutMs !== null && !connection.viewer && now >= link.openedAt + authorizeTimeoutMs) {
      return connection.close('auth_failed');
    }
    const isQuiet = !poll && now >= link.lastSentAt + options.keepAliveMs;
    if (isQuiet && link.blockedAt === null && !connection.session.isInPieces) {
      connection.write(encodeMessage({ type: MESSAGE.ping }, connection.encoding));
      link.lastSentAt = now;
    }
  }

  function schedule(link: Link): void {
    const now = clock.now();
    wheel.set(link, Math.max(0, nextLook(link) - now));
  }

  function nextLook(link: Link): number {
    const poll = pollOf(link);
    const limits: number[] = [];
    if (link.phase === 'waiting') limits.push(link.phaseSince + options.disconnectTimeoutMs);
    if (link.phase === 'handshake') limits.push(link.phaseSince + options.handshakeTimeoutMs);
    if (poll) {
      const isPolled = poll.polledAt !== null && link.phase === 'open';
      limits.push(isPolled ? (poll.polledAt ?? 0) + options.pollTimeoutMs : poll.leftAt + options.disconnectTimeoutMs);
    } else {
      if (link.phase === 'open') limits.push(link.lastSentAt + options.keepAliveMs);
      if (link.phase === 'open' && link.hasPinged) limits.push(link.lastHeardAt + options.clientTimeoutMs);
      if (link.blockedAt !== null) limits.push(link.blockedAt + options.sendTimeoutMs);
    }
    const { authorizeTimeoutMs } = options;
    if (authorizeTimeoutMs !== null && link.phase === 'open' && !link.connection?.viewer) {
      limits.push(link.openedAt + authorizeTimeoutMs);
    }
    return Math.min(...limits, clock.now() + options.keepAliveMs);
  }

  return {
    all,
    schedule,
    onBytes,
    find: (key) => byKey.get(key),

    negotiate(version) {
      const id = ids.token(ID_BYTES);
      return newLink(version === 0 ? id : ids.token(ID_BYTES), id);
    },

    create: () => newLink(null, ids.token(ID_BYTES)),

    activate(link, carrier) {
      link.carrier = carrier;
      link.dress = carrier.dress;
      all.add(link);
      enter(link, 'handshake');
      schedule(link);
      const early = link.early ?? [];
      link.early = null;
      for (const bytes of early) onBytes(link, bytes);
    },

    onGone(link) {
      const { connection } = link;
      forget(link);
      if (connection) context.gone(connection);
    },

    onSent(link) {
      link.lastSentAt = clock.now();
    },

    onBlocked(link, isBlocked) {
      link.blockedAt = isBlocked ? (link.blockedAt ?? clock.now()) : null;
      if (isBlocked) schedule(link);
    },

    end(link, reason) {
      const { carrier, connection } = link;
      if (!carrier) return forget(link);
      const { message } = closes[reason];
      // Into the middle of a message nothing can be said.
      const isSayable = message !== null && connection !== null && !connection.session.isInPieces;
      if (connection?.session.isInPieces) carrier.closeCode = CLOSE_CODE.internal;
      enter(link, 'ended');
      carrier.end(isSayable ? encodeMessage({ type: MESSAGE.close, ...message }, connection.encoding) : undefined);
      if (!all.has(link)) return;
      schedule(link);
      // Its polls may take the goodbye for a while yet; nobody else waits for that.
      if (carrier.dress === 'poll' && connection) context.gone(connection);
    },

    whenEmpty: () => (all.size === 0 ? Promise.resolve() : new Promise((resolve) => emptying.add(resolve))),

    close() {
      wheel.close();
      byKey.clear();
    },
  };
}

function pollOf({ carrier }: Link): PollCarrier | null {
  return carrier?.dress === 'poll' ? (carrier as PollCarrier) : null;
}

/** The kit knows a connection by the link's public id. */
export function connectionIdOf({ id }: Link): ConnectionId {
  return id as ConnectionId;
}
