/**
 * socket.io packets: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`, as text messages of Engine.IO in both of its revisions.
 * Outwards whole WebSocket frames, so that one encoding serves every reader. Pure; knows no connection and no event's meaning.
 * Wire: socket.io-protocol revisions 3 to 5, which say this part alike.
 */
import { checkJsonLimits, type JsonLimits, ProtocolError, parseJson, textFrame } from '@switchboard/protocol';

export const PACKET = {
  connect: 0,
  disconnect: 1,
  event: 2,
  ack: 3,
  connectError: 4,
  binaryEvent: 5,
  binaryAck: 6,
} as const;

export type PacketType = (typeof PACKET)[keyof typeof PACKET];

/** A packet's head, and its JSON still as text: what it costs to read is known before it is read. */
export interface RawPacket {
  readonly type: PacketType;
  /** With its query, where the client wrote one (`/data?session=…`). */
  readonly namespace: string;
  readonly ackId: number | null;
  /** Binary messages that follow. */
  readonly attachments: number;
  readonly json: string;
}

/** An event as a client emitted it. */
export interface SocketIoEvent {
  readonly name: string;
  /** Behind the name; binary ones are Buffers. */
  readonly args: readonly unknown[];
  /** Null: the client gave no acknowledgement function. */
  readonly ackId: number | null;
  /** Characters and binary bytes it came in. */
  readonly bytes: number;
  /** Above the limits of nesting or number: `args` were not read. */
  readonly fault: ProtocolError | null;
}

/** More binary attachments than any client of these wires sends. */
const MAX_ATTACHMENTS = 16;

const COMMA = 0x2c;
const DASH = 0x2d;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;

/** Throws `malformed`. */
export function parsePacket(text: string): RawPacket {
  const type = text.charCodeAt(0) - ZERO;
  if (!(type >= PACKET.connect && type <= PACKET.binaryAck)) throw malformed('type');
  let at = 1;
  let attachments = 0;
  if (type === PACKET.binaryEvent || type === PACKET.binaryAck) {
    const end = endOfDigits(text, at);
    attachments = Number(text.slice(at, end));
    if (end === at || text.charCodeAt(end) !== DASH || attachments > MAX_ATTACHMENTS) throw malformed('attachments');
    at = end + 1;
  }
  let namespace = '/';
  if (text.charCodeAt(at) === SLASH) {
    const comma = text.indexOf(',', at);
    const end = comma === -1 ? text.length : comma;
    namespace = text.slice(at, end);
    at = end + 1;
  } else if (text.charCodeAt(at) === COMMA) at += 1;
  const end = endOfDigits(text, at);
  if (end - at > 15) throw malformed('acknowledgement');
  const ackId = end > at ? Number(text.slice(at, end)) : null;
  return { type: type as PacketType, namespace, ackId, attachments, json: text.slice(end) };
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) >= ZERO && text.charCodeAt(at) <= NINE) at += 1;
  return at;
}

/** `binaries`: what stands where the packet has placeholders. Throws `malformed`; what is above the limits comes back as a fault. */
export function toEvent(packet: RawPacket, limits: JsonLimits, binaries: readonly Buffer[] = []): SocketIoEvent {
  const bytes = binaries.reduce((sum, { length }) => sum + length, packet.json.length);
  try {
    checkJsonLimits(packet.json, limits);
  } catch (error) {
    const name = /^\["((?:[^"\\]|\\.)*)"/.exec(packet.json)?.[1];
    if (!(error instanceof ProtocolError) || name === undefined) throw malformed('event');
    return { name, args: [], ackId: packet.ackId, bytes, fault: error };
  }
  const payload = parseJson(packet.json);
  if (!Array.isArray(payload)) throw malformed('event');
  const [name, ...args] = packet.type === PACKET.binaryEvent ? payload.map((part) => fillIn(part, binaries)) : payload;
  if (typeof name !== 'string' && typeof name !== 'number') throw malformed('event');
  return { name: String(name), args, ackId: packet.ackId, bytes, fault: null };
}

/** Placeholders become the binaries they stand for. The depth has been checked. */
function fillIn(value: unknown, binaries: readonly Buffer[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => fillIn(part, binaries));
  if ('_placeholder' in value && 'num' in value) {
    const binary = binaries[Number(value.num)];
    if (!binary) throw malformed('attachment');
    return binary;
  }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, fillIn(part, binaries)]));
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError('malformed', 'no socket.io packet', { reason });
}

/** An event for a namespace: the same bytes for clients of both revisions. */
export function encodeEvent(namespace: string, name: string, ...args: readonly unknown[]): Buffer {
  return textFrame(`4${PACKET.event}${head(namespace)}${JSON.stringify([name, ...args])}`);
}

/** The answer to an event that came with an acknowledgement id. */
export function encodeAck(namespace: string, ackId: number, ...args: readonly unknown[]): Buffer {
  return textFrame(`4${PACKET.ack}${head(namespace)}${ackId}${JSON.stringify(args)}`);
}

export function encodeConnect(namespace: string, data?: object): Buffer {
  return textFrame(`4${PACKET.connect}${head(namespace)}${data ? JSON.stringify(data) : ''}`);
}

export function encodeDisconnect(namespace: string): Buffer {
  return textFrame(`4${PACKET.disconnect}${head(namespace)}`);
}

export function encodeConnectError(namespace: string, message: string): Buffer {
  return textFrame(`4${PACKET.connectError}${head(namespace)}${JSON.stringify({ message })}`);
}

function head(namespace: string): string {
  return namespace === '/' ? '' : `${namespace},`;
}
