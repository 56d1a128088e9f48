/**
 * Plays transcripts against a mounted adapter: people on raw WebSockets whose frames are hub messages as they stand on the wire (or
 * `{"messagepackHex": …}`), and plain HTTP. Knows nothing of the adapter's codec.
 */
import { adminActor, DomainError, type SessionId, type TokenVerifier } from '@switchboard/core';
import { createSignalrAdapter } from '@switchboard/protocol-signalr';
import {
  type Bindings,
  createFakeClock,
  createFrameQueues,
  createTestHost,
  createWorld,
  type Json,
  type Person,
  type Transcript,
  type TranscriptDriver,
} from '@switchboard/testing';
import { WebSocket } from 'ws';
import { ask, call, HANDSHAKE, RS, splitWhole } from './raw.ts';

const START = Date.UTC(2021, 2, 1, 8, 30);
/** Dave has no identity here. */
const NAMES: Readonly<Record<Person, string | null>> = { alice: 'sara', bob: 'omid', carol: 'neda', dave: null };
const PEOPLE: Readonly<Record<string, Person>> = { sara: 'alice', omid: 'bob', neda: 'carol', dave: 'dave' };

type Step = { readonly do: string; readonly [key: string]: Json };

/** `token-of-sara` is good for sara, `token-of-17` for the user 17; everything else must have been issued here. */
const verifier: TokenVerifier = {
  async verify(_namespace, token) {
    const name = /^token-of-(.+)$/.exec(token)?.[1];
    if (name === undefined || name === 'nobody') throw new DomainError('unauthenticated', 'nobody');
    const isCoreId = /^\d+$/.test(name);
    return {
      sessionId: null,
      userId: isCoreId ? (Number(name) as never) : null,
      externalId: isCoreId ? null : name,
      claims: {},
      expiresAt: null,
    };
  },
};

export async function createGoldenDriver(transcript: Transcript) {
  const clock = createFakeClock(START);
  const world = await createWorld({
    clock,
    identities: (person) => {
      const externalId = NAMES[person];
      return externalId === null ? [] : [{ namespace: 'signalr', externalId }];
    },
  });
  const { core, test } = world;
  const given = (transcript.given ?? {}) as { readonly options?: object };
  const host = await createTestHost(test, createSignalrAdapter({ ...given.options, verifier }));
  const queues = createFrameQueues();
  const sockets = new Map<string, WebSocket>();
  const sessions = new Map<string, SessionId>();
  let syncs = 0;

  async function connect(person: string, handshake: Json | undefined): Promise<void> {
    const socket = new WebSocket(`${host.url.replace('http', 'ws')}/chathub`, { perMessageDeflate: false });
    sockets.set(person, socket);
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) queues.push(person, { messagepackHex: data.toString('hex') });
      else for (const message of splitWhole(String(data))) queues.push(person, message);
    });
    socket.on('close', (code) => queues.end(person, code));
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    if (handshake === null) return;
    socket.send(typeof handshake === 'string' ? handshake : HANDSHAKE);
    const answer = await queues.receive(person);
    const plain =
      typeof answer === 'string' ? answer : Buffer.from(`${Object(answer).messagepackHex}`, 'hex').toString();
    if (plain !== `{}${RS}`) throw new Error(`the handshake was answered with ${plain}`);
  }

  async function signIn(person: string, token: string, identity: string): Promise<void> {
    const socket = sockets.get(person) as WebSocket;
    socket.send(call('x', 'Ping') + call('y', 'Pong') + call('z', 'Authorize', { token, identity }));
    for (;;) {
      const frame = String(await queues.receive(person));
      if (frame.includes('"isOk":false')) throw new Error(frame);
      if (frame.includes('"invocationId":"z"')) return;
    }
  }

  /** Everything under way has arrived: what is asked now is answered last. */
  async function settle(person: string): Promise<void> {
    await test.settled();
    const id = `sync-${++syncs}`;
    const socket = sockets.get(person) as WebSocket;
    if (socket.readyState !== WebSocket.OPEN) return;
    const answer = `{"type":3,"invocationId":"${id}","result":null}${RS}`;
    socket.send(call(id, 'Pong'));
    const left = queues.left(person) as Json[];
    while (!left.includes(answer)) await new Promise((resolve) => setImmediate(resolve));
    left.splice(left.indexOf(answer), 1);
  }

  async function http(step: Step, bindings: Bindings): Promise<void> {
    const { request, answer } = step as unknown as {
      request: { method: string; path: string; body?: string };
      answer: { status: number; contentType?: string; body: Json };
    };
    const path = request.path.replace(/<[a-z-]+>/g, (name) => String(bindings.get(name)));
    const got = await ask(host.url + path, { method: request.method, ...(request.body ? { body: request.body } : {}) });
    const type = got.headers['content-type'];
    queues.push('http', {
      status: got.status,
      ...(answer.contentType === undefined ? {} : { contentType: type ?? '' }),
      body: type === 'application/json' ? (JSON.parse(got.body) as Json) : got.body,
    });
  }

  async function makeConversation(step: Step, bindings: Bindings): Promise<void> {
    const {
      bind,
      type,
      title,
      kind = 'group',
      people,
    } = step as unknown as {
      bind: string;
      type?: string;
      title?: string;
      kind?: 'group' | 'direct' | 'support';
      people: readonly { name: string; groups?: readonly string[] }[];
    };
    const { conversation } = await core.conversations.create(adminActor(), {
      kind,
      ...(type === undefined ? {} : { typeLabel: type }),
      ...(title === undefined ? {} : { title }),
      participants: people.map(({ name, groups = [] }) => ({
        userId: world.people[PEOPLE[name] as Person].id,
        groups,
      })),
    });
    bindings.set(bind, String(conversation.id));
    await test.settled();
  }

  const acts: Readonly<Record<string, (step: Step, bindings: Bindings) => Promise<void>>> = {
    connect: (step) => connect(String(step.as), step.handshake),
    async enter(step, bindings) {
      const person = String(step.as);
      await connect(person, undefined);
      const user = world.people[PEOPLE[person] as Person];
      const issuedNow = await host.credential(user.id, { ttlMs: Number(step.ttlMs ?? 3_600_000) });
      sessions.set(person, issuedNow.sessionId);
      const { token, identity } = issuedNow.connect as { token: string; identity: string };
      bindings.set(`<issued-${person}>`, token);
      await signIn(person, token, identity);
    },
    conversation: makeConversation,
    http,
    async send(step, bindings) {
      const actor = world.actor(PEOPLE[String(step.by)] as Person);
      const conversationId = Number(bindings.get(String(step.to))) as never;
      await core.messages.send(actor, { conversationId, text: String(step.text) });
    },
    async join(step, bindings) {
      const userId = world.people[PEOPLE[String(step.who)] as Person].id;
      const groups = (step.groups ?? []) as readonly string[];
      const id = Number(bindings.get(String(step.to))) as never;
      await core.conversations.addParticipants(adminActor(), id, [{ userId, groups }]);
    },
    advance: (step) => clock.advance(Number(step.ms)),
    async revoke(step) {
      await core.sessions.revoke(adminActor(), sessions.get(String(step.whose)) as SessionId);
    },
    async shutdown() {
      void host.close('shutdown');
    },
    async gone(step) {
      const socket = sockets.get(String(step.who)) as WebSocket;
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.close();
      await closed;
      // The server has seen it, too.
      while (host.hub.ofUser(world.people[PEOPLE[String(step.who)] as Person].id).length > 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await test.settled();
    },
  };

  const driver: TranscriptDriver = {
    send(person, frame) {
      const socket = sockets.get(person);
      if (!socket) throw new Error(`${person} is not connected`);
      if (typeof frame === 'string') return socket.send(frame);
      socket.send(Buffer.from(String((frame as { messagepackHex: string }).messagepackHex), 'hex'));
    },
    receive: (person) => queues.receive(person),
    async pending(person) {
      await settle(person);
      return queues.left(person);
    },
    closed: (person) => queues.closed(person),
    async do(step, bindings) {
      const act = acts[step.do];
      if (!act) throw new Error(`nobody can "${step.do}"`);
      await act(step, bindings);
    },
  };

  const bindings: Bindings = new Map<string, Json>([
    ['<dave-id>', String(world.people.dave.id)],
    ['<direct>', String(world.direct.id)],
  ]);
  return {
    driver,
    bindings,
    async close() {
      for (const socket of sockets.values()) socket.terminate();
      await host.close();
      await world.close();
    },
  };
}
