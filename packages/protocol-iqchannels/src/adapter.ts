/**
 * Glue: claims the paths of both APIs, hands calls to the runner and listeners to the streams, and brings events to whoever listens.
 * Decides nothing about chat.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UserActor } from '@switchboard/core';
import {
  type CloseReason,
  createCallers,
  createRunner,
  type Host,
  type MountedAdapter,
  type ProtocolAdapter,
} from '@switchboard/protocol';
import { createFacts } from './facts.ts';
import { createTransfer } from './files/transfer.ts';
import { createHttp } from './http.ts';
import { createAccess } from './operations/access.ts';
import { createOperations } from './operations.ts';
import { type IqchannelsAdapterOptions, withDefaults } from './options.ts';
import { createCredentials } from './session/credentials.ts';
import { createSessions, type IqSession } from './session.ts';
import { createDelivery } from './streams/delivery.ts';
import { createListeners } from './streams/listeners.ts';
import { createRepeats, isRepeat } from './streams/repeats.ts';
import { createTargets, type StreamName } from './streams/targets.ts';
import { unreadOf } from './streams/unread.ts';
import { createViews } from './views.ts';
import { PREFIX, STREAM_ROUTES } from './wire.ts';

export const PROTOCOL = 'iqchannels';

export function createIqchannelsAdapter(given: IqchannelsAdapterOptions = {}): ProtocolAdapter {
  return { name: PROTOCOL, mount: (host) => mount(host, given) };
}

/** How long a stream waits for this node to have come as far as its client, before it goes on live. */
const UNTIL_SEEN_MS = 2_000;

function mount(host: Host, given: IqchannelsAdapterOptions): MountedAdapter {
  const options = withDefaults(given);
  const { core, clock, log, metrics } = host;
  if (host.production && options.openOperator !== null) {
    throw new Error('iqchannels.openOperator lets anybody act as an operator: it is refused in production');
  }

  const facts = createFacts(core, clock);
  const now = () => clock.now();
  const views = createViews({ lookup: core.directory, facts, options, now });
  const sessions = createSessions({ core, options, now });
  const callers = createCallers({ core, clock, ids: host.ids, log, graceMs: options.graceMs });
  const repeats = createRepeats({ core, views, log });

  /** What was committed may take a moment to arrive; that it does not come is no reason to call a success a failure. */
  async function caughtUp(actor: UserActor): Promise<void> {
    if (actor.lastPosition === 0) return;
    await core.events
      .delivered(actor.lastPosition)
      .catch((error: unknown) =>
        log('warn', 'answered before its own events', { protocol: PROTOCOL, error: String(error) }),
      );
  }

  const context = {
    core,
    clock,
    log,
    options,
    production: host.production,
    views,
    facts,
    sessions,
    caughtUp,
    repeat: repeats.repeat,
    seen: callers.seen,
  };
  const runner = createRunner({
    protocol: PROTOCOL,
    core,
    operations: createOperations(context),
    clock,
    log,
    metrics,
    ...(options.rates && { rates: options.rates }),
  });

  const delivery = createDelivery({
    protocol: PROTOCOL,
    views,
    facts,
    lookup: core.directory,
    clock,
    metrics,
    log,
    unread: unreadOf(core.directory, options.namespace),
  });

  const listeners = createListeners({
    host,
    protocol: PROTOCOL,
    options,
    sessions,
    runner,
    openTarget: createTargets({ core }, createAccess(context)),
    replays: {
      core,
      views,
      untilSeen(position) {
        return new Promise((resolve) => {
          const cancel = clock.after(UNTIL_SEEN_MS, resolve);
          core.events.delivered(position).then(
            () => {
              cancel();
              resolve();
            },
            () => undefined,
          );
        });
      },
    },
  });

  const app = createHttp({
    host,
    options,
    runner,
    sessions,
    views,
    listeners,
    transfer: createTransfer({ core, options, log }),
    seen(session: IqSession) {
      if (session.actor && session.part) {
        const { userId, namespace, capacity, sessionId } = session.actor;
        callers.seen({ userId, namespace, capacity, sessionId });
      }
    },
  });

  const prefixes = [PREFIX.client, PREFIX.operator, ...(options.widgetDir === null ? [] : [PREFIX.widget])];
  for (const prefix of prefixes) host.route({ prefix }, (request, response) => app(request, response));
  host.route({ exact: PREFIX.bare }, (request, response) => app(request, response));

  host.upgrade({ prefix: `${PREFIX.operator}/ws` }, (request, socket, head) => {
    const wanted = socketTarget(request);
    if (wanted) listeners.openSocket(request, socket, head, { api: 'operator', ...wanted });
    else answerNotFound(socket);
  });

  return {
    deliver(deliveries) {
      for (const one of deliveries) {
        if (!isRepeat(one.event)) continue;
        repeats
          .deliver({ event: one.event, connections: [...one.connections] })
          .catch((error: unknown) => log('warn', 'a repeated message was not told again', { error: String(error) }));
      }
      delivery.deliver(deliveries);
    },

    async close(reason: CloseReason) {
      delivery.close();
      await listeners.close(reason);
      await callers.close();
      facts.close();
    },

    issueCredential: createCredentials({ core, options, sessions }),
  };
}

function socketTarget(request: IncomingMessage): { readonly name: StreamName; readonly param: string } | null {
  const path = request.url?.split('?')[0] ?? '';
  for (const name of ['chat', 'channel', 'user'] as const) {
    const prefix = `${PREFIX.operator}/ws/${STREAM_ROUTES[name]}/`;
    if (!path.startsWith(prefix)) continue;
    const param = path.slice(prefix.length);
    if (/^[^/]+$/.test(param)) return { name, param: safeDecode(param) };
  }
  return null;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function answerNotFound(socket: Duplex): void {
  socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
}
