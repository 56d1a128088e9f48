/**
 * One listening address: the ordered table of who owns which path, the only request listener and the only `upgrade` listener of its
 * server, and the limits that apply before anybody is asked. Knows no protocol.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '@switchboard/core';
import { createPathMatcher, type Host, redactUrl } from '@switchboard/protocol';
import type { ListenAddress } from './config.ts';

type RequestListener = Parameters<Host['route']>[1];
type UpgradeListener = Parameters<Host['upgrade']>[1];

export interface HttpHost {
  readonly route: Host['route'];
  readonly upgrade: Host['upgrade'];
  readonly shared: Host['shared'];
  /** Throws ListenError. Resolves with the address that was taken. */
  listen(address: ListenAddress): Promise<BoundAddress>;
  /** No new connections; idle ones end, answers that are under way are finished. */
  stopListening(): void;
  /** Resolves when nobody is connected any more; after `stopListening`. */
  drained(): Promise<void>;
  /** Cuts what is still open. */
  close(): Promise<void>;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, as a client on this machine reaches it. */
  readonly url: string;
}

/** The address cannot be listened on. The message is a sentence for the person at the terminal. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const MAX_HEADER_BYTES = 16 * 1024;
/** A client that dribbles its headers is cut after this. */
const HEADERS_TIMEOUT_MS = 15_000;
/** The same for a whole request with its body: the largest file on a slow line still passes. */
const REQUEST_TIMEOUT_MS = 300_000;
/** Longer than the minute that load balancers keep idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

export function createHttpHost({ log }: { readonly log: Log }): HttpHost {
  const routes: { readonly matches: (path: string) => boolean; readonly listener: RequestListener }[] = [];
  const upgrades: { readonly matches: (path: string) => boolean; readonly listener: UpgradeListener }[] = [];
  const sharedThings = new Map<string, unknown>();
  const upgraded = new Set<Duplex>();
  let isStopping = false;
  let ended = Promise.resolve();

  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: 5_000,
    noDelay: true,
  });

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isStopping) response.setHeader('Connection', 'close');
    request.url = inOriginForm(request.url);
    const path = pathOf(request.url);
    const route = routes.find((candidate) => candidate.matches(path));
    try {
      if (route) route.listener(request, response);
      else refuseRequest(response, 404, 'Not Found');
    } catch (error) {
      log('error', 'a request listener threw', { url: redactUrl(request.url ?? ''), error });
      if (!response.headersSent) refuseRequest(response, 500, 'Internal Server Error');
      else response.destroy();
    }
  });

  // Shared by all sockets, so that an idle connection keeps no closure.
  function forget(this: Duplex): void {
    upgraded.delete(this);
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node has let go of the socket: unheard, an error on it would end the process.
    socket.on('error', ignore);
    request.url = inOriginForm(request.url);
    const path = pathOf(request.url);
    const claim = upgrades.find((candidate) => candidate.matches(path));
    if (isStopping) return refuseUpgrade(socket, '503 Service Unavailable');
    if (!claim) return refuseUpgrade(socket, '404 Not Found');
    upgraded.add(socket);
    socket.on('close', forget);
    try {
      claim.listener(request, socket, head);
    } catch (error) {
      log('error', 'an upgrade listener threw', { url: redactUrl(request.url ?? ''), error });
      socket.destroy();
    }
  });

  // A socket that speaks no HTTP gets the answer Node would give, without its stack in our log.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });

  return {
    route(path, listener) {
      routes.push({ matches: createPathMatcher(path), listener });
    },

    upgrade(path, listener) {
      upgrades.push({ matches: createPathMatcher(path), listener });
    },

    shared<T>(key: string, create: () => T): T {
      if (!sharedThings.has(key)) sharedThings.set(key, create());
      return sharedThings.get(key) as T;
    },

    listen(address) {
      return new Promise((resolve, reject) => {
        const fail = (error: NodeJS.ErrnoException) => reject(toListenError(error, address));
        server.once('error', fail);
        server.listen({ host: address.host, port: address.port }, () => {
          server.off('error', fail);
          server.on('error', (error) => log('error', 'the HTTP server failed', { error }));
          resolve(toBound(server.address() as AddressInfo));
        });
      });
    },

    stopListening() {
      if (isStopping) return;
      isStopping = true;
      ended = new Promise((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      // Connections whose last answer is still under way are not kept alive after it.
      server.keepAliveTimeout = 1;
    },

    drained: () => ended,

    async close() {
      this.stopListening();
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await ended;
    },
  };
}

function ignore(): void {}

/** Some proxies ask by the whole address; whoever listens sees what comes after the host. */
function inOriginForm(url = '/'): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return url;
  const rest = url.slice(url.indexOf('://') + 3);
  const start = rest.search(/[/?#]/);
  if (start === -1) return '/';
  return rest[start] === '/' ? rest.slice(start) : `/${rest.slice(start)}`;
}

/** Without query and fragment. */
function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

function refuseRequest(response: ServerResponse, status: number, reason: string): void {
  const body = `${reason}\n`;
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function toBound({ address, port, family }: AddressInfo): BoundAddress {
  const anywhere = address === '0.0.0.0' || address === '::';
  const host = anywhere ? '127.0.0.1' : address;
  return { host: address, port, url: `http://${!anywhere && family === 'IPv6' ? `[${host}]` : host}:${port}` };
}

function toListenError(error: NodeJS.ErrnoException, { host, port, setting }: ListenAddress): ListenError {
  const words: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is taken by another process. Stop that one, or give another port with ${setting}.`,
    EACCES: `Port ${port} on ${host} may not be used by this user (ports below 1024 are for root). Give another with ${setting}.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Correct the host of ${setting}.`,
    ENOTFOUND: `${host} is no known host name. Correct the host of ${setting}.`,
  };
  const message =
    words[error.code ?? ''] ?? `${host}:${port} cannot be listened on (${error.message}). See ${setting}.`;
  return new ListenError(message, { cause: error });
}
