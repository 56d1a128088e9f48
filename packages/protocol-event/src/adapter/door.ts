/**
 * What happens before the upgrade: the request is checked in the wire's order, and refused in plain HTTP. Reads the token's header before
 * any library sees it. Wire: PROTOCOL.md §2.1, §2.3.
 */
import { createSecretKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Host, isOriginAllowed, type Runner } from '@switchboard/protocol';
import { type RefusalName, refusals } from '../errors.ts';
import type { EventOptions } from '../options.ts';
import type { Queue } from '../queue.ts';
import { tokenOf, verifyToken } from '../session/token.ts';
import { type EventSession, type SignedIn, signIn } from '../session.ts';

export interface Door {
  /** Who may come in. Whatever is no WebSocket request is only looked at: it leaves no trace. */
  check(request: IncomingMessage): Promise<SignedIn | { readonly refusal: RefusalName }>;
}

export interface DoorContext {
  readonly host: Host;
  readonly options: EventOptions;
  readonly queue: Queue;
  readonly runner: Runner<EventSession>;
}

export function createDoor({ host, options, queue, runner }: DoorContext): Door {
  const { core, clock, origins } = host;
  const secret = createSecretKey(Buffer.from(options.secret));

  return {
    async check(request) {
      const token = tokenOf(request.headers['sec-websocket-protocol']);
      const claims = token === null ? null : verifyToken(token, secret, clock.now());
      if (!claims) return { refusal: 'token' };
      const { path, query } = split(request.url ?? '/');
      if (path !== options.path) return { refusal: 'path' };
      if (!isOriginAllowed(request.headers.origin, origins)) return { refusal: 'origin' };
      const sid = new URLSearchParams(query).get('sid');
      const dry = !isWebSocketRequest(request);
      const outcome = await runner.attempt('sign-in', () => signIn({ core, options, queue }, { claims, sid, dry }));
      if (!outcome.ok) {
        const { code } = outcome.fault;
        return { refusal: code === 'unavailable' || code === 'internal' ? 'unavailable' : 'token' };
      }
      const { value } = outcome;
      if (value && 'refusal' in value) return value;
      return value && !dry ? value : { refusal: 'noUpgrade' };
    },
  };
}

function split(url: string): { readonly path: string; readonly query: string } {
  const at = url.indexOf('?');
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

/** What the library will ask again: here it decides before anybody is signed in. */
function isWebSocketRequest({ method, headers }: IncomingMessage): boolean {
  const version = headers['sec-websocket-version'];
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    (version === '13' || version === '8') &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')
  );
}

/** On a socket that was to be upgraded. */
export function refuseUpgrade(socket: Duplex, name: RefusalName): void {
  const { status, reason, body } = refusals[name];
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** On a plain request. */
export function refuseRequest(response: ServerResponse, name: RefusalName): void {
  const { status, body } = refusals[name];
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}
