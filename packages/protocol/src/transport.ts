/**
 * What a connection writes to: described, written to and ended, never read from. For node streams see stream-transport.ts; a wire that
 * polls brings its own.
 */
export interface Drainable {
  /** The transport takes bytes again. */
  drained(): void;
}

export interface Transport {
  /** Hands bytes on. False: it has them, but wants no more until it has called `drained`. */
  write(bytes: Buffer): boolean;
  /** Bytes it holds that the kernel has not taken. */
  bufferedBytes(): number;
  /** Whoever is to hear of drains; called once, at the start. */
  attach(owner: Drainable): void;
  /** Stops and resumes reading from the client, where there is something to read. */
  pause(): void;
  resume(): void;
  /** Writes what it holds and `last`, then closes. Whoever does not read is cut after a few seconds by whoever owns the socket. */
  end(last?: Buffer): void;
  /** Cuts at once. */
  destroy(): void;
}
