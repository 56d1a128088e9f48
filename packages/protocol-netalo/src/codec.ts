/**
 * Event and arguments ↔ wire messages: the payload in any of its forms, pre-escaped strings, acknowledgements and pushes. Pure; knows no
 * session and no chat. Wire: PROTOCOL.md §2.
 */
import { checkJsonLimits, type JsonLimits, ProtocolError, parseExactJson } from '@switchboard/protocol';
import { DROPPED_KEYS, MAX_DEPTH, parseLenient } from './codec/lenient.ts';

/** `string` as in all examples of the document, `object` as all known clients send. */
export type PayloadForm = 'string' | 'object';

export interface Payload {
  readonly form: PayloadForm;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The first argument of an event. Throws `malformed`, `too_deep` and `too_large`. */
export function decodePayload(args: readonly unknown[], limits: JsonLimits): Payload {
  const [first] = args;
  const isText = typeof first === 'string';
  const value = isText ? parseText(first, limits) : first;
  if (!isPlainObject(value)) throw new ProtocolError('malformed', 'no payload', { reason: 'not an object' });
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) if (!DROPPED_KEYS.has(key)) fields[key] = field;
  return { form: isText ? 'string' : 'object', fields };
}

function parseText(text: string, limits: JsonLimits): unknown {
  try {
    checkJsonLimits(text, { ...limits, depth: MAX_DEPTH });
    return parseExactJson(text);
  } catch {
    // Quotes of another kind mislead the first look; the second grammar has limits of its own.
    return parseLenient(text);
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** A text whose every quote is escaped was escaped by its client. */
export function unescapeText(text: string): string {
  if (!text.includes('"') || /(^|[^\\])"/.test(text)) return text;
  return text.replaceAll('\\"', '"');
}

/** Attachments as JSON text: objects are written out, strings taken as they are or freed of one level of escaping. */
export function toAttachments(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  const text = String(value);
  if (text === '' || isJson(text)) return text;
  const decoded = unescapeOnce(text);
  return decoded !== null && isJson(decoded) ? decoded : text;
}

function unescapeOnce(text: string): string | null {
  try {
    // Raw line breaks and tabs may stand in what a client escaped by hand.
    const json = text.replace(/[\n\r\t]/g, (char) => (char === '\n' ? '\\n' : char === '\r' ? '\\r' : '\\t'));
    return JSON.parse(`"${json}"`) as string;
  } catch {
    return null;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
