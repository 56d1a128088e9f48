/**
 * Everything at once on two nodes: people come and go and write while views are loaded, dropped and loaded again, and while people
 * connect. Whoever was in hears, nobody else does, and what each node knows is what the store holds.
 */
import type { Conversation, DeliveredEvent, LogEvent, LogPosition, UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { join, leave, makeConversation, marking, sending } from './support/places.ts';
import { createRandom } from './support/random.ts';

const ROOMS = 4;
const PEOPLE = 12;
const STEPS = 120;

interface Watched {
  readonly userId: UserId;
  /** Events after this one must reach the user. */
  readonly since: LogPosition;
}

it('tells who was in, whatever happens at the same time', async () => {
  const one = await createTestCore({ clock: 'real' });
  const two = await one.another();
  const nodes = [one, two];
  const random = createRandom(11);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const people = (await one.people(...Array.from({ length: PEOPLE }, (_, index) => `P${index}`))).map(({ id }) => id);
  const rooms: Conversation[] = [];
  for (let room = 0; room < ROOMS; room += 1) rooms.push(await makeConversation(one, people));
  const inside = new Map(rooms.map(({ id }) => [id, new Set(people)]));
  const watched = new Map<TestCore, Watched[]>(nodes.map((node) => [node, []]));

  async function comeAndGo(room: Conversation): Promise<void> {
    const members = inside.get(room.id) as Set<UserId>;
    for (let step = 0; step < STEPS; step += 1) {
      const node = pick(nodes);
      const who = pick(people);
      const chance = random();
      if (chance < 0.6) await node.committer.submit(sending(room.id, who, `text ${step}`));
      else if (chance < 0.75) await node.committer.submit(marking(who, 'read', { conversationId: room.id, seq: step }));
      else if (members.has(who)) {
        members.delete(who);
        await leave(node, room, who);
      } else {
        members.add(who);
        await join(node, room, who);
      }
    }
  }

  async function connectAndForget(node: TestCore): Promise<void> {
    for (const userId of people.slice(0, 6)) {
      await node.core.directory.membershipsOf(userId);
      watched.get(node)?.push({ userId, since: node.core.events.position });
      for (let turn = 0; turn < 8; turn += 1) {
        await node.store.ping();
        // As if other views had needed the room.
        if (random() < 0.5) node.core.directory.forget(pick(rooms).id);
      }
    }
  }

  await Promise.all([...rooms.map(comeAndGo), ...nodes.map(connectAndForget)]);
  await Promise.all(nodes.map((node) => node.settled()));

  const spans = await one.store.log.spansOf(
    rooms.map(({ id }) => id),
    0,
    await one.store.log.head(),
  );
  const wasIn = (event: LogEvent) =>
    spans
      .filter((span) => span.conversationId === event.conversationId && span.fromPosition <= event.position)
      .filter((span) => span.toPosition === null || span.toPosition >= event.position)
      .map(({ userId }) => userId);

  for (const node of nodes) {
    expect(node.delivered.map(({ event }) => event.position)).toEqual(node.delivered.map((_, index) => index + 1));
    for (const delivered of node.delivered)
      expectRightAudience(delivered, wasIn(delivered.event), watched.get(node) ?? []);
    const { views } = await node.store.conversations.loadViews(rooms.map(({ id }) => id));
    await node.core.directory.ensureConversations(rooms.map(({ id }) => id));
    for (const { conversation, participants, lastMessage } of views) {
      const view = node.core.directory.conversation(conversation.id);
      expect(view?.conversation).toEqual(conversation);
      expect(view?.lastMessage).toEqual(lastMessage);
      const known = [...(view?.participants.values() ?? [])];
      expect(known.sort((a, b) => a.id - b.id)).toEqual([...participants].sort((a, b) => a.id - b.id));
      expect([...(view?.activeIds ?? [])].sort()).toEqual(
        participants
          .filter(({ active }) => active)
          .map(({ userId }) => userId)
          .sort(),
      );
    }
  }
  await one.close();
}, 60_000);

function expectRightAudience({ event, audience }: DeliveredEvent<LogEvent>, wasIn: UserId[], watched: Watched[]): void {
  const heard = new Set([...(audience.participants ?? []), ...audience.users]);
  const mustHear = watched.filter(({ userId, since }) => event.position > since && wasIn.includes(userId));
  expect({ position: event.position, deaf: mustHear.filter(({ userId }) => !heard.has(userId)) }).toEqual({
    position: event.position,
    deaf: [],
  });
  const strangers = [...heard].filter((userId) => !wasIn.includes(userId));
  expect({ position: event.position, type: event.type, strangers }).toEqual({
    position: event.position,
    type: event.type,
    strangers: [],
  });
}
