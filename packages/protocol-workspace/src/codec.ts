/**
 * socket.io events ↔ this wire's: which of a client's events are operations, how an event is written. The packets themselves are the
 * host's. Pure. Wire: PROTOCOL.md, "Frames".
 */
import { ProtocolError, type Request } from '@switchboard/protocol';
import { encodeEvent, type SocketIoEvent } from '@switchboard/protocol-socketio';
import { OP, type SocketOperationName } from './wire.ts';

export const NAMESPACE = '/';

/** One server event: its name and its single argument. */
export type Frame = readonly [name: string, payload: unknown];

/** What an answer needs of the call it belongs to: the correlation id to echo. */
export interface Ref {
  readonly transaction: string | null;
}

const KNOWN: ReadonlySet<string> = new Set<SocketOperationName>(Object.values(OP));

/** Names that this wire does not know are passed over in silence. */
export function isKnownEvent({ name }: SocketIoEvent): boolean {
  return KNOWN.has(name);
}

/** `logout` carries nothing, everything else an object. Anything else is left to the operation's own check. */
export function decodeEvent({ name, args, fault }: SocketIoEvent): Request<Ref> {
  const [payload] = args;
  if (fault) return { name, args: fault, ref: { transaction: null } };
  return { name, args: payload, ref: { transaction: transactionOf(payload) } };
}

/** A text, or a number in its decimal form; null when there is none that could be echoed. */
function transactionOf(payload: unknown): string | null {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return null;
  const { transaction } = payload as { readonly transaction?: unknown };
  if (typeof transaction === 'string') return transaction;
  return typeof transaction === 'number' ? String(transaction) : null;
}

/** A payload above its limit, or unreadable: as the fault it is. */
export function requireReadable(payload: unknown): void {
  if (payload instanceof ProtocolError) throw payload;
}

export function encodeFrame([name, payload]: Frame): Buffer {
  return encodeEvent(NAMESPACE, name, payload);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#039;': "'",
};

/** What is typed into the mini-chat comes escaped: undone once. */
export function decodeMiniChat(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#039);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** Clients show the text as HTML: nothing in it may become a tag or an entity; ordinary text stays as it is. */
export function encodeMiniChat(text: string): string {
  return text.replace(/&(?=#\d+;|#[xX][0-9a-fA-F]+;|[a-zA-Z][a-zA-Z0-9]*;)/g, '&amp;').replaceAll('<', '&lt;');
}
