/** One mounted adapter on a core of its own, and clients of it on the real library. Time stands still unless a test moves it. */
import { adminActor, type Conversation, type Core, type User } from '@switchboard/core';
import {
  createTestCore,
  createTestHost,
  type TestCore,
  type TestCoreOptions,
  type TestHost,
  type TestHostOptions,
} from '@switchboard/testing';
import { createEventAdapter, type EventAdapterOptions } from '../../src/index.ts';
import { connectEvent, type EventClient, type EventConversation } from '../../testing/driver.ts';
import { CUSTOMER, MODERATOR, SECRET, signToken } from './tokens.ts';

export interface StageOptions extends TestHostOptions {
  readonly adapter?: Partial<EventAdapterOptions>;
  readonly core?: TestCoreOptions;
  /** Instead of the core's own use cases: stores that are away, say. */
  readonly override?: (core: Core) => Partial<Core>;
}

export interface Stage {
  readonly test: TestCore;
  readonly core: Core;
  readonly host: TestHost;
  /** Connects with a foreign token. */
  client(sid: number, claims?: object): Promise<EventClient>;
  customer(sid: number): Promise<EventClient>;
  moderator(sid: number): Promise<EventClient>;
  token(claims: object): string;
  /** `ws://…/ws?sid=<sid>` */
  url(sid: number | string): string;
  userOf(sid: number): Promise<User>;
  /** A group of another protocol with these people in it. */
  group(...people: User[]): Promise<Conversation>;
  /** A user without a `sid`. */
  stranger(name: string): Promise<User>;
  /** Rows of a table. */
  count(table: 'users' | 'conversations' | 'messages' | 'participants' | 'spaces' | 'space_members'): Promise<number>;
  /** Everything committed has been delivered, and every frame of it has reached this client. */
  settled(...clients: EventClient[]): Promise<void>;
  close(): Promise<void>;
}

export async function createStage(options: StageOptions = {}): Promise<Stage> {
  const test = await createTestCore(options.core);
  const { core } = test;
  const seen = options.override ? { ...test, core: { ...core, ...options.override(core) } } : test;
  const host = await createTestHost(seen, createEventAdapter({ secret: SECRET, ...options.adapter }), options);
  const clients: EventClient[] = [];

  const url = (sid: number | string) => `${host.url.replace('http', 'ws')}/ws?sid=${sid}`;
  const token = (claims: object) => signToken(claims, test.clock.now());

  async function client(sid: number, claims: object = CUSTOMER): Promise<EventClient> {
    const made = await connectEvent({ url: url(sid), token: token(claims) });
    clients.push(made);
    return made;
  }

  return {
    test,
    core,
    host,
    url,
    token,
    client,
    customer: (sid) => client(sid, CUSTOMER),
    moderator: (sid) => client(sid, MODERATOR),
    async userOf(sid) {
      const user = await core.identities.resolve('event', String(sid));
      if (!user) throw new Error(`nobody has the sid ${sid}`);
      return user;
    },
    async group(...people) {
      const participants = people.map(({ id }) => ({ userId: id }));
      const { conversation } = await core.conversations.create(adminActor(), { kind: 'group', participants });
      await test.settled();
      return conversation;
    },
    stranger: (name) => core.users.create(adminActor(), { displayName: name }),
    async count(table) {
      const [row] = await test.sql<{ count: string }>(`select count(*) as count from ${table}`);
      return Number(row?.count);
    },
    async settled(...told) {
      await test.settled();
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all(told.map((one) => one.roundTrip()));
    },
    async close() {
      for (const one of clients) one.terminate();
      await host.close();
      await test.close();
    },
  };
}

/** Joins an application's conversation. */
export function enter(client: EventClient, applicationId: number): Promise<EventConversation> {
  return client.ask('Event.AddConversation', { user_id: client.sid, application_id: applicationId });
}

/** By which a conversation without an application id is named. */
export const syntheticOf = (conversation: { readonly id: number }) => 1_000_000_000 + conversation.id;
