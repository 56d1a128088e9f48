/**
 * Bytes ↔ what this wire says: queries with a second question mark, JSON whose keys come in any case, envelopes, event blocks in ASCII,
 * HTTP chunks. Pure. Wire: PROTOCOL.md, "Requests", "Event streams".
 */
import { checkJsonLimits, type JsonLimits, ProtocolError, parseJson, textFrame } from '@switchboard/protocol';
import type { Envelope, RelsObject, WireError } from './wire/objects.ts';

/** Values by key in lower case; the first one counts. A second `?` is an `&`. */
export function decodeQuery(url: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const start = url.indexOf('?');
  if (start === -1) return values;
  const text = url.slice(start + 1).replaceAll('?', '&');
  for (const [key, value] of new URLSearchParams(text)) {
    const name = key.toLowerCase();
    if (!values.has(name)) values.set(name, value);
  }
  return values;
}

/** The body as schemas want it: keys in lower case, nulls gone. `undefined`: nothing was sent. */
export function decodeBody(bytes: Buffer, limits: JsonLimits): unknown {
  const text = bytes.toString('utf8').trim();
  if (text === '') return undefined;
  checkJsonLimits(text, limits);
  return fold(parseJson(text));
}

/** Also inside: no key of this wire has a meaning by its case. Nulls count as absent. */
function fold(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map((item) => (item === null ? null : fold(item)));
  if (typeof value !== 'object') return value;
  const folded: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    if (inner !== null) folded[key.toLowerCase()] = fold(inner);
  }
  return folded;
}

export function success(result: unknown, rels: RelsObject, data?: unknown): Envelope {
  return { OK: true, Error: null, Result: result ?? null, Rels: rels, ...(data !== undefined && { Data: data }) };
}

export function failure(error: WireError): Envelope {
  return { OK: false, Error: error, Result: null, Rels: null };
}

/** Everything beyond ASCII as `\uXXXX`: some readers cut UTF-8 in the middle of a character. */
export function encodeAscii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** How the bytes of a stream are framed: in HTTP chunks, plainly (HTTP/1.0), or as WebSocket messages. */
export const ENCODINGS = { chunked: 'sse-chunked', plain: 'sse', webSocket: 'ws' } as const;

/** What goes over a stream: an envelope, and the id that a client comes back with (null: none). */
export interface StreamFrame {
  readonly envelope: Envelope;
  readonly id: number | null;
}

export function encodeFrame({ envelope, id }: StreamFrame, encoding: string): Buffer {
  if (encoding === ENCODINGS.webSocket) return textFrame(JSON.stringify(envelope));
  const block = `${id === null ? '' : `id: ${id}\n`}data: ${encodeAscii(envelope)}\n\n`;
  return encodeText(block, encoding);
}

/** ASCII only. */
export function encodeText(text: string, encoding: string): Buffer {
  if (encoding !== ENCODINGS.chunked) return Buffer.from(text, 'latin1');
  return Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`, 'latin1');
}

export const COMMENT = { ok: ': ok\n\n', ping: ': ping\n\n' } as const;

/** A decimal id above 0 in a path. */
export function decodeId(text: string): number | null {
  if (!/^[0-9]{1,16}$/.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) && id > 0 ? id : null;
}

/** A cursor in a query or header: 0 for none, and for what is no number. */
export function decodeCursor(text: string | undefined): number {
  return text === undefined ? 0 : (decodeId(text.trim()) ?? 0);
}

/** The UUID of a file id on the wire, whatever extension follows it; null when there is none. */
export function decodeFileId(text: string): string | null {
  const found = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.[A-Za-z0-9]{1,16})?$/i.exec(text);
  return found?.[1]?.toLowerCase() ?? null;
}

export function decodeCookies(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const name = part.slice(0, equals).trim();
    if (!cookies.has(name))
      cookies.set(
        name,
        part
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  return cookies;
}

/** `{"Token": text, "Sign": hex}` in base64, padding or not, blanks for `+`. Throws `handshake_failed`. */
export function decodeSignedToken(value: string): { readonly token: string; readonly sign: string } {
  try {
    const text = Buffer.from(value.replaceAll(' ', '+'), 'base64').toString('utf8');
    const { Token, Sign } = JSON.parse(text) as { Token?: unknown; Sign?: unknown };
    if (typeof Token === 'string' && typeof Sign === 'string') return { token: Token, sign: Sign };
  } catch {
    // What cannot be read is refused like what does not fit.
  }
  throw new ProtocolError('handshake_failed', 'no signed token');
}
