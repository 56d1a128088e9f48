/**
 * The pseudo-JSON of the document's examples: single quotes, bare keys, stray quotes, trailing commas and braces. One pass, no backtracking.
 * Pure; knows no field. Wire: PROTOCOL.md §2.2.
 */
import { isExactInteger, ProtocolError } from '@switchboard/protocol';

export const MAX_DEPTH = 16;
const MAX_LENGTH = 1024 * 1024;
/** Names that would be more than a member. */
export const DROPPED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const BLANK = /\s/;
const IDENTIFIER = /[A-Za-z0-9_$]/;
const ENDS_STRING = ',}]:';
const ENDS_NUMBER = ',}]';
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** Integers beyond 2^53 - 1 come out as strings of their digits. Throws `malformed`. */
export function parseLenient(text: string): unknown {
  if (text.length > MAX_LENGTH) throw malformed('too long');
  const cursor: Cursor = { text, at: 0 };
  const value = readValue(cursor, 1);
  while (cursor.at < text.length) {
    const char = text.charAt(cursor.at);
    if (!BLANK.test(char) && !`}]'";`.includes(char)) throw malformed('text behind the end');
    cursor.at += 1;
  }
  return value;
}

interface Cursor {
  readonly text: string;
  at: number;
}

function readValue(cursor: Cursor, depth: number): unknown {
  skipBlanks(cursor);
  const char = cursor.text.charAt(cursor.at);
  if (char === '{') return readObject(cursor, depth);
  if (char === '[') return readArray(cursor, depth);
  if (char === "'" || char === '"') return readString(cursor);
  if (char === '-' || (char >= '0' && char <= '9')) return readNumber(cursor);
  return readWord(cursor);
}

function readObject(cursor: Cursor, depth: number): Record<string, unknown> {
  enter(cursor, depth);
  const object: Record<string, unknown> = {};
  for (;;) {
    skipBlanks(cursor);
    if (take(cursor, '}')) return object;
    const key = readKey(cursor);
    skipBlanks(cursor);
    if (!take(cursor, ':')) throw malformed('a key without a value');
    const value = readValue(cursor, depth + 1);
    if (!DROPPED_KEYS.has(key)) object[key] = value;
    skipBlanks(cursor);
    if (take(cursor, '}')) return object;
    if (!take(cursor, ',')) throw malformed('no comma between members');
  }
}

function readArray(cursor: Cursor, depth: number): unknown[] {
  enter(cursor, depth);
  const array: unknown[] = [];
  for (;;) {
    skipBlanks(cursor);
    if (take(cursor, ']')) return array;
    array.push(readValue(cursor, depth + 1));
    skipBlanks(cursor);
    if (take(cursor, ']')) return array;
    if (!take(cursor, ',')) throw malformed('no comma between elements');
  }
}

function enter(cursor: Cursor, depth: number): void {
  if (depth > MAX_DEPTH) throw malformed('too deep');
  cursor.at += 1;
}

function readKey(cursor: Cursor): string {
  const char = cursor.text.charAt(cursor.at);
  if (char === "'" || char === '"') return readString(cursor);
  const start = cursor.at;
  while (IDENTIFIER.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
  if (cursor.at === start) throw malformed('no key');
  return cursor.text.slice(start, cursor.at);
}

/** A quote ends it only when it is the one that opened it and something follows that may follow a string. */
function readString(cursor: Cursor): string {
  const { text } = cursor;
  const quote = text.charAt(cursor.at);
  let value = '';
  let copied = cursor.at + 1;
  for (let at = copied; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') {
      const escaped = readEscape(text, at + 1);
      value += text.slice(copied, at) + escaped.value;
      at = escaped.end - 1;
      copied = escaped.end;
    } else if (char === quote && mayFollow(text, at + 1, ENDS_STRING)) {
      cursor.at = at + 1;
      return value + text.slice(copied, at);
    }
  }
  throw malformed('a string without an end');
}

function readEscape(text: string, at: number): { readonly value: string; readonly end: number } {
  const char = text.charAt(at);
  if (char === '') throw malformed('a string without an end');
  if (char === 'u') {
    const digits = text.slice(at + 1, at + 5);
    if (/^[0-9a-fA-F]{4}$/.test(digits))
      return { value: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 5 };
  }
  return { value: ESCAPES[char] ?? char, end: at + 1 };
}

function readNumber(cursor: Cursor): number | string {
  const { text } = cursor;
  const [literal] = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(text.slice(cursor.at, cursor.at + 64)) ?? [];
  if (literal === undefined) throw malformed('no number');
  cursor.at += literal.length;
  const next = text.charAt(cursor.at);
  // One stray quote, as in the document's list_message.
  if ((next === "'" || next === '"') && mayFollow(text, cursor.at + 1, ENDS_NUMBER)) cursor.at += 1;
  return /^-?\d+$/.test(literal) && !isExactInteger(literal) ? literal : Number(literal);
}

function readWord(cursor: Cursor): boolean | null {
  for (const [word, value] of [
    ['true', true],
    ['false', false],
    ['null', null],
  ] as const) {
    if (!cursor.text.startsWith(word, cursor.at) || IDENTIFIER.test(cursor.text.charAt(cursor.at + word.length)))
      continue;
    cursor.at += word.length;
    return value;
  }
  throw malformed('no value');
}

/** Whether the next character that is no blank is one of these, or the text ends. */
function mayFollow(text: string, from: number, chars: string): boolean {
  let at = from;
  while (at < text.length && BLANK.test(text.charAt(at))) at += 1;
  return at === text.length || chars.includes(text.charAt(at));
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.at < cursor.text.length && BLANK.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
}

function take(cursor: Cursor, char: string): boolean {
  if (cursor.text.charAt(cursor.at) !== char) return false;
  cursor.at += 1;
  return true;
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError('malformed', `no payload: ${reason}`, { reason });
}
