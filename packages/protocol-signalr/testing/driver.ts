/**
 * Clients of the hub on the real client library, and bare sockets for what no library would send. Knows the wire by its own reading of
 * PROTOCOL.md and nothing of this package's codec: a mistake must not test itself.
 */
import { HttpTransportType, type HubConnection, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { WebSocket } from 'ws';

/** What the administration's credential call gives. */
export interface SignalrConnect {
  readonly hubUrl: string;
  readonly token: string;
  readonly identity: string;
}

export interface SignalrMessage {
  readonly id: string;
  readonly content: string;
  readonly senderId: string;
  readonly conversationId: string;
  readonly seenCount: number;
  readonly isSeenByYou: boolean;
  readonly createdDate: string;
  readonly userMeta: Readonly<Record<string, unknown>> | null;
}

export interface SignalrConversation {
  readonly id: string;
  readonly createdDate: string;
  readonly participants: readonly string[];
  readonly isTurnedTheNotificationOff: boolean;
  readonly type: string;
  readonly title: string;
  readonly identityGroups: Readonly<Record<string, readonly string[]>>;
}

/** An event as it came: its name and its arguments. */
export interface HubEvent {
  readonly name: string;
  readonly args: readonly unknown[];
}

export const EVENT_NAMES = [
  'Pong',
  'Ping',
  'AuthorizationResult',
  'OnNewMessage',
  'OnMessageUpdate',
  'OnConversationUpdate',
  'OnIdentityStatusUpdate',
] as const;

/** The parts of a client library that all its versions have. */
export interface HubLike {
  start(): Promise<void>;
  stop(): Promise<void>;
  invoke(name: string, ...args: readonly unknown[]): Promise<unknown>;
  send(name: string, ...args: readonly unknown[]): Promise<void>;
  on(name: string, listener: (...args: readonly unknown[]) => void): void;
  onclose(listener: (error?: Error) => void): void;
}

export interface HubEvents {
  readonly all: readonly HubEvent[];
  /** The next event of this name that nobody took yet, or that is to come. */
  next<T>(name: string, fits?: (arg: T) => boolean): Promise<T>;
  /** How the connection ended. */
  readonly closed: Promise<Error | undefined>;
}

/** An event that never comes fails its test by name, before the runner's own limit does without one. */
const PATIENCE_MS = 10_000;

export function listen(hub: HubLike): HubEvents {
  const all: HubEvent[] = [];
  const untaken: HubEvent[] = [];
  const takers = new Set<(event: HubEvent) => boolean>();
  for (const name of EVENT_NAMES) {
    hub.on(name, (...args) => {
      const event = { name, args };
      all.push(event);
      for (const take of takers) if (take(event)) return;
      untaken.push(event);
    });
  }
  return {
    all,
    closed: new Promise((resolve) => hub.onclose(resolve)),
    next<T>(name: string, fits: (arg: T) => boolean = () => true): Promise<T> {
      const isMeant = (event: HubEvent) => event.name === name && fits(event.args[0] as T);
      const at = untaken.findIndex(isMeant);
      if (at !== -1) return Promise.resolve(untaken.splice(at, 1)[0]?.args[0] as T);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          takers.delete(take);
          reject(new Error(`${name} did not come; came: ${JSON.stringify(all.slice(-10))}`));
        }, PATIENCE_MS);
        function take(event: HubEvent): boolean {
          if (!isMeant(event)) return false;
          takers.delete(take);
          clearTimeout(timer);
          resolve(event.args[0] as T);
          return true;
        }
        takers.add(take);
      });
    },
  };
}

/** The documented sign-in: each event and each completion is waited for, as the known client does. Answers the verdict. */
export async function signIn(
  hub: HubLike,
  events: HubEvents,
  credential: { readonly token: unknown; readonly identity: unknown },
): Promise<{ readonly isOk: boolean; readonly message: string }> {
  await Promise.all([events.next('Pong'), events.next('Ping'), hub.invoke('Ping')]);
  await hub.invoke('Pong');
  const { token, identity } = credential;
  const [verdict] = await Promise.all([
    events.next<{ isOk: boolean; message: string }>('AuthorizationResult'),
    hub.invoke('Authorize', { token, identity }),
  ]);
  return verdict;
}

export interface SignalrClient {
  readonly hub: HubConnection;
  readonly events: HubEvents;
  /** Invokes, for those that must succeed. */
  ask<T>(name: string, ...args: readonly unknown[]): Promise<T>;
  /** The socket under the library, where WebSockets carry it. */
  readonly socket: WebSocket;
  close(): Promise<void>;
}

/** Signed in, over WebSockets and JSON, with the newest library. */
export async function connectSignalr(credential: SignalrConnect): Promise<SignalrClient> {
  const { client, verdict } = await openSignalr(credential);
  if (!verdict.isOk) throw new Error(`sign-in was refused: ${verdict.message}`);
  return client;
}

export async function openSignalr(
  credential: SignalrConnect,
): Promise<{ readonly client: SignalrClient; readonly verdict: { isOk: boolean; message: string } }> {
  let socket: WebSocket | null = null;
  class Remembered extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      socket = this;
    }
  }
  const hub = new HubConnectionBuilder()
    .configureLogging(LogLevel.None)
    .withUrl(credential.hubUrl, {
      transport: HttpTransportType.WebSockets,
      // The library takes another socket class in its tests, and says nothing of it in its types.
      ...({ WebSocket: Remembered } as object),
    })
    .build();
  const events = listen(hub);
  await hub.start();
  const verdict = await signIn(hub, events, credential);
  const client: SignalrClient = {
    hub,
    events,
    ask: <T>(name: string, ...args: readonly unknown[]) => hub.invoke<T>(name, ...args),
    get socket() {
      if (!socket) throw new Error('nothing was opened');
      return socket;
    },
    close: () => hub.stop(),
  };
  return { client, verdict };
}
