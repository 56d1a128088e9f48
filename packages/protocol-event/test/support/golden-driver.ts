/**
 * Plays transcripts against a mounted adapter: frames go and come as the literal texts of the golden files, upgrades as literal headers.
 * Time stands still at the moment that the files show.
 */
import type { IncomingMessage } from 'node:http';
import { adminActor, type ConversationId, type User, type UserId } from '@switchboard/core';
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
import { WebSocket } from 'ws';
import { createEventAdapter, type EventAdapterOptions } from '../../src/index.ts';
import { SECRET, signToken } from './tokens.ts';

const NOW = Date.parse('2020-03-06T04:00:00Z');
/** A longer way is jumped: nothing that is timed matters there. */
const LONGEST_WALK_MS = 600_000;

type Step = { readonly do: string; readonly [key: string]: Json };

export async function createGoldenDriver({ given }: Transcript) {
  const { options = {} } = (given ?? {}) as { options?: Partial<EventAdapterOptions> };
  const clock = createFakeClock(NOW);
  const test = await createTestCore({ clock });
  const host = await createTestHost(test, createEventAdapter({ secret: SECRET, ...options }));
  const { core } = test;
  const queues = createFrameQueues();
  const sockets = new Map<string, WebSocket>();
  const people = new Map<string, User>();

  /** The header goes out to the letter, whatever the library would have written. */
  function open(person: string, path: string, header: string | undefined): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${host.port}${path}`, header === undefined ? [] : ['access_token'], {
        perMessageDeflate: false,
        finishRequest(request) {
          if (header !== undefined) request.setHeader('Sec-WebSocket-Protocol', header);
          request.end();
        },
      });
      socket.on('upgrade', (response) => {
        sockets.set(person, socket);
        resolve(response);
      });
      socket.on('unexpected-response', (_request, response) => resolve(response));
      socket.on('error', reject);
      socket.on('message', (data) => queues.push(person, String(data)));
      socket.on('close', (code) => queues.end(person, code));
    });
  }

  async function knock(person: string, path: string, header?: string): Promise<void> {
    const response = await open(person, path, header);
    const { statusCode: status = 0, headers } = response;
    if (status === 101) queues.push(person, { status, headers: headers as Json });
    else queues.push(person, { status, headers: headers as Json, body: await textOf(response) });
  }

  function userId(name: Json): UserId | Promise<UserId> {
    if (typeof name === 'string') return (people.get(name) as User).id;
    return sidOwner(typeof name === 'number' ? name : (name as { sid: number }).sid);
  }

  async function sidOwner(sid: number): Promise<UserId> {
    const user = await core.identities.resolve('event', String(sid));
    if (!user) throw new Error(`nobody has the sid ${sid}`);
    return user.id;
  }

  /** The next core id of a kind: the golden files show some. */
  async function setNext(table: 'users' | 'conversations', id: Json | undefined): Promise<void> {
    if (typeof id === 'number') await test.sql(`select setval(pg_get_serial_sequence('${table}', 'id'), $1)`, [id - 1]);
  }

  const steps: Record<string, (step: Step, bindings: Bindings) => Promise<void>> = {
    async clock({ at }) {
      const ms = Date.parse(at as string) - clock.now();
      if (ms > LONGEST_WALK_MS) clock.skip(ms);
      else await clock.advance(ms);
    },
    async connect({ as, sid, claims }) {
      const token = signToken({ iss: '', iat: null, aud: '', sub: '', ...(claims as object) }, NOW);
      await knock(as as string, `/ws?sid=${sid}`, `access_token, ${token}`);
      // A good sign-in is not worth a step of its own.
      if (sockets.has(as as string)) await queues.receive(as as string);
    },
    async person({ as, id, sid }) {
      await setNext('users', id);
      const identities = sid === undefined ? [] : [{ namespace: 'event', externalId: String(sid) }];
      people.set(as as string, await core.users.create(adminActor(), { displayName: as as string, identities }));
    },
    async conversation({ id, participants }) {
      await setNext('conversations', id);
      const ids = await Promise.all((participants as readonly Json[]).map(userId));
      await core.conversations.create(adminActor(), {
        kind: 'group',
        participants: ids.map((one) => ({ userId: one })),
      });
      await test.settled();
    },
    async drop({ as }) {
      const gone = new Promise((resolve) => sockets.get(as as string)?.once('close', resolve));
      sockets.get(as as string)?.terminate();
      await gone;
      // The server hears of it in its own time; the wheel of the loop turns until it has.
      while (host.hub.size > [...sockets.values()].filter(isOpen).length) await turn();
    },
    async history({ by, in: place, count }, bindings) {
      const conversationId = Number(bindings.get(place as string)) as ConversationId;
      const author = await userId(by as Json);
      for (let sent = 0; sent < (count as number); sent += 1_000) {
        const size = Math.min(1_000, (count as number) - sent);
        const texts = Array.from({ length: size }, (_, at) => `message ${sent + at}`);
        await Promise.all(texts.map((text) => core.messages.send(test.actor(author), { conversationId, text })));
      }
    },
    async 'send elsewhere'({ by, in: place, text }) {
      const conversationId = place as unknown as ConversationId;
      await core.messages.send(test.actor(await userId(by as Json)), { conversationId, text: text as string });
    },
  };

  const driver: TranscriptDriver = {
    async send(person, frame) {
      if (typeof frame === 'string') return sockets.get(person)?.send(frame);
      const { path, headers } = frame as { path: string; headers: Record<string, string> };
      await knock(person, path, headers['sec-websocket-protocol']);
    },
    receive: queues.receive,
    closed: queues.closed,
    async pending(person) {
      await test.settled();
      await turn();
      await roundTrip(sockets.get(person) as WebSocket);
      return queues.left(person);
    },
    async do(step, bindings) {
      const run = steps[step.do];
      if (!run) throw new Error(`no such step: ${step.do}`);
      await run(step, bindings);
    },
  };

  return {
    driver,
    async close() {
      for (const socket of sockets.values()) socket.terminate();
      await host.close();
      await test.close();
    },
  };
}

const isOpen = (socket: WebSocket) => socket.readyState === WebSocket.OPEN;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Whatever was written to this socket before has arrived when it resolves. */
function roundTrip(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('pong', () => resolve());
    socket.ping();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
