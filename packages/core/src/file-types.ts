/**
 * What a file is, told by its first bytes and never by a name or a claim. A short table: what chats send and browsers show safely;
 * everything else, markup and scripts among it, is bytes.
 */

export interface FileType {
  readonly contentType: string;
  /** `file`: nothing that a client would show in place. */
  readonly family: 'image' | 'audio' | 'video' | 'file';
  /** Both or neither. */
  readonly width: number | null;
  readonly height: number | null;
}

/** Enough for the size of a JPEG behind large comments and colour profiles. */
export const HEAD_BYTES = 256 * 1_024;

const UNKNOWN: FileType = { contentType: 'application/octet-stream', family: 'file', width: null, height: null };

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Row {
  readonly contentType: string;
  readonly family: FileType['family'];
  readonly matches: (head: Buffer) => boolean;
  readonly size?: (head: Buffer) => Size | null;
}

const TABLE: readonly Row[] = [
  { contentType: 'image/png', family: 'image', matches: starts('\x89PNG\r\n\x1a\n'), size: pngSize },
  { contentType: 'image/jpeg', family: 'image', matches: starts('\xff\xd8\xff'), size: jpegSize },
  { contentType: 'image/gif', family: 'image', matches: either(starts('GIF87a'), starts('GIF89a')), size: gifSize },
  { contentType: 'image/webp', family: 'image', matches: both(starts('RIFF'), has(8, 'WEBP')), size: webpSize },
  { contentType: 'audio/wav', family: 'audio', matches: both(starts('RIFF'), has(8, 'WAVE')) },
  { contentType: 'audio/ogg', family: 'audio', matches: starts('OggS') },
  { contentType: 'audio/mpeg', family: 'audio', matches: either(starts('ID3'), isMpegFrame) },
  { contentType: 'audio/mp4', family: 'audio', matches: either(has(4, 'ftypM4A '), has(4, 'ftypM4B ')) },
  // Pictures in the same container, which few browsers show.
  { contentType: 'image/heic', family: 'file', matches: either(has(4, 'ftypheic'), has(4, 'ftypmif1')) },
  { contentType: 'video/quicktime', family: 'video', matches: has(4, 'ftypqt  ') },
  { contentType: 'video/mp4', family: 'video', matches: has(4, 'ftyp') },
  { contentType: 'video/webm', family: 'video', matches: both(starts('\x1a\x45\xdf\xa3'), mentions('webm', 64)) },
  { contentType: 'application/pdf', family: 'file', matches: starts('%PDF-') },
  { contentType: 'application/zip', family: 'file', matches: either(starts('PK\x03\x04'), starts('PK\x05\x06')) },
];

/** `head`: the first `HEAD_BYTES`, or all when there is less. */
export function fileTypeOf(head: Buffer): FileType {
  const row = TABLE.find(({ matches }) => matches(head));
  if (!row) return UNKNOWN;
  const size = row.size?.(head) ?? null;
  return {
    contentType: row.contentType,
    family: row.family,
    width: size?.width ?? null,
    height: size?.height ?? null,
  };
}

/** As `fileTypeOf` says, but a recording of sound alone comes in the same containers as moving pictures: there the claim decides. */
export function asSound(type: FileType): FileType {
  if (type.family !== 'video' || type.contentType === 'video/quicktime') return type;
  return { ...type, family: 'audio', contentType: type.contentType.replace('video/', 'audio/') };
}

type Test = (head: Buffer) => boolean;

function starts(text: string): Test {
  return has(0, text);
}

function has(offset: number, text: string): Test {
  const bytes = Buffer.from(text, 'latin1');
  return (head) =>
    head.length >= offset + bytes.length && head.compare(bytes, 0, bytes.length, offset, offset + bytes.length) === 0;
}

function mentions(text: string, within: number): Test {
  return (head) => head.subarray(0, within).includes(text, 0, 'latin1');
}

function both(one: Test, other: Test): Test {
  return (head) => one(head) && other(head);
}

function either(one: Test, other: Test): Test {
  return (head) => one(head) || other(head);
}

/** Layer III, with a bit rate and a sampling rate that exist. */
function isMpegFrame(head: Buffer): boolean {
  if (head.length < 4 || head[0] !== 0xff) return false;
  const [, second = 0, third = 0] = head;
  const isLayer3 = (second & 0xe6) === 0xe2 && (second & 0x18) !== 0x08;
  return isLayer3 && third >> 4 !== 0xf && third >> 4 !== 0 && (third & 0x0c) !== 0x0c;
}

function pngSize(head: Buffer): Size | null {
  if (head.length < 24 || head.toString('latin1', 12, 16) !== 'IHDR') return null;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function gifSize(head: Buffer): Size | null {
  return head.length < 10 ? null : { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
}

/** From segment to segment until the one that starts a frame. */
function jpegSize(head: Buffer): Size | null {
  for (let at = 2; at + 9 <= head.length; ) {
    if (head[at] !== 0xff) return null;
    const marker = head[at + 1] ?? 0;
    // Fill bytes.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) };
    at += 2 + head.readUInt16BE(at + 2);
  }
  return null;
}

function webpSize(head: Buffer): Size | null {
  if (head.length < 30) return null;
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    default:
      return null;
  }
}
