/**
 * Plays transcripts against a mounted adapter: events through a published socket.io client, requests by `fetch`. Ids of people and places are
 * those that the files show; time stands still at the moment that they show.
 */
import { adminActor, type Conversation, type Space, type User } from '@switchboard/core';
import {
  type Bindings,
  createFakeClock,
  createFrameQueues,
  createTestCore,
  createTestHost,
  type Json,
  type Transcript,
  type TranscriptDriver,
} from '@switchboard/testing';
import { createWorkspaceAdapter, type WorkspaceAdapterOptions } from '../../src/index.ts';
import { createRest, openSocket, type SocketClient } from '../../testing/driver.ts';

const NOW = Date.parse('2021-03-01T10:00:00Z');

type Step = { readonly do: string; readonly [key: string]: Json };
type Fields = { readonly [key: string]: Json };

export async function createGoldenDriver({ given }: Transcript) {
  const { options = {} } = (given ?? {}) as { options?: WorkspaceAdapterOptions };
  const clock = createFakeClock(NOW);
  const test = await createTestCore({ clock });
  const host = await createTestHost(test, createWorkspaceAdapter(options));
  const { core } = test;
  const admin = adminActor();
  const queues = createFrameQueues();
  const people = new Map<string, User>();
  const spaces = new Map<string, Space>();
  const channels = new Map<string, Conversation>();
  const sockets = new Map<string, SocketClient>();
  const tokens = new Map<string, string>();

  const person = (name: Json) => people.get(String(name).split(':')[0] as string) as User;
  const actor = (name: Json) => test.actor(person(name), { via: 'workspace', namespace: 'workspace' });
  const external = (id: Json | undefined): Record<string, string> => (typeof id === 'string' ? { workspace: id } : {});

  /** The next core id of a kind: the golden files show some. */
  async function setNext(table: 'users' | 'conversations' | 'spaces', id: Json | undefined): Promise<void> {
    if (typeof id === 'number')
      await test.sql(`select setval(pg_get_serial_sequence('${table}', 'id'), $1, false)`, [id]);
  }

  async function signIn(as: string, bindings: Bindings): Promise<string> {
    const { session, secret, refreshSecret } = await core.sessions.issue(admin, {
      userId: person(as).id,
      namespace: 'workspace',
      kind: 'pair',
      accessTtlMs: 3_600_000,
      ttlMs: 31 * 86_400_000,
    });
    tokens.set(as, secret);
    bindings.set(`<token-${as}>`, secret);
    bindings.set(`<refresh-${as}>`, refreshSecret ?? '');
    bindings.set(`<session-${as}>`, session.publicId);
    return secret;
  }

  const steps: Record<string, (step: Fields, bindings: Bindings) => Promise<void>> = {
    async clock({ at }) {
      await clock.advance(Date.parse(at as string) - clock.now());
    },

    async person({ as, id, coreId, name, email, lang }, bindings) {
      await setNext('users', coreId);
      const made = await core.users.create(admin, {
        displayName: name as string,
        ...(typeof lang === 'string' && { language: lang }),
        identities: typeof id === 'string' ? [{ namespace: 'workspace', externalId: id }] : [],
      });
      if (typeof email === 'string') await core.users.setAccount(admin, made.id, { email });
      people.set(as as string, made);
      await signIn(as as string, bindings);
    },

    async workspace({ as, id, coreId, name, by, members }) {
      await setNext('spaces', coreId);
      const { space } = await core.spaces.create(actor(by as Json), {
        kind: 'workspace',
        title: name as string,
        externalIds: external(id),
        members: ((members as readonly Json[] | undefined) ?? []).map((one) => ({
          userId: person(one).id,
          role: 'user',
        })),
      });
      spaces.set(as as string, space);
    },

    async channel({ as, id, coreId, name, by, in: place, isPrivate, members }) {
      await setNext('conversations', coreId);
      const { conversation } = await core.conversations.create(actor(by as Json), {
        kind: 'channel',
        spaceId: spaces.get(place as string)?.id ?? null,
        visibility: isPrivate === true ? 'private' : 'public',
        title: name as string,
        externalIds: external(id),
        participants: ((members as readonly Json[] | undefined) ?? []).map((one) => ({ userId: person(one).id })),
      });
      channels.set(as as string, conversation);
    },

    async join({ who, in: place }) {
      await core.spaces.join(actor(who as Json), (spaces.get(place as string) as Space).id, 'user');
    },
    async leave({ who, in: place }) {
      await core.spaces.removeMember(admin, (spaces.get(place as string) as Space).id, person(who as Json).id);
    },
    async 'bring in'({ who, in: place }) {
      const { id } = channels.get(place as string) as Conversation;
      await core.conversations.addParticipants(admin, id, [{ userId: person(who as Json).id }]);
    },
    /** Online on another wire. */
    async elsewhere({ who }) {
      const there = { ...test.actor(person(who as Json)), connectionId: `elsewhere-${String(who)}` as never };
      await core.presence.connected(there, { graceMs: 0 });
    },
    async 'say elsewhere'({ who, in: place, text }) {
      const { id } = channels.get(place as string) as Conversation;
      await core.messages.send(test.actor(person(who as Json)), { conversationId: id, text: text as string });
    },

    /** A socket that nobody is bound to. */
    async socket({ as }, bindings) {
      const name = as as string;
      const socket = openSocket(host.url, { transports: ['websocket'] });
      await socket.connected();
      sockets.set(name, socket);
      bindings.set(`<socket-${name.replace(':', '-')}>`, socket.id);
      let seen = 0;
      socket.listen(() => {
        for (; seen < socket.heard.length; seen += 1) {
          const { name: event, payload } = socket.heard[seen] as { name: string; payload: Json };
          queues.push(name, { event, payload });
        }
      });
    },

    /** A socket that is bound; what it hears by that is not worth a step of its own. */
    async bind({ as, workspace }, bindings) {
      const name = as as string;
      await steps.socket?.({ as: name }, bindings);
      const token = tokens.get(name.split(':')[0] as string);
      sockets.get(name)?.emit('auth', { token, workspaceId: workspace as string });
      for (;;) {
        const { event } = (await queues.receive(name)) as { event: string };
        if (event === 'auth-success') break;
      }
    },

    async drop({ as }, bindings) {
      const name = as as string;
      const socket = sockets.get(name) as SocketClient;
      const { id } = socket;
      socket.drop();
      await socket.connected(socket.connects + 1);
      bindings.set(`<previous-${name.replace(':', '-')}>`, id);
      bindings.set(`<socket-${name.replace(':', '-')}>`, socket.id);
    },

    /** Everything that is under way has arrived, and is forgotten. */
    async settle({ for: names }) {
      await test.settled();
      for (const name of names as readonly string[]) {
        await roundTrip(name);
        while (queues.left(name).length > 0) await queues.receive(name);
      }
    },
  };

  let trips = 0;
  async function roundTrip(name: string): Promise<void> {
    const socket = sockets.get(name) as SocketClient;
    trips += 1;
    const transaction = `trip-${trips}`;
    socket.emit('auth', { transaction });
    const isTrip = (frame: Json) => (frame as { event: string }).event === `socket-api-error-${transaction}`;
    const kept: Json[] = [];
    for (;;) {
      const frame = await queues.receive(name);
      if (isTrip(frame)) break;
      kept.push(frame);
    }
    // The general error of the pair.
    await queues.receive(name);
    for (const frame of kept) queues.push(name, frame);
  }

  const driver: TranscriptDriver = {
    async send(as, frame) {
      const { event, payload, method, path, body, token } = frame as Fields;
      if (typeof event === 'string') {
        const socket = sockets.get(as) as SocketClient;
        return payload === undefined ? socket.emit(event) : socket.emit(event, payload);
      }
      const rest = createRest(host.url, token === undefined ? (tokens.get(as) ?? null) : (token as string | null));
      // Some answers come only when time has passed.
      void rest.call<Json>(method as string, path as string, body === '' ? undefined : body).then((answer) => {
        const contentType = answer.type.split(';')[0] ?? '';
        queues.push(as, { status: answer.status, contentType, body: answer.body });
      });
    },
    receive: queues.receive,
    closed: async (as) => (sockets.get(as) as SocketClient).ended(),
    async pending(as) {
      await test.settled();
      await roundTrip(as);
      return queues.left(as);
    },
    do: async (step: Step, bindings) => {
      const run = steps[step.do];
      if (!run) throw new Error(`no step "${step.do}"`);
      await run(step, bindings);
    },
  };

  return {
    driver,
    async close() {
      for (const socket of sockets.values()) socket.disconnect();
      await host.close();
      await test.close();
    },
  };
}
