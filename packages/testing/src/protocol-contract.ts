/**
 * The contract suite: every protocol is asked the same, through its driver, on a real core and a real socket. What a wire cannot say is
 * left out with its reason in the title and on the terminal. Knows no wire.
 */
import { adminActor, type ConversationId, type JsonObject } from '@switchboard/core';
import type { ProtocolAdapter } from '@switchboard/protocol';
import type { Ability, ClientEvent, ProtocolClient, ProtocolDriver } from './driver.ts';
import { createTestHost, type TestHost, type TestHostOptions } from './host.ts';
import { createWorld, type Person, type World, type WorldOptions } from './world.ts';

export interface ContractOptions {
  readonly driver: ProtocolDriver;
  readonly createAdapter: (world: World) => ProtocolAdapter;
  readonly world?: WorldOptions;
  readonly host?: TestHostOptions;
  /** The role that `issueCredential` is asked for; default none. */
  readonly role?: (person: Person) => string | undefined;
  /** More that must be so before the first client comes. */
  readonly prepare?: (world: World) => Promise<void>;
}

/** Events that a slow reader is sent: more than the kernel's buffers and the suite's bound together. */
const SLOW_BOUND_BYTES = 64 * 1024;
const LONG_TEXT = 'x'.repeat(30_000);
const SLOW_MESSAGES = 600;

/** Registers the suite; call it at the top of `test/contract.test.ts`. */
export function describeProtocolContract(options: ContractOptions): void {
  const { driver } = options;
  const skips = Object.entries(driver.cannot);
  if (skips.length > 0) {
    const lines = skips.map(([ability, why]) => `  ${driver.protocol} leaves out "${ability}": ${why}\n`);
    process.stdout.write(`protocol contract\n${lines.join('')}`);
  }

  /** A test, or its named omission. */
  function can(needs: Ability | null, title: string, run: () => Promise<void>): void {
    const why = needs ? driver.cannot[needs] : undefined;
    if (why === undefined) it(title, run);
    else it.skip(`${title} (${why})`, run);
  }

  /** Where the wire can tell it. */
  async function expectHistory(client: ProtocolClient, conversationId: ConversationId, texts: string[]): Promise<void> {
    if (driver.cannot.history === undefined) expect(await client.history(conversationId)).toEqual(texts);
  }

  describe(`${driver.protocol} keeps the protocol contract`, () => {
    let world: World;
    let host: TestHost;
    let clients: ProtocolClient[];

    beforeEach(async () => {
      clients = [];
      world = await createWorld({ clock: 'real', ...options.world });
      await options.prepare?.(world);
      const limits = { outboxBytes: SLOW_BOUND_BYTES, ...options.host?.limits };
      host = await createTestHost(world.test, options.createAdapter(world), { ...options.host, limits });
    });

    afterEach(async () => {
      await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
      await host.close();
      await world.close();
    });

    async function credentialOf(person: Person): Promise<JsonObject> {
      const role = options.role?.(person);
      const spaceId = world.workspace.id;
      const issued = await host.credential(world.people[person].id, { spaceId, ...(role ? { role } : {}) });
      return issued.connect;
    }

    async function connect(person: Person): Promise<ProtocolClient> {
      const client = await driver.connect(await credentialOf(person), [world.lobby.id, world.direct.id]);
      clients.push(client);
      return client;
    }

    it('refuses whoever has no good credential', async () => {
      const { sessionId, connect: credential } = await host.credential(world.people.alice.id, {
        spaceId: world.workspace.id,
      });
      await world.core.sessions.revoke(adminActor(), sessionId);
      await driver.connectRefused(credential);
    });

    it('brings a message to those who take part', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      await alice.send(world.lobby.id, 'hello');
      await hears(bob, world.lobby.id, 'hello');
      await bob.send(world.lobby.id, 'hello yourself');
      await hears(alice, world.lobby.id, 'hello yourself');
      await expectHistory(bob, world.lobby.id, ['hello', 'hello yourself']);
    });

    it('brings the messages of one conversation in their order', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      const texts = Array.from({ length: 20 }, (_, at) => `message ${at}`);
      for (const text of texts) await alice.send(world.lobby.id, text);
      await hears(bob, world.lobby.id, 'message 19');
      expect(textsOf(bob, world.lobby.id)).toEqual(texts);
    });

    can('direct conversation', 'brings nothing of a conversation to those who take no part', async () => {
      const [alice, bob, carol] = [await connect('alice'), await connect('bob'), await connect('carol')];
      await alice.send(world.direct.id, 'private');
      await alice.send(world.lobby.id, 'public');
      await hears(bob, world.direct.id, 'private');
      await hears(carol, world.lobby.id, 'public');
      expect(textsOf(carol, world.direct.id)).toEqual([]);
    });

    can('echo to own other device', "brings a message to its author's other devices", async () => {
      const [desk, phone] = [await connect('alice'), await connect('alice')];
      await desk.send(world.lobby.id, 'from the desk');
      await hears(phone, world.lobby.id, 'from the desk');
    });

    can('unread counts', 'counts what is unread until it is read', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      await alice.send(world.lobby.id, 'one');
      await alice.send(world.lobby.id, 'two');
      await hears(bob, world.lobby.id, 'two');
      expect(await bob.unreadCount(world.lobby.id)).toBe(2);
      await bob.markRead(world.lobby.id);
      expect(await bob.unreadCount(world.lobby.id)).toBe(0);
      expect(await alice.unreadCount(world.lobby.id)).toBe(0);
    });

    can('told of reading', 'tells the author that a message was read', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      await alice.send(world.direct.id, 'read me');
      await hears(bob, world.direct.id, 'read me');
      await bob.markRead(world.direct.id);
      const isRead = (event: ClientEvent) =>
        event.type === 'read' && event.conversationId === world.direct.id && event.userId === world.people.bob.id;
      await alice.events.waitFor('the reading', isRead);
    });

    can('direct conversation', 'lets nobody send or hear who was taken out, and again who was taken in', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      const { core } = world;
      await core.conversations.removeParticipants(adminActor(), world.lobby.id, [world.people.bob.id]);
      await world.test.settled();
      await alice.send(world.lobby.id, 'without bob');
      await expect(bob.send(world.lobby.id, 'still here?')).rejects.toThrow();
      await alice.send(world.direct.id, 'a sign');
      await hears(bob, world.direct.id, 'a sign');
      expect(textsOf(bob, world.lobby.id)).toEqual([]);
      await core.conversations.addParticipants(adminActor(), world.lobby.id, [{ userId: world.people.bob.id }]);
      await world.test.settled();
      await bob.send(world.lobby.id, 'back again');
      await hears(alice, world.lobby.id, 'back again');
    });

    can('told of joining', 'tells of somebody who joined', async () => {
      await world.core.conversations.removeParticipants(adminActor(), world.lobby.id, [world.people.bob.id]);
      const alice = await connect('alice');
      await world.core.conversations.addParticipants(adminActor(), world.lobby.id, [{ userId: world.people.bob.id }]);
      await alice.events.waitFor('bob joining', isMembership('joined', world));
    });

    can('told of leaving', 'tells of somebody who was taken out', async () => {
      const alice = await connect('alice');
      await world.core.conversations.removeParticipants(adminActor(), world.lobby.id, [world.people.bob.id]);
      await alice.events.waitFor('bob leaving', isMembership('left', world));
    });

    can('leaving', 'lets somebody leave', async () => {
      const bob = await connect('bob');
      await bob.leave(world.lobby.id);
      expect(await world.core.conversations.participation(world.people.bob.id, world.lobby.id)).toBeNull();
    });

    can('presence', 'shows who is online', async () => {
      const alice = await connect('alice');
      await connect('bob');
      expect(await alice.isOnline(world.people.bob.id)).toBe(true);
      expect(await alice.isOnline(world.people.carol.id)).toBe(false);
    });

    can('told of presence', 'tells of somebody who came online', async () => {
      const alice = await connect('alice');
      await connect('bob');
      const isBob = (event: ClientEvent) =>
        event.type === 'presence' && event.userId === world.people.bob.id && event.online;
      await alice.events.waitFor('bob coming online', isBob);
    });

    can('resend', 'stores a message that is sent twice once', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      await alice.send(world.lobby.id, 'once', 'ref-1');
      await alice.send(world.lobby.id, 'once', 'ref-1');
      await alice.send(world.lobby.id, 'then', 'ref-2');
      await hears(bob, world.lobby.id, 'then');
      expect(textsOf(bob, world.lobby.id)).toEqual(['once', 'then']);
      await expectHistory(bob, world.lobby.id, ['once', 'then']);
    });

    can('malformed frame', 'answers nonsense and goes on serving others', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      const outcome = await alice.sendMalformed();
      if (outcome === 'closed') await alice.comeBack();
      await alice.send(world.lobby.id, 'after nonsense');
      await hears(bob, world.lobby.id, 'after nonsense');
    });

    can('unknown operation', 'answers an operation it does not know and goes on', async () => {
      const alice = await connect('alice');
      const outcome = await alice.sendUnknown();
      if (outcome === 'closed') await alice.comeBack();
      await alice.send(world.lobby.id, 'after the unknown');
      await expectHistory(alice, world.lobby.id, ['after the unknown']);
    });

    can('slow reader', 'cuts off a reader who does not read, and delays nobody else', async () => {
      const [alice, bob, carol] = [await connect('alice'), await connect('bob'), await connect('carol')];
      bob.pauseReading();
      const gone = untilHubHas(host, 2);
      for (let at = 0; at < SLOW_MESSAGES && host.hub.ofUser(world.people.bob.id).length > 0; at += 1) {
        await alice.send(world.lobby.id, `${at} ${LONG_TEXT}`);
      }
      await gone;
      expect(host.hub.ofUser(world.people.bob.id)).toEqual([]);
      await alice.send(world.lobby.id, 'the end');
      await hears(carol, world.lobby.id, 'the end');
    });

    can('shutdown', 'says goodbye when it stops, and tells clients to return', async () => {
      const alice = await connect('alice');
      const closing = host.close();
      const event = await alice.events.waitFor('the goodbye', ({ type }) => type === 'closed');
      expect(event).toMatchObject({ type: 'closed', shouldReturn: true });
      await closing;
    });

    can('history', 'shows what was missed to somebody who comes back after a drop, once', async () => {
      const [alice, bob] = [await connect('alice'), await connect('bob')];
      await alice.send(world.lobby.id, 'before');
      await hears(bob, world.lobby.id, 'before');
      await bob.drop();
      await alice.send(world.lobby.id, 'missed');
      await bob.comeBack();
      await alice.send(world.lobby.id, 'after');
      await hears(bob, world.lobby.id, 'after');
      expect(await bob.history(world.lobby.id)).toEqual(['before', 'missed', 'after']);
      const heard = textsOf(bob, world.lobby.id);
      expect(heard.filter((text, at) => heard.indexOf(text) !== at)).toEqual([]);
    });

    it('ends the connections of a revoked session', async () => {
      const alice = await connect('alice');
      await world.core.sessions.revokeAll(adminActor(), world.people.alice.id);
      await alice.events.waitFor('the end', ({ type }) => type === 'closed');
    });
  });
}

function hears(client: ProtocolClient, conversationId: ConversationId, text: string): Promise<ClientEvent> {
  return client.events.waitFor(
    `"${text}"`,
    (event) => event.type === 'message' && event.conversationId === conversationId && event.text === text,
  );
}

function textsOf(client: ProtocolClient, conversationId: ConversationId): string[] {
  return client.events.all.flatMap((event) =>
    event.type === 'message' && event.conversationId === conversationId ? [event.text] : [],
  );
}

function isMembership(type: 'joined' | 'left', world: World): (event: ClientEvent) => boolean {
  return (event) =>
    event.type === type && event.conversationId === world.lobby.id && event.userId === world.people.bob.id;
}

/** Polls once per turn of the event loop: the hub tells nobody of its size. */
async function untilHubHas(host: TestHost, size: number): Promise<void> {
  while (host.hub.size > size) await new Promise((resolve) => setImmediate(resolve));
}
