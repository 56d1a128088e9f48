/**
 * A transport over a node stream: a raw socket after its upgrade, or an open HTTP response. Plain data and shared functions: no closure
 * per stream. Knows no frames.
 */
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@switchboard/core';
import type { Drainable, Transport } from './transport.ts';

export interface StreamTransport extends Transport {
  readonly stream: Writable;
  readonly clock: Clock;
}

/** How long a stream that has been ended may take to empty itself before it is cut. */
const LINGER_MS = 3_000;

/** Errors of the stream are its owner's: whoever makes the transport listens for `error` and `close`. */
export function createStreamTransport(stream: Writable, clock: Clock): StreamTransport {
  return { stream, clock, write, bufferedBytes, attach, pause, resume, end, destroy };
}

const owners = new WeakMap<Writable, Drainable>();

function onDrain(this: Writable): void {
  owners.get(this)?.drained();
}

function write(this: StreamTransport, bytes: Buffer): boolean {
  const { stream } = this;
  // Gone or going: whoever owns the stream hears of it; what is written now has no reader.
  if (stream.destroyed || stream.writableEnded) return true;
  return stream.write(bytes);
}

function bufferedBytes(this: StreamTransport): number {
  return this.stream.writableLength;
}

function attach(this: StreamTransport, owner: Drainable): void {
  owners.set(this.stream, owner);
  this.stream.on('drain', onDrain);
}

function pause(this: StreamTransport): void {
  if (isReadable(this.stream)) this.stream.pause();
}

function resume(this: StreamTransport): void {
  if (isReadable(this.stream)) this.stream.resume();
}

function end(this: StreamTransport, last?: Buffer): void {
  const { stream } = this;
  if (stream.destroyed) return;
  if (!stream.writableEnded) {
    if (last) stream.end(last);
    else stream.end();
  }
  const cancel = this.clock.after(LINGER_MS, () => stream.destroy());
  stream.once('close', cancel);
}

function destroy(this: StreamTransport): void {
  this.stream.destroy();
}

function isReadable(stream: Writable): stream is Writable & Readable {
  return 'pause' in stream && 'resume' in stream;
}
