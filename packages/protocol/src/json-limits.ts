/**
 * Looks at a JSON text before it is parsed: how long, how deep, how many members; and keeps integers exact that a JavaScript number
 * cannot hold. One pass over the characters, nothing allocated. Says nothing about whether the text is valid JSON.
 */
import { ProtocolError } from './error-table.ts';

export interface JsonLimits {
  readonly bytes?: number;
  /** Nesting of objects and arrays. */
  readonly depth: number;
  /** Members and elements in all. */
  readonly members: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Throws `too_large` (with `reason` `bytes` or `members`) or `too_deep`. */
export function checkJsonLimits(text: string, limits: JsonLimits): void {
  // A character takes at least one byte: the cheap half of the test first.
  if (limits.bytes !== undefined && (text.length > limits.bytes || Buffer.byteLength(text) > limits.bytes)) {
    throw new ProtocolError('too_large', `JSON above ${limits.bytes} bytes`, { reason: 'bytes' });
  }
  let depth = 0;
  let members = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1;
        if (depth > limits.depth) throw new ProtocolError('too_deep', `JSON nested deeper than ${limits.depth}`);
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COMMA:
        members += 1;
        if (members > limits.members) {
          throw new ProtocolError('too_large', `JSON with more than ${limits.members} members`, { reason: 'members' });
        }
        break;
    }
  }
}

/** Index of the closing quote of the string that opens at `at`; the text's end when it is never closed. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** Whether an integer literal as written is one that a JavaScript number holds exactly. */
export function isExactInteger(literal: string): boolean {
  const digits = literal.charCodeAt(0) === MINUS ? literal.slice(1) : literal;
  if (digits.length < 16) return true;
  return digits.length === 16 && digits <= '9007199254740991';
}

/** As `JSON.parse`, but integers beyond 2^53 - 1 come out as strings of their digits. Throws `malformed` for what is no JSON. */
export function parseExactJson(text: string): unknown {
  return parseJson(quoteBigIntegers(text));
}

/** As `JSON.parse`, with a `ProtocolError` (`malformed`) for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError('malformed', 'not JSON', { reason: 'not JSON' });
  }
}

/** Whether a number stands in the text that a JavaScript number cannot hold exactly. */
export function hasBigIntegers(text: string): boolean {
  return quoteBigIntegers(text) !== text;
}

/** The text with integers beyond 2^53 - 1 in quotes; the same text when there are none. Fractions and exponents stay as they are. */
export function quoteBigIntegers(text: string): string {
  let result = '';
  let copied = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code !== MINUS && (code < ZERO || code > NINE)) continue;
    const start = at;
    while (isNumberPart(text.charCodeAt(at + 1))) at += 1;
    if (at - start < 15) continue;
    const literal = text.slice(start, at + 1);
    if (!isDigitsOnly(literal) || isExactInteger(literal)) continue;
    result += `${text.slice(copied, start)}"${literal}"`;
    copied = at + 1;
  }
  return copied === 0 ? text : result + text.slice(copied);
}

function isNumberPart(code: number): boolean {
  return (code >= ZERO && code <= NINE) || code === DOT || code === MINUS || code === 0x2b || (code | 0x20) === 0x65;
}

function isDigitsOnly(literal: string): boolean {
  for (let at = literal.charCodeAt(0) === MINUS ? 1 : 0; at < literal.length; at += 1) {
    const code = literal.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
