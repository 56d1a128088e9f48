/**
 * Glue: claims the hub's paths, makes the kit's connection when hands were shaken, hands messages to the dispatcher and frames to the
 * transports. Decides nothing about chat.
 */
import {
  type CloseReason,
  type Connection,
  type ConnectionKind,
  createConnection,
  createDispatcher,
  createOutboxOptions,
  createProjector,
  createRunner,
  type Host,
  type MountedAdapter,
  type ProtocolAdapter,
  ProtocolError,
  wordFault,
} from '@switchboard/protocol';
import { type Call, decodeMessage, type Encoding, encodeMessage, encodePages, type HubProtocol } from './codec.ts';
import { createCredentials } from './credentials.ts';
import { errors } from './errors.ts';
import { createHttpSurface } from './http.ts';
import { type HubMessage, type Link, VIOLATION } from './link.ts';
import { connectionIdOf, createLinks, type OpenLink } from './links.ts';
import { createOperations } from './operations.ts';
import { type SignalrAdapterOptions, withDefaults } from './options.ts';
import { createProjection, wants } from './projection.ts';
import { createReadMessages } from './read-messages.ts';
import { createSession, createVerifier, type SignalrSession } from './session.ts';
import type { PollCarrier } from './transports/long-polling.ts';
import { createViews } from './views.ts';
import { MESSAGE } from './wire.ts';

export const PROTOCOL = 'signalr';

/** How long goodbyes may take: a client between two polls comes back for its own. */
const GOODBYE_MS = 2_000;

type HubConnection = Connection<SignalrSession>;

export function createSignalrAdapter(given: SignalrAdapterOptions = {}): ProtocolAdapter {
  return { name: PROTOCOL, mount: (host) => mount(host, given) };
}

function mount(host: Host, given: SignalrAdapterOptions): MountedAdapter {
  const options = withDefaults(given);
  const { core, hub, clock, ids, log, metrics, limits } = host;
  const views = createViews(options);
  const verifier = createVerifier(core, given.verifier);
  const outbox = createOutboxOptions(host, PROTOCOL);
  const wanting = { directory: core.directory, echoNewMessageToCaller: options.echoNewMessageToCaller };
  const linkOf = new WeakMap<HubConnection, Link>();
  let isClosing = false;
  core.identities.declare(options.namespace, options.syntheticIdentities);

  const runner = createRunner({
    protocol: PROTOCOL,
    core,
    operations: createOperations({
      core,
      hub,
      verifier,
      options,
      views,
      tell: ({ connection }, message) => connection.write(encodeMessage(message, connection.encoding)),
    }),
    clock,
    log,
    metrics,
    ...(given.rates && { rates: given.rates }),
  });

  const dispatcher = createDispatcher<HubMessage, SignalrSession, Call>({
    protocol: PROTOCOL,
    runner,
    log,
    limits,
    sizeOf: (message) => (message === VIOLATION ? 0 : message.length),
    decode(message, connection) {
      const link = linkOf.get(connection);
      if (!link) return [];
      if (message === VIOLATION) throw new ProtocolError('too_large', 'a hub message above the limit');
      const incoming = decodeMessage(message, link.protocol, { depth: limits.jsonDepth, members: limits.jsonMembers });
      switch (incoming.kind) {
        case 'call':
          return [{ name: incoming.call.name, args: incoming.args, ref: incoming.call }];
        case 'ping':
          heedPing(link);
          return [];
        case 'close':
          connection.close('normal');
          return [];
        case 'ignored':
          return [];
      }
    },
    answer(connection, { ref: { invocationId } }, value) {
      if (invocationId === null) return null;
      if (isPages(value)) return inPieces(connection, encodePages(invocationId, value, connection.encoding));
      return encodeMessage({ type: MESSAGE.completion, invocationId, result: value ?? null }, connection.encoding);
    },
    refuse(connection, request, fault) {
      if (!request) {
        connection.close('protocol_violation');
        return null;
      }
      const { ref } = request;
      if (ref.invocationId === null) return null;
      const error = wordFault(errors, fault, ref);
      return encodeMessage({ type: MESSAGE.completion, invocationId: ref.invocationId, error }, connection.encoding);
    },
  });

  const projector = createProjector({
    protocol: PROTOCOL,
    // Knows which messages an event is about by the time that it is handed on.
    projection: createProjection({ views, readMessages: { of: (event) => readMessages.of(event) } }),
    lookup: core.directory,
    encode: encodeMessage,
    metrics,
    log,
  });

  const readMessages = createReadMessages({
    core,
    handOn: projector.deliver,
    onError: (error) =>
      log('warn', 'a change of marks could not be told', { protocol: PROTOCOL, error: String(error) }),
  });

  const kind: ConnectionKind<SignalrSession> = {
    protocol: PROTOCOL,
    wants: (event, connection) => wants(event, connection, wanting),
    goodbye(connection, reason) {
      const link = linkOf.get(connection);
      if (link) links.end(link, reason);
    },
  };

  const links = createLinks({
    clock,
    ids,
    options,
    open: openConnection,
    receive: dispatcher.receive,
    gone(connection) {
      connection.close('normal');
      void hub.remove(connection);
    },
  });

  function openConnection(link: Link, protocol: HubProtocol): OpenLink {
    const { carrier } = link;
    if (!carrier) throw new Error('hands are shaken over a transport');
    if (carrier.dress === 'poll') (carrier as PollCarrier).isText = protocol === 'json';
    const encoding: Encoding = `${carrier.dress}-${protocol}`;
    const session = createSession();
    const connection = createConnection<SignalrSession>({
      id: connectionIdOf(link),
      kind,
      session,
      encoding,
      transport: carrier,
      openedAt: link.openedAt,
      outbox,
    });
    session.connection = connection;
    linkOf.set(connection, link);
    return { connection, inbox: dispatcher.open(connection) };
  }

  /** From its first ping on, a client's silence counts. */
  function heedPing(link: Link): void {
    if (link.hasPinged) return;
    link.hasPinged = true;
    links.schedule(link);
  }

  const surface = createHttpSurface({ host, options, links, isClosing: () => isClosing });
  const path = { prefix: options.path, lenient: true };
  host.route(path, surface.onRequest);
  host.upgrade(path, surface.onUpgrade);

  return {
    deliver: (deliveries) => readMessages.deliver(deliveries),

    async close(reason: CloseReason) {
      isClosing = true;
      for (const link of [...links.all]) {
        if (link.connection) link.connection.close(reason);
        else link.carrier?.destroy();
      }
      const cancel = clock.after(GOODBYE_MS, () => {
        for (const link of [...links.all]) link.carrier?.destroy();
      });
      await links.whenEmpty();
      cancel();
      links.close();
    },

    issueCredential: createCredentials({ core, options, views }),
  };
}

function isPages(value: unknown): value is AsyncIterable<readonly object[]> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** While the pieces of a message are written nothing may come between them, not even a ping. */
async function* inPieces({ session }: HubConnection, pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    for await (const piece of pieces) {
      session.isInPieces = true;
      yield piece;
    }
    session.isInPieces = false;
  } finally {
    // Left before its end, the message stays half: nothing can be said after it.
    await pieces.return(undefined);
  }
}
