/**
 * Fan-out alone: one conversation, 1,000 connections that write nowhere, `message.sent` through hub, projector, outbox and flusher.
 * Prints deliveries per second. Knows no wire, socket or store: what is measured is the kit's own cost per reader.
 * Usage: node --import tsx --conditions=source bench/src/fanout-micro.ts [readers] [messages per turn]
 */
import {
  type ConnectionId,
  type Core,
  type DeliveredEvent,
  type EventListener,
  LOG_EVENT_TYPES,
  SIGNAL_TYPES,
  systemClock,
  type UserId,
} from '@switchboard/core';
import {
  createConnection,
  createFlusher,
  createHub,
  createProjector,
  dropped,
  NO_METRICS,
  type Projection,
  shared,
  type Transport,
  textFrame,
} from '@switchboard/protocol';

const readers = Number(process.argv[2] ?? 1_000);
const perTurn = Number(process.argv[3] ?? 1);
const DURATION_MS = 2_000;

let written = 0;
let writes = 0;
const transport: Transport = {
  write(bytes) {
    written += bytes.length;
    writes += 1;
    return true;
  },
  bufferedBytes: () => 0,
  attach() {},
  pause() {},
  resume() {},
  end() {},
  destroy() {},
};

let listener: EventListener | null = null;
const core = {
  directory: {
    conversation: () => undefined,
    space: () => undefined,
    user: () => undefined,
    release() {},
    membershipsOf: () => Promise.resolve({ conversationIds: new Set(), spaces: new Map() }),
  },
  sessions: {},
  events: {
    subscribe(given: EventListener) {
      listener = given;
      return () => undefined;
    },
  },
} as unknown as Core;
const log = () => undefined;
const hub = createHub({ core, clock: systemClock, log, metrics: NO_METRICS });
const nothing = Object.fromEntries([...LOG_EVENT_TYPES, ...SIGNAL_TYPES].map((type) => [type, dropped('')]));
const projection = {
  ...nothing,
  'message.sent': shared((event) =>
    event.type === 'message.sent' ? [{ name: 'message', id: event.message.id, text: event.message.text }] : [],
  ),
} as unknown as Projection<object, null>;
const projector = createProjector<object, null>({
  protocol: 'micro',
  projection,
  lookup: core.directory,
  encode: (frame) => textFrame(JSON.stringify(frame)),
  metrics: NO_METRICS,
  log,
});
hub.register('micro', projector);

const flusher = createFlusher();
const participants = new Set<UserId>();
for (let at = 1; at <= readers; at += 1) {
  participants.add(at as UserId);
  const connection = createConnection<null>({
    id: `c${at}` as ConnectionId,
    kind: { protocol: 'micro', wants: (event, self) => event.transient || event.origin !== self.id, goodbye() {} },
    session: null,
    viewer: { userId: at as UserId, namespace: 'micro', capacity: 'member', sessionId: null },
    transport,
    openedAt: 0,
    outbox: { flusher, limitBytes: 1024 * 1024 },
  });
  await hub.add(connection, null);
}

let position = 0;
const text = 'x'.repeat(200);

function nextEvent(): DeliveredEvent {
  position += 1;
  return {
    event: {
      type: 'message.sent',
      transient: false,
      position,
      origin: 'c1',
      conversationId: 1,
      message: { id: 1_795_176_000_000_000 + position, text },
    } as never,
    audience: {
      participants,
      staffOf: null,
      membersOf: null,
      users: [],
      staffOnly: false,
      namespace: null,
      noticeTo: null,
    },
  };
}

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));
const startedAt = performance.now();
while (performance.now() - startedAt < DURATION_MS) {
  const batch: DeliveredEvent[] = [];
  for (let at = 0; at < perTurn; at += 1) batch.push(nextEvent());
  (listener as EventListener | null)?.onEvents(batch);
  await endOfTurn();
}
const seconds = (performance.now() - startedAt) / 1_000;
const deliveries = position * (readers - 1);
console.log(
  `${readers} readers, ${perTurn} per turn: ${Math.round(deliveries / seconds).toLocaleString('en')} deliveries/s ` +
    `(${Math.round((seconds * 1e9) / deliveries)} ns each, ${(written / writes).toFixed(0)} bytes per write)`,
);
hub.close();
