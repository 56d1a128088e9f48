/** The seam to the wires: what a namespace hears of its clients, and a client in it as a transport to write to. */
import type { Transport } from '@switchboard/protocol';
import type { SocketIoEvent } from './packets.ts';

/** How the client came; kept small, for a connection keeps it. */
export interface Handshake {
  /** Engine.IO's: 3 (clients 1 and 2) or 4 (clients 3 and later). */
  readonly revision: 3 | 4;
  /** Of the first request. A key that stands twice has its last value. */
  readonly query: Readonly<Record<string, string>>;
  /** Clients 3 and later: what they gave as `auth`. Clients 1 and 2: the query of the namespace. Never anything but an object. */
  readonly auth: Readonly<Record<string, unknown>>;
  /** Those that the namespaces have asked for, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly address: string;
}

/**
 * One client in one namespace. As a transport it takes whole WebSocket frames, made by `encodeEvent` and `encodeAck`: they go to the
 * socket as they are, or message by message through Engine.IO while the client polls. `end` and `destroy` end the engine connection,
 * upon which clients return by themselves; `leave` ends the namespace, upon which they do not.
 */
export interface NamespaceSocket<State = unknown> extends Transport {
  /** As the client knows it (`socket.id`). */
  readonly id: string;
  readonly handshake: Handshake;
  /** The wire's own. */
  state: State | null;
  /** Tells the client that the namespace is over for it; what was written before still leaves before. */
  leave(): void;
}

export interface NamespaceHandlers<State> {
  /** Names of request headers that its handshakes are to keep, in lower case. */
  readonly headers?: readonly string[];
  /**
   * A client is in, and has been told so: it cannot be refused. In `/`, where clients 1 and 2 come through on their way elsewhere, those
   * clients are announced with their first event.
   */
  connected(socket: NamespaceSocket<State>): void;
  received(socket: NamespaceSocket<State>, event: SocketIoEvent): void;
  /** Called once for each that was `connected`: it left, was told to leave, or its connection is gone. `hasLeft`: by its own word. */
  disconnected(socket: NamespaceSocket<State>, hasLeft: boolean): void;
}

export interface Namespace {
  readonly name: string;
  /** Ends the engine connections of all who are in it, and refuses new ones. Resolves when they are gone, or after 5 s. */
  close(): Promise<void>;
}
