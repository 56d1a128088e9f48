/** What a client's message asks for, whichever encoding it came in: the shape that both decoders end in. Pure. */
import { ProtocolError } from '@switchboard/protocol';
import { OPERATION_NAMES } from '../wire.ts';

/** A call as its answer needs it. */
export interface Call {
  /** The operation's own name where it is known, else the target. */
  readonly name: string;
  /** As the client wrote it. */
  readonly target: string;
  /** Null: no answer of any kind is wanted. */
  readonly invocationId: string | null;
  readonly isStream: boolean;
  /** Streams that the client wants to send along. */
  readonly streams: number;
}

export type Incoming =
  /** `args` undefined: they cannot be bound to any operation. */
  | { readonly kind: 'call'; readonly call: Call; readonly args: readonly unknown[] | undefined }
  | { readonly kind: 'ping' | 'close' | 'ignored' };

export interface DecodeLimits {
  readonly depth: number;
  readonly members: number;
}

export const IGNORED: Incoming = { kind: 'ignored' };
export const PING: Incoming = { kind: 'ping' };
export const CLOSE: Incoming = { kind: 'close' };

export function malformed(message: string): ProtocolError {
  return new ProtocolError('malformed', message);
}

export interface RawCall {
  readonly invocationId: unknown;
  readonly target: unknown;
  readonly args: unknown;
  readonly streamIds: unknown;
}

/** Null and "" are no id; null arguments are none, null streams too. Throws `malformed` for members of another kind. */
export function toCall(raw: RawCall, isStream: boolean): Incoming {
  const { target, args = [], streamIds = [], invocationId } = raw;
  if (typeof target !== 'string') throw malformed('an invocation without a target');
  if (args !== null && !Array.isArray(args)) throw malformed('arguments that are no array');
  if (streamIds !== null && !Array.isArray(streamIds)) throw malformed('streamIds that are no array');
  if (invocationId != null && typeof invocationId !== 'string') throw malformed('an invocationId that is no string');
  const streams = streamIds?.length ?? 0;
  const call: Call = {
    name: OPERATION_NAMES.get(target.toLowerCase()) ?? target,
    target,
    invocationId: invocationId || null,
    isStream,
    streams,
  };
  const isBindable = !isStream && streams === 0 && isKeepable(args ?? []);
  return { kind: 'call', call, args: isBindable ? (args ?? []).map(lowerMembers) : undefined };
}

/** Members of argument objects are compared without regard to case; what lies deeper is nobody's but the client's. */
function lowerMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // Without a prototype: whatever a member is called, it is only a member.
  const lowered: Record<string, unknown> = Object.create(null);
  for (const [key, member] of Object.entries(value)) lowered[key.toLowerCase()] = member;
  return lowered;
}

/** Whether everything in it can be given back as it came: no number beyond 2^53 - 1, nothing that JSON has no form for. */
function isKeepable(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    case 'object':
      if (value === null) return true;
      if (Array.isArray(value)) return value.every(isKeepable);
      return isPlain(value) && Object.values(value).every(isKeepable);
    default:
      return false;
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
