/**
 * A stream of bytes cut into hub messages, wherever its chunks begin and end; what is incomplete waits, up to the limit. Plain data and
 * functions: an idle connection keeps no buffer. Knows no message.
 */
import { RECORD_SEPARATOR } from '../wire.ts';

/** Where messages end: behind a separator, or after as many bytes as their VarInt says. */
export type Framing = 'separated' | 'prefixed';

export interface Splitter {
  framing: Framing;
  /** The beginning of a message whose end has not come. */
  waiting: Buffer | null;
  waitingBytes: number;
}

export function createSplitter(framing: Framing = 'separated'): Splitter {
  return { framing, waiting: null, waitingBytes: 0 };
}

/** What a splitter found in a chunk. */
export interface Cut {
  /** One message, without separator or length. May be a view of the chunk. */
  readonly message: Buffer;
  /** What of the chunk comes after it. */
  readonly rest: Buffer;
}

/**
 * The next message, if the chunk completes one; null: everything has been kept. Throws `RangeError` for a message above the limit, or a
 * length that is none.
 */
export function cut(splitter: Splitter, chunk: Buffer, limitBytes: number): Cut | null {
  return splitter.framing === 'separated'
    ? cutSeparated(splitter, chunk, limitBytes)
    : cutPrefixed(splitter, chunk, limitBytes);
}

function cutSeparated(splitter: Splitter, chunk: Buffer, limitBytes: number): Cut | null {
  const end = chunk.indexOf(RECORD_SEPARATOR);
  if (splitter.waitingBytes + (end === -1 ? chunk.length : end) > limitBytes) throw tooLong(limitBytes);
  if (end === -1) {
    keep(splitter, chunk);
    return null;
  }
  const rest = chunk.subarray(end + 1);
  if (splitter.waitingBytes === 0) return { message: chunk.subarray(0, end), rest };
  keep(splitter, chunk.subarray(0, end));
  return { message: takeWaiting(splitter), rest };
}

const LONGEST_PREFIX = 5;

function cutPrefixed(splitter: Splitter, chunk: Buffer, limitBytes: number): Cut | null {
  const before = splitter.waitingBytes;
  const prefix = readPrefix(splitter, chunk);
  if (!prefix) {
    if (before + chunk.length >= LONGEST_PREFIX) throw new RangeError('a length of more than five bytes');
    keep(splitter, chunk);
    return null;
  }
  if (prefix.length > limitBytes) throw tooLong(limitBytes);
  const total = prefix.bytes + prefix.length;
  if (before + chunk.length < total) {
    keep(splitter, chunk);
    return null;
  }
  const rest = chunk.subarray(total - before);
  if (before === 0) return { message: chunk.subarray(prefix.bytes, total), rest };
  keep(splitter, chunk.subarray(0, total - before));
  return { message: takeWaiting(splitter).subarray(prefix.bytes), rest };
}

/** The length at the beginning of what waits and the chunk after it; null while it is incomplete. */
function readPrefix({ waiting, waitingBytes }: Splitter, chunk: Buffer): { bytes: number; length: number } | null {
  let length = 0;
  for (let at = 0; at < LONGEST_PREFIX; at += 1) {
    const byte = at < waitingBytes ? waiting?.[at] : chunk[at - waitingBytes];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if ((byte & 0x80) === 0) return { bytes: at + 1, length };
  }
  return null;
}

/** Doubles its room as it grows: a message in many small pieces costs no more than one in few. */
function keep(splitter: Splitter, chunk: Buffer): void {
  if (chunk.length === 0) return;
  const bytes = splitter.waitingBytes + chunk.length;
  if (!splitter.waiting || splitter.waiting.length < bytes) {
    const room = Buffer.allocUnsafe(Math.max(bytes, (splitter.waiting?.length ?? 0) * 2));
    splitter.waiting?.copy(room, 0, 0, splitter.waitingBytes);
    splitter.waiting = room;
  }
  chunk.copy(splitter.waiting, splitter.waitingBytes);
  splitter.waitingBytes = bytes;
}

function takeWaiting(splitter: Splitter): Buffer {
  const message = (splitter.waiting ?? Buffer.alloc(0)).subarray(0, splitter.waitingBytes);
  splitter.waiting = null;
  splitter.waitingBytes = 0;
  return message;
}

function tooLong(limitBytes: number): RangeError {
  return new RangeError(`a message above ${limitBytes} bytes`);
}
