/**
 * Bytes ↔ hub messages, both encodings, dressed for the three transports. A chunk holds whole messages only; long lists are one message,
 * written in pieces where the transport can carry pieces. Pure; knows no session and no chat.
 */
import { binaryFrame, textFragment, textFrame } from '@switchboard/protocol';
import type { DecodeLimits, Incoming } from './codec/calls.ts';
import type { HubProtocol } from './codec/handshake.ts';
import { decodeJson, encodeElements, encodeJson, listParts } from './codec/json.ts';
import { decodeMessagePack, encodeElement, encodeList, encodeMessagePack } from './codec/messagepack.ts';
import type { ServerMessage } from './wire.ts';

export type { Call, DecodeLimits, Incoming } from './codec/calls.ts';
export { encodeHandshakeAnswer, HANDSHAKE_LIMIT_BYTES, type HubProtocol, readHandshake } from './codec/handshake.ts';
export { createSplitter, cut, type Splitter } from './codec/splitter.ts';

/** How a transport carries chunks: WebSocket messages, events of a stream, bodies of polls. */
export type Dress = 'ws' | 'sse' | 'poll';
/** A connection's encoding for the kit: dress and hub protocol. Frames are made once for each in use. */
export type Encoding = `${Dress}-${HubProtocol}`;

export function decodeMessage(bytes: Buffer, protocol: HubProtocol, limits: DecodeLimits): Incoming {
  return protocol === 'json' ? decodeJson(bytes, limits) : decodeMessagePack(bytes, limits);
}

export function encodeMessage(message: ServerMessage, encoding: string): Buffer {
  switch (encoding as Encoding) {
    case 'ws-messagepack':
      return binaryFrame(encodeMessagePack(message));
    case 'poll-messagepack':
      return encodeMessagePack(message);
    case 'sse-json':
      return dressText(encodeJson(message), 'sse');
    case 'poll-json':
      return dressText(encodeJson(message), 'poll');
    default:
      return dressText(encodeJson(message), 'ws');
  }
}

/** Text that is a chunk of its own. */
export function dressText(text: string, dress: Dress): Buffer {
  if (dress === 'ws') return textFrame(text);
  return Buffer.from(dress === 'sse' ? `${EVENT_HEAD}${text}${EVENT_TAIL}` : text);
}

/** One unnamed event; our texts hold no line feed. */
const EVENT_HEAD = 'data: ';
const EVENT_TAIL = '\r\n\r\n';

type Pages = AsyncIterable<readonly object[]>;

/**
 * A completion whose result comes in pages. JSON: one chunk when one page is all, else pieces of one, each made when the one before has
 * been taken. MessagePack says lengths first, so the encoded pages are gathered. Rejects before the first piece when the first page
 * cannot be had.
 */
export function encodePages(invocationId: string, pages: Pages, encoding: string): AsyncGenerator<Buffer> {
  const [dress, protocol] = encoding.split('-') as [Dress, HubProtocol];
  return protocol === 'json'
    ? encodeJsonPages(invocationId, pages, dress)
    : encodePackedPages(invocationId, pages, dress);
}

async function* encodeJsonPages(invocationId: string, pages: Pages, dress: Dress): AsyncGenerator<Buffer> {
  const { head, tail } = listParts(invocationId);
  // One page is held back, so that a single one leaves as a whole.
  let held: string | null = null;
  let hasBegun = false;
  for await (const page of pages) {
    if (page.length === 0) continue;
    if (held !== null) {
      yield hasBegun ? dressPiece(`${held},`, 'between', dress) : dressPiece(`${head}${held},`, 'first', dress);
      hasBegun = true;
    }
    held = encodeElements(page);
  }
  yield hasBegun ? dressPiece(`${held ?? ''}${tail}`, 'final', dress) : dressText(`${head}${held ?? ''}${tail}`, dress);
}

function dressPiece(text: string, place: 'first' | 'between' | 'final', dress: Dress): Buffer {
  if (dress === 'ws') return textFragment(text, place);
  if (dress === 'poll') return Buffer.from(text);
  return Buffer.from(`${place === 'first' ? EVENT_HEAD : ''}${text}${place === 'final' ? EVENT_TAIL : ''}`);
}

async function* encodePackedPages(invocationId: string, pages: Pages, dress: Dress): AsyncGenerator<Buffer> {
  const elements: Uint8Array[] = [];
  for await (const page of pages) {
    for (const element of page) elements.push(encodeElement(element));
  }
  const message = encodeList(invocationId, elements);
  yield dress === 'ws' ? binaryFrame(message) : message;
}
