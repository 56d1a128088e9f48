/** What every wire asks of an HTTP request before it is theirs: whence it comes, and what of it may be written down. */
import type { IncomingMessage } from 'node:http';
import type { RoutePath } from './adapter.ts';

/** Whether a path, without its query, falls under a claim. Made once per claim. */
export function createPathMatcher({ exact, prefix, lenient }: RoutePath): (path: string) => boolean {
  const normalize = (path: string): string => {
    if (!lenient) return path;
    const lower = path.toLowerCase();
    return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
  };
  if (exact !== undefined) {
    const wanted = normalize(exact);
    return (path) => normalize(path) === wanted;
  }
  const wanted = normalize(prefix ?? '/');
  const below = wanted.endsWith('/') ? wanted : `${wanted}/`;
  return (path) => {
    const given = normalize(path);
    return given === wanted || given.startsWith(below);
  };
}

/** The client's address: of the socket, or the first in `X-Forwarded-For` where a proxy is trusted. Without the IPv4-in-IPv6 prefix. */
export function clientAddress(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? request.headers['x-forwarded-for'] : undefined;
  const first = (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim();
  const address = first || request.socket.remoteAddress || '';
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/**
 * Whether a browser's origin is on the list. No list: any. No origin (not a browser): yes. Entries are compared whole and without regard
 * to case; `*.example.org` (with its scheme, `https://*.example.org`, or without) is every name below it, not the name itself.
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[] | null): boolean {
  if (allowed === null || origin === undefined) return true;
  const given = origin.toLowerCase();
  return allowed.some((entry) => {
    const wanted = entry.toLowerCase();
    const star = wanted.indexOf('*.');
    if (star === -1) return wanted === given;
    const scheme = wanted.slice(0, star);
    const suffix = wanted.slice(star + 1);
    const host = given.slice(given.indexOf('://') + 3);
    return given.startsWith(scheme) && host.endsWith(suffix) && host.length > suffix.length;
  });
}

/** Query keys whose values are secrets on some wire, in lower case. */
const SECRET_KEYS = [
  'token',
  'access_token',
  'accesstoken',
  'session',
  'secret',
  'key',
  'password',
  'code',
  'signature',
  'credentials',
  'jwt',
  'id',
];

/** A request's address for logs: values of secret query keys (and of those that end like one) are `…`. */
export function redactUrl(url: string): string {
  const query = url.indexOf('?');
  if (query === -1) return url;
  const parts = url.slice(query + 1).split(/[&?]/);
  return `${url.slice(0, query)}?${parts.map(redactPair).join('&')}`;
}

function redactPair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals === -1) return pair;
  const key = pair.slice(0, equals).toLowerCase();
  const isSecret = SECRET_KEYS.some((secret) => key === secret || (secret.length > 3 && key.endsWith(secret)));
  return isSecret ? `${pair.slice(0, equals)}=…` : pair;
}

/** Headers for logs: credentials and cookies left out. */
export function redactHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isSecret =
      /^(authorization|cookie|set-cookie|proxy-authorization|sec-websocket-protocol|x-.*(token|key|auth).*)$/.test(
        name,
      );
    kept[name] = isSecret ? '…' : String(value ?? '');
  }
  return kept;
}
