/**
 * Clients of the workspace wire: the published socket.io libraries, and REST by `fetch`. Knows the wire by its own reading of PROTOCOL.md
 * and nothing of this package's codec: a mistake must not test itself.
 */
import io23 from 'socket.io-client-2.3';
import io24 from 'socket.io-client-2.4';
import { io as io48 } from 'socket.io-client-4.8';

export type LibraryVersion = '2.3' | '2.4' | '4.8';

/** What the administration's credential call gives. */
export interface WorkspaceConnect {
  readonly url: string;
  readonly token: string;
  readonly workspaceId: string;
  readonly userId: string;
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  /** JSON, or the bare text. */
  readonly body: T;
}

export interface RestClient {
  readonly url: string;
  /** Used from the next call on. */
  token: string | null;
  /** Never rejects for a status. */
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>>;
  /** `call`, for those that must succeed. */
  ask<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
}

/** An event as it came. */
export interface Heard {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: events are looked into freely by tests
  readonly payload: any;
}

export interface SocketClient {
  /** As the library has it: the device in REST calls. */
  readonly id: string;
  /** All events so far, in their order. */
  readonly heard: readonly Heard[];
  /** How often it connected, and the reasons of its ends as the library gives them. */
  readonly connects: number;
  readonly ends: readonly string[];
  readonly transport: string;
  emit(name: string, ...args: unknown[]): void;
  /** Sends `auth` and resolves with `auth-success`; rejects with the text of the refusal. */
  // biome-ignore lint/suspicious/noExplicitAny: see Heard
  auth(fields: object): Promise<any>;
  /** The next event with this name that has not been waited for yet, and fits. */
  // biome-ignore lint/suspicious/noExplicitAny: see Heard
  next(name: string, fits?: (payload: any) => boolean): Promise<any>;
  /** Called whenever something has come. */
  listen(listener: () => void): void;
  /** Resolves when the library says that it has (again) been connected so often. */
  connected(times?: number): Promise<void>;
  /** Resolves with the reason of the end with this number, from 1. */
  ended(times?: number): Promise<string>;
  /** Cuts the engine connection, as a lost network does: the library comes back by itself. */
  drop(): void;
  /** The client's own goodbye. */
  disconnect(): void;
  connect(): void;
  /** Resolves when everything that the server has written so far has come: a refusal is asked for and awaited. */
  roundTrip(): Promise<void>;
  /** A text message of the engine, as no library would send it; WebSocket only. */
  sendRaw(text: string): void;
  /** Stops and resumes reading from the socket; WebSocket only. */
  pause(): void;
  resume(): void;
}

export interface SocketOptions {
  readonly version?: LibraryVersion;
  /** Default: the library's own, polling and then upgrade. */
  readonly transports?: readonly ('polling' | 'websocket')[];
  readonly origin?: string;
  readonly reconnection?: boolean;
}

const GUARD_MS = 10_000;

export function createRest(url: string, token: string | null = null): RestClient {
  const client: RestClient = {
    url,
    token,
    async call<T>(method: string, path: string, body?: unknown) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(client.token !== null && { authorization: `Bearer ${client.token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const type = response.headers.get('content-type') ?? '';
      const text = await response.text();
      const parsed = type.startsWith('application/json') ? JSON.parse(text) : text;
      return { status: response.status, type, headers: response.headers, body: parsed as T };
    },
    async ask<T>(method: string, path: string, body?: unknown) {
      const answer = await client.call<T>(method, path, body);
      if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
  };
  return client;
}

type AnySocket = ReturnType<typeof io24>;

function openLibrary(url: string, version: LibraryVersion, options: object): AnySocket {
  if (version === '4.8') return io48(url, options) as unknown as AnySocket;
  return version === '2.3' ? io23(url, options) : io24(url, options);
}

export function openSocket(url: string, options: SocketOptions = {}): SocketClient {
  const { version = '2.4', transports, origin, reconnection = true } = options;
  const socket = openLibrary(url, version, {
    forceNew: true,
    withCredentials: true,
    reconnection,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    ...(transports && { transports }),
    ...(origin && { extraHeaders: { origin } }),
  });
  const heard: Heard[] = [];
  const taken = new Set<Heard>();
  const watchers = new Set<() => void>();
  const ends: string[] = [];
  let connects = 0;
  let id = '';
  const wake = () => {
    for (const watch of [...watchers]) watch();
  };
  const hear = (name: string, payload: unknown) => {
    heard.push({ name, payload });
    wake();
  };
  if (version === '4.8') {
    (socket as unknown as { onAny(listener: (name: string, payload: unknown) => void): void }).onAny(hear);
  } else {
    const { onevent } = socket;
    socket.onevent = function (packet) {
      const [name, payload] = packet.data;
      hear(String(name), payload);
      onevent.call(this, packet);
    };
  }
  socket.on('connect', () => {
    connects += 1;
    id = socket.id;
    wake();
  });
  socket.on('disconnect', (reason: string) => {
    ends.push(reason);
    wake();
  });

  function until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = look();
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const guard = setTimeout(() => {
        watchers.delete(watch);
        reject(new Error(`waited for ${what}; heard ${JSON.stringify(heard.slice(-15))}, ends ${ends.join()}`));
      }, GUARD_MS);
      function watch(): void {
        const seen = look();
        if (seen === undefined) return;
        watchers.delete(watch);
        clearTimeout(guard);
        resolve(seen);
      }
      watchers.add(watch);
    });
  }

  const take = (name: string, fits: (payload: unknown) => boolean) => () => {
    const found = heard.find((one) => !taken.has(one) && one.name === name && fits(one.payload));
    if (found) taken.add(found);
    return found;
  };

  interface Raw {
    send(text: string): void;
    readonly _socket?: { pause(): void; resume(): void };
  }
  const raw = () => (socket.io.engine?.transport as unknown as { readonly ws?: Raw } | undefined)?.ws;
  let trips = 0;

  return {
    get id() {
      return id;
    },
    heard,
    get connects() {
      return connects;
    },
    ends,
    get transport() {
      return socket.io.engine?.transport.name ?? '';
    },
    emit: (name, ...args) => void socket.emit(name, ...args),
    async auth(fields) {
      socket.emit('auth', { transaction: 'auth', ...fields });
      const answered = (one: Heard) => one.name === 'auth-success' || one.name === 'socket-api-error';
      const found = await until('auth-success', () => heard.find((one) => !taken.has(one) && answered(one)));
      taken.add(found);
      if (found.name !== 'auth-success') throw new Error(found.payload.message);
      return found.payload;
    },
    async next(name, fits = () => true) {
      return (await until(name, take(name, fits))).payload;
    },
    listen(listener) {
      watchers.add(listener);
      listener();
    },
    connected: (times = 1) =>
      until(`connect ${times}`, () => (connects >= times ? true : undefined)).then(() => undefined),
    ended: (times = 1) => until(`end ${times}`, () => ends[times - 1]),
    drop: () => socket.io.engine?.close(),
    disconnect: () => void socket.disconnect(),
    connect: () => void socket.connect(),
    async roundTrip() {
      trips += 1;
      const transaction = `trip-${id}-${trips}`;
      socket.emit('auth', { transaction });
      await until(
        'a round trip',
        take(`socket-api-error-${transaction}`, () => true),
      );
      await until(
        'a round trip',
        take('socket-api-error', () => true),
      );
    },
    sendRaw: (text) => raw()?.send(text),
    pause: () => raw()?._socket?.pause(),
    resume: () => raw()?._socket?.resume(),
  };
}
