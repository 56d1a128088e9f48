/**
 * A link over polls: what is written waits for the next GET, which takes all of it. One poll at a time; a message that comes in pieces
 * keeps its poll until it is whole. Knows no hub message but where its JSON form ends.
 */
import type { ServerResponse } from 'node:http';
import type { Clock, UnixMs } from '@switchboard/core';
import type { Drainable } from '@switchboard/protocol';
import type { Carrier } from '../link.ts';
import { RECORD_SEPARATOR } from '../wire.ts';
import type { CarrierEvents } from './web-socket.ts';

export interface PollCarrier extends Carrier {
  /** Answered when there is something, or the link has ended. A poll that waits already is answered 204 and gives way. */
  poll(response: ServerResponse): void;
  /** The waiting poll has had its time: 200 and nothing. */
  answerEmpty(): void;
  /** Since when a poll waits; null: none does. */
  readonly polledAt: UnixMs | null;
  /** When the last poll went, or stopped taking what it is answered with. */
  readonly leftAt: UnixMs;
  /** JSON messages may come in pieces, MessagePack's never do. */
  isText: boolean;
}

/** No one keeps these answers. */
export const NO_CACHE = {
  'Cache-Control': 'no-cache, no-store',
  Pragma: 'no-cache',
  Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
} as const;

const DATA_HEADERS = { ...NO_CACHE, 'Content-Type': 'application/octet-stream' } as const;

export function createPollCarrier<Owner>(parts: {
  readonly clock: Clock;
  readonly events: CarrierEvents<Owner>;
  readonly link: Owner;
  readonly setPaused: (link: Owner, isPaused: boolean) => void;
  /** The goodbye was taken, or is waited for no more. */
  readonly onDone: (link: Owner) => void;
}): PollCarrier {
  const { clock, events, link, setPaused, onDone } = parts;
  let owner: Drainable | null = null;
  let waiting: ServerResponse | null = null;
  /** The answer that carries a message of which pieces are still to come. */
  let open: ServerResponse | null = null;
  let queue: Buffer[] = [];
  let queuedBytes = 0;
  let isGathering = false;
  let isWaitedFor = false;
  let hasEnded = false;
  let polledAt: UnixMs | null = null;
  let leftAt = clock.now();
  let blockedAt: UnixMs | null = null;

  function takeWaiting(): ServerResponse | null {
    const response = waiting;
    waiting = null;
    polledAt = null;
    leftAt = clock.now();
    return response;
  }

  function isWhole(bytes: Buffer): boolean {
    return !carrier.isText || bytes[bytes.length - 1] === RECORD_SEPARATOR;
  }

  /** Gives what is queued to the poll that waits. */
  function hand(): void {
    if (!waiting || queue.length === 0) return;
    const bytes = queue.length === 1 ? (queue[0] as Buffer) : Buffer.concat(queue, queuedBytes);
    queue = [];
    queuedBytes = 0;
    const response = takeWaiting();
    if (!response) return;
    if (isWhole(bytes)) {
      response.writeHead(200, { ...DATA_HEADERS, 'Content-Length': bytes.length });
      response.end(bytes);
      return;
    }
    open = response;
    response.writeHead(200, DATA_HEADERS);
    response.on('drain', tellDrained);
    response.on('close', () => {
      // Half a message cannot be sent again.
      if (open === response) destroy();
    });
    if (!response.write(bytes)) block();
  }

  function block(): void {
    isWaitedFor = true;
    blockedAt = clock.now();
    events.onBlocked(link, true);
  }

  function tellDrained(): void {
    if (!isWaitedFor) return;
    isWaitedFor = false;
    blockedAt = null;
    events.onBlocked(link, false);
    owner?.drained();
  }

  function writeOn(response: ServerResponse, bytes: Buffer): boolean {
    if (isWhole(bytes)) {
      open = null;
      leftAt = clock.now();
      response.end(bytes);
      return true;
    }
    const isTaking = response.write(bytes);
    if (!isTaking) block();
    return isTaking;
  }

  function answer204(response: ServerResponse | null): void {
    response?.writeHead(204, NO_CACHE).end();
  }

  /** Everything has been taken: the client hears that it is over. */
  function finish(): void {
    if (queue.length > 0 || open) return;
    const response = takeWaiting();
    if (!response) return;
    answer204(response);
    onDone(link);
  }

  function destroy(): void {
    hasEnded = true;
    queue = [];
    queuedBytes = 0;
    const interrupted = open;
    open = null;
    interrupted?.destroy();
    answer204(takeWaiting());
    events.onGone(link);
  }

  const carrier: PollCarrier = {
    dress: 'poll',
    isText: true,
    get polledAt() {
      return polledAt;
    },
    get leftAt() {
      return open ? (blockedAt ?? clock.now()) : leftAt;
    },

    poll(response) {
      answer204(takeWaiting());
      waiting = response;
      polledAt = clock.now();
      response.on('error', ignore);
      response.on('close', () => {
        // The client let go of it; what is queued waits for its next one.
        if (waiting === response) takeWaiting();
      });
      isGathering = true;
      tellDrained();
      isGathering = false;
      hand();
      if (hasEnded) finish();
    },

    answerEmpty() {
      takeWaiting()
        ?.writeHead(200, { ...DATA_HEADERS, 'Content-Length': 0 })
        .end();
    },

    write(bytes) {
      if (hasEnded) return true;
      events.onSent(link);
      if (open) return writeOn(open, bytes);
      queue.push(bytes);
      queuedBytes += bytes.length;
      if (isGathering) return true;
      hand();
      if (queue.length === 0) return !isWaitedFor;
      isWaitedFor = true;
      return false;
    },
    bufferedBytes: () => queuedBytes,
    attach(given) {
      owner = given;
    },
    pause: () => setPaused(link, true),
    resume: () => setPaused(link, false),
    end(last) {
      if (hasEnded) return;
      if (last) carrier.write(last);
      hasEnded = true;
      finish();
    },
    destroy,
  };
  return carrier;
}

function ignore(): void {}
