/**
 * The smallest wire on which the kit and the contract suite can be tried: JSON texts over WebSocket, `{id, op, args}` and `{id, ok}` or
 * `{id, error}`, events as `{event, …}`. Sign-in by session secret in the query. Serves no client but this package's tests.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  adminActor,
  type Capacity,
  type ConnectionId,
  type ConversationId,
  DomainError,
  ERROR_CODES,
  LOG_EVENT_TYPES,
  SIGNAL_TYPES,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import {
  type Connection,
  type ConnectionKind,
  checkJsonLimits,
  closeFrame,
  createActor,
  createConnection,
  createDispatcher,
  createOutboxOptions,
  createProjector,
  createRunner,
  createStreamTransport,
  dropped,
  type ErrorTable,
  type Host,
  type Inbox,
  isSignedIn,
  noArgs,
  type Operations,
  operation,
  PROTOCOL_ERROR_CODES,
  type Projection,
  type ProtocolAdapter,
  ProtocolError,
  parseJson,
  type Schema,
  shared,
  textFrame,
  wordFault,
} from '@switchboard/protocol';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

const NAME = 'toy';
const CLOSE = { normal: 1000, shutdown: 1001, slow_consumer: 1013 } as const;

interface ToySession {
  actor: UserActor | null;
}

type Frame = Readonly<Record<string, unknown>>;

const signedIn = isSignedIn<ToySession>;

interface Args {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly text: string;
  readonly ref?: string;
}

const args: Schema<Args> = {
  safeParse: (data) =>
    typeof data === 'object' && data !== null
      ? { success: true, data: data as Args }
      : { success: false, error: { issues: [{ path: [] }] } },
};

type OperationName = 'send' | 'history' | 'read' | 'unread' | 'leave' | 'online' | 'ping';

const operations: Operations<OperationName, ToySession> = {
  send: operation({
    guard: signedIn,
    args,
    run: (core, { actor }, { conversationId, text, ref }) =>
      core.messages.send(actor, { conversationId, text, clientRef: ref ?? null }),
    reply: ({ message }) => ({ id: message.id }),
  }),
  history: operation({
    guard: signedIn,
    args,
    run: (core, { actor }, { conversationId }) =>
      core.messages.list(actor, { conversationId, from: 'oldest', limit: 100 }),
    reply: (messages) => messages.map((message) => message.text),
  }),
  read: operation({
    guard: signedIn,
    args,
    run: async (core, { actor }, { conversationId }) => {
      const [last] = await core.messages.list(actor, { conversationId, from: 'newest', limit: 1 });
      return last ? core.receipts.markUpTo(actor, { kind: 'read', conversationId, messageId: last.id }) : 0;
    },
    answers: 'after',
  }),
  unread: operation({
    guard: signedIn,
    args,
    run: (core, { actor }, { conversationId }) =>
      core.receipts.unreadCounts(actor.userId, { since: 'floor', conversationIds: [conversationId] }),
    reply: (counts, { args: { conversationId } }) => counts.get(conversationId) ?? 0,
  }),
  leave: operation({
    guard: signedIn,
    args,
    run: (core, { actor }, { conversationId }) => core.conversations.leave(actor, conversationId),
    answers: 'first',
  }),
  online: operation({
    guard: signedIn,
    args,
    run: (core, _session, { userId }) => core.presence.statuses([userId]),
    reply: (statuses, { args: { userId } }) => statuses.get(userId) === 'online',
  }),
  ping: operation({ guard: signedIn, args: noArgs, run: () => 'pong' }),
};

const nothing = Object.fromEntries([...LOG_EVENT_TYPES, ...SIGNAL_TYPES].map((type) => [type, dropped('a toy')]));
const said: Partial<Projection<Frame, ToySession>> = {
  'message.sent': shared(({ message }) => [
    { event: 'message', conversationId: message.conversationId, text: message.text },
  ]),
  'receipts.advanced': shared(({ marks, conversationId }) =>
    marks.map(({ userId, kind }) => ({ event: kind, conversationId, userId })),
  ),
  'participant.joined': shared(({ participant, conversationId }) => [
    { event: 'joined', conversationId, userId: participant.userId },
  ]),
  'participant.left': shared(({ participant, conversationId }) => [
    { event: 'left', conversationId, userId: participant.userId },
  ]),
  'presence.changed': shared(({ userId, status }) => [{ event: 'presence', userId, online: status !== 'offline' }]),
};
const projection = { ...nothing, ...said } as Projection<Frame, ToySession>;

const errors = {
  domain: Object.fromEntries(ERROR_CODES.map((code) => [code, code])),
  protocol: Object.fromEntries(PROTOCOL_ERROR_CODES.map((code) => [code, code])),
} as ErrorTable<string>;

const encode = (frame: Frame) => textFrame(JSON.stringify(frame));

export function createToyAdapter(): ProtocolAdapter {
  return { name: NAME, mount };
}

function mount(host: Host): ReturnType<ProtocolAdapter['mount']> {
  const { core, hub, clock, log, metrics, limits } = host;
  const outbox = createOutboxOptions(host, NAME);
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });
  const projector = createProjector({
    protocol: NAME,
    projection,
    lookup: core.directory,
    encode,
    metrics,
    log,
  });
  const runner = createRunner({ protocol: NAME, core, operations, clock, log, metrics });
  const dispatcher = createDispatcher<string, ToySession, unknown>({
    protocol: NAME,
    runner,
    log,
    limits,
    sizeOf: (text) => text.length,
    decode(text) {
      checkJsonLimits(text, { depth: limits.jsonDepth, members: limits.jsonMembers });
      const request = parseJson(text) as { id?: unknown; op?: unknown; args?: unknown };
      if (typeof request?.op !== 'string') throw new ProtocolError('malformed', 'no operation');
      return [{ name: request.op, args: request.args, ref: request.id }];
    },
    answer: (_connection, { ref }, value) => encode({ id: ref, ok: value ?? null }),
    refuse: (_connection, request, fault) =>
      encode({ id: request?.ref ?? null, error: wordFault(errors, fault, undefined) }),
  });
  const kind: ConnectionKind<ToySession> = {
    protocol: NAME,
    wants: () => true,
    goodbye(connection, reason) {
      connection.transport.end(closeFrame(reason in CLOSE ? CLOSE[reason as keyof typeof CLOSE] : 1008, reason));
    },
  };
  let isClosing = false;

  async function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const secret = new URL(request.url ?? '', 'http://toy').searchParams.get('token') ?? '';
    const signIn = await runner.attempt('sign-in', () => core.sessions.authenticate(NAME, secret));
    if (!signIn.ok || isClosing) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const session = signIn.value;
    const viewer = {
      userId: session.userId,
      namespace: NAME,
      capacity: 'member' as Capacity,
      sessionId: session.id,
    };
    server.handleUpgrade(request, socket, head, (ws) => {
      const connection = createConnection<ToySession>({
        id: host.ids.uuid() as ConnectionId,
        kind,
        session: { actor: null },
        viewer,
        issued: session,
        transport: createStreamTransport(socket, clock),
        openedAt: clock.now(),
        outbox,
      });
      connection.session.actor = createActor(viewer, connection.id);
      void serve(ws, connection, dispatcher.open(connection, false));
    });
  }

  async function serve(ws: WebSocket, connection: Connection<ToySession>, inbox: Inbox<string, ToySession>) {
    ws.on('message', (data: RawData) => dispatcher.receive(inbox, String(data)));
    ws.on('error', () => connection.close('protocol_violation'));
    ws.on('close', () => {
      connection.close('normal');
      void hub.remove(connection);
    });
    await hub.add(connection, { graceMs: 0 });
    connection.write(encode({ event: 'ready' }));
    dispatcher.start(inbox);
  }

  host.upgrade({ exact: '/toy' }, (request, socket, head) => void accept(request, socket, head));

  return {
    deliver: projector.deliver,
    async close(reason) {
      isClosing = true;
      await hub.endAll(reason, NAME);
    },
    async issueCredential({ userId, baseUrl }) {
      const issued = await core.sessions.issue(adminActor(), { userId, namespace: NAME, kind: 'opaque' });
      if (!issued.secret) throw new DomainError('internal', 'an opaque session has a secret');
      return {
        sessionId: issued.session.id,
        expiresAt: issued.session.expiresAt,
        connect: { url: `${baseUrl.replace('http', 'ws')}/toy?token=${encodeURIComponent(issued.secret)}` },
      };
    },
  };
}
