/** What stands at which place of a conversation, and who shares one with whom: what wires that tell of single messages and people ask. */
import { adminActor, type ConversationId, type User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let id: ConversationId;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol] = (await test.people('Alice', 'Bob', 'Carol')) as [User, User, User];
  const participants = [alice, bob].map((user) => ({ userId: user.id }));
  id = (await test.core.conversations.create(adminActor(), { kind: 'group', participants })).conversation.id;
});

afterEach(() => test.close());

const send = (user: User) => test.core.messages.send(test.actor(user), { conversationId: id, text: 'tea' });

describe('messages by their places', () => {
  const find = async (actor: ReturnType<typeof adminActor>, query: object) => {
    const found = await test.core.messages.findBySeq(actor, id, { ranges: [[1, 100]], limit: 100, ...query });
    return found.map(({ seq }) => seq);
  };

  it('are found in several ranges, ascending, the newest of them where they are many', async () => {
    for (let count = 0; count < 6; count += 1) await send(alice);
    const ranges = [
      [5, 6],
      [1, 3],
    ];
    expect(await find(adminActor(), { ranges })).toEqual([1, 2, 3, 5, 6]);
    expect(await find(adminActor(), { ranges, limit: 3 })).toEqual([3, 5, 6]);
    expect(await find(adminActor(), { ranges: [] })).toEqual([]);
  });

  it('leave out deleted ones, those of one sender, and what the reader may not see', async () => {
    await send(alice);
    await send(bob);
    const { message } = await send(alice);
    await send(alice);
    await test.core.messages.remove(test.actor(alice), { messageId: message.id, scope: 'all' });
    expect(await find(adminActor(), {})).toEqual([1, 2, 4]);
    expect(await find(adminActor(), { exceptSenderId: alice.id })).toEqual([2]);
    expect(await find(test.actor(bob), {})).toEqual([1, 2, 4]);
    await expect(find(test.actor(carol), {})).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('sharing a conversation', () => {
  it('is so while both take part in it, and it lives', async () => {
    const { conversations } = test.core;
    const sharing = async () => [...(await conversations.sharing(alice.id, [bob.id, carol.id]))];
    expect(await sharing()).toEqual([bob.id]);
    await conversations.addParticipants(adminActor(), id, [{ userId: carol.id }]);
    expect(new Set(await sharing())).toEqual(new Set([bob.id, carol.id]));
    await conversations.removeParticipants(adminActor(), id, [bob.id]);
    expect(await sharing()).toEqual([carol.id]);
    await conversations.remove(adminActor(), id);
    expect(await sharing()).toEqual([]);
  });

  it('is known at once of people whose memberships were asked for', async () => {
    const { directory, conversations } = test.core;
    expect(directory.isTakingPart(alice.id, id)).toBe(false);
    await directory.membershipsOf(alice.id);
    expect(directory.isTakingPart(alice.id, id)).toBe(true);
    await conversations.removeParticipants(adminActor(), id, [alice.id]);
    await test.settled();
    expect(directory.isTakingPart(alice.id, id)).toBe(false);
  });
});
