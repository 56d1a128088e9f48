/**
 * A client of the Netalo wire on the real socket.io client library, of whatever version. Knows the wire by its own reading of PROTOCOL.md
 * and nothing of this package's codec: a mistake must not test itself.
 */
import { io as io4 } from 'socket.io-client-4.8';

/** What the administration's credential call gives. */
export interface NetaloConnect {
  readonly url: string;
  readonly session: string;
  readonly uin: string;
}

export interface NetaloAck {
  readonly result: number;
  readonly [key: string]: unknown;
}

export interface NetaloPush {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What all versions of the library have in common. */
export interface NetaloSocket {
  readonly id?: string | undefined;
  readonly connected: boolean;
  on(event: string, listener: (...args: never[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  connect(): unknown;
  disconnect(): unknown;
  readonly io: { readonly engine: { readonly transport: unknown; close(): unknown } };
}

export type NetaloIo = (url: string, options: object) => NetaloSocket;

export interface NetaloOptions {
  /** Default: version 4.8. */
  readonly io?: NetaloIo;
  readonly transports?: readonly string[];
  /** Instead of the session in the query. */
  readonly options?: object;
  /** Default false. */
  readonly reconnection?: boolean;
}

export interface NetaloClient {
  readonly socket: NetaloSocket;
  /** The first `login`. */
  readonly login: Promise<NetaloAck>;
  /** Emits, and resolves with the acknowledgement, whatever its result. */
  call(name: string, ...args: unknown[]): Promise<NetaloAck>;
  /** `call`, for those that must succeed. */
  ask<T = NetaloAck>(name: string, payload: unknown): Promise<T>;
  /** Without an acknowledgement function. */
  emit(name: string, ...args: unknown[]): void;
  /** Everything that came, in order, `login` included. */
  readonly pushes: readonly NetaloPush[];
  /** The first push, past or to come, that was not taken before; takes it. Rejects after `patienceMs`, default 10 s. */
  next<T extends object = Readonly<Record<string, unknown>>>(
    name: string,
    fits?: (payload: T) => boolean,
    patienceMs?: number,
  ): Promise<T>;
  /** Takes what is there now. */
  take(): NetaloPush[];
  /** Why the connection ended, in the library's words. */
  readonly ended: Promise<string>;
  close(): void;
}

const PUSHES = [
  'login',
  'user_status',
  'event',
  'message',
  'group',
  'update_group',
  'update_message',
  'delete_message',
  'delete_conversation',
  'delete_group',
  'pin_group',
  'unpin_group',
  'start_call',
  'answer_call',
  'stop_call',
  'ice_sdp',
  'ice_candidate',
  // Replies to those who give no acknowledgement function, and what must never come.
  'create_group',
  'list_group',
  'check_group',
  'list_message',
  'create_message',
  'create_call',
];

const PATIENCE_MS = 10_000;

export class NetaloRefused extends Error {
  override readonly name = 'NetaloRefused';
  readonly ack: NetaloAck;
  constructor(event: string, ack: NetaloAck) {
    super(`${event} was answered ${JSON.stringify(ack)}`);
    this.ack = ack;
  }
}

/** Connects; `login` says how that went. */
export function openNetalo(
  { url, session }: Pick<NetaloConnect, 'url' | 'session'>,
  options: NetaloOptions = {},
): NetaloClient {
  const { io = io4 as unknown as NetaloIo, transports = ['websocket'], reconnection = false } = options;
  const address = options.options ? url : `${url}?session=${encodeURIComponent(session)}`;
  const socket = io(address, { transports: [...transports], forceNew: true, reconnection, ...options.options });
  const pushes: NetaloPush[] = [];
  const untaken: NetaloPush[] = [];
  const waiting = new Set<() => void>();

  for (const name of PUSHES) {
    socket.on(name, (payload: NetaloPush['payload']) => {
      const push = { name, payload };
      pushes.push(push);
      untaken.push(push);
      for (const look of [...waiting]) look();
    });
  }
  const ended = new Promise<string>((resolve) => {
    socket.on('disconnect', (reason: string) => resolve(reason));
  });

  function next<T extends object>(
    name: string,
    fits: (payload: T) => boolean = () => true,
    patienceMs = PATIENCE_MS,
  ): Promise<T> {
    const find = () => untaken.findIndex((push) => push.name === name && fits(push.payload as T));
    const take = (at: number) => untaken.splice(at, 1)[0]?.payload as T;
    const at = find();
    if (at !== -1) return Promise.resolve(take(at));
    return new Promise((resolve, reject) => {
      const guard = setTimeout(() => {
        waiting.delete(look);
        const came = untaken.map((push) => `${push.name} ${JSON.stringify(push.payload).slice(0, 200)}`);
        reject(new Error(`no ${name} came that fits; what came: ${came.join('; ') || 'nothing'}`));
      }, patienceMs);
      function look(): void {
        const found = find();
        if (found === -1) return;
        waiting.delete(look);
        clearTimeout(guard);
        resolve(take(found));
      }
      waiting.add(look);
    });
  }

  function call(name: string, ...args: unknown[]): Promise<NetaloAck> {
    return new Promise((resolve, reject) => {
      const guard = setTimeout(() => reject(new Error(`${name} was not answered`)), PATIENCE_MS);
      socket.emit(name, ...args, (ack: NetaloAck) => {
        clearTimeout(guard);
        resolve(ack);
      });
    });
  }

  return {
    socket,
    login: next<NetaloAck>('login'),
    call,
    async ask<T>(name: string, payload: unknown) {
      const ack = await call(name, payload);
      if (ack.result !== 0) throw new NetaloRefused(name, ack);
      return ack as unknown as T;
    },
    emit: (name, ...args) => void socket.emit(name, ...args),
    pushes,
    next,
    take: () => untaken.splice(0),
    ended,
    close: () => void socket.disconnect(),
  };
}

/** Connects and signs in; rejects when `login` says anything but 0. */
export async function connectNetalo(connect: NetaloConnect, options?: NetaloOptions): Promise<NetaloClient> {
  const client = openNetalo(connect, options);
  const login = await client.login;
  if (login.result === 0) return client;
  client.close();
  throw new NetaloRefused('login', login);
}
