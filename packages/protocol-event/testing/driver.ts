/**
 * A client of the Event wire on the real `ws` package, and bare HTTP for what happens before the upgrade. Knows the wire by its own
 * reading of PROTOCOL.md and nothing of this package's codec: a mistake must not test itself.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { WebSocket } from 'ws';

/** What the administration's credential call gives: `url` contains `?sid=`. */
export interface EventConnect {
  readonly url: string;
  readonly token: string;
}

export interface EventEnvelope {
  readonly name: string;
  readonly ok: boolean;
  readonly result: unknown;
}

export interface EventMessage {
  readonly id: number;
  readonly session_channel: string;
  readonly content: string;
  readonly content_type: number;
  readonly sender_id: number;
  readonly status: number;
  readonly read: boolean;
  readonly create_at: string;
  readonly update_at: string;
}

export interface EventConversation {
  readonly id: number;
  readonly session_channel: string;
  readonly application_id: number;
  readonly create_at: string;
  readonly update_at: string;
}

/** How a connection ended: 1006 when the transport was cut without a close frame. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

export interface EventClient {
  readonly sid: number;
  /** Sends a call as clients do (`args` as JSON in a string) and resolves with the answer: the next frame that is no event. */
  call(name: string, args: object): Promise<EventEnvelope>;
  /** `call`, for those that must succeed: the result, or an error with the refusal's text. */
  ask<T>(name: string, args: object): Promise<T>;
  /** Any frame: a string as text, bytes as binary. */
  send(data: string | Uint8Array): void;
  /** These bytes as a text frame, UTF-8 or not. */
  sendText(bytes: Uint8Array): void;
  /** The next frame that is no event, parsed: an envelope, or a bare string. */
  answer(): Promise<unknown>;
  /** The message of the next `Event.ReceiveMessage`. */
  message(): Promise<EventMessage>;
  /** Messages of events that came and were not asked for yet. */
  readonly waiting: readonly EventMessage[];
  /** Every text frame so far, as it came. */
  readonly frames: readonly string[];
  /** Stops and resumes reading from the socket. */
  pause(): void;
  resume(): void;
  /** Resolves when everything that the server has written to the socket so far has been read. */
  roundTrip(): Promise<void>;
  /** From now on the server gets no pong. */
  stopAnsweringPings(): void;
  /** So many pings of the largest size; resolves when all have left. */
  floodPings(count: number): Promise<void>;
  /** How many pings came. */
  readonly pings: number;
  readonly ended: Promise<Ending>;
  /** Closes with a handshake and resolves with what the server echoed. */
  close(code?: number, reason?: string): Promise<Ending>;
  /** Cuts the transport. */
  terminate(): void;
}

/** The upgrade was refused. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;
  constructor(status: number) {
    super(`the upgrade was refused with ${status}`);
    this.status = status;
  }
}

const EVENT = 'Event.ReceiveMessage';
/** An answer that never comes fails its test by name, before the runner's own limit does without one. */
const PATIENCE_MS = 15_000;

/** Resolves when the connection is open; rejects with `UpgradeRefused`. `protocols`: instead of the usual two values. */
export async function connectEvent(
  { url, token }: EventConnect,
  protocols: readonly string[] = ['access_token', token],
): Promise<EventClient> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [...protocols], {
    perMessageDeflate: false,
    autoPong: false,
  });
  let answersPings = true;
  let pings = 0;
  const frames: string[] = [];
  const answers = createQueue<unknown>('an answer');
  const messages = createQueue<EventMessage>('an event');

  socket.on('message', (data, isBinary) => {
    if (isBinary) throw new Error('the server writes text frames');
    const text = String(data);
    frames.push(text);
    const frame = JSON.parse(text) as EventEnvelope | string;
    if (typeof frame === 'object' && frame.name === EVENT) {
      messages.push((frame.result as { message: EventMessage }).message);
    } else answers.push(frame);
  });
  socket.on('ping', (data) => {
    pings += 1;
    if (answersPings) socket.pong(data);
  });
  const ended = new Promise<Ending>((resolve) => {
    socket.on('close', (code, reason) => {
      answers.end(code);
      messages.end(code);
      resolve({ code, reason: String(reason) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      reject(new UpgradeRefused(response.statusCode ?? 0));
    });
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);

  const client: EventClient = {
    sid: Number(new URL(url).searchParams.get('sid')),
    async call(name, args) {
      socket.send(JSON.stringify({ name, args: JSON.stringify(args) }));
      return (await answers.next()) as EventEnvelope;
    },
    async ask<T>(name: string, args: object) {
      const { ok, result } = await client.call(name, args);
      if (!ok) throw new Error(`${name} was refused: ${String(result)}`);
      return result as T;
    },
    send: (data) => socket.send(data),
    sendText: (bytes) => socket.send(bytes, { binary: false }),
    stopAnsweringPings() {
      answersPings = false;
    },
    async floodPings(count) {
      const payload = Buffer.alloc(125);
      for (let sent = 1; sent <= count; sent += 1) {
        if (sent % 1_000 > 0) socket.ping(payload);
        else await new Promise((resolve) => socket.ping(payload, true, resolve));
      }
    },
    get pings() {
      return pings;
    },
    answer: () => answers.next(),
    message: () => messages.next(),
    get waiting() {
      return messages.items;
    },
    frames,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    roundTrip: () =>
      new Promise((resolve) => {
        socket.once('pong', () => resolve());
        socket.ping();
      }),
    ended,
    close(code = 1000, reason = '') {
      socket.close(code, reason);
      return ended;
    },
    terminate: () => socket.terminate(),
  };
  return client;
}

export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface UpgradeRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request by hand, to see how it is answered; a connection that is accepted is cut at once. */
export function requestUpgrade(
  baseUrl: string,
  { method = 'GET', path, headers }: UpgradeRequest,
): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(baseUrl, { path, method, headers, agent: false });
    request.on('error', reject);
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    request.end();
  });
}

/** Headers of a good upgrade request, but for the token. */
export const UPGRADE_HEADERS = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
} as const;

interface Queue<T> {
  readonly items: readonly T[];
  push(item: T): void;
  next(): Promise<T>;
  end(code: number): void;
}

function createQueue<T>(what: string): Queue<T> {
  const items: T[] = [];
  const takers: { readonly take: (item: T) => void; readonly fail: (error: Error) => void }[] = [];
  let ending: Error | null = null;
  return {
    items,
    push(item) {
      const taker = takers.shift();
      if (taker) taker.take(item);
      else items.push(item);
    },
    next() {
      const item = items.shift();
      if (item !== undefined) return Promise.resolve(item);
      if (ending) return Promise.reject(ending);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${what} did not come within ${PATIENCE_MS} ms`)), PATIENCE_MS);
        takers.push({
          take(taken) {
            clearTimeout(timer);
            resolve(taken);
          },
          fail(error) {
            clearTimeout(timer);
            reject(error);
          },
        });
      });
    },
    end(code) {
      ending = new Error(`waited for ${what}, but the connection ended with ${code}`);
      for (const { fail } of takers.splice(0)) fail(ending);
    },
  };
}
