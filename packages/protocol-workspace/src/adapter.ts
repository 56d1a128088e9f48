/**
 * Glue: claims the root namespace and the root path, hands events to the dispatcher and requests to the rows, brings the domain's events to
 * the sockets. Decides nothing about chat.
 */
import { type ConnectionId, type DomainEvent, systemActor } from '@switchboard/core';
import {
  type ConnectionKind,
  createConnection,
  createDispatcher,
  createOutboxOptions,
  createProjector,
  createRunner,
  type Host,
  type Inbox,
  type MountedAdapter,
  type Projector,
  type ProtocolAdapter,
  ProtocolError,
  wordFault,
} from '@switchboard/protocol';
import { type NamespaceSocket, type SocketIoEvent, socketIoHost } from '@switchboard/protocol-socketio';
import { createDeliveryOrder } from './adapter/delivery.ts';
import { createRest } from './adapter/rest.ts';
import { decodeEvent, encodeFrame, type Frame, isKnownEvent, NAMESPACE, type Ref } from './codec.ts';
import { closes, errorEvents, socketErrors } from './errors.ts';
import { createGuests } from './guests.ts';
import { computedUserIds, createNames } from './names.ts';
import { createRestOperations, createSocketOperations, type RestOperationName } from './operations.ts';
import { type WorkspaceAdapterOptions, withDefaults } from './options.ts';
import { createProjection } from './projection.ts';
import { createCredentials } from './session/credentials.ts';
import { createBearers, createSocketSessions, type SocketConnection, type SocketSession } from './session.ts';
import { createViews } from './views.ts';
import { EVENT, OP } from './wire.ts';

export const PROTOCOL = 'workspace';

export function createWorkspaceAdapter(given: WorkspaceAdapterOptions = {}): ProtocolAdapter {
  return { name: PROTOCOL, mount: (host) => mount(host, given) };
}

/** What hangs on a socket once it has said something. */
interface Live {
  readonly connection: SocketConnection;
  readonly inbox: Inbox<SocketIoEvent, SocketSession>;
}

type Socket = NamespaceSocket<Live>;

function mount(host: Host, given: WorkspaceAdapterOptions): MountedAdapter {
  const options = withDefaults(given);
  const { core, hub, clock, log, metrics, limits } = host;
  const names = createNames(core, options.namespace);
  const views = createViews(names, options);
  const sessions = createSocketSessions({ core, hub, names, options });
  const context = { core, hub, names, views, options, now: () => clock.now() };
  const shared = { protocol: PROTOCOL, core, clock, log, metrics, ...(options.rates && { rates: options.rates }) };
  const outbox = createOutboxOptions(host, PROTOCOL);
  core.identities.declare(options.namespace, computedUserIds);

  const dispatcher = createDispatcher<SocketIoEvent, SocketSession, Ref>({
    protocol: PROTOCOL,
    runner: createRunner({ ...shared, operations: createSocketOperations({ ...context, sessions }) }),
    log,
    limits,
    sizeOf: ({ bytes }) => bytes,
    decode(event) {
      const request = decodeEvent(event);
      if (event.name !== OP.broadcast || event.bytes <= options.broadcastLimitBytes) return [request];
      return [{ ...request, args: new ProtocolError('too_large', 'a broadcast too large', { reason: 'broadcast' }) }];
    },
    answer(_connection, { name, ref }, value) {
      if (name !== OP.auth) return null;
      const { transaction } = ref;
      return encodeFrame([EVENT.authSuccess, { ...(value as object), ...(transaction !== null && { transaction }) }]);
    },
    refuse(_connection, request, fault) {
      const name = request?.name ?? '';
      const events = errorEvents(name, wordFault(socketErrors, fault, name), request?.ref.transaction ?? null);
      return Buffer.concat(events.map((event) => encodeFrame(event)));
    },
  });

  const order = createDeliveryOrder({ core, projector: () => projector });
  const projector: Projector<Frame, SocketSession> = createProjector({
    protocol: PROTOCOL,
    projection: createProjection({ names, views, options, statusOf: order.statusOf }),
    lookup: core.directory,
    encode: encodeFrame,
    metrics,
    log,
  });

  const kind: ConnectionKind<SocketSession> = {
    protocol: PROTOCOL,
    takesNotices: true,
    wants: isTold,
    goodbye({ transport }, reason) {
      const socket = transport as Socket;
      if (closes[reason].ends === 'namespace') socket.leave();
      else socket.end();
    },
  };

  /** A socket that has said something: until then it costs nothing of ours. */
  function liven(socket: Socket): Live {
    const session: SocketSession = {
      connection: null,
      actor: null,
      spaceId: null,
      inCall: null,
      callId: null,
      hasLoggedOut: false,
    };
    const connection = createConnection<SocketSession>({
      id: socket.id as ConnectionId,
      kind,
      session,
      transport: socket,
      openedAt: clock.now(),
      outbox,
    });
    session.connection = connection;
    const live = { connection, inbox: dispatcher.open(connection) };
    socket.state = live;
    return live;
  }

  const namespace = socketIoHost(host).claim<Live>(NAMESPACE, {
    connected: () => undefined,
    received(socket, event) {
      if (!isKnownEvent(event)) return;
      const live = socket.state ?? liven(socket);
      dispatcher.receive(live.inbox, event);
    },
    disconnected(socket, hasLeft) {
      const { state } = socket;
      if (!state) return;
      const { connection } = state;
      connection.close('normal');
      sessions.release(connection, hasLeft).catch((error: unknown) => {
        log('error', 'the end of a socket could not be told', { protocol: PROTOCOL, error: String(error) });
      });
    },
  });

  const operations = createRestOperations(context);
  const rest = createRest({
    host,
    options,
    names: Object.keys(operations) as RestOperationName[],
    runner: createRunner({ ...shared, operations }),
    bearers: createBearers(core, options),
    async written() {
      await order.idle();
      // What was pushed in this turn leaves at its end.
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  host.route({ prefix: '/' }, rest.listener);

  const system = () => ({ ...systemActor(), via: options.namespace, namespace: options.namespace });
  const guests = createGuests({ core, clock, log, views, system });

  return {
    deliver: order.deliver,
    async close(reason) {
      guests.close();
      await Promise.all([rest.close(), hub.endAll(reason, PROTOCOL)]);
      await namespace.close();
    },
    issueCredential: createCredentials({ core, names, options }),
  };
}

/** Types that no row says anything of for anybody are not even looked at; the rest is the rows'. */
function isTold(event: DomainEvent, { session }: SocketConnection): boolean {
  switch (event.type) {
    case 'message.sent':
    case 'call.leg_dropped':
      return session.inCall === event.conversationId;
    case 'receipts.advanced':
    case 'message.edited':
    case 'message.deleted':
    case 'message.updated':
    case 'message.hidden':
    case 'typing.changed':
    case 'wire.signal':
      return false;
    default:
      return session.actor !== null;
  }
}
