/** MessagePack hub messages: the length as VarInt, then one array. Pure. Wire: PROTOCOL.md, "MessagePack". */
import { Decoder, decodeTimestampExtension, Encoder, EXT_TIMESTAMP, ExtensionCodec } from '@msgpack/msgpack';
import { MESSAGE, type ServerMessage } from '../wire.ts';
import { CLOSE, type DecodeLimits, IGNORED, type Incoming, malformed, PING, toCall } from './calls.ts';

const KIND = { error: 1, value: 3 } as const;

/** Dates are ISO strings here, as in JSON; other extensions cannot be bound. */
const extensionCodec = new ExtensionCodec();
extensionCodec.register({ type: EXT_TIMESTAMP, encode: () => null, decode: toIso });

const encoder = new Encoder({ ignoreUndefined: true });

/** The body of one message, without its length. Throws `malformed` and `too_deep`. Unknown types are ignored. */
export function decodeMessagePack(bytes: Buffer, limits: DecodeLimits): Incoming {
  const value = parse(bytes, limits);
  if (!Array.isArray(value) || !Number.isInteger(value[0])) throw malformed('no array that begins with a type');
  switch (value[0]) {
    case MESSAGE.invocation:
    case MESSAGE.streamInvocation: {
      // [type, headers, id, target, arguments, streamIds?]
      if (value.length < 5) throw malformed('an invocation with too few elements');
      const [type, , invocationId, target, args, streamIds] = value as readonly unknown[];
      return toCall({ invocationId, target, args, streamIds }, type === MESSAGE.streamInvocation);
    }
    case MESSAGE.ping:
      return PING;
    case MESSAGE.close:
      return CLOSE;
    default:
      return IGNORED;
  }
}

function parse(bytes: Buffer, { depth, members }: DecodeLimits): unknown {
  let value: unknown;
  try {
    // A decoder of its own: one that has failed keeps what it was in the middle of.
    value = new Decoder({ extensionCodec, maxArrayLength: members, maxMapLength: members, maxExtLength: 12 }).decode(
      bytes,
    );
  } catch (error) {
    throw malformed(`no MessagePack: ${error instanceof Error ? error.name : 'unknown'}`);
  }
  if (!isWithin(value, depth)) throw malformed(`nested deeper than ${depth}`);
  return value;
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  const inner = Array.isArray(value) ? value : Object.values(value);
  return inner.every((each) => isWithin(each, depth - 1));
}

function toIso(data: Uint8Array): unknown {
  const date = decodeTimestampExtension(data);
  return date instanceof Date && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}

/** With its length. */
export function encodeMessagePack(message: ServerMessage): Buffer {
  return withLength([encoder.encode(toArray(message))]);
}

function toArray(message: ServerMessage): readonly unknown[] {
  switch (message.type) {
    case MESSAGE.invocation:
      return [1, {}, null, message.target, message.arguments, []];
    case MESSAGE.completion:
      return 'error' in message
        ? [3, {}, message.invocationId, KIND.error, message.error]
        : [3, {}, message.invocationId, KIND.value, message.result];
    case MESSAGE.ping:
      return [6];
    case MESSAGE.close:
      return [7, message.error ?? null, message.allowReconnect ?? false];
  }
}

export function encodeElement(element: object): Uint8Array {
  return encoder.encode(element);
}

/** A completion whose result is a list of elements that have been encoded already. */
export function encodeList(invocationId: string, elements: readonly Uint8Array[]): Buffer {
  const count = Buffer.alloc(5);
  count[0] = 0xdd;
  count.writeUInt32BE(elements.length, 1);
  // An array of five: its last is the list.
  const head = encoder.encode([3, {}, invocationId, KIND.value]);
  const five = Buffer.from(head);
  five[0] = 0x95;
  return withLength([five, count, ...elements]);
}

/** 7 bits a byte, low ones first. */
function withLength(parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const digits: number[] = [];
  let rest = length;
  do {
    digits.push((rest % 128) + (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(digits), ...parts], digits.length + length);
}
