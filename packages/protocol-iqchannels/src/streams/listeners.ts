/**
 * Open streams of both kinds: from a request or an upgrade to a connection of the hub, heartbeats, and the goodbye in each one's way.
 * Writing goes straight to the socket, as prebuilt bytes through the kit's outbox; an idle stream keeps neither request nor response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConnectionId } from '@switchboard/core';
import {
  type CloseReason,
  type ConnectionKind,
  createActor,
  createConnection,
  createOutboxOptions,
  createStreamTransport,
  createWheel,
  type Host,
  pingFrame,
  type Runner,
  wordFault,
} from '@switchboard/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { COMMENT, decodeCursor, decodeQuery, ENCODINGS, encodeFrame, encodeText, failure, success } from '../codec.ts';
import { closes, errors } from '../errors.ts';
import type { IqchannelsOptions } from '../options.ts';
import type { Api, IqSession, Sessions } from '../session.ts';
import type { WireError } from '../wire/objects.ts';
import { MOST_EVENTS } from './frames.ts';
import { type Beginning, beginStream, type ReplayContext } from './replay.ts';
import { isWanted, type StreamConnection, type StreamSession } from './stream.ts';
import type { Opened, OpenTarget, StreamName } from './targets.ts';

/** How long a goodbye over a WebSocket may take. */
const LINGER_MS = 3_000;

export interface ListenersOptions {
  readonly host: Host;
  readonly protocol: string;
  readonly options: IqchannelsOptions;
  readonly sessions: Sessions;
  readonly runner: Runner<IqSession>;
  readonly openTarget: OpenTarget;
  readonly replays: ReplayContext;
}

interface Wanted {
  readonly api: Api;
  readonly name: StreamName;
  readonly param: string;
}

/** A connection with what its end needs. */
interface Live {
  readonly connection: StreamConnection;
  readonly stream: Duplex;
  /** Null: an event stream. */
  readonly socket: WebSocket | null;
  missedPongs: number;
}

const HEAD = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
} as const;

export function createListeners(parts: ListenersOptions) {
  const { host, protocol, options, sessions, runner, openTarget, replays } = parts;
  const { core, hub, clock, log } = host;
  const outbox = createOutboxOptions(host, protocol);
  const lives = new Map<StreamConnection, Live>();
  const bySocket = new WeakMap<object, Live>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: 64 * 1024,
  });
  let isClosing = false;

  const heartbeat = createWheel<Live>({
    clock,
    onDue(live) {
      const { connection, socket } = live;
      if (connection.closed) return;
      if (!socket) connection.write(pingOf(connection.encoding));
      else if (live.missedPongs >= 2) {
        socket.terminate();
        return;
      } else {
        live.missedPongs += 1;
        connection.write(PING_FRAME);
      }
      heartbeat.set(live, socket ? options.pingIntervalMs : options.heartbeatMs);
    },
  });

  const kind: ConnectionKind<StreamSession> = {
    protocol,
    wants: (event, connection) => isWanted(event, connection.session, core.directory),
    goodbye(connection, reason) {
      const live = lives.get(connection);
      if (!live) return;
      if (live.socket) sayGoodbye(live, live.socket, reason);
      else endEventStream(live, reason);
    },
  };

  function endEventStream({ connection }: Live, reason: CloseReason): void {
    const { transport, encoding } = connection;
    const { failure: error } = closes[reason];
    const last = encoding === ENCODINGS.chunked ? LAST_CHUNK : undefined;
    if (reason === 'slow_consumer') transport.destroy();
    else if (!error) transport.end(last);
    else {
      connection.write(encodeFrame({ envelope: failure(error), id: null }, encoding));
      clock.after(options.failurePauseMs, () => transport.end(last));
    }
  }

  function sayGoodbye({ connection }: Live, socket: WebSocket, reason: CloseReason): void {
    const { failure: error, code } = closes[reason];
    if (error) connection.write(encodeFrame({ envelope: failure(error), id: null }, connection.encoding));
    if (reason === 'normal') return;
    socket.close(code);
    const cancel = clock.after(LINGER_MS, () => socket.terminate());
    socket.once('close', cancel);
  }

  /** From here on the stream belongs to the hub; its first bytes are written. */
  async function begin(
    opened: Opened,
    place: { stream: Duplex; socket: WebSocket | null; encoding: string },
    query: ReadonlyMap<string, string>,
    beginning: Beginning,
  ): Promise<void> {
    const { session: caller, reader, target } = opened;
    const id = host.ids.uuid() as ConnectionId;
    const viewer = {
      userId: caller.actor.userId,
      namespace: options.namespace,
      capacity: caller.actor.capacity,
      sessionId: caller.issued?.id ?? null,
    };
    const limit = Number(query.get('limit') ?? '');
    const connection: StreamConnection = createConnection<StreamSession>({
      id,
      kind,
      session: {
        actor: createActor(viewer, id),
        reader,
        target,
        limit: Number.isSafeInteger(limit) && limit > 0 ? Math.min(limit, MOST_EVENTS) : null,
        after: null,
      },
      viewer,
      encoding: place.encoding,
      transport: createStreamTransport(place.stream, clock),
      openedAt: clock.now(),
      issued: caller.issued,
      outbox,
    });
    const live: Live = { connection, stream: place.stream, socket: place.socket, missedPongs: 0 };
    lives.set(connection, live);
    bySocket.set(place.stream, live);
    place.stream.on('close', onClose);
    if (place.stream.destroyed) return onClose.call(place.stream);
    if (!place.socket) connection.write(okOf(place.encoding));
    heartbeat.set(live, place.socket ? options.pingIntervalMs : options.heartbeatMs);
    try {
      await hub.add(connection, { graceMs: options.graceMs, info: { stream: target.kind } });
      await settleChat(connection);
      await beginStream(replays, connection, beginning);
      writeFirst(connection);
    } catch (error) {
      log('warn', 'a stream could not be begun', { protocol, error: String(error) });
      connection.close('shutdown');
    }
  }

  /** Made between the look and the hub: it is found now, and later ones are heard of. */
  async function settleChat({ session: { target } }: StreamConnection): Promise<void> {
    if (!('key' in target) || target.key === null || target.conversationId !== null) return;
    const conversation = await core.conversations.findByKey(target.key);
    if (conversation) target.conversationId = conversation.id;
    if (target.conversationId !== null) await core.directory.ensureConversations([target.conversationId]);
  }

  /** An unread stream says at once how much it is. */
  function writeFirst(connection: StreamConnection): void {
    const { target } = connection.session;
    if (target.kind !== 'unread' || connection.closed) return;
    const view = target.conversationId === null ? undefined : core.directory.conversation(target.conversationId);
    const count = view?.conversation.customerUnread ?? 0;
    connection.write(encodeFrame({ envelope: success(count, {}), id: null }, connection.encoding));
  }

  function onClose(this: object): void {
    const live = bySocket.get(this);
    if (!live) return;
    bySocket.delete(this);
    heartbeat.clear(live);
    live.connection.close('normal');
    lives.delete(live.connection);
    void hub.remove(live.connection);
  }

  async function open(request: IncomingMessage, wanted: Wanted, query: ReadonlyMap<string, string>) {
    return runner.attempt(`stream ${wanted.name}`, async () => {
      const caller = await sessions.authenticate(request, query, wanted.api);
      return openTarget(caller, { name: wanted.name, param: wanted.param, query });
    });
  }

  function beginningOf(request: IncomingMessage, query: ReadonlyMap<string, string>): Beginning {
    const header = request.headers['last-event-id'];
    const named = query.get('fromid') ?? query.get('lasteventid');
    return {
      cursor: decodeCursor(named ?? (Array.isArray(header) ? header[0] : header)),
      position: core.events.position,
    };
  }

  /** A refusal over an event stream: one frame, a wait against storms, the end. */
  function refuse(request: IncomingMessage, response: ServerResponse, error: WireError): void {
    response.writeHead(200, HEAD);
    response.write(encodeFrame({ envelope: failure(error), id: null }, ENCODINGS.plain));
    const cancel = clock.after(options.failurePauseMs, () => response.end());
    request.on('close', cancel);
  }

  return {
    async openEvents(request: IncomingMessage, response: ServerResponse, wanted: Wanted): Promise<void> {
      const query = decodeQuery(request.url ?? '');
      const beginning = beginningOf(request, query);
      const opened = await open(request, wanted, query);
      const { socket } = request;
      if (socket.destroyed) return;
      if (!opened.ok) return refuse(request, response, wordFault(errors, opened.fault, undefined));
      if (isClosing) return void socket.destroy();
      const isChunked = request.httpVersionMinor > 0;
      const encoding = isChunked ? ENCODINGS.chunked : ENCODINGS.plain;
      takeOver(request, response, isChunked);
      await begin(opened.value, { stream: socket, socket: null, encoding }, query, beginning);
    },

    openSocket(request: IncomingMessage, socket: Duplex, head: Buffer, wanted: Wanted): void {
      if (isClosing) return void socket.destroy();
      server.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', ignore);
        webSocket.on('message', ignore);
        webSocket.on('pong', () => {
          const live = bySocket.get(socket);
          if (live) live.missedPongs = 0;
        });
        const query = decodeQuery(request.url ?? '');
        const beginning = beginningOf(request, query);
        open(request, wanted, query)
          .then((opened) => {
            if (opened.ok && !isClosing) {
              const place = { stream: socket, socket: webSocket, encoding: ENCODINGS.webSocket };
              return begin(opened.value, place, query, beginning);
            }
            if (!opened.ok) webSocket.send(JSON.stringify(failure(wordFault(errors, opened.fault, undefined))));
            webSocket.close(opened.ok ? 1001 : 1008);
            const cancel = clock.after(LINGER_MS, () => webSocket.terminate());
            webSocket.once('close', cancel);
            return undefined;
          })
          .catch((error: unknown) => {
            log('error', 'a listener failed', { protocol, error: String(error) });
            webSocket.terminate();
          });
      });
    },

    /** A stream's frame for one connection, out of turn. */
    get size() {
      return lives.size;
    },

    async close(reason: CloseReason): Promise<void> {
      isClosing = true;
      const open$ = [...lives.values()];
      const gone = open$.map(
        ({ stream }) =>
          new Promise<void>((resolve) => (stream.destroyed ? resolve() : stream.once('close', () => resolve()))),
      );
      for (const { connection } of open$) connection.close(reason);
      await Promise.all(gone);
      heartbeat.close();
      server.close();
    },
  };

  /** The head of the answer by hand: what follows are the same bytes for all streams, and the response is let go. */
  function takeOver(request: IncomingMessage, response: ServerResponse, isChunked: boolean): void {
    const { socket } = request;
    const lines = [
      `HTTP/1.1 200 OK`,
      ...Object.entries({ ...corsOf(response), ...HEAD }).map(([name, value]) => `${name}: ${value}`),
      `Date: ${new Date(clock.now()).toUTCString()}`,
      isChunked ? 'Transfer-Encoding: chunked' : 'Connection: close',
    ];
    letGo(socket, response);
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }
}

/** Headers that were set before the stream was taken over. */
function corsOf(response: ServerResponse): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of response.getHeaderNames()) {
    if (name.startsWith('access-control-') || name === 'vary') kept[name] = String(response.getHeader(name));
  }
  return kept;
}

/** What `http` looks at to tell whether a connection is idle (server.close cuts those): one answer that never ends, for all. */
const ENDLESS = { finished: false };

/**
 * Takes the socket from its request and response, which `http` would keep (with all headers) as long as it is open: for it the answer is
 * over, and the next one has begun.
 */
function letGo(socket: Duplex, response: ServerResponse): void {
  response.emit('finish');
  Object.assign(socket, { _httpMessage: ENDLESS });
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const PING_FRAME = pingFrame();
const OK = new Map(
  [ENCODINGS.chunked, ENCODINGS.plain].map((encoding) => [encoding as string, encodeText(COMMENT.ok, encoding)]),
);
const PING = new Map(
  [ENCODINGS.chunked, ENCODINGS.plain].map((encoding) => [encoding as string, encodeText(COMMENT.ping, encoding)]),
);

function okOf(encoding: string): Buffer {
  return OK.get(encoding) as Buffer;
}

function pingOf(encoding: string): Buffer {
  return PING.get(encoding) as Buffer;
}

function ignore(): void {}
