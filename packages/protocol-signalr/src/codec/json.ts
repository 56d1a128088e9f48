/** JSON hub messages: one object each, the record separator after it. Pure. Wire: PROTOCOL.md, "JSON". */
import { isUtf8 } from 'node:buffer';
import { checkJsonLimits, parseJson } from '@switchboard/protocol';
import { MESSAGE, type ServerMessage } from '../wire.ts';
import { CLOSE, type DecodeLimits, IGNORED, type Incoming, malformed, PING, toCall } from './calls.ts';

const RS = '\x1e';

/** One message without its separator. Throws `malformed`, `too_deep`, `too_large`. Unknown types are ignored. */
export function decodeJson(bytes: Buffer, limits: DecodeLimits): Incoming {
  if (!isUtf8(bytes)) throw malformed('not UTF-8');
  const text = bytes.toString('utf8');
  checkJsonLimits(text, limits);
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not an object');
  const { type, invocationId, target, arguments: args, streamIds } = value as Readonly<Record<string, unknown>>;
  if (!Number.isInteger(type)) throw malformed('a message without a type');
  switch (type) {
    case MESSAGE.invocation:
    case MESSAGE.streamInvocation:
      return toCall({ invocationId, target, args, streamIds }, type === MESSAGE.streamInvocation);
    case MESSAGE.ping:
      return PING;
    case MESSAGE.close:
      return CLOSE;
    default:
      return IGNORED;
  }
}

/** With its separator. Members in the order in which they were made: streaming parsers bind as they read. */
export function encodeJson(message: ServerMessage): string {
  return JSON.stringify(message) + RS;
}

/** What stands around the elements of a completion whose result is a list. */
export function listParts(invocationId: string): { readonly head: string; readonly tail: string } {
  return { head: `{"type":3,"invocationId":${JSON.stringify(invocationId)},"result":[`, tail: `]}${RS}` };
}

export function encodeElements(elements: readonly object[]): string {
  return elements.map((element) => JSON.stringify(element)).join(',');
}
