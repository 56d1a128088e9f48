/**
 * WebSocket frames as clients write them, read as they come: payload bytes are handed on piece by piece, so that nothing of a message is
 * kept here however long it is. RFC 6455 §5. Plain data; knows no socket and no message.
 */
import { WS_OPCODE } from '@switchboard/protocol';

export interface FrameSink {
  /** A piece of a text or binary message. */
  data(payload: Buffer): void;
  ping(payload: Buffer): void;
  /** The close frame's code, null when it has none. Nothing is read after it. */
  close(code: number | null): void;
  /** The client breaks the rules: the connection is over, with this code. */
  violation(code: number): void;
}

export interface FrameReader {
  /** Bytes of a header that has not come whole. */
  header: Buffer | null;
  /** Null between frames. */
  frame: Frame | null;
  /** A message has begun and its last frame has not come. */
  isFragmented: boolean;
  hasEnded: boolean;
}

interface Frame {
  readonly opcode: number;
  readonly mask: readonly [number, number, number, number];
  left: number;
  /** Bytes unmasked so far. */
  done: number;
  /** Of a control frame. */
  control: Buffer | null;
}

const LONGEST_HEADER = 14;
const MOST_OF_CONTROL = 125;
const VIOLATION = { protocol: 1002, tooBig: 1009 } as const;

export function createFrameReader(): FrameReader {
  return { header: null, frame: null, isFragmented: false, hasEnded: false };
}

/** Reads a chunk. Payload is unmasked in place: the chunk is the reader's own. */
export function readFrames(reader: FrameReader, chunk: Buffer, sink: FrameSink): void {
  let rest = chunk;
  while (rest.length > 0 && !reader.hasEnded) {
    rest = reader.frame ? readPayload(reader, reader.frame, { rest, sink }) : readHeader(reader, rest, sink);
  }
}

function readHeader(reader: FrameReader, chunk: Buffer, sink: FrameSink): Buffer {
  const before = reader.header?.length ?? 0;
  const bytes = reader.header ? Buffer.concat([reader.header, chunk.subarray(0, LONGEST_HEADER)]) : chunk;
  const length = bytes.length < 2 ? Infinity : headerLength(bytes[1] as number);
  if (bytes.length < length) {
    reader.header = Buffer.from(bytes);
    return chunk.subarray(chunk.length);
  }
  reader.header = null;
  const fault = begin(reader, bytes);
  if (fault !== null) {
    reader.hasEnded = true;
    sink.violation(fault);
    return chunk.subarray(chunk.length);
  }
  const rest = chunk.subarray(length - before);
  // An empty frame is complete at once.
  return reader.frame?.left === 0 ? readPayload(reader, reader.frame, { rest, sink }) : rest;
}

function headerLength(second: number): number {
  // Without a mask it is refused, whatever follows.
  if ((second & 0x80) === 0) return 2;
  const short = second & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4;
}

/** Checks the header and makes it the current frame; answers the code of what is wrong with it. */
function begin(reader: FrameReader, bytes: Buffer): number | null {
  const first = bytes[0] as number;
  const second = bytes[1] as number;
  const opcode = first & 0x0f;
  const isFinal = (first & 0x80) !== 0;
  const isControl = opcode >= 8;
  const short = second & 0x7f;
  // No extension was agreed upon, and clients mask.
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return VIOLATION.protocol;
  if (isControl) {
    const isKnown = opcode === WS_OPCODE.close || opcode === WS_OPCODE.ping || opcode === WS_OPCODE.pong;
    if (!isKnown || !isFinal || short > MOST_OF_CONTROL) return VIOLATION.protocol;
  } else {
    const isContinuation = opcode === WS_OPCODE.continuation;
    if (opcode > WS_OPCODE.binary || isContinuation !== reader.isFragmented) return VIOLATION.protocol;
    reader.isFragmented = !isFinal;
  }
  let left = short;
  let at = 2;
  if (short === 126) {
    left = bytes.readUInt16BE(2);
    at = 4;
  } else if (short === 127) {
    left = bytes.readUInt32BE(2) * 2 ** 32 + bytes.readUInt32BE(6);
    at = 10;
  }
  if (!Number.isSafeInteger(left)) return VIOLATION.tooBig;
  reader.frame = {
    opcode,
    mask: [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number],
    left,
    done: 0,
    control: isControl ? Buffer.allocUnsafe(left) : null,
  };
  return null;
}

function readPayload(
  reader: FrameReader,
  frame: Frame,
  { rest, sink }: { readonly rest: Buffer; readonly sink: FrameSink },
): Buffer {
  const piece = rest.subarray(0, Math.min(frame.left, rest.length));
  const { mask } = frame;
  for (let at = 0; at < piece.length; at += 1) {
    piece[at] = (piece[at] as number) ^ (mask[(frame.done + at) & 3] as number);
  }
  if (frame.control) frame.control.set(piece, frame.done);
  frame.done += piece.length;
  frame.left -= piece.length;
  const isComplete = frame.left === 0;
  if (isComplete) reader.frame = null;
  if (!frame.control) {
    if (piece.length > 0) sink.data(piece);
  } else if (isComplete) obey(reader, frame.opcode, { payload: frame.control, sink });
  return rest.subarray(piece.length);
}

function obey(
  reader: FrameReader,
  opcode: number,
  { payload, sink }: { readonly payload: Buffer; readonly sink: FrameSink },
): void {
  if (opcode === WS_OPCODE.ping) sink.ping(payload);
  if (opcode !== WS_OPCODE.close) return;
  reader.hasEnded = true;
  if (payload.length === 1) sink.violation(VIOLATION.protocol);
  else sink.close(payload.length === 0 ? null : payload.readUInt16BE(0));
}
