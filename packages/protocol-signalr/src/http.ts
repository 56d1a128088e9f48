/**
 * The hub's HTTP surface: negotiate, the three transports' requests, CORS. Every request is matched to a link, or refused in the wire's
 * words; bodies are the link's bytes, whatever their type says. Wire: PROTOCOL.md, "HTTP surface".
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Host, isOriginAllowed } from '@switchboard/protocol';
import { negotiateErrors, type RefusalName, refusals } from './errors.ts';
import type { Link } from './link.ts';
import type { Links } from './links.ts';
import type { SignalrOptions } from './options.ts';
import { createPosts } from './posts.ts';
import { createStreamCarrier } from './transports/event-stream.ts';
import { createPollCarrier, NO_CACHE, type PollCarrier } from './transports/long-polling.ts';
import { upgradeAnswer, upgradeFault } from './transports/upgrade.ts';
import { type CarrierEvents, createSocketCarrier } from './transports/web-socket.ts';

export interface HttpContext {
  readonly host: Host;
  readonly options: SignalrOptions;
  readonly links: Links;
  readonly isClosing: () => boolean;
}

export interface HttpSurface {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

const TRANSPORTS = [
  { transport: 'WebSockets', transferFormats: ['Text', 'Binary'] },
  { transport: 'ServerSentEvents', transferFormats: ['Text'] },
  { transport: 'LongPolling', transferFormats: ['Text', 'Binary'] },
] as const;

const METHODS = 'GET, POST, DELETE, OPTIONS';
const CLIENT_HEADERS = ['content-type', 'authorization', 'x-requested-with', 'x-signalr-user-agent'];

export function createHttpSurface({ host, options, links, isClosing }: HttpContext): HttpSurface {
  const { clock } = host;
  const posts = createPosts(links);
  const events: CarrierEvents<Link> = links;
  const setPaused = posts.setPaused;

  function negotiate(query: Query, response: ServerResponse) {
    const asked = query.get('negotiateversion');
    const version = asked === null ? 0 : /^\s*[+-]?\d+\s*$/.test(asked) ? Number(asked) : Number.NaN;
    if (Number.isNaN(version)) return answerJson(response, { error: negotiateErrors.notInteger });
    if (version < 0) return answerJson(response, { error: negotiateErrors.version(String(version)) });
    const link = links.negotiate(version === 0 ? 0 : 1);
    answerJson(response, {
      negotiateVersion: version === 0 ? 0 : 1,
      connectionId: link.id,
      ...(version === 0 ? {} : { connectionToken: link.key }),
      availableTransports: TRANSPORTS,
    });
  }

  /** The link that the request names, or why there is none. */
  function linkOf(query: Query): Link | RefusalName {
    const id = query.get('id');
    if (!id) return 'idRequired';
    return links.find(id) ?? 'unknownId';
  }

  function openStream(query: Query, response: ServerResponse) {
    const link = linkOf(query);
    if (typeof link === 'string') return answer(response, link);
    if (link.phase === 'ended') return answer(response, 'unknownId');
    if (link.carrier) return answer(response, link.dress === 'sse' ? 'occupied' : 'transportChanged');
    links.activate(link, createStreamCarrier(response, { clock, events, link, setPaused }));
  }

  function poll(query: Query, response: ServerResponse) {
    const link = linkOf(query);
    if (typeof link === 'string') return answer(response, link);
    if (link.carrier && link.dress !== 'poll') return answer(response, 'transportChanged');
    if (link.carrier) {
      (link.carrier as PollCarrier).poll(response);
      links.schedule(link);
      return;
    }
    // The first one is answered at once, and with nothing: clients throw away whatever it carries.
    response.writeHead(200, { ...NO_CACHE, 'Content-Type': 'text/plain', 'Content-Length': 0 }).end();
    links.activate(link, createPollCarrier({ clock, events, link, setPaused, onDone: links.onGone }));
  }

  function post(request: IncomingMessage, query: Query, response: ServerResponse) {
    const link = linkOf(query);
    if (typeof link === 'string') return answer(response, link);
    if (link.dress === 'ws') return answer(response, 'postToWebSocket');
    if (link.phase === 'ended') return answer(response, 'unknownId');
    posts.take(link, request, () =>
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 0 }).end(),
    );
  }

  function remove(query: Query, response: ServerResponse) {
    const link = linkOf(query);
    if (typeof link === 'string') return answer(response, link);
    if (link.dress !== 'poll') return answer(response, 'notDeletable');
    response.writeHead(202, { 'Content-Type': 'text/plain', 'Content-Length': 0 }).end();
    link.connection?.close('normal');
    // The waiting poll has its 204; nobody comes back for anything.
    link.carrier?.destroy();
  }

  /** Exact origin and credentials, on every answer; an origin that is not on the list gets none of it. */
  function setCors(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (origin === undefined) return;
    response.setHeader('Vary', 'Origin');
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Allow-Credentials', 'true');
  }

  function preflight(request: IncomingMessage, response: ServerResponse): void {
    const named = request.headers['access-control-request-headers'] ?? '';
    const asked = named.split(',').map((header) => header.trim().toLowerCase());
    const allowed = [
      ...new Set([...CLIENT_HEADERS, ...asked.filter((header) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(header))]),
    ];
    response.writeHead(204, {
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': allowed.join(', '),
    });
    response.end();
  }

  return {
    onRequest(request, response) {
      const { path, query } = parseUrl(request.url);
      const below = path.slice(options.path.length).toLowerCase().replace(/\/$/, '');
      if (!isOriginAllowed(request.headers.origin, host.origins)) return answer(response, 'origin');
      setCors(request, response);
      if (below !== '' && below !== '/negotiate') return answer(response, 'notFound');
      if (request.method === 'OPTIONS') return preflight(request, response);
      if (isClosing()) return answer(response, 'unavailable');
      if (below === '/negotiate') {
        return request.method === 'POST' ? negotiate(query, response) : answer(response, 'method');
      }
      switch (request.method) {
        case 'GET':
          return isStreamWanted(request) ? openStream(query, response) : poll(query, response);
        case 'POST':
          return post(request, query, response);
        case 'DELETE':
          return remove(query, response);
        default:
          return answer(response, 'method');
      }
    },

    onUpgrade(request, socket, head) {
      const { path, query } = parseUrl(request.url);
      if (path.slice(options.path.length).replace(/\/$/, '') !== '') return refuseUpgrade(socket, 'notFound');
      if (!isOriginAllowed(request.headers.origin, host.origins)) return refuseUpgrade(socket, 'origin');
      const fault = upgradeFault(request);
      if (fault) return refuseUpgrade(socket, fault);
      if (isClosing()) return refuseUpgrade(socket, 'unavailable');
      const id = query.get('id');
      const link = id ? links.find(id) : links.create();
      if (!link || link.phase === 'ended') return refuseUpgrade(socket, 'unknownId');
      if (link.carrier) return refuseUpgrade(socket, link.dress === 'ws' ? 'occupied' : 'transportChanged');
      if ('setNoDelay' in socket) (socket as Duplex & { setNoDelay(on: boolean): void }).setNoDelay(true);
      if ('setTimeout' in socket) (socket as Duplex & { setTimeout(ms: number): void }).setTimeout(0);
      socket.write(upgradeAnswer(request));
      links.activate(link, createSocketCarrier(socket, { clock, events, link }));
      // Before anything else is read from the socket.
      if (head.length > 0) socket.unshift(head);
    },
  };
}

interface Query {
  /** Keys are compared without regard to case; the first wins. */
  get(key: string): string | null;
}

function parseUrl(given = '/'): { readonly path: string; readonly query: Query } {
  // Proxies may ask with the whole address.
  const url = given.startsWith('/') ? given : given.replace(/^[a-z]+:\/\/[^/?]*/i, '');
  const at = url.indexOf('?');
  const parameters = new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
  return {
    path: at === -1 ? url : url.slice(0, at),
    query: {
      get(wanted) {
        for (const [key, value] of parameters) if (key.toLowerCase() === wanted) return value;
        return null;
      },
    },
  };
}

function isStreamWanted({ headers }: IncomingMessage): boolean {
  return headers.accept?.toLowerCase().includes('text/event-stream') === true;
}

function answer(response: ServerResponse, name: RefusalName): void {
  const { status, body } = refusals[name];
  response.writeHead(status, {
    ...NO_CACHE,
    'Content-Type': 'text/plain',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

function answerJson(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, {
    ...NO_CACHE,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  426: 'Upgrade Required',
  503: 'Service Unavailable',
};

function refuseUpgrade(socket: Duplex, name: RefusalName): void {
  const { status, body } = refusals[name];
  const version = name === 'upgradeVersion' ? 'Sec-WebSocket-Version: 13\r\n' : '';
  socket.on('error', () => undefined);
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}\r\nContent-Type: text/plain\r\nX-Content-Type-Options: nosniff\r\n${version}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
