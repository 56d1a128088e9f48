/**
 * Bytes ↔ wire messages: the envelope inwards, answers and events outwards, long lists in fragments of one WebSocket message. Pure; knows
 * no session and no chat. Wire: PROTOCOL.md §3.
 */
import { checkJsonLimits, type JsonLimits, ProtocolError, textFragment, textFrame } from '@switchboard/protocol';
import type { Envelope } from './wire.ts';

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
  const value = parseWithin(frame, limits);
  if (value === null) return { name: '', args: null };
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed('not an object');
  const { name, args } = lowerKeys(value);
  if (name !== undefined && name !== null && typeof name !== 'string') throw malformed('name is no string');
  return { name: name ?? '', args: toArgs(typeof args === 'string' ? readArgs(args, limits) : args) };
}

function parseWithin(text: string, limits: JsonLimits): unknown {
  checkJsonLimits(text, limits);
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('invalid JSON');
  }
}

/** A string that is itself JSON; a string `null` is an empty object, as in Go. Undefined for one that cannot be read. */
function readArgs(text: string, limits: JsonLimits): unknown {
  try {
    return parseWithin(text, limits) ?? {};
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function toArgs(value: unknown): EnvelopeIn['args'] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? lowerKeys(value) : null;
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError('malformed', 'no envelope', { reason });
}

/** Without a prototype: whatever a member is called, it is only a member. Of several spellings the last counts. */
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

/** A list of any length under its member's name: `{"Messages": […]}`, read page by page. */
export interface List {
  readonly member: 'conversations' | 'Messages';
  readonly pages: AsyncIterable<readonly object[]>;
}

export function isList(value: unknown): value is List {
  return typeof value === 'object' && value !== null && 'pages' in value && 'member' in value;
}

/** From this length on an answer is written as it is read. */
const FRAGMENT_LENGTH = 64 * 1024;

/**
 * A short list is one frame; a longer one is one message in fragments, each made when the one before has been taken. Rejects before the
 * first fragment when the first page cannot be had.
 */
export async function* encodeList(name: string, { member, pages }: List): AsyncGenerator<Buffer> {
  let text = `{"name":${JSON.stringify(name)},"ok":true,"result":{"${member}":[`;
  let isFirstItem = true;
  let hasBegun = false;
  for await (const page of pages) {
    for (const item of page) {
      if (text.length >= FRAGMENT_LENGTH) {
        yield textFragment(text, hasBegun ? 'between' : 'first');
        hasBegun = true;
        text = '';
      }
      text += isFirstItem ? JSON.stringify(item) : `,${JSON.stringify(item)}`;
      isFirstItem = false;
    }
  }
  text += ']}}';
  yield hasBegun ? textFragment(text, 'final') : textFrame(text);
}
