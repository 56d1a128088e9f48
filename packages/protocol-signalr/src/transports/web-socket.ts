/**
 * A link over a raw socket after its upgrade: prebuilt frames out, pieces of messages in. Says and hears the closing handshake. Knows no
 * hub message.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '@switchboard/core';
import { closeFrame, type Drainable, pongFrame } from '@switchboard/protocol';
import type { Carrier } from '../link.ts';
import { createFrameReader, type FrameReader, type FrameSink, readFrames } from './frame-reader.ts';

/** How long the client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5_000;

export const CLOSE_CODE = { normal: 1000, internal: 1011 } as const;

/** What a carrier tells its link. */
export interface CarrierEvents<Owner> {
  onBytes(owner: Owner, bytes: Buffer): void;
  /** Called once: the client is gone, by its own doing or another's. */
  onGone(owner: Owner): void;
  onSent(owner: Owner): void;
  /** The transport takes no more, or takes again. */
  onBlocked(owner: Owner, isBlocked: boolean): void;
}

/** Plain data: no closure is kept for an idle connection. */
interface SocketCarrier<Owner> extends Carrier, FrameSink {
  readonly socket: Duplex;
  readonly clock: Clock;
  readonly reader: FrameReader;
  readonly events: CarrierEvents<Owner>;
  readonly link: Owner;
  owner: Drainable | null;
  /** Our close frame has left. */
  hasClosed: boolean;
  closeCode: number;
}

const carriers = new WeakMap<Duplex, SocketCarrier<unknown>>();

/** `head`: what came right behind the upgrade; it is read before this returns. */
export function createSocketCarrier<Owner>(
  socket: Duplex,
  parts: { readonly clock: Clock; readonly events: CarrierEvents<Owner>; readonly link: Owner },
): SocketCarrier<Owner> {
  const carrier: SocketCarrier<Owner> = {
    dress: 'ws',
    socket,
    clock: parts.clock,
    events: parts.events,
    link: parts.link,
    reader: createFrameReader(),
    owner: null,
    hasClosed: false,
    closeCode: CLOSE_CODE.normal,
    write,
    bufferedBytes,
    attach,
    pause,
    resume,
    end,
    destroy,
    data,
    ping,
    close,
    violation,
  };
  carriers.set(socket, carrier as SocketCarrier<unknown>);
  socket.on('data', onData);
  socket.on('drain', onDrain);
  socket.on('end', onEnd);
  socket.on('close', onClose);
  socket.on('error', onError);
  return carrier;
}

type Any = SocketCarrier<unknown>;

function onData(this: Duplex, chunk: Buffer): void {
  const carrier = carriers.get(this);
  if (carrier) readFrames(carrier.reader, chunk, carrier);
}

function onDrain(this: Duplex): void {
  const carrier = carriers.get(this);
  carrier?.events.onBlocked(carrier.link, false);
  carrier?.owner?.drained();
}

/** The client sends nothing more: without a close frame before it, it was cut. */
function onEnd(this: Duplex): void {
  this.end();
}

function onClose(this: Duplex): void {
  const carrier = carriers.get(this);
  if (!carrier) return;
  carriers.delete(this);
  carrier.events.onGone(carrier.link);
}

/** `close` follows. */
function onError(): void {}

function write(this: Any, bytes: Buffer): boolean {
  const { socket, events, link } = this;
  if (this.hasClosed || socket.destroyed || socket.writableEnded) return true;
  events.onSent(link);
  const isTaking = socket.write(bytes);
  if (!isTaking) events.onBlocked(link, true);
  return isTaking;
}

function bufferedBytes(this: Any): number {
  return this.socket.writableLength;
}

function attach(this: Any, owner: Drainable): void {
  this.owner = owner;
}

function pause(this: Any): void {
  this.socket.pause();
}

function resume(this: Any): void {
  this.socket.resume();
}

/** Closes with a handshake, and cuts when the client does not answer. */
function end(this: Any, last?: Buffer): void {
  if (last) this.write(last);
  sayClose(this, this.closeCode);
  // What holds its bytes back does not keep it from answering.
  this.socket.resume();
}

function destroy(this: Any): void {
  this.socket.destroy();
}

function sayClose(carrier: Any, code: number): void {
  const { socket, clock } = carrier;
  if (carrier.hasClosed || socket.destroyed) return;
  carrier.hasClosed = true;
  if (!socket.writableEnded) socket.write(closeFrame(code));
  const cancel = clock.after(CLOSE_TIMEOUT_MS, () => socket.destroy());
  socket.once('close', cancel);
}

function data(this: Any, payload: Buffer): void {
  this.events.onBytes(this.link, payload);
}

function ping(this: Any, payload: Buffer): void {
  if (!this.hasClosed && !this.socket.writableEnded) this.socket.write(pongFrame(payload));
}

/** The client's close, or its answer to ours. */
function close(this: Any, code: number | null): void {
  const isSayable = code !== null && code !== 1005 && code !== 1006 && code !== 1015 && code >= 1000 && code < 5000;
  if (!this.hasClosed) sayClose(this, isSayable ? code : CLOSE_CODE.normal);
  this.socket.end();
}

function violation(this: Any, code: number): void {
  sayClose(this, code);
  this.socket.end();
}
