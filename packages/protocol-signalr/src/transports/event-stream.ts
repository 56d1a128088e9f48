/** A link over an open response of server-sent events; what the client says comes by POST. Knows no hub message. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '@switchboard/core';
import { createStreamTransport, type Drainable } from '@switchboard/protocol';
import type { Carrier } from '../link.ts';
import type { CarrierEvents } from './web-socket.ts';

/** A comment: browsers fire their open event. */
const FIRST_BYTES = ':\r\n';

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache,no-store',
  Pragma: 'no-cache',
  'Content-Encoding': 'identity',
  // Proxies that gather answers let this one pass.
  'X-Accel-Buffering': 'no',
} as const;

export function createStreamCarrier<Owner>(
  response: ServerResponse,
  parts: {
    readonly clock: Clock;
    readonly events: CarrierEvents<Owner>;
    readonly link: Owner;
    /** Of the POSTs. */
    readonly setPaused: (link: Owner, isPaused: boolean) => void;
  },
): Carrier {
  const { clock, events, link, setPaused } = parts;
  response.writeHead(200, HEADERS);
  response.write(FIRST_BYTES);
  response.on('close', () => events.onGone(link));
  response.on('error', ignore);
  const stream = createStreamTransport(response, clock);
  return {
    dress: 'sse',
    write(bytes) {
      events.onSent(link);
      const isTaking = stream.write(bytes);
      if (!isTaking) events.onBlocked(link, true);
      return isTaking;
    },
    bufferedBytes: () => stream.bufferedBytes(),
    attach(owner: Drainable) {
      response.on('drain', () => {
        events.onBlocked(link, false);
        owner.drained();
      });
    },
    pause: () => setPaused(link, true),
    resume: () => setPaused(link, false),
    end: (last) => stream.end(last),
    destroy: () => stream.destroy(),
  };
}

function ignore(): void {}
