/**
 * Everything at once on two nodes: people come and go and write while views are loaded, dropped and loaded again, and while people
 * connect. Whoever was in hears, nobody else does, and what each node knows is what the store holds.
 */
import { createMemoryMedium } from '@switchboard/bus';
import type { Commit, Conversation, DeliveredEvent, LogEvent, LogPosition, Store, UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { createFaultyBus, passOn } from './support/faulty-bus.ts';
import { join, leave, makeConversation, marking, sending } from './support/places.ts';
import { createRandom } from './support/random.ts';

const ROOMS = 4;
const PEOPLE = 12;
const STEPS = 120;

it('tells who was in, whatever happens at the same time', async () => {
  const medium = createMemoryMedium();
  const late = createFaultyBus(medium);
  const one = await createTestCore({ clock: 'real', medium });
  const two = await one.another({ bus: late });
  const nodes = [one, two];
  const random = createRandom(11);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const people = (await one.people(...Array.from({ length: PEOPLE }, (_, index) => `P${index}`))).map(({ id }) => id);
  const rooms: Conversation[] = [];
  for (let room = 0; room < ROOMS; room += 1) rooms.push(await makeConversation(one, people));
  const inside = new Map(rooms.map(({ id }) => [id, new Set(people)]));
  /** Events after this position must reach the user on this node. */
  const watched = new Map(nodes.map((node) => [node, new Map<UserId, LogPosition>()]));

  // One node hears late: what it reads is newer than what it has heard. And answers of the store are long under way: what is heard
  // meanwhile is newer than what was read.
  const held: Commit[] = [];
  late.fault = (commit) => {
    held.push(commit);
    return held.length > 6 ? held.splice(0, 1) : [];
  };
  for (const { store } of nodes) {
    delayed(store.conversations, 'loadViews', store);
    delayed(store.conversations, 'membershipsOf', store);
  }

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
    const since = watched.get(node) as Map<UserId, LogPosition>;
    for (let turn = 0; turn < 60; turn += 1) {
      const userId = pick(people);
      node.core.directory.release(userId);
      since.delete(userId);
      await node.core.directory.membershipsOf(userId);
      since.set(userId, node.core.events.position);
      // As if other views had needed the room.
      if (random() < 0.3) node.core.directory.forget(pick(rooms).id);
      for (let more = 0; more < 5; more += 1) await node.store.ping();
    }
  }

  await Promise.all([...rooms.map(comeAndGo), ...nodes.map(connectAndForget)]);
  late.fault = passOn;
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
      expectRightAudience(delivered, wasIn(delivered.event), watched.get(node) ?? new Map());
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

/** Answers late, with what was true when it was asked. */
function delayed<Name extends 'loadViews' | 'membershipsOf'>(
  reads: Pick<Store['conversations'], Name>,
  name: Name,
  store: Pick<Store, 'ping'>,
): void {
  const read = reads[name] as (ids: readonly number[]) => Promise<unknown>;
  const patched = async (ids: readonly number[]) => {
    const answer = await read(ids);
    for (let turn = 0; turn < 12; turn += 1) await store.ping();
    return answer;
  };
  Object.assign(reads, { [name]: patched });
}

function expectRightAudience(
  { event, audience }: DeliveredEvent<LogEvent>,
  wasIn: UserId[],
  watched: ReadonlyMap<UserId, LogPosition>,
): void {
  const heard = new Set([...(audience.participants ?? []), ...audience.users]);
  const deaf = wasIn.filter((userId) => event.position > (watched.get(userId) ?? event.position) && !heard.has(userId));
  expect({ position: event.position, deaf }).toEqual({
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
