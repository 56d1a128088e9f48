/**
 * The bounded outbox of one connection: what falls into one turn of the event loop leaves in one write; events behind a socket that is
 * not read are counted, lose their signals first, and then cost the connection. Plain data and functions, no closure per connection.
 * Knows neither frames' meaning nor who reads.
 */
import type { CloseReason } from './error-table.ts';
import {
  branchOf,
  bytesOf,
  type Chunk,
  chunksOf,
  createRoot,
  forgetChildren,
  nextNode,
  type RopeNode,
} from './rope.ts';
import type { Drainable, Transport } from './transport.ts';

/** Writes everybody's pending frames at the end of a turn. One per process (or test). */
export interface Flusher {
  root: RopeNode;
  readonly dirty: Outbox[];
  scheduled: boolean;
  readonly run: () => void;
}

export interface OutboxOptions {
  readonly flusher: Flusher;
  /** Events that may wait behind a transport that takes no more. */
  readonly limitBytes: number;
  /** Signals left out because the reader is slow. */
  readonly onSignalsDropped?: (count: number) => void;
}

export interface Outbox extends Drainable {
  readonly transport: Transport;
  readonly options: OutboxOptions;
  /** Whom to close when the bound is exceeded. */
  owner: { close(reason: CloseReason): void } | null;
  /** What waits for the end of this turn. */
  pending: RopeNode | null;
  pendingReplyBytes: number;
  isDirty: boolean;
  /** The transport takes no more until it drains. */
  isBlocked: boolean;
  /** Earlier turns, behind a blocked transport. */
  queue: RopeNode[] | null;
  /** How many want events to wait; they pass at 0. */
  holds: number;
  /** Events that follow a reply (or a replay); null when nothing is held. */
  held: Chunk[] | null;
  /** Counted bytes in `pending`, `queue` and `held` since the transport blocked or holding began. */
  waitingBytes: number;
  waitingSignalBytes: number;
  /** Event bytes of the write that blocked the transport. */
  inFlightBytes: number;
  waiters: (() => void)[] | null;
  /** Takes no more events; what is written now is the goodbye. */
  hasEnded: boolean;
  /** The goodbye has been said. */
  isSealed: boolean;
}

/** More unwritten replies than this make the next operation wait for the end of the turn. */
const REPLY_HIGH_WATER_BYTES = 64 * 1024;
/** Queued turns are joined into writes of about this size. */
const DRAIN_SLICE_BYTES = 64 * 1024;

const NO_BYTES = Buffer.alloc(0);

export function createFlusher(): Flusher {
  const flusher: Flusher = {
    root: createRoot(),
    dirty: [],
    scheduled: false,
    run() {
      flusher.scheduled = false;
      const { root } = flusher;
      // Drains and closes during the loop may make new dirty outboxes: they are appended and served in the same turn.
      for (const outbox of flusher.dirty) flush(outbox);
      flusher.dirty.length = 0;
      flusher.root = createRoot();
      forgetChildren(root);
    },
  };
  return flusher;
}

export function createOutbox(transport: Transport, options: OutboxOptions): Outbox {
  const outbox: Outbox = {
    transport,
    options,
    owner: null,
    pending: null,
    pendingReplyBytes: 0,
    isDirty: false,
    isBlocked: false,
    queue: null,
    holds: 0,
    held: null,
    waitingBytes: 0,
    waitingSignalBytes: 0,
    inFlightBytes: 0,
    waiters: null,
    hasEnded: false,
    isSealed: false,
    drained,
  };
  transport.attach(outbox);
  return outbox;
}

/** An event's frames. May close the connection (`slow_consumer`). */
export function pushEvent(outbox: Outbox, chunk: Chunk): void {
  if (outbox.hasEnded) return;
  if ((outbox.isBlocked || outbox.held) && !admit(outbox, chunk)) return;
  if (outbox.held) outbox.held.push(chunk);
  else append(outbox, chunk);
}

/** Bytes that answer the client. Between the end and the sealing they go straight to the transport: the goodbye itself. */
export function pushReply(outbox: Outbox, bytes: Buffer): void {
  if (outbox.hasEnded) {
    if (!outbox.isSealed) outbox.transport.write(bytes);
    return;
  }
  outbox.pendingReplyBytes += bytes.length;
  append(outbox, { bytes, use: 'reply', position: 0, shared: false });
}

/** From now on events wait (and count) until `releaseEvents` has been called as often; replies pass. */
export function holdEvents(outbox: Outbox): void {
  outbox.holds += 1;
  outbox.held ??= [];
}

/** Lets held events follow, but for those at or before log position `after`, which the stream has from elsewhere. */
export function releaseEvents(outbox: Outbox, after = 0): void {
  if (outbox.holds > 0) outbox.holds -= 1;
  if (after > 0 && outbox.held) outbox.held = outbox.held.filter((chunk) => isLater(outbox, chunk, after));
  if (outbox.holds === 0) letGo(outbox);
}

/**
 * Keeps a place among the events for frames that are still being made: what comes later waits behind them. The answer is called once,
 * with null when there is nothing to say after all.
 */
export function reserve(outbox: Outbox): (chunk: Chunk | null) => void {
  if (outbox.hasEnded) return () => undefined;
  holdEvents(outbox);
  const place: Chunk = { bytes: NO_BYTES, use: 'event', position: 0, shared: false };
  outbox.held?.push(place);
  return (chunk) => {
    // To be admitted may cost others their place, or everybody the connection.
    const isAdmitted = chunk !== null && !outbox.hasEnded && admit(outbox, chunk);
    if (outbox.hasEnded || !outbox.held) return;
    outbox.held.splice(outbox.held.indexOf(place), 1, ...(isAdmitted ? [chunk as Chunk] : []));
    releaseEvents(outbox);
  };
}

function isLater(outbox: Outbox, chunk: Chunk, after: number): boolean {
  if (chunk.position === 0 || chunk.position > after) return true;
  uncount(outbox, chunk);
  return false;
}

function letGo(outbox: Outbox): void {
  const { held } = outbox;
  outbox.held = null;
  if (!held) return;
  for (const chunk of held) {
    if (!outbox.isBlocked) uncount(outbox, chunk);
    append(outbox, chunk);
  }
}

/**
 * Null: the client has been given its replies, go on. Else resolves when it has (or never will). Whoever starts one operation after
 * another asks in between, so that replies never pile up for a client that does not read.
 */
export function whenTaken(outbox: Outbox): Promise<void> | null {
  if (outbox.hasEnded) return null;
  if (!outbox.isBlocked && outbox.pendingReplyBytes < REPLY_HIGH_WATER_BYTES) return null;
  return new Promise((resolve) => {
    outbox.waiters ??= [];
    outbox.waiters.push(resolve);
  });
}

/** Resolves when everything queued so far has left for the kernel, or the connection has ended. */
export function whenFlushed(outbox: Outbox): Promise<void> {
  if (outbox.hasEnded || (!outbox.isBlocked && !outbox.pending && !outbox.queue)) return Promise.resolve();
  return new Promise((resolve) => {
    outbox.waiters ??= [];
    outbox.waiters.push(resolve);
  });
}

/** What waits is handed to the transport (`discard`: thrown away), and nothing more is taken. */
export function endOutbox(outbox: Outbox, discard = false): void {
  if (outbox.hasEnded) return;
  if (!discard) {
    letGo(outbox);
    const nodes = [...(outbox.queue ?? []), ...(outbox.pending ? [outbox.pending] : [])];
    for (const node of nodes) outbox.transport.write(bytesOf(node));
  }
  outbox.hasEnded = true;
  outbox.pending = null;
  outbox.queue = null;
  outbox.held = null;
  wake(outbox);
}

function append(outbox: Outbox, chunk: Chunk): void {
  const { flusher } = outbox.options;
  outbox.pending = nextNode(outbox.pending ?? flusher.root, chunk);
  if (outbox.isDirty) return;
  outbox.isDirty = true;
  flusher.dirty.push(outbox);
  if (flusher.scheduled) return;
  flusher.scheduled = true;
  setImmediate(flusher.run);
}

function flush(outbox: Outbox): void {
  outbox.isDirty = false;
  outbox.pendingReplyBytes = 0;
  const node = outbox.pending;
  outbox.pending = null;
  if (!node) return;
  if (outbox.isBlocked) {
    outbox.queue ??= [];
    outbox.queue.push(node);
    return;
  }
  handOver(outbox, bytesOf(node), node.eventBytes);
  if (!outbox.isBlocked) wake(outbox);
}

function handOver(outbox: Outbox, bytes: Buffer, eventBytes: number): void {
  if (outbox.transport.write(bytes)) return;
  outbox.isBlocked = true;
  outbox.inFlightBytes = eventBytes;
}

/** The transport takes bytes again: earlier turns first, in slices. */
function drained(this: Outbox): void {
  if (this.hasEnded || !this.isBlocked) return;
  this.isBlocked = false;
  this.inFlightBytes = 0;
  while (this.queue && !this.isBlocked) {
    const slice = takeSlice(this.queue);
    if (this.queue.length === 0) this.queue = null;
    let eventBytes = 0;
    for (const node of slice) {
      eventBytes += node.eventBytes;
      this.waitingBytes -= node.eventBytes;
      this.waitingSignalBytes -= node.signalBytes;
    }
    handOver(this, slice.length === 1 ? bytesOf(slice[0] as RopeNode) : Buffer.concat(slice.map(bytesOf)), eventBytes);
  }
  if (this.isBlocked) return;
  // What waits for the end of this turn is not behind the transport any more: only held events still count.
  this.waitingBytes = 0;
  this.waitingSignalBytes = 0;
  for (const chunk of this.held ?? []) count(this, chunk);
  if (!this.pending) wake(this);
}

function takeSlice(queue: RopeNode[]): RopeNode[] {
  let bytes = 0;
  let nodes = 0;
  while (nodes < queue.length && (nodes === 0 || bytes < DRAIN_SLICE_BYTES)) {
    bytes += (queue[nodes] as RopeNode).totalBytes;
    nodes += 1;
  }
  return queue.splice(0, nodes);
}

/** Counts a chunk that will wait; false: it is left out, or the connection has been closed. */
function admit(outbox: Outbox, chunk: Chunk): boolean {
  const { limitBytes } = outbox.options;
  const bytes = chunk.bytes.length;
  // A burst that one turn wrote is in the kernel's hands: it never fills more than half of the bound.
  const inFlight = Math.min(outbox.inFlightBytes, outbox.transport.bufferedBytes(), limitBytes / 2);
  if (outbox.waitingBytes + inFlight + bytes > limitBytes) {
    if (chunk.use === 'signal') {
      outbox.options.onSignalsDropped?.(1);
      return false;
    }
    if (outbox.waitingSignalBytes > 0) dropSignals(outbox);
    if (outbox.waitingBytes + inFlight + bytes > limitBytes) {
      outbox.owner?.close('slow_consumer');
      return false;
    }
  }
  count(outbox, chunk);
  return true;
}

function count(outbox: Outbox, chunk: Chunk): void {
  outbox.waitingBytes += chunk.bytes.length;
  if (chunk.use === 'signal') outbox.waitingSignalBytes += chunk.bytes.length;
}

function uncount(outbox: Outbox, chunk: Chunk): void {
  outbox.waitingBytes -= chunk.bytes.length;
  if (chunk.use === 'signal') outbox.waitingSignalBytes -= chunk.bytes.length;
}

/** Leaves out the signals among what waits: held ones, and those behind a blocked transport. */
function dropSignals(outbox: Outbox): void {
  let dropped = 0;
  const keep = (chunk: Chunk): boolean => {
    if (chunk.use === 'signal') dropped += 1;
    return chunk.use !== 'signal';
  };
  if (outbox.isBlocked) {
    const nodes = [...(outbox.queue ?? []), ...(outbox.pending ? [outbox.pending] : [])];
    const branch = branchOf(nodes.flatMap(chunksOf).filter(keep));
    outbox.queue = branch ? [branch] : null;
    outbox.pending = null;
  }
  outbox.held = outbox.held?.filter(keep) ?? null;
  outbox.waitingBytes -= outbox.waitingSignalBytes;
  outbox.waitingSignalBytes = 0;
  outbox.options.onSignalsDropped?.(dropped);
}

function wake(outbox: Outbox): void {
  const { waiters } = outbox;
  if (!waiters) return;
  outbox.waiters = null;
  for (const resolve of waiters) resolve();
}
