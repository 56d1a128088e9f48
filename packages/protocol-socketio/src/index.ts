/** The only door of the socket.io host: what the two socket.io wires stand on. */
export { type EngineOptions, type SocketIoHost, socketIoHost } from './host.ts';
export type { Handshake, Namespace, NamespaceHandlers, NamespaceSocket } from './namespace.ts';
export { encodeAck, encodeEvent, type SocketIoEvent } from './packets.ts';
