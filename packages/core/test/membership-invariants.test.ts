import { adminActor, type ConversationId, isDomainError, type SpaceId, type User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

/** A small generator of our own, so that a failure can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const STEPS = 150;

let one: TestCore;
let two: TestCore;
let people: User[];
let spaces: SpaceId[];

beforeEach(async () => {
  one = await createTestCore();
  two = await one.another();
  people = await one.people('Alice', 'Bob', 'Carol', 'Dave', 'Erin', 'Frank');
  const members = people.slice(0, 3).map(({ id }) => ({ userId: id, role: 'admin' as const }));
  const queue = await one.core.spaces.create(adminActor(), { kind: 'queue', members });
  const workspace = await one.core.spaces.create(one.actor(people[0] as User), { kind: 'workspace', members });
  spaces = [queue.space.id, workspace.space.id];
  for (const { core } of [one, two]) for (const { id } of people) await core.directory.membershipsOf(id);
});

afterEach(() => one.close());

describe.each([1, 2, 3])('whatever people do on two nodes at once (seed %i)', (seed) => {
  it('spans, keys, places and caches agree with who takes part', async () => {
    const below = random(seed);
    const someone = () => people[below(people.length)] as User;
    const made: ConversationId[] = [];

    async function step(): Promise<void> {
      const { core, actor } = below(2) === 0 ? one : two;
      const [queueId, workspaceId] = spaces as [SpaceId, SpaceId];
      const [first, second, third] = [someone(), someone(), someone()];
      const user = actor(first);
      const staff = actor(people[0] as User);
      const id = made[below(made.length)] ?? (0 as ConversationId);
      const { conversations } = core;
      switch (below(16)) {
        case 0:
          made.push((await conversations.direct(user, second.id)).conversation.id);
          return;
        case 1: {
          const participants = [{ userId: second.id }, { userId: third.id }];
          made.push((await conversations.create(user, { kind: 'group', participants })).conversation.id);
          return;
        }
        case 2: {
          const visibility = below(2) === 0 ? 'public' : 'private';
          const command = { kind: 'channel', spaceId: workspaceId, visibility, participants: [] } as const;
          made.push((await conversations.create(user, command)).conversation.id);
          return;
        }
        case 3: {
          const key = `queue:${queueId}:${second.id}:regular`;
          const command = { kind: 'support', key, spaceId: queueId, customerId: second.id, participants: [] } as const;
          made.push((await conversations.create(staff, command)).conversation.id);
          return;
        }
        case 4:
          return conversations.leave(user, id);
        case 5:
          await conversations.addParticipants(user, id, [{ userId: second.id }, { userId: third.id }]);
          return;
        case 6:
          return conversations.removeParticipants(adminActor(), id, [second.id]);
        case 7:
          await conversations.change(user, id, { add: [second.id], remove: [third.id], ownerId: second.id });
          return;
        case 8:
          await conversations.assign(staff, id, second.id);
          return;
        case 9:
          await conversations.close(staff, id);
          return;
        case 10:
          await conversations.open(staff, id);
          return;
        case 11:
          await conversations.join(user, id, { allow: true });
          return;
        case 12:
          await core.spaces.setMember(adminActor(), workspaceId, {
            userId: second.id,
            role: below(2) === 0 ? 'user' : 'guest',
          });
          return;
        case 13:
          return core.spaces.removeMember(adminActor(), workspaceId, second.id);
        case 14:
          await conversations.setRole(adminActor(), id, { userId: second.id, role: 'admin' });
          return;
        default:
          return below(4) === 0 ? conversations.remove(adminActor(), id) : undefined;
      }
    }

    let refused = 0;
    for (let done = 0; done < STEPS; done += 3) {
      const outcomes = await Promise.allSettled([step(), step(), step()]);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue;
        if (!isDomainError(outcome.reason)) throw outcome.reason;
        refused += 1;
      }
    }
    expect(refused).toBeLessThan(STEPS * 0.8);

    const { sql } = one;
    expect(
      await sql(`select p.id from participants p full join (
          select * from participant_spans where to_position is null) s using (conversation_id, user_id)
        where p.active is distinct from (s.id is not null) or p.side is distinct from coalesce(s.side, p.side)`),
    ).toEqual([]);
    expect(
      await sql(`select c.id from conversations c join participants p on p.conversation_id = c.id and p.active
        where c.deleted_at is not null`),
    ).toEqual([]);
    expect(
      await sql(`select c.id from conversations c
        where c.deleted_at is null and c.owner_id is not null and not exists (
          select from participants p
           where p.conversation_id = c.id and p.user_id = c.owner_id and p.active and p.role = 'owner')`),
    ).toEqual([]);
    expect(
      await sql(`select c.id from conversations c
        where c.deleted_at is null and c.kind = 'direct'
          and c.key is not null and 2 <> (select count(*) from participants p where p.conversation_id = c.id and p.active)`),
    ).toEqual([]);
    expect(
      await sql(`select c.id from conversations c
        where c.deleted_at is null and c.assignee_id is not null and not exists (
          select from participants p
           where p.conversation_id = c.id and p.user_id = c.assignee_id and p.active and p.present)`),
    ).toEqual([]);
    expect(
      await sql(`select p.id from participants p join conversations c on c.id = p.conversation_id and c.deleted_at is null
          join spaces s on s.id = c.space_id and s.kind = 'workspace'
        where p.active and not exists (
          select from space_members m where m.space_id = s.id and m.user_id = p.user_id and m.left_at is null)`),
    ).toEqual([]);

    for (const node of [one, two]) {
      await node.settled();
      for (const { conversation, participants } of await node.store.conversations.load([...new Set(made)])) {
        await node.core.directory.ensureConversations([conversation.id]);
        const view = node.core.directory.conversation(conversation.id);
        expect(view?.conversation).toEqual(conversation);
        expect(new Map(view?.participants)).toEqual(new Map(participants.map((each) => [each.userId, each])));
      }
    }
  });
});
