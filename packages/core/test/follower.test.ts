import { createMemoryMedium } from '@switchboard/bus';
import type { Commit, ConversationId, DeliveredEvent, LogEvent, Message, NodeId, UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { createFaultyBus, type FaultyBus, lose, passOn } from './support/faulty-bus.ts';
import {
  deleting,
  editing,
  join,
  leave,
  makeConversation,
  marking,
  passUntil,
  sending,
  sent,
} from './support/places.ts';
import { createRandom } from './support/random.ts';

const texts = (delivered: readonly DeliveredEvent<LogEvent>[]) =>
  delivered.flatMap(({ event }) => (event.type === 'message.sent' ? [event.message.text] : []));

/** Everybody in an audience, in order. */
const heardBy = ({ audience }: DeliveredEvent): UserId[] =>
  [...new Set([...(audience.participants ?? []), ...audience.users])].sort((a, b) => a - b);

async function idsOf(test: TestCore, ...names: string[]): Promise<UserId[]> {
  return (await test.people(...names)).map(({ id }) => id);
}

describe('a bus that is not what it should be', () => {
  let test: TestCore;
  let bus: FaultyBus;
  let alice: UserId;
  let room: ConversationId;

  beforeEach(async () => {
    bus = createFaultyBus();
    test = await createTestCore({ bus });
    [alice] = (await idsOf(test, 'Alice')) as [UserId];
    await test.core.directory.membershipsOf(alice);
    room = (await makeConversation(test, [alice])).id;
    await test.settled();
  });

  afterEach(() => test.close());

  const say = async (text: string) => (await sent(test, sending(room, alice, text))).position;

  it('finds a lost last message within a second and a moment', async () => {
    bus.fault = lose;
    const position = await say('lost');
    const passed = await passUntil(test, position);
    expect(texts(test.delivered)).toEqual(['lost']);
    expect(passed).toBeLessThan(1_500);
  });

  it('fills a hole from the store after 20 ms, and hands on in order', async () => {
    bus.fault = lose;
    await say('one');
    bus.fault = passOn;
    const position = await say('two');
    expect(texts(test.delivered)).toEqual([]);
    const passed = await passUntil(test, position);
    expect(texts(test.delivered)).toEqual(['one', 'two']);
    // Sooner than the next comparison of heads.
    expect(passed).toBeLessThan(1_000);
  });

  it('waits for what comes late before it asks the store', async () => {
    const late: Commit[] = [];
    bus.fault = (commit) => {
      late.push(commit);
      return late.length < 3 ? [] : [late[2], late[0], late[1]].filter((one): one is Commit => one !== undefined);
    };
    for (const text of ['one', 'two', 'three']) await say(text);
    await test.settled();
    expect(texts(test.delivered)).toEqual(['one', 'two', 'three']);
  });

  it('hands on once what comes twice', async () => {
    bus.fault = (commit) => [commit, commit];
    for (const text of ['one', 'two']) await say(text);
    await test.settled();
    expect(texts(test.delivered)).toEqual(['one', 'two']);
  });

  it('asks the store at once when the bus is back', async () => {
    bus.fault = lose;
    const position = await say('lost');
    bus.reconnect();
    // The clock stops short of the next comparison by time, however long the store takes.
    await passUntil(test, position, 900);
    expect(texts(test.delivered)).toEqual(['lost']);
  });

  it('never tears apart what one commit wrote', async () => {
    const batches: number[] = [];
    test.core.events.subscribe({ onEvents: (batch) => void batches.push(batch.length), onReset: () => undefined });
    bus.fault = lose;
    const { position } = await test.store.transaction(
      { actorId: alice, via: 'test', connectionId: null },
      async (tx) => {
        for (let index = 0; index < 1_200; index += 1)
          tx.append('session.revoked', { userIds: [alice] }, revoked(alice));
      },
    );
    await passUntil(test, position);
    expect(batches).toEqual([1_200]);
  });

  it('skips and counts what a newer version wrote', async () => {
    bus.fault = lose;
    await test.sql(`insert into events (position, type, v, user_ids, via, batch, at)
                    select max(position) + 1, 'moon.landed', 2, '{}', 'test', 'x', now() from events`);
    await passUntil(test, await say('after'));
    expect(texts(test.delivered)).toEqual(['after']);
    expect(test.core.events.unknown).toBe(1);
  });

  it('notices a log that went backwards, writes beyond every position seen, and tells its clients to return', async () => {
    const before = await say('kept');
    await say('gone');
    await say('gone as well');
    await test.settled();
    let resets = 0;
    test.core.events.subscribe({ onEvents: () => undefined, onReset: () => void resets++ });
    // A backup is restored.
    await test.sql('delete from events where position > $1', [before]);
    await test.sql('delete from messages where changed_position > $1', [before]);
    await passUntil(test, before + 3);
    const jumped = test.delivered.map(({ event }) => event).find((event) => event.type === 'log.jumped');
    expect(jumped).toMatchObject({ position: before + 3, from: before });
    expect(resets).toBe(1);

    const after = await say('anew');
    expect(after).toBe(before + 4);
    await passUntil(test, after);
    expect(texts(test.delivered).at(-1)).toBe('anew');
  });

  it('notices a log that was written anew up to where it had been', async () => {
    const before = await say('kept');
    await say('gone');
    await test.settled();
    let resets = 0;
    test.core.events.subscribe({ onEvents: () => undefined, onReset: () => void resets++ });
    bus.fault = lose;
    await test.sql('delete from events where position > $1', [before]);
    await test.sql('delete from messages where changed_position > $1', [before]);
    const other = await createTestCore({ database: test.database });
    await sent(other, sending(room, alice, 'other'));
    await sent(other, sending(room, alice, 'others'));
    await other.close();
    await passUntil(test, before + 2);
    for (let turn = 0; turn < 60 && resets === 0; turn += 1) {
      await test.clock.advance(100);
      for (let more = 0; more < 10; more += 1) await test.store.ping();
    }
    expect(resets).toBe(1);
  });
});

const revoked = (userId: UserId) => ({ userId, sessionId: null, namespace: null });

describe('nodes without a common bus', () => {
  it('hear each other within two seconds, and say what is missing', async () => {
    const one = await createTestCore();
    const two = await one.another({ medium: createMemoryMedium(), clock: 'fake' });
    const [alice] = (await idsOf(one, 'Alice')) as [UserId];
    await two.core.directory.membershipsOf(alice);
    const room = (await makeConversation(one, [alice])).id;
    const { position } = await sent(one, sending(room, alice, 'hello'));

    const passed = await passUntil(two, position);

    expect(texts(two.delivered)).toEqual(['hello']);
    expect(passed).toBeLessThan(2_000);
    // Two heartbeats.
    await passUntil(two, position + 1, 11_000);
    expect(two.lines.find(({ level }) => level === 'warn')?.message).toContain('REDIS_URL');
    await one.close();
  });

  it('are not taken for such when a medium that came back is known to one before the other', async () => {
    const test = await createTestCore();
    const head = await test.store.log.head();
    const other = { id: 'other' as NodeId, startedAt: 0, version: '0' };
    for (const busId of ['before', test.bus.id]) {
      await test.store.nodes.heartbeat({ ...other, busId }, 15_000);
      await passUntil(test, head + 1, 5_000);
    }
    expect(test.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    await test.close();
  });
});

describe('who hears', () => {
  let test: TestCore;
  let bus: FaultyBus;

  beforeEach(async () => {
    bus = createFaultyBus();
    test = await createTestCore({ bus });
  });

  afterEach(() => test.close());

  /** Alice stays; Bob leaves and comes back; Carol joins late. */
  async function comeAndGo() {
    const [alice, bob, carol] = (await idsOf(test, 'Alice', 'Bob', 'Carol')) as [UserId, UserId, UserId];
    for (const id of [alice, bob, carol]) await test.core.directory.membershipsOf(id);
    const room = await makeConversation(test, [alice, bob]);
    const say = (text: string) => sent(test, sending(room.id, alice, text));
    await say('both');
    await leave(test, room, bob);
    await say('alone');
    await join(test, room, carol);
    await say('with Carol');
    await join(test, room, bob);
    const { position } = await say('all');
    const expected = [
      [alice, bob],
      [alice, bob],
      [alice, bob],
      [alice],
      [alice, carol],
      [alice, carol],
      [alice, bob, carol],
      [alice, bob, carol],
    ];
    return { alice, bob, carol, room, position, expected };
  }

  it('is who was in when it happened: live', async () => {
    const { expected } = await comeAndGo();
    await test.settled();
    expect(test.delivered.map(heardBy)).toEqual(expected);
  });

  it('is who was in when it happened: healed all at once', async () => {
    bus.fault = lose;
    const { expected, position } = await comeAndGo();
    await passUntil(test, position);
    expect(test.delivered.map(heardBy)).toEqual(expected);
  });

  it('is who was in when it happened: read back', async () => {
    const { expected, bob, carol, room } = await comeAndGo();
    const all = await test.core.events.replay({ conversationIds: [room.id] }, 0);
    expect(all.events.map(heardBy)).toEqual(expected);
    expect(all.through).toBe(expected.length);
    const forBob = await test.core.events.replay({ userId: bob }, 0);
    expect(forBob.events.map(({ event }) => (event as LogEvent).position)).toEqual([1, 2, 3, 7, 8]);
    const forCarol = await test.core.events.replay({ userId: carol }, 0);
    expect(
      forCarol.events.filter((one) => heardBy(one).includes(carol)).map(({ event }) => (event as LogEvent).position),
    ).toEqual([5, 6, 7, 8]);
  });

  it('is nobody when nobody of the conversation is here', async () => {
    const [alice] = (await idsOf(test, 'Alice')) as [UserId];
    const room = await makeConversation(test, [alice]);
    await sent(test, sending(room.id, alice, 'hello?'));
    await test.settled();
    expect(test.delivered.map(heardBy)).toEqual([[], []]);
    expect(test.core.directory.conversation(room.id)).toBeUndefined();
  });

  it('is the same whether the log is read for one stream or for all who come back', async () => {
    const { alice, bob, carol } = await comeAndGo();
    const other = await makeConversation(test, [carol]);
    await sent(test, sending(other.id, carol, 'elsewhere'));
    await test.store.transaction({ actorId: alice, via: 'test', connectionId: null }, async (tx) =>
      tx.append('session.revoked', { userIds: [alice], data: revoked(alice) }, revoked(alice)),
    );
    await test.settled();
    for (const userId of [alice, bob, carol]) {
      const { events } = await test.core.events.replay({ userId }, 0);
      const { events: alone } = await test.store.log.readFor({ userId }, 0);
      const heard = test.delivered.filter((one) => heardBy(one).includes(userId)).map(({ event }) => event.position);
      expect(events.map(({ event }) => (event as LogEvent).position)).toEqual(heard);
      expect(alone.map(({ position }) => position)).toEqual(heard);
    }
  });

  it('is read once for all who come back', async () => {
    const { alice, bob, carol, position } = await comeAndGo();
    await test.settled();
    const { log } = test.store;
    let reads = 0;
    for (const name of ['read', 'readFor', 'spansOf'] as const) {
      const read = log[name] as (...args: unknown[]) => unknown;
      Object.assign(log, {
        [name]: (...args: unknown[]) => {
          reads += 1;
          return read(...args);
        },
      });
    }
    const streams = Array.from({ length: 300 }, (_, index) => [alice, bob, carol][index % 3] as UserId);
    const pages = await Promise.all(streams.map((userId) => test.core.events.replay({ userId }, 3)));
    expect(pages.every(({ through }) => through === position)).toBe(true);
    expect(reads).toBe(2);
  });

  it('does not show again what was deleted after others had read it back', async () => {
    const { alice, room, position } = await comeAndGo();
    const { message } = await sent(test, sending(room.id, alice, 'secret'));
    const textsFrom = async () =>
      (await test.core.events.replay({ conversationIds: [room.id] }, position)).events.flatMap(({ event }) =>
        event.type === 'message.sent' ? [event.message.text] : [],
      );
    await test.settled();
    expect(await textsFrom()).toEqual(['secret']);
    await sent(test, deleting((message as Message).id, alice));
    await test.settled();
    expect(await textsFrom()).toEqual(['']);
  });

  it('reads a page back from a cursor, with the text as it is now', async () => {
    const { alice, room, position } = await comeAndGo();
    const { message } = await sent(test, sending(room.id, alice, 'secret'));
    await sent(test, deleting((message as Message).id, alice));
    const { events, through } = await test.core.events.replay({ conversationIds: [room.id] }, position, 1);
    expect(events.map(({ event }) => (event as LogEvent<'message.sent'>).message.text)).toEqual(['']);
    expect(through).toBe(position + 1);
  });
});

describe('signals', () => {
  it('are handed on with those who may hear them, and with what they refer to in the lookup', async () => {
    const test = await createTestCore();
    const [alice, bob, carol] = (await idsOf(test, 'Alice', 'Bob', 'Carol')) as [UserId, UserId, UserId];
    await test.core.directory.membershipsOf(alice);
    const room = await makeConversation(test, [alice, bob]);
    await test.settled();
    test.core.directory.forget(room.id);
    const heard: { type: string; users: UserId[]; names: (string | undefined)[] }[] = [];
    const { directory } = test.core;
    test.core.events.subscribe({
      onEvents(batch) {
        for (const one of batch) {
          const users = heardBy(one);
          heard.push({ type: one.event.type, users, names: users.map((id) => directory.user(id)?.displayName) });
        }
      },
      onReset: () => undefined,
    });
    const fields = { transient: true, at: 0, via: 'test', origin: null } as const;
    const presence = { status: 'online', previous: 'offline', lastSeenAt: null, spaceIds: [], manual: false } as const;
    test.bus.publishSignals([
      { ...fields, type: 'typing.changed', conversationId: room.id, actorId: bob, userId: bob, typing: true },
      {
        ...fields,
        ...presence,
        type: 'presence.changed',
        conversationId: null,
        actorId: bob,
        userId: bob,
        conversationIds: [room.id],
      },
      {
        ...fields,
        ...presence,
        type: 'presence.changed',
        conversationId: null,
        actorId: carol,
        userId: carol,
        conversationIds: [],
      },
    ]);
    while (heard.length < 3) await test.store.ping();
    expect(heard).toEqual([
      { type: 'typing.changed', users: [alice, bob], names: ['Alice', 'Bob'] },
      { type: 'presence.changed', users: [alice, bob], names: ['Alice', 'Bob'] },
      { type: 'presence.changed', users: [carol], names: [undefined] },
    ]);
    await test.close();
  });
});

describe('what this node knows by heart', () => {
  it.each([
    ['that brings everything', 0],
    ['that loses and repeats', 0.1],
  ])('is what the store holds, after everything that happened, with a bus %s', async (_, faults) => {
    const bus = createFaultyBus();
    const test = await createTestCore({ bus });
    const people = await idsOf(test, ...'ABCDEFGH');
    const [alice, bob] = people as [UserId, UserId];
    for (const id of people.slice(0, 4)) await test.core.directory.membershipsOf(id);
    const room = await makeConversation(test, people);
    const support = await makeConversation(test, people.slice(0, 3), { customerId: alice });
    const random = createRandom(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const inside = new Set(people);
    const messages: Message[] = [];
    bus.fault = (commit) => {
      const chance = random();
      return chance < faults ? [] : chance < 2 * faults ? [commit, commit] : [commit];
    };
    for (let step = 0; step < 250; step += 1) {
      const chance = random();
      const who = pick([...inside]);
      const place = random() < 0.5 && [alice, bob].includes(who) ? support : room;
      if (chance < 0.4) messages.push((await sent(test, sending(place.id, who, `text ${step}`))).message as Message);
      else if (chance < 0.5 && messages.length > 0) {
        const message = pick(messages);
        await test.committer.submit(editing(message.id, message.senderId, `edited ${step}`));
      } else if (chance < 0.55 && messages.length > 0) {
        const message = pick(messages);
        await test.committer.submit(deleting(message.id, message.senderId));
      } else if (chance < 0.75 && messages.length > 0) {
        await test.committer.submit(marking(who, pick(['received', 'read']), [pick(messages).id, pick(messages).id]));
      } else if (chance < 0.85) {
        await test.committer.submit(
          marking(who, 'read', { conversationId: place.id, seq: 1 + Math.floor(random() * 40) }),
        );
      } else if (who !== alice && inside.has(who)) {
        await leave(test, room, who);
        inside.delete(who);
      } else if (people.some((id) => !inside.has(id))) {
        const back = people.find((id) => !inside.has(id)) as UserId;
        await join(test, room, back);
        inside.add(back);
      }
      if (step % 40 === 0) await test.clock.advance(20);
    }
    await passUntil(test, await test.store.log.head(), 20_000);

    const positions = test.delivered.map(({ event }) => event.position);
    expect(positions).toEqual(positions.map((_, index) => index + 1));
    const { views } = await test.store.conversations.loadViews([room.id, support.id]);
    for (const stored of views) {
      const view = test.core.directory.conversation(stored.conversation.id);
      expect(view?.conversation).toEqual(stored.conversation);
      expect([...(view?.participants.values() ?? [])].sort((a, b) => a.id - b.id)).toEqual(
        [...stored.participants].sort((a, b) => a.id - b.id),
      );
      expect(view?.lastMessage).toEqual(stored.lastMessage);
    }
    await test.close();
  });
});
