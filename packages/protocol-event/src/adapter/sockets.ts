/**
 * Live sockets: from the upgrade to the last byte. Reading is `ws`'s; writing goes past it, as prebuilt frames through the kit's outbox,
 * while `ws` answers pings and closes. An idle socket costs plain data only: callbacks are shared, no request is kept. Knows no chat.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type CloseReason,
  type Connection,
  createStreamTransport,
  createWheel,
  type Host,
  type Inbox,
  type Transport,
} from '@switchboard/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { closes } from '../errors.ts';
import type { EventOptions } from '../options.ts';
import type { EventSession } from '../session.ts';
import { refuseUpgrade } from './door.ts';

export type EventConnection = Connection<EventSession>;

/** A socket with what belongs to it. */
interface Live {
  readonly socket: HeldSocket;
  readonly connection: EventConnection;
  readonly inbox: Inbox<string, EventSession>;
  /** A ping went out and no pong has come. */
  isAwaitingPong: boolean;
}

/** Found from the socket without a table beside it: callbacks have nothing but `this`. */
const LIVE = Symbol('live');
type HeldSocket = WebSocket & { [LIVE]?: Live };
type SocketTransport = Transport & { readonly socket: HeldSocket };

/** What Node gives with an upgrade. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly stream: Duplex;
  readonly head: Buffer;
}

export interface Sockets {
  /** Answers 101 and hands over the transport. `opened` must `hold` the socket before it returns, or frames are lost. */
  accept(upgrade: Upgrade, opened: (socket: WebSocket, transport: Transport) => void): void;
  /** From now on its frames are received and its heart is watched. */
  hold(socket: WebSocket, connection: EventConnection, inbox: Inbox<string, EventSession>): void;
  /** The wire's goodbye; called once per connection. */
  goodbye(connection: EventConnection, reason: CloseReason): void;
  /** Ends all once the answers under way have been given, and resolves when all are gone. */
  close(reason: CloseReason): Promise<void>;
}

export interface SocketsContext {
  readonly host: Pick<Host, 'clock'>;
  readonly options: Pick<EventOptions, 'frameLimitBytes' | 'pingIntervalMs' | 'pongTimeoutMs'>;
  readonly onFrame: (inbox: Inbox<string, EventSession>, frame: string) => void;
  /** Takes no more frames; resolves when the operation under way has been answered. */
  readonly drain: (inbox: Inbox<string, EventSession>) => Promise<void>;
  readonly onGone: (connection: EventConnection) => void;
}

/** How long a goodbye may take before the socket is cut. */
const LINGER_MS = 1_500;
/** How long an operation under way may keep the goodbye waiting. */
const DRAIN_MS = 500;
/** Unsent bytes above which pings are not answered. */
const MOST_PONG_BYTES = 64 * 1024;

export function createSockets({ host, options, onFrame, drain, onGone }: SocketsContext): Sockets {
  const { clock } = host;
  const { pingIntervalMs, pongTimeoutMs } = options;
  const lives = new Set<Live>();
  const serverOptions = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // The library's own would be a closure for each socket.
    autoPong: false,
    maxPayload: options.frameLimitBytes,
    handleProtocols: () => 'access_token',
    // The library has it, its types do not yet.
    closeTimeout: LINGER_MS,
  };
  const server = new WebSocketServer(serverOptions);
  // Never in practice: the door has asked the same questions. The library's own answer would be in other words.
  server.on('wsClientError', (_error, socket) => refuseUpgrade(socket, 'noUpgrade'));

  const heartbeat = createWheel<Live>({
    clock,
    onDue(live) {
      if (live.isAwaitingPong) return live.socket.terminate();
      live.isAwaitingPong = true;
      live.socket.ping();
      // What is left of the time since the last pong.
      heartbeat.set(live, Math.max(0, pongTimeoutMs - pingIntervalMs));
    },
  });

  function onMessage(this: HeldSocket, data: Buffer | ArrayBuffer | Buffer[]): void {
    const live = this[LIVE];
    if (live) onFrame(live.inbox, data.toString());
  }

  /** Who pings without reading the pongs gets no more of them. */
  function onPing(this: HeldSocket, data: Buffer): void {
    if (this.bufferedAmount < MOST_PONG_BYTES) this.pong(data);
  }

  function onPong(this: HeldSocket): void {
    const live = this[LIVE];
    if (!live) return;
    live.isAwaitingPong = false;
    heartbeat.set(live, pingIntervalMs);
  }

  /** The library has said its close (a frame too large, bad framing): nothing may follow it on the wire. */
  function onError(this: HeldSocket): void {
    this[LIVE]?.connection.close('normal');
  }

  function onClose(this: HeldSocket): void {
    const live = this[LIVE];
    if (!live) return;
    heartbeat.clear(live);
    lives.delete(live);
    live.connection.close('normal');
    onGone(live.connection);
  }

  return {
    accept({ request, stream, head }, opened) {
      server.handleUpgrade(request, stream, head, (socket) => opened(socket, toTransport(socket, stream, host)));
    },

    hold(socket, connection, inbox) {
      const live: Live = { socket, connection, inbox, isAwaitingPong: false };
      live.socket[LIVE] = live;
      lives.add(live);
      heartbeat.set(live, pingIntervalMs);
      socket.on('message', onMessage);
      socket.on('ping', onPing);
      socket.on('pong', onPong);
      socket.on('close', onClose);
      socket.on('error', onError);
    },

    goodbye(connection, reason) {
      const { code } = closes[reason];
      if (code !== null) (connection.transport as SocketTransport).socket.close(code);
    },

    async close(reason) {
      const open = [...lives];
      const gone = open.map(({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
      await Promise.race([Promise.all(open.map(({ inbox }) => drain(inbox))), patience()]);
      for (const { connection } of open) connection.close(reason);
      await Promise.all(gone);
      heartbeat.close();
      server.close();
    },
  };
}

/** Real time, whatever the host's clock: a gateway that stops has no other. */
function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, DRAIN_MS).unref();
  });
}

/** Frames are written to the socket itself; reading is paused where `ws` does it. */
function toTransport(socket: WebSocket, stream: Duplex, { clock }: Pick<Host, 'clock'>): SocketTransport {
  return Object.assign(createStreamTransport(stream, clock), { socket, pause: pauseReading, resume: resumeReading });
}

function pauseReading(this: { readonly socket: WebSocket }): void {
  this.socket.pause();
}

function resumeReading(this: { readonly socket: WebSocket }): void {
  this.socket.resume();
}
