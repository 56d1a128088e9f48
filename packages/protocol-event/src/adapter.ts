/**
 * Glue: claims the path, answers refusals, turns good upgrades into connections, hands frames to the dispatcher and bytes to sockets.
 * Reading is `ws`'s; writing goes past it, as prebuilt frames through the kit's outbox. Decides nothing about chat.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ConnectionId, type SpaceId, systemActor } from '@switchboard/core';
import {
  type CloseReason,
  type Connection,
  type ConnectionKind,
  createActor,
  createConnection,
  createDispatcher,
  createFlusher,
  createProjector,
  createRunner,
  createStreamTransport,
  createWheel,
  type Delivery,
  type Host,
  type Inbox,
  isOriginAllowed,
  type MountedAdapter,
  type ProtocolAdapter,
  type RoutePath,
  type Transport,
  wordFault,
} from '@switchboard/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeEnvelope, encodeBareText, encodeEnvelope, encodeMessagePages } from './codec.ts';
import { createCredentials } from './credentials.ts';
import { closes, errors, type RefusalName, refusals } from './errors.ts';
import { createOperations } from './operations.ts';
import { type EventAdapterOptions, withDefaults } from './options.ts';
import { createProjection } from './projection.ts';
import { type EventSession, leave, type SignedIn, signIn, tokenOf, verifyToken } from './session.ts';
import { createViews } from './views.ts';

export const PROTOCOL = 'event';

/** How long a goodbye may take before the socket is cut. */
const LINGER_MS = 3_000;

type EventConnection = Connection<EventSession>;

/** A socket with what belongs to it. */
interface Live {
  readonly socket: WebSocket;
  readonly connection: EventConnection;
  readonly inbox: Inbox<string, EventSession>;
  /** A ping went out and no pong has come. */
  isAwaitingPong: boolean;
}

export function createEventAdapter(given: EventAdapterOptions): ProtocolAdapter {
  return { name: PROTOCOL, mount: (host) => mount(host, given) };
}

function mount(host: Host, given: EventAdapterOptions): MountedAdapter {
  const options = withDefaults(given);
  const { core, hub, clock, log, metrics, limits } = host;
  const views = createViews(options);
  const queue = createQueue(host, options.queue);
  const jsonLimits = { depth: limits.jsonDepth, members: limits.jsonMembers };
  core.identities.declare(options.namespace, options.syntheticSids);

  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.frameLimitBytes,
    handleProtocols: () => 'access_token',
  });
  const lives = new WeakMap<WebSocket, Live>();
  const connections = new Map<EventConnection, Live>();
  const flusher = createFlusher();
  const outbox = {
    flusher,
    limitBytes: limits.outboxBytes,
    onSignalsDropped: (count: number) => metrics.signalsDropped(PROTOCOL, count),
  };
  let isClosing = false;

  const runner = createRunner({
    protocol: PROTOCOL,
    core,
    operations: createOperations({ core, options, views, queue: queue.id }),
    clock,
    log,
    metrics,
    ...(options.rates && { rates: options.rates }),
  });

  const dispatcher = createDispatcher<string, EventSession, null>({
    protocol: PROTOCOL,
    runner,
    log,
    limits,
    sizeOf: (frame) => frame.length,
    decode: (frame) => [{ ...decodeEnvelope(frame, jsonLimits), ref: null }],
    answer: (_connection, { name }, value) =>
      isPages(value) ? encodeMessagePages(name, value) : encodeEnvelope({ name, ok: true, result: value }),
    refuse(_connection, request, fault) {
      const { form, text } = wordFault(errors, fault, request?.name ?? '');
      return form === 'bare'
        ? encodeBareText(text)
        : encodeEnvelope({ name: request?.name ?? '', ok: false, result: text });
    },
  });

  const projector = createProjector({
    protocol: PROTOCOL,
    projection: createProjection(views),
    lookup: core.directory,
    encode: encodeEnvelope,
    metrics,
    log,
  });

  const heartbeat = createWheel<Live>({
    clock,
    onDue(live) {
      if (live.isAwaitingPong) return live.socket.terminate();
      live.isAwaitingPong = true;
      live.socket.ping();
      heartbeat.set(live, options.pongTimeoutMs);
    },
  });

  const kind: ConnectionKind<EventSession> = {
    protocol: PROTOCOL,
    wants(event, connection) {
      const { session } = connection;
      if (event.type === 'message.sent') {
        const { message } = event;
        if (message.visibility !== 'all' || event.origin === connection.id) return false;
        if (session.joined?.has(message.conversationId)) return true;
        return (
          options.notifyIdleModerators &&
          session.isModerator &&
          message.waitingForStaff &&
          queue.holds(message.conversationId)
        );
      }
      // Its own removal: what it had joined it joins no longer.
      if (event.type === 'participant.left') return event.participant.userId === session.actor.userId;
      return event.type === 'conversation.deleted' && session.joined?.has(event.conversation.id) === true;
    },
    goodbye(connection, reason) {
      const live = connections.get(connection);
      if (!live) return;
      if (reason === 'slow_consumer') metrics.slowConsumer(PROTOCOL);
      const { code } = closes[reason];
      if (code === null) return;
      live.socket.close(code);
      const cancel = clock.after(LINGER_MS, () => live.socket.terminate());
      live.socket.once('close', cancel);
    },
  };

  function refuse(socket: Duplex, name: RefusalName): void {
    const { status, reason, body } = refusals[name];
    socket.end(
      `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }

  /** Everything that is checked before the upgrade, in the wire's order: token, path, sid, claims, binding, user, session. */
  async function check(request: IncomingMessage): Promise<SignedIn | { readonly refusal: RefusalName }> {
    const token = tokenOf(request.headers['sec-websocket-protocol']);
    const claims = token === null ? null : verifyToken(token, options.secret, clock.now());
    if (!claims) return { refusal: 'token' };
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname !== options.path) return { refusal: 'path' };
    if (!isOriginAllowed(request.headers.origin, host.origins)) return { refusal: 'origin' };
    const outcome = await runner.attempt('sign-in', () =>
      signIn({ core, options, queue: queue.id }, claims, url.searchParams.get('sid')),
    );
    return outcome.ok ? outcome.value : { refusal: 'unavailable' };
  }

  async function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', ignore);
    const checked = await check(request);
    if (socket.destroyed) return;
    if ('refusal' in checked) {
      log('info', 'a connection was refused', { protocol: PROTOCOL, refusal: checked.refusal });
      return refuse(socket, checked.refusal);
    }
    if (isClosing) return refuse(socket, 'unavailable');
    socket.off('error', ignore);
    server.handleUpgrade(request, socket, head, (webSocket) => open(webSocket, socket, checked));
  }

  function open(socket: WebSocket, stream: Duplex, signedIn: SignedIn): void {
    const id = host.ids.uuid() as ConnectionId;
    const viewer = {
      userId: signedIn.user.id,
      namespace: options.namespace,
      capacity: signedIn.isModerator ? ('staff' as const) : ('customer' as const),
      sessionId: signedIn.issued?.id ?? null,
    };
    const connection = createConnection<EventSession>({
      id,
      kind,
      session: {
        actor: createActor(viewer, id),
        sid: signedIn.sid,
        isModerator: signedIn.isModerator,
        requestId: signedIn.requestId,
        channels: null,
        joined: null,
      },
      viewer,
      transport: toTransport(socket, stream, host),
      openedAt: clock.now(),
      issued: signedIn.issued,
      outbox,
    });
    const inbox = dispatcher.open(connection, false);
    const live: Live = { socket, connection, inbox, isAwaitingPong: false };
    lives.set(socket, live);
    connections.set(connection, live);
    heartbeat.set(live, options.pingIntervalMs);
    socket.on('message', onMessage);
    socket.on('pong', onPong);
    socket.on('close', onClose);
    socket.on('error', ignore);
    hub.add(connection, { graceMs: options.graceMs, info: { sid: signedIn.sid } }).then(
      () => dispatcher.start(inbox),
      (error: unknown) => {
        log('warn', 'a connection could not be registered', { protocol: PROTOCOL, error: String(error) });
        connection.close('shutdown');
      },
    );
  }

  function onMessage(this: WebSocket, data: Buffer | ArrayBuffer | Buffer[]): void {
    const live = lives.get(this);
    if (live) dispatcher.receive(live.inbox, data.toString());
  }

  function onPong(this: WebSocket): void {
    const live = lives.get(this);
    if (!live) return;
    live.isAwaitingPong = false;
    heartbeat.set(live, options.pingIntervalMs);
  }

  function onClose(this: WebSocket): void {
    const live = lives.get(this);
    if (!live) return;
    const { connection } = live;
    heartbeat.clear(live);
    connections.delete(connection);
    connection.close('normal');
    void hub.remove(connection);
    for (const conversationId of connection.session.joined?.keys() ?? []) {
      core.presence.unattend(connection.id, conversationId).catch((error: unknown) => {
        log('warn', 'attendance could not be ended', { protocol: PROTOCOL, error: String(error) });
      });
    }
  }

  /** Who was taken out of a conversation has joined it no longer. */
  function forget({ event, connections: told }: Delivery): void {
    if (event.type !== 'participant.left' && event.type !== 'conversation.deleted') return;
    for (const { id, session } of told as readonly EventConnection[]) {
      leave(session, event.conversation.id);
      core.presence.unattend(id, event.conversation.id).catch(ignore);
    }
  }

  const path: RoutePath = options.ownPort ? { prefix: '/' } : { exact: options.path };
  host.upgrade(path, (request, socket, head) => {
    onUpgrade(request, socket, head).catch((error: unknown) => {
      log('error', 'an upgrade failed', { protocol: PROTOCOL, error: String(error) });
      socket.destroy();
    });
  });
  host.route(path, (request, response) => {
    check(request).then(
      (checked) => answerPlain(response, 'refusal' in checked ? checked.refusal : 'noUpgrade'),
      (error: unknown) => {
        log('error', 'a request failed', { protocol: PROTOCOL, error: String(error) });
        answerPlain(response, 'unavailable');
      },
    );
  });

  if (host.production && !options.bindSubToSid) {
    log(
      'warn',
      'event: whoever holds a good foreign token may connect as any sid; let the application put the sid into "sub" and set event.bindSubToSid',
      {},
    );
  }

  return {
    deliver(deliveries) {
      for (const delivery of deliveries) forget(delivery);
      projector.deliver(deliveries);
    },

    async close(reason: CloseReason) {
      isClosing = true;
      const open = [...connections.values()];
      const gone = open.map(({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
      for (const { connection } of open) connection.close(reason);
      await Promise.all(gone);
      heartbeat.close();
      server.close();
    },

    issueCredential: createCredentials({ core, clock, options, views }),
  };
}

/** The adapter's queue: made when somebody first needs it, asked for again when that failed. */
function createQueue({ core }: Host, name: string) {
  let known: SpaceId | null = null;
  let asked: Promise<SpaceId> | null = null;

  async function ensure(): Promise<SpaceId> {
    try {
      known = (await core.spaces.ensure(systemActor(), 'queue', name, name)).id;
      return known;
    } finally {
      asked = null;
    }
  }

  return {
    id(): Promise<SpaceId> {
      if (known !== null) return Promise.resolve(known);
      asked ??= ensure();
      return asked;
    },
    /** Whether the conversation stands in the queue, as far as this node knows. */
    holds(conversationId: Parameters<typeof core.directory.conversation>[0]): boolean {
      const spaceId = core.directory.conversation(conversationId)?.conversation.spaceId;
      return spaceId !== undefined && spaceId !== null && spaceId === known;
    },
  };
}

/** Frames are written to the socket itself; reading is paused where `ws` does it. */
function toTransport(socket: WebSocket, stream: Duplex, { clock }: Host): Transport {
  return Object.assign(createStreamTransport(stream, clock), { socket, pause: pauseReading, resume: resumeReading });
}

function pauseReading(this: { readonly socket: WebSocket }): void {
  this.socket.pause();
}

function resumeReading(this: { readonly socket: WebSocket }): void {
  this.socket.resume();
}

function answerPlain(response: ServerResponse, name: RefusalName): void {
  const { status, body } = refusals[name];
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
  response.end(body);
}

function isPages(value: unknown): value is Parameters<typeof encodeMessagePages>[1] {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function ignore(): void {}
