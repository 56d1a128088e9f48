/**
 * WebSocket frames as a server writes them: unmasked, uncompressed, complete buffers that many connections can share. Reading what
 * clients send is the library's.
 */

export const WS_OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

const FINAL = 0x80;

/** One whole text message. */
export function textFrame(text: string): Buffer {
  return stringFrame(FINAL | WS_OPCODE.text, text);
}

/** One whole binary message. */
export function binaryFrame(payload: Uint8Array): Buffer {
  return frame(FINAL | WS_OPCODE.binary, payload);
}

/** Reason: at most 123 bytes of UTF-8, cut at a character. */
export function closeFrame(code: number, reason = ''): Buffer {
  let text = Buffer.from(reason);
  if (text.length > 123) {
    let end = 123;
    while (end > 0 && ((text[end] as number) & 0xc0) === 0x80) end -= 1;
    text = text.subarray(0, end);
  }
  const payload = Buffer.allocUnsafe(2 + text.length);
  payload.writeUInt16BE(code, 0);
  payload.set(text, 2);
  return frame(FINAL | WS_OPCODE.close, payload);
}

export function pingFrame(payload: Uint8Array = EMPTY): Buffer {
  return frame(FINAL | WS_OPCODE.ping, payload);
}

export function pongFrame(payload: Uint8Array = EMPTY): Buffer {
  return frame(FINAL | WS_OPCODE.pong, payload);
}

/** A piece of one text message that is written as it is read (unlimited lists): first, any number between, final. */
export function textFragment(text: string, place: 'first' | 'between' | 'final'): Buffer {
  const opcode = place === 'first' ? WS_OPCODE.text : WS_OPCODE.continuation;
  return stringFrame(place === 'final' ? FINAL | opcode : opcode, text);
}

const EMPTY = new Uint8Array(0);

function stringFrame(first: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = allocate(first, length);
  bytes.write(text, bytes.length - length, 'utf8');
  return bytes;
}

function frame(first: number, payload: Uint8Array): Buffer {
  const bytes = allocate(first, payload.length);
  bytes.set(payload, bytes.length - payload.length);
  return bytes;
}

function allocate(first: number, length: number): Buffer {
  if (length < 126) {
    const bytes = Buffer.allocUnsafe(2 + length);
    bytes[1] = length;
    bytes[0] = first;
    return bytes;
  }
  if (length < 65_536) {
    const bytes = Buffer.allocUnsafe(4 + length);
    bytes[0] = first;
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
    return bytes;
  }
  const bytes = Buffer.allocUnsafe(10 + length);
  bytes[0] = first;
  bytes[1] = 127;
  bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
  bytes.writeUInt32BE(length >>> 0, 6);
  return bytes;
}

export interface ServerFrame {
  readonly opcode: number;
  readonly final: boolean;
  readonly payload: Buffer;
}

/**
 * Takes frames made here apart again, for a transport that carries messages otherwise (long polling): the bytes must hold whole frames.
 */
export function splitFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const short = bytes[at + 1] as number;
    let length = short;
    let start = at + 2;
    if (short === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (short === 127) {
      length = bytes.readUInt32BE(start) * 2 ** 32 + bytes.readUInt32BE(start + 4);
      start += 8;
    }
    frames.push({
      opcode: first & 0x0f,
      final: (first & FINAL) !== 0,
      payload: bytes.subarray(start, start + length),
    });
    at = start + length;
  }
  return frames;
}
