/**
 * Glue: claims the path, lets good requests in, hands frames to the dispatcher and events to the projector. Says what a connection wants to
 * hear; what it may hear is core's. Decides nothing about chat.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConnectionId, DomainEvent } from '@switchboard/core';
import {
  type ConnectionKind,
  createActor,
  createConnection,
  createDispatcher,
  createFlusher,
  createProjector,
  createRunner,
  type Delivery,
  type Host,
  type MountedAdapter,
  type ProtocolAdapter,
  type RoutePath,
  type Transport,
  wordFault,
} from '@switchboard/protocol';
import type { WebSocket } from 'ws';
import { createDoor, refuseRequest, refuseUpgrade } from './adapter/door.ts';
import { createSockets, type EventConnection } from './adapter/sockets.ts';
import { decodeEnvelope, encodeBareText, encodeEnvelope, encodeList, isList } from './codec.ts';
import { errors } from './errors.ts';
import { createRooms } from './operations/rooms.ts';
import { createOperations } from './operations.ts';
import { type EventAdapterOptions, withDefaults } from './options.ts';
import { createProjection } from './projection.ts';
import { createQueue } from './queue.ts';
import { createCredentials } from './session/credentials.ts';
import type { EventSession, SignedIn } from './session.ts';
import { createViews, isShown, ownNumbers } from './views.ts';

export const PROTOCOL = 'event';

export function createEventAdapter(given: EventAdapterOptions): ProtocolAdapter {
  return { name: PROTOCOL, mount: (host) => mount(host, given) };
}

function mount(host: Host, given: EventAdapterOptions): MountedAdapter {
  const options = withDefaults(given);
  const { core, hub, clock, log, metrics, limits } = host;
  const views = createViews(options);
  const queue = createQueue(core, options.queue);
  const rooms = createRooms({ core, options, views, queue });
  const jsonLimits = { depth: limits.jsonDepth, members: limits.jsonMembers };
  const flusher = createFlusher();
  let isClosing = false;
  core.identities.declare(options.namespace, options.syntheticSids, ownNumbers);
  core.conversations.declareIds(options.namespace, options.syntheticApplications, ownNumbers);
  core.presence.attendsByJoining(options.namespace);

  const runner = createRunner({
    protocol: PROTOCOL,
    core,
    operations: createOperations({ core, options, views, rooms, queue }),
    clock,
    log,
    metrics,
    ...(options.rates && { rates: options.rates }),
  });

  const dispatcher = createDispatcher<string, EventSession, null>({
    protocol: PROTOCOL,
    runner,
    log,
    limits,
    sizeOf: (frame) => frame.length,
    decode: (frame) => [{ ...decodeEnvelope(frame, jsonLimits), ref: null }],
    answer: (_connection, { name }, value) =>
      isList(value) ? encodeList(name, value) : encodeEnvelope({ name, ok: true, result: value }),
    refuse(_connection, request, fault) {
      const name = request?.name ?? '';
      const { form, text } = wordFault(errors, fault, name);
      return form === 'bare' ? encodeBareText(text) : encodeEnvelope({ name, ok: false, result: text });
    },
  });

  const projector = createProjector({
    protocol: PROTOCOL,
    projection: createProjection(views),
    lookup: core.directory,
    encode: encodeEnvelope,
    metrics,
    log,
  });

  const door = createDoor({ host, options, queue, runner });
  const sockets = createSockets({ host, options, onFrame: dispatcher.receive, drain: dispatcher.drain, onGone });
  const outbox = {
    flusher,
    limitBytes: limits.outboxBytes,
    onSignalsDropped: (count: number) => metrics.signalsDropped(PROTOCOL, count),
  };

  const kind: ConnectionKind<EventSession> = {
    protocol: PROTOCOL,
    wants: (event, { id, session }) => {
      if (event.type !== 'message.sent') return isAboutLeaving(event, session);
      const { message } = event;
      if (!isShown(message) || event.origin === id) return false;
      if (session.joined?.has(message.conversationId)) return true;
      return (
        session.isModerator &&
        message.waitingForStaff &&
        options.notifyIdleModerators &&
        queue.holds(message.conversationId)
      );
    },
    goodbye(connection, reason) {
      if (reason === 'slow_consumer') metrics.slowConsumer(PROTOCOL);
      sockets.goodbye(connection, reason);
    },
  };

  function open(socket: WebSocket, transport: Transport, signedIn: SignedIn): void {
    const { user, sid, isModerator, requestId, sessionId } = signedIn;
    const id = host.ids.uuid() as ConnectionId;
    const viewer = {
      userId: user.id,
      namespace: options.namespace,
      capacity: isModerator ? ('staff' as const) : ('customer' as const),
      sessionId,
    };
    const actor = createActor(viewer, id);
    // Not the issued session: that its time runs out changes nothing on this wire, its revocation is told by its id.
    const connection = createConnection<EventSession>({
      id,
      kind,
      session: { actor, sid, isModerator, requestId, channels: null, joined: null, isOver: false },
      viewer,
      transport,
      openedAt: clock.now(),
      outbox,
    });
    const inbox = dispatcher.open(connection, false);
    sockets.hold(socket, connection, inbox);
    hub.add(connection, { graceMs: options.graceMs, info: { sid } }).then(
      () => dispatcher.start(inbox),
      (error: unknown) => {
        log('warn', 'a connection could not be registered', { protocol: PROTOCOL, error: String(error) });
        connection.close('shutdown');
      },
    );
  }

  function onGone(connection: EventConnection): void {
    connection.session.isOver = true;
    void hub.remove(connection);
  }

  async function onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    // Node has let go of the socket: unheard, an error on it would end the process.
    stream.on('error', ignore);
    const checked = await door.check(request);
    if (stream.destroyed) return;
    const refusal = 'refusal' in checked ? checked.refusal : isClosing ? 'unavailable' : null;
    if (refusal) {
      log('info', 'a connection was refused', { protocol: PROTOCOL, refusal });
      refuseUpgrade(stream, refusal);
      return;
    }
    stream.off('error', ignore);
    sockets.accept({ request, stream, head }, (socket, transport) => open(socket, transport, checked as SignedIn));
  }

  const path: RoutePath = options.ownPort ? { prefix: '/' } : { exact: options.path };
  host.upgrade(path, (request, socket, head) => {
    onUpgrade(request, socket, head).catch((error: unknown) => {
      log('error', 'an upgrade failed', { protocol: PROTOCOL, error: String(error) });
      socket.destroy();
    });
  });
  host.route(path, (request, response) => {
    door.check(request).then(
      (checked) => refuseRequest(response, 'refusal' in checked ? checked.refusal : 'noUpgrade'),
      (error: unknown) => {
        log('error', 'a request failed', { protocol: PROTOCOL, error: String(error) });
        refuseRequest(response, 'unavailable');
      },
    );
  });

  const queueMade = queue.id().catch((error: unknown) => {
    log('warn', 'the queue could not be made yet', { protocol: PROTOCOL, queue: options.queue, error: String(error) });
  });
  if (host.production && !options.bindSubToSid) {
    log(
      'warn',
      'event: whoever holds a good foreign token may connect as any sid; let the application put the sid into "sub" and set event.bindSubToSid',
      {},
    );
  }

  return {
    deliver(deliveries) {
      for (const delivery of deliveries) letGo(delivery);
      projector.deliver(deliveries);
    },
    async close(reason) {
      isClosing = true;
      await Promise.all([sockets.close(reason), queueMade]);
    },
    issueCredential: createCredentials({ core, clock, options, views }),
  };

  /** Who was taken out of a conversation has joined it no longer. */
  function letGo({ event, connections }: Delivery): void {
    if (event.type !== 'participant.left' && event.type !== 'conversation.deleted') return;
    for (const { session } of connections as readonly EventConnection[]) rooms.letGo(session, event.conversation.id);
  }
}

/** Its own removal, or the end of what it has joined: nothing is said of it, but it is joined no longer. */
function isAboutLeaving(event: DomainEvent, session: EventSession): boolean {
  if (event.type === 'participant.left') return event.participant.userId === session.actor.userId;
  return event.type === 'conversation.deleted' && session.joined?.has(event.conversation.id) === true;
}

function ignore(): void {}
