/**
 * The one Engine.IO server of a host and its namespaces: who may come, who is in where, and the packets in between. Requests and upgrades
 * come from the host, never from a server of its own; nothing is kept of a request. Knows no wire.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientAddress, createWheel, type Host, isOriginAllowed, type JsonLimits } from '@switchboard/protocol';
import { Server as EngineServer, type Socket as EngineSocket } from 'engine.io';
import {
  type Claim,
  createLink,
  createMember,
  cutLink,
  drainLink,
  endLink,
  isPaused,
  type Link,
  removeMember,
  webSocketOf,
  writeToLink,
} from './link.ts';
import type { Namespace, NamespaceHandlers } from './namespace.ts';
import { encodeConnect, encodeConnectError, PACKET, parsePacket, type RawPacket, toEvent } from './packets.ts';

export interface SocketIoHost {
  /** Claims a namespace: `/` or `/name`. Others are answered `Invalid namespace`, but for `/`, which takes everybody and does nothing. */
  claim<State>(name: string, handlers: NamespaceHandlers<State>): Namespace;
}

export interface EngineOptions {
  /** Default 25,000. */
  readonly pingIntervalMs?: number;
  /** Default 15,000. */
  readonly pingTimeoutMs?: number;
  /** Of one message, or one request of a client that polls. Default 1 MiB. */
  readonly maxPacketBytes?: number;
}

const PATH = { prefix: '/socket.io' };
/** An engine connection of the newer clients that is in no namespace is closed after this, as socket.io does. */
const CONNECT_TIMEOUT_MS = 45_000;
const CLOSE_GUARD_MS = 5_000;

/** The host's one socket.io, made by the first who asks; the options are that one's. */
export function socketIoHost(host: Host, options: EngineOptions = {}): SocketIoHost {
  return host.shared('socket.io', () => createSocketIoHost(host, options));
}

function createSocketIoHost(host: Host, options: EngineOptions): SocketIoHost {
  const { clock, limits, log, origins } = host;
  const { pingIntervalMs = 25_000, pingTimeoutMs = 15_000, maxPacketBytes = 1024 * 1024 } = options;
  const jsonLimits: JsonLimits = { depth: limits.jsonDepth, members: limits.jsonMembers };
  const claims = new Map<string, Claim>();
  const keptHeaders = new Set<string>();
  const links = new WeakMap<object, Link>();
  const byId = new Map<string, Link>();
  const lonely = createWheel<Link>({ clock, onDue: endLink });

  const engine = new EngineServer({
    allowEIO3: true,
    pingInterval: pingIntervalMs,
    pingTimeout: pingTimeoutMs,
    maxHttpBufferSize: maxPacketBytes,
    perMessageDeflate: false,
    cors: { origin: (origin, answer) => answer(null, isOriginAllowed(origin, origins)), credentials: true },
    allowRequest: (request, answer) => answer(null, isOriginAllowed(request.headers.origin, origins)),
  });
  greetOldClients(engine);
  engine.on('connection', open);

  function open(conn: EngineSocket): void {
    const link = createLink({ conn, clock, handshake: toHandshake(conn), onEmpty: waitForNamespace });
    // Nothing of the request outlives the handshake.
    (conn as { request: unknown }).request = null;
    links.set(conn, link);
    byId.set(link.sid, link);
    useStream.call(conn);
    conn.on('data', onData);
    conn.on('drain', onDrain);
    conn.on('upgrade', useStream);
    conn.once('close', onClose);
    if (link.handshake.revision === 4) waitForNamespace(link);
  }

  function toHandshake(conn: EngineSocket): Link['handshake'] {
    const request = conn.request as unknown as IncomingMessage & { readonly _query: Record<string, string> };
    const headers: Record<string, string> = {};
    for (const name of keptHeaders) {
      const value = request.headers[name];
      if (value !== undefined) headers[name] = String(value);
    }
    const { EIO: _eio, transport: _transport, t: _t, b64: _b64, j: _j, sid: _sid, ...query } = request._query;
    return {
      revision: conn.protocol === 4 ? 4 : 3,
      query,
      headers,
      address: clientAddress(request, host.trustProxy),
    };
  }

  function waitForNamespace(link: Link): void {
    lonely.set(link, CONNECT_TIMEOUT_MS);
  }

  /** From now on frames go to the socket itself. Also called when a client that polled has changed over. */
  function useStream(this: EngineSocket): void {
    const link = links.get(this);
    const stream = link && webSocketOf(link)?._socket;
    if (!link || !stream) return;
    link.stream = stream;
    links.set(stream, link);
    stream.on('drain', onDrain);
    if (isPaused(link)) webSocketOf(link)?.pause?.();
  }

  function onDrain(this: object): void {
    const link = links.get(this);
    if (link) drainLink(link);
  }

  function onClose(this: EngineSocket): void {
    const link = links.get(this);
    if (!link) return;
    byId.delete(link.sid);
    lonely.clear(link);
    link.partial = null;
    for (const member of [...link.members]) removeMember(member);
    for (const go of link.waiting ?? []) go();
  }

  function onData(this: EngineSocket, data: string | Buffer): void {
    const link = links.get(this);
    if (!link || this.readyState !== 'open') return;
    try {
      if (typeof data === 'string') onText(link, data);
      else onBinary(link, data);
    } catch (error) {
      // As socket.io: whoever does not speak it is not talked to.
      log('info', 'a socket.io packet could not be read', { error: String(error) });
      endLink(link);
    }
  }

  function onText(link: Link, text: string): void {
    const packet = parsePacket(text);
    if (packet.attachments > 0) link.partial = { packet, binaries: [] };
    else onPacket(link, packet, []);
  }

  function onBinary(link: Link, data: Buffer): void {
    const { partial } = link;
    if (!partial) throw new Error('a binary message that no packet announced');
    partial.binaries.push(data);
    if (partial.binaries.length < partial.packet.attachments) return;
    link.partial = null;
    onPacket(link, partial.packet, partial.binaries);
  }

  function onPacket(link: Link, packet: RawPacket, binaries: readonly Buffer[]): void {
    switch (packet.type) {
      case PACKET.connect:
        connect(link, packet);
        return;
      case PACKET.disconnect: {
        const member = memberOf(link, packet.namespace);
        if (member) removeMember(member, true);
        if (link.members.length === 0) waitForNamespace(link);
        return;
      }
      case PACKET.event:
      case PACKET.binaryEvent: {
        const event = toEvent(packet, jsonLimits, binaries);
        const member = memberOf(link, packet.namespace) ?? comeThrough(link, packet.namespace);
        if (member) member.claim.handlers.received(member, event);
        return;
      }
      // Nothing is ever emitted that asks for an acknowledgement.
      case PACKET.ack:
      case PACKET.binaryAck:
      case PACKET.connectError:
        return;
    }
  }

  function memberOf(link: Link, namespace: string) {
    return link.members.find((member) => member.claim.name === namespace);
  }

  /** A client 1 or 2 that says something in `/` is not on its way elsewhere. */
  function comeThrough(link: Link, namespace: string) {
    const claim = claims.get(namespace);
    if (namespace !== '/' || link.handshake.revision !== 3 || !claim || claim.isClosed) return null;
    const member = createMember(link, claim, { id: link.sid, auth: {} });
    claim.handlers.connected(member);
    return member;
  }

  function connect(link: Link, packet: RawPacket): void {
    const { revision } = link.handshake;
    const [name = '/', query] = packet.namespace.split('?', 2);
    const claim = claims.get(name);
    if (name === '/' && (!claim || revision === 3)) {
      if (revision === 4) writeToLink(link, encodeConnect(name, { sid: newId() }));
      lonely.clear(link);
      return;
    }
    if (!claim) return void writeToLink(link, encodeConnectError(packet.namespace, 'Invalid namespace'));
    if (memberOf(link, name)) throw new Error('twice in one namespace');
    if (claim.isClosed) {
      endLink(link);
      return;
    }
    const id = revision === 4 ? newId() : `${name}#${link.sid}`;
    const auth = revision === 4 ? authOf(packet.json) : Object.fromEntries(new URLSearchParams(query));
    lonely.clear(link);
    const member = createMember(link, claim, { id, auth });
    member.write(encodeConnect(name, revision === 4 ? { sid: id } : undefined));
    claim.handlers.connected(member);
  }

  function authOf(json: string): object {
    if (json === '') return {};
    const auth: unknown = JSON.parse(json);
    return typeof auth === 'object' && auth !== null && !Array.isArray(auth) ? auth : {};
  }

  host.upgrade(PATH, (request, socket, head) => {
    engine.handleUpgrade(request as Parameters<typeof engine.handleUpgrade>[0], socket, head);
  });
  host.route(PATH, (request: IncomingMessage, response: ServerResponse) => {
    const go = () => engine.handleRequest(request as Parameters<typeof engine.handleRequest>[0], response);
    // A client that polls and sends more than is worked off waits with its next request.
    const link = request.method === 'POST' ? byId.get(sidOf(request)) : undefined;
    if (!link || !isPaused(link)) return go();
    link.waiting ??= [];
    link.waiting.push(go);
  });

  function whenGone(claim: Claim): Promise<void> {
    if (claim.sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        claim.onGone = null;
        resolve();
      };
      claim.onGone = () => {
        if (claim.sockets.size === 0) end();
      };
      const cancel = clock.after(CLOSE_GUARD_MS, end);
    });
  }

  return {
    claim(name, handlers) {
      if (claims.has(name)) throw new Error(`the namespace ${name} is taken`);
      const claim: Claim = {
        name,
        handlers: handlers as NamespaceHandlers<unknown>,
        sockets: new Set(),
        isClosed: false,
        onGone: null,
      };
      claims.set(name, claim);
      for (const header of handlers.headers ?? []) keptHeaders.add(header);
      return {
        name,
        async close() {
          claim.isClosed = true;
          for (const { link } of [...claim.sockets]) endLink(link);
          const isLast = [...claims.values()].every(({ isClosed }) => isClosed);
          // Also those who are in no namespace.
          if (isLast) for (const link of [...byId.values()]) if (link.members.length === 0) cutLink(link);
          await whenGone(claim);
          if (!isLast) return;
          lonely.close();
          engine.close();
        },
      };
    },
  };
}

/** What Engine.IO keeps to itself and this package needs. */
interface EngineInside {
  createTransport(name: string, request: IncomingMessage): unknown;
  opts: { initialPacket?: string | undefined };
}

/**
 * Clients 1 and 2 are in `/` without asking, and are told so behind the open packet, in the same answer to a poll. Engine.IO reads the
 * option right after it has made the transport.
 */
function greetOldClients(engine: EngineServer): void {
  const inside = engine as unknown as EngineInside;
  const { createTransport } = inside;
  inside.createTransport = (name, request) => {
    const isOld = queryOf(request).get('EIO') !== '4';
    inside.opts.initialPacket = isOld ? String(PACKET.connect) : undefined;
    return createTransport.call(engine, name, request);
  };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams(request.url?.split('?')[1]);
}

function sidOf(request: IncomingMessage): string {
  return queryOf(request).get('sid') ?? '';
}

/** As long as Engine.IO's own. */
function newId(): string {
  return randomBytes(15).toString('base64url');
}
