import type { DomainEvent, Lookup, PresenceStatus, SpaceId, UserId } from '@switchboard/core';
import {
  type Connection,
  createConnection,
  createFlusher,
  createProjector,
  NO_METRICS,
  type Transport,
} from '@switchboard/protocol';
import { encodeFrame } from './codec.ts';
import { createNames } from './names.ts';
import { createProjection } from './projection.ts';
import type { SocketSession } from './session.ts';
import { createViews } from './views.ts';

const SPACE = 7 as SpaceId;
const options = { namespace: 'workspace', storeMiniChat: true, janusUrl: 'http://janus', janusWsUrl: 'ws://janus' };

const lookup: Lookup = {
  conversation: () => undefined,
  space: () => undefined,
  user: (id) => ({ id, identities: {} }) as never,
};

function setUp() {
  const names = createNames({} as never, options.namespace);
  const views = createViews(names, options);
  const flusher = createFlusher();
  let encoded = 0;
  let writes = 0;

  const transport = (): Transport => ({
    write() {
      writes += 1;
      return true;
    },
    bufferedBytes: () => 0,
    attach() {},
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  });

  function sit(userId: number, spaceId = SPACE): Connection<SocketSession> {
    const session: SocketSession = {
      connection: null,
      actor: { userId } as never,
      spaceId,
      inCall: null,
      callId: null,
      hasLoggedOut: false,
    };
    const kind = { protocol: 'workspace', wants: () => true, goodbye() {} };
    return createConnection({
      id: `socket-${userId}` as never,
      kind,
      session,
      transport: transport(),
      openedAt: 0,
      outbox: { flusher, limitBytes: 1024 * 1024 },
    });
  }

  const projector = createProjector({
    protocol: 'workspace',
    projection: createProjection({ names, views, options, statusOf: () => 'offline' }),
    lookup,
    encode(frame) {
      encoded += 1;
      return encodeFrame(frame);
    },
    metrics: NO_METRICS,
    log: () => undefined,
  });

  return { projector, sit, flusher, cost: () => ({ encoded, writes }) };
}

function presence(userId: number, status: PresenceStatus, manual = false): DomainEvent {
  return {
    type: 'presence.changed',
    transient: true,
    at: 0,
    conversationId: null,
    actorId: userId as UserId,
    via: 'workspace',
    origin: null,
    userId: userId as UserId,
    status,
    previous: 'offline',
    lastSeenAt: null,
    conversationIds: [],
    spaceIds: [SPACE],
    manual,
  };
}

it('tells a thousand of a status by one encoding, and one write to each', () => {
  const { projector, sit, flusher, cost } = setUp();
  const connections = Array.from({ length: 1_000 }, (_, at) => sit(at + 1));
  projector.deliver([{ event: presence(5_000, 'idle'), connections }]);
  flusher.run();
  expect(cost()).toEqual({ encoded: 1, writes: 1_000 });
});

it('tells what falls into one turn by one write to each', () => {
  const { projector, sit, flusher, cost } = setUp();
  const connections = Array.from({ length: 100 }, (_, at) => sit(at + 1));
  projector.deliver(Array.from({ length: 50 }, (_, at) => ({ event: presence(5_000 + at, 'online'), connections })));
  flusher.run();
  expect(cost()).toEqual({ encoded: 50, writes: 100 });
});

it('tells one’s own devices apart, and nobody in another workspace', () => {
  const { projector, sit, flusher, cost } = setUp();
  const frames = (connection: Connection<SocketSession>) =>
    projector.frames(presence(1, 'idle', true), connection).map(([name]) => name);
  expect(frames(sit(1))).toEqual(['online-status-updated', 'my-online-status-updated']);
  expect(frames(sit(1, 9 as SpaceId))).toEqual(['my-online-status-updated']);
  expect(frames(sit(2))).toEqual(['online-status-updated']);
  expect(frames(sit(2, 9 as SpaceId))).toEqual([]);
  flusher.run();
  expect(cost()).toEqual({ encoded: 0, writes: 0 });
});
