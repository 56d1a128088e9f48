/**
 * Glue: claims the namespace, hands events to the dispatcher and domain events to the deliveries, and says goodbye. Decides nothing about
 * chat.
 */
import type { ConnectionId, UnixMs } from '@switchboard/core';
import {
  type Connection,
  type ConnectionKind,
  createConnection,
  createDispatcher,
  createOutboxOptions,
  createProjector,
  createRunner,
  type Fault,
  type Host,
  type Inbox,
  type MountedAdapter,
  type ProtocolAdapter,
  type Request,
  wordFault,
} from '@switchboard/protocol';
import {
  encodeAck,
  encodeEvent,
  type NamespaceSocket,
  type SocketIoEvent,
  socketIoHost,
} from '@switchboard/protocol-socketio';
import { createDeliver, createWants } from './adapter/deliveries.ts';
import { createGroupChanges } from './adapter/group-changes.ts';
import { createLogin } from './adapter/login.ts';
import { decodePayload, type Payload } from './codec.ts';
import { closes, errors } from './errors.ts';
import { createFacts } from './facts.ts';
import { createFriends } from './friends.ts';
import { createOperations } from './operations.ts';
import { type NetaloAdapterOptions, withDefaults } from './options.ts';
import { createProjection } from './projection.ts';
import { createRecent } from './recent.ts';
import { createCredentials } from './session/credentials.ts';
import type { NetaloSession } from './session.ts';
import { createViews } from './views.ts';
import { echoOf, isUpdate, NAMESPACE, OP, PUSH, type Push, REPLIED_AS_EVENT, RESULT, type ResultCode } from './wire.ts';

export const PROTOCOL = 'netalo';

/** Whither an answer goes. */
interface Ref {
  readonly ackId: number | null;
  /** The event's own name, under which some replies are emitted. */
  readonly name: string;
  /** Ids that a refusal repeats. */
  readonly echo: object;
}

type NetaloConnection = Connection<NetaloSession>;

/** What a socket carries of ours. */
interface SocketState {
  readonly connection: NetaloConnection;
  readonly inbox: Inbox<SocketIoEvent, NetaloSession>;
}

type NetaloSocket = NamespaceSocket<SocketState>;

/** Requests that may wait for the sign-in. */
const MOST_EARLY = 100;

export function createNetaloAdapter(given: NetaloAdapterOptions = {}): ProtocolAdapter {
  return { name: PROTOCOL, mount: (host) => mount(host, given) };
}

function mount(host: Host, given: NetaloAdapterOptions): MountedAdapter {
  const options = withDefaults(given);
  const { core, hub, clock, log, metrics, limits } = host;
  const { namespace } = options;
  const views = createViews(options, core.directory);
  const facts = createFacts(core, namespace);
  const friends = createFriends(core);
  const recent = createRecent(core);
  const jsonLimits = { depth: limits.jsonDepth, members: limits.jsonMembers };
  const outbox = createOutboxOptions(host, PROTOCOL);
  core.identities.declare(namespace, options.syntheticUins);

  const encode = ({ name, payload }: Push) => encodeEvent(NAMESPACE, name, payload);
  const encodeLogin = (result: ResultCode) => encode({ name: PUSH.login, payload: { result } });

  const runner = createRunner({
    protocol: PROTOCOL,
    core,
    operations: createOperations({ core, options, views, facts }),
    clock,
    log,
    metrics,
  });

  const dispatcher = createDispatcher<SocketIoEvent, NetaloSession, Ref>({
    protocol: PROTOCOL,
    runner,
    log,
    limits,
    sizeOf: ({ bytes }) => bytes,
    decode: (event, { session }) => [toRequest(event, session)],
    answer: (_connection, { ref }, value) => encodeReply(ref, value as object),
    refuse: (_connection, request, fault) => (request ? encodeReply(request.ref, refusalOf(request.ref, fault)) : null),
  });

  /** A payload that cannot be read is the operation's own fault: it is answered under its acknowledgement. */
  function toRequest(event: SocketIoEvent, session: NetaloSession): Request<Ref> {
    const { name, ackId } = event;
    const ref = { ackId, name, echo: {} };
    if (!runner.find(name)) return { name, args: undefined, ref };
    try {
      if (event.fault) throw event.fault;
      const payload = decodePayload(event.args, jsonLimits);
      session.form = payload.form;
      return {
        name: operationOf(name, payload),
        args: payload.fields,
        ref: { ...ref, echo: echoOf(payload.fields, views.id) },
      };
    } catch (thrown) {
      return { name, args: thrown, ref };
    }
  }

  function refusalOf({ echo }: Ref, fault: Fault): object {
    return { result: wordFault(errors, fault, undefined), ...echo };
  }

  function encodeReply({ ackId, name }: Ref, reply: object): Buffer | null {
    if (ackId !== null) return encodeAck(NAMESPACE, ackId, reply);
    return REPLIED_AS_EVENT.has(name) ? encode({ name, payload: reply }) : null;
  }

  const projector = createProjector({
    protocol: PROTOCOL,
    projection: createProjection({ views, recent, friends, namespace }),
    lookup: core.directory,
    encode,
    metrics,
    log,
  });
  const groupChanges = createGroupChanges({ host, protocol: PROTOCOL, views, facts, encode });
  const deliver = createDeliver({
    protocol: PROTOCOL,
    projector,
    groupChanges,
    recent,
    friends,
    facts,
    views,
    calls: core.calls,
    placeOf: ({ message }) => core.directory.conversation(message.conversationId),
    encode,
    log,
  });

  const sockets = new WeakMap<NetaloConnection, NetaloSocket>();

  const kind: ConnectionKind<NetaloSession> = {
    protocol: PROTOCOL,
    wants: createWants({ views, namespace }),
    goodbye(connection, reason) {
      const socket = sockets.get(connection);
      const { how, login } = closes[reason];
      if (!socket || how === null) return;
      if (login !== null) {
        connection.write(encodeLogin(login));
        refuseWaiting(socket, login);
      }
      if (how === 'leave') socket.leave();
      else socket.end();
    },
  };

  /** What waits for its turn is answered all the same. */
  function refuseWaiting({ state }: NetaloSocket, result: ResultCode): void {
    for (const { ackId, name } of state?.inbox.frames.splice(0) ?? []) {
      const bytes = encodeReply({ ackId, name, echo: {} }, { result });
      if (bytes) state?.connection.write(bytes);
    }
  }

  const login = createLogin({ host, protocol: PROTOCOL, options, views, friends, encode });

  function connected(socket: NetaloSocket): void {
    const connection = createConnection<NetaloSession>({
      id: host.ids.uuid() as ConnectionId,
      kind,
      session: {
        actor: null,
        refusal: null,
        form: 'string',
        tokens: options.rate?.burst ?? 0,
        tokensAt: clock.now(),
      },
      transport: socket,
      openedAt: clock.now(),
      outbox,
    });
    sockets.set(connection, socket);
    const inbox = dispatcher.open(connection, false);
    socket.state = { connection, inbox };
    login.begin(connection, socket.handshake).then(
      (isIn) => {
        if (connection.closed) return;
        if (isIn) dispatcher.start(inbox);
        else refuse(socket, RESULT.expired);
      },
      (error: unknown) => {
        // Told a 2, clients would throw their session away: they are to come back instead.
        log('warn', 'a sign-in could not be judged', { protocol: PROTOCOL, error: String(error) });
        connection.close('shutdown');
      },
    );
  }

  /** Sign-in has failed: whatever is asked is answered so, and the client is sent away in a moment. */
  function refuse(socket: NetaloSocket, result: ResultCode): void {
    const { connection } = socket.state as SocketState;
    connection.session.refusal = result;
    connection.write(encodeLogin(result));
    refuseWaiting(socket, result);
    clock.after(REFUSED_MS, () => {
      if (!connection.closed) socket.leave();
    });
  }

  function received(socket: NetaloSocket, event: SocketIoEvent): void {
    const { state } = socket;
    if (!state || state.connection.closed) return;
    const { connection, inbox } = state;
    const { session } = connection;
    const result = session.refusal ?? (isTooMuch(session, inbox) ? RESULT.limit : null);
    if (result === null) {
      dispatcher.receive(inbox, event);
      return;
    }
    const bytes = encodeReply({ ackId: event.ackId, name: event.name, echo: {} }, { result });
    if (bytes) connection.write(bytes);
  }

  function isTooMuch(session: NetaloSession, inbox: SocketState['inbox']): boolean {
    if (!inbox.isOpen && inbox.frames.length >= MOST_EARLY) return true;
    const { rate } = options;
    if (!rate) return false;
    const now: UnixMs = clock.now();
    session.tokens = Math.min(rate.burst, session.tokens + ((now - session.tokensAt) / 1000) * rate.perSecond);
    session.tokensAt = now;
    if (session.tokens < 1) return true;
    session.tokens -= 1;
    return false;
  }

  function disconnected({ state }: NetaloSocket): void {
    if (!state) return;
    state.connection.close('normal');
    login.end(state.connection).catch((error: unknown) => {
      log('warn', 'a connection could not be ended cleanly', { protocol: PROTOCOL, error: String(error) });
    });
  }

  const { pingIntervalMs, pingTimeoutMs, maxPacketBytes } = given;
  const data = socketIoHost(host, {
    ...(pingIntervalMs !== undefined && { pingIntervalMs }),
    ...(pingTimeoutMs !== undefined && { pingTimeoutMs }),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
  }).claim<SocketState>(NAMESPACE, { headers: ['session'], connected, received, disconnected });

  return {
    deliver,
    async close(reason) {
      await hub.endAll(reason, PROTOCOL);
      await data.close();
      recent.close();
    },
    issueCredential: createCredentials(core, { options, views }),
  };
}

/** How long a client that was not let in may still ask. */
const REFUSED_MS = 500;

/** The document's "Update Group" emits `create_group`: with a group's id it means that. */
function operationOf(name: string, { fields }: Payload): string {
  return name === OP.createGroup && isUpdate(fields) ? OP.updateGroup : name;
}
