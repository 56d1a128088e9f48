/** Clients by hand, for what no library would send: raw WebSocket messages, and plain HTTP. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { WebSocket } from 'ws';

export const RS = '\x1e';
export const HANDSHAKE = `{"protocol":"json","version":1}${RS}`;

export interface RawSocket {
  readonly socket: WebSocket;
  /** Chunks as they came. */
  readonly chunks: readonly { readonly data: Buffer; readonly isBinary: boolean }[];
  /** Hub messages so far, each with its separator: a chunk that does not hold whole ones fails. */
  readonly messages: readonly string[];
  send(data: string | Uint8Array): void;
  /** The next message that nobody took yet. */
  next(): Promise<string>;
  /** The first untaken message that holds this text; those before it are passed over. */
  until(part: string): Promise<string>;
  readonly closed: Promise<number>;
}

const PATIENCE_MS = 8_000;

/** Over WebSockets, without negotiation. `handshake` null: none is sent. */
export async function connectRaw(
  hubUrl: string,
  handshake: string | null = HANDSHAKE,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawSocket> {
  const socket = new WebSocket(hubUrl.replace(/^http/, 'ws'), { perMessageDeflate: false, headers });
  const chunks: { data: Buffer; isBinary: boolean }[] = [];
  const messages: string[] = [];
  let taken = 0;
  const wake: (() => void)[] = [];
  let ended = false;
  const tell = () => {
    for (const look of wake.splice(0)) look();
  };
  socket.on('message', (data: Buffer, isBinary) => {
    chunks.push({ data, isBinary });
    if (!isBinary) messages.push(...splitWhole(String(data)));
    tell();
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', (code) => {
      ended = true;
      resolve(code);
      tell();
    });
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      reject(new Error(`upgrade refused with ${response.statusCode}`));
    });
    socket.once('error', reject);
  });
  const raw: RawSocket = {
    socket,
    chunks,
    messages,
    send: (data) => socket.send(data),
    async next() {
      const deadline = Date.now() + PATIENCE_MS;
      while (taken >= messages.length) {
        if (ended) throw new Error(`the connection ended; came: ${JSON.stringify(messages)}`);
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error('no message came')), Math.max(0, deadline - Date.now()));
          wake.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
      taken += 1;
      return messages[taken - 1] as string;
    },
    async until(part) {
      for (;;) {
        const message = await raw.next();
        if (message.includes(part)) return message;
      }
    },
    closed,
  };
  if (handshake !== null) {
    raw.send(handshake);
    if (handshake === HANDSHAKE && (await raw.next()) !== `{}${RS}`) throw new Error('the handshake was refused');
  }
  return raw;
}

/** Whole messages only: each ends with the separator. */
export function splitWhole(text: string): string[] {
  if (!text.endsWith(RS)) throw new Error(`a chunk that holds half a message: ${JSON.stringify(text)}`);
  return text
    .slice(0, -1)
    .split(RS)
    .map((message) => message + RS);
}

export function call(invocationId: string | null, target: string, ...args: readonly unknown[]): string {
  const id = invocationId === null ? {} : { invocationId };
  return JSON.stringify({ type: 1, ...id, target, arguments: args }) + RS;
}

/** The documented sign-in, by hand; everything that came is taken. */
export async function signInRaw(raw: RawSocket, token: string, identity: string): Promise<void> {
  raw.send(call('p', 'Ping') + call('q', 'Pong') + call('a', 'Authorize', { token, identity }));
  const answers = ['"invocationId":"p"', '"invocationId":"q"'];
  for (const answer of answers) await raw.until(answer);
  const verdict = await raw.until('AuthorizationResult');
  if (!verdict.includes('"isOk":true')) throw new Error(verdict);
  await raw.until('"invocationId":"a"');
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One plain request on a connection of its own; resolves with the whole answer. */
export function ask(url: string, { method = 'GET', body, headers = {} }: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(pieces).toString(),
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

export interface RawStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Everything so far, as text. */
  readonly text: string;
  /** Resolves when the text holds this. */
  until(part: string): Promise<void>;
  readonly ended: Promise<void>;
  destroy(): void;
}

/** An answer that goes on: server-sent events. */
export function openStream(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawStream> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      let looks: (() => void)[] = [];
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
        for (const look of looks.splice(0)) look();
      });
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        get text() {
          return text;
        },
        async until(part) {
          const timer = setTimeout(() => request.destroy(new Error(`never came: ${part}`)), PATIENCE_MS);
          while (!text.includes(part)) {
            await new Promise<void>((next, fail) => {
              looks.push(next);
              response.once('close', () => fail(new Error(`the stream ended before ${part}; came: ${text}`)));
            });
          }
          clearTimeout(timer);
        },
        ended: new Promise((done) => response.on('close', () => done())),
        destroy: () => request.destroy(),
      });
      looks = [...looks];
    });
    request.end();
  });
}
