/**
 * Bytes ↔ wire messages: the envelope inwards, answers and events outwards, long lists in fragments of one WebSocket message. Pure; knows
 * no session and no chat. Wire: PROTOCOL.md, "Frames".
 */
import { checkJsonLimits, type JsonLimits, ProtocolError, textFragment, textFrame } from '@switchboard/protocol';
import type { Envelope, MessageObject } from './wire.ts';

/** What a client asks. `args` are an object with lower-case members, or null for arguments that no operation can read. */
export interface EnvelopeIn {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>> | null;
}

/**
 * Throws `malformed` (`reason` is what follows "message parsing error: "), `too_deep` and `too_large`. Unreadable arguments are no fault
 * of the frame: whoever parses them says so under the operation's own name.
 */
export function decodeEnvelope(frame: string, limits: JsonLimits): EnvelopeIn {
  const value = parse(frame, limits);
  if (value === INVALID) throw malformed('invalid JSON');
  if (value === null) return { name: '', args: null };
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed('not an object');
  const { name, args } = lowerKeys(value);
  if (name !== undefined && name !== null && typeof name !== 'string') throw malformed('name is no string');
  return { name: name ?? '', args: decodeArgs(args, limits) };
}

/** A string that is itself JSON, or the object; a string `null` is an empty object, as in Go. */
function decodeArgs(args: unknown, limits: JsonLimits): Readonly<Record<string, unknown>> | null {
  const value = typeof args === 'string' ? (parse(args, limits) ?? {}) : args;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return lowerKeys(value);
}

const INVALID = Symbol('no JSON');

function parse(text: string, limits: JsonLimits): unknown {
  checkJsonLimits(text, limits);
  try {
    return JSON.parse(text);
  } catch {
    return INVALID;
  }
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError('malformed', 'no envelope', { reason });
}

/** Without a prototype: whatever a member is called, it is only a member. */
function lowerKeys(value: object): Record<string, unknown> {
  const lowered: Record<string, unknown> = Object.create(null);
  for (const [key, member] of Object.entries(value)) lowered[key.toLowerCase()] = member;
  return lowered;
}

export function encodeEnvelope(envelope: Envelope): Buffer {
  return textFrame(JSON.stringify(envelope));
}

/** The bare JSON string that answers what is no envelope, or none this wire knows. */
export function encodeBareText(text: string): Buffer {
  return textFrame(JSON.stringify(text));
}

/**
 * `{"name":…,"ok":true,"result":{"Messages":[…]}}` from pages: one frame when one page is all, else one message in fragments, each made
 * when the one before has been taken. Rejects before the first fragment when the first page cannot be had.
 */
export async function* encodeMessagePages(
  name: string,
  pages: AsyncIterable<readonly MessageObject[]>,
): AsyncGenerator<Buffer> {
  const head = `{"name":${JSON.stringify(name)},"ok":true,"result":{"Messages":[`;
  const tail = ']}}';
  // One page is held back, so that a single one leaves as a whole.
  let held: string | null = null;
  let hasBegun = false;
  for await (const page of pages) {
    if (page.length === 0) continue;
    if (held !== null) {
      yield hasBegun ? textFragment(`${held},`, 'between') : textFragment(`${head}${held},`, 'first');
      hasBegun = true;
    }
    held = page.map((message) => JSON.stringify(message)).join(',');
  }
  yield hasBegun ? textFragment(`${held ?? ''}${tail}`, 'final') : textFrame(`${head}${held ?? ''}${tail}`);
}
