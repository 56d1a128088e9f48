/** Who was there when a message was sent, several conversations of one pair, and whom one shares conversations with. */
import { adminActor, type ConversationId, type User, wasRecipient } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol] = (await test.people('Alice', 'Bob', 'Carol')) as [User, User, User];
});

afterEach(() => test.close());

async function send(user: User, conversationId: ConversationId) {
  return (await test.core.messages.send(test.actor(user), { conversationId, text: 'tea' })).message;
}

async function recipientsOf(conversationId: ConversationId, seq: number): Promise<string[]> {
  const { participants } = await test.core.conversations.get(adminActor(), conversationId);
  const names = new Map([alice, bob, carol].map(({ id, displayName }) => [id, displayName]));
  return participants.filter((one) => wasRecipient(one, seq)).map(({ userId }) => names.get(userId) ?? '?');
}

describe('recipients', () => {
  it('are those who took part when the message was sent, whoever joins, leaves or comes back later', async () => {
    const { conversation } = await test.core.conversations.create(test.actor(alice), {
      kind: 'group',
      participants: [{ userId: bob.id }],
    });
    const { id } = conversation;
    const first = await send(alice, id);
    await test.core.conversations.addParticipants(test.actor(alice), id, [{ userId: carol.id }]);
    const second = await send(alice, id);
    await test.core.conversations.leave(test.actor(bob), id);
    const third = await send(alice, id);
    await test.core.conversations.addParticipants(test.actor(alice), id, [{ userId: bob.id }]);
    const fourth = await send(alice, id);
    const all = await Promise.all([first, second, third, fourth].map(({ seq }) => recipientsOf(id, seq)));
    expect(all.map((names) => names.sort())).toEqual([
      ['Alice', 'Bob'],
      ['Alice', 'Bob', 'Carol'],
      ['Alice', 'Carol'],
      ['Alice', 'Bob', 'Carol'],
    ]);
  });
});

describe('a pair', () => {
  const pairOf = (pair?: string) =>
    test.core.conversations.create(test.actor(alice), {
      kind: 'direct',
      participants: [{ userId: bob.id }],
      ...(pair && { pair }),
    });

  it('has one conversation for each word, and finds it again when two are left', async () => {
    const plain = await pairOf();
    const other = await pairOf('other');
    expect(other.conversation.id).not.toBe(plain.conversation.id);
    expect(await pairOf('other')).toMatchObject({ existed: true, conversation: { id: other.conversation.id } });
    await test.core.conversations.addParticipants(test.actor(alice), other.conversation.id, [{ userId: carol.id }]);
    const third = await pairOf('other');
    expect(third.existed).toBe(false);
    await test.core.conversations.leave(test.actor(alice), third.conversation.id);
    await test.core.conversations.leave(test.actor(carol), other.conversation.id);
    expect(await pairOf('other')).toMatchObject({ existed: true, conversation: { id: other.conversation.id } });
  });
});

describe('sharing', () => {
  it('may leave out one conversation, and pairs in which one has blocked the other', async () => {
    const { conversation: group } = await test.core.conversations.create(test.actor(alice), {
      kind: 'group',
      participants: [{ userId: carol.id }],
    });
    const { conversation: direct } = await test.core.conversations.direct(test.actor(alice), bob.id);
    const ids = [bob.id, carol.id];
    const { sharing } = test.core.conversations;
    expect([...(await sharing(alice.id, ids, { except: group.id }))]).toEqual([bob.id]);
    await test.core.conversations.block(test.actor(bob), direct.id, alice.id);
    expect([...(await sharing(alice.id, ids, { unblocked: true }))]).toEqual([carol.id]);
    expect((await sharing(alice.id, ids)).size).toBe(2);
  });
});

describe('places', () => {
  it('know the ids of what stands there', async () => {
    const { conversation } = await test.core.conversations.direct(test.actor(alice), bob.id);
    const message = await send(alice, conversation.id);
    const at = (seq: number) => ({ conversationId: conversation.id, seq });
    expect(await test.core.messages.idsAt([at(7), at(1)])).toEqual([null, message.id]);
  });
});

describe('changing a conversation', () => {
  it('takes attributes from its owner alone', async () => {
    const { conversation } = await test.core.conversations.create(test.actor(alice), {
      kind: 'group',
      participants: [{ userId: bob.id }],
      attributes: { wire: { a: 1 }, other: { b: 2 } },
    });
    const attributes = { wire: { a: 2 } };
    await expect(
      test.core.conversations.change(test.actor(bob), conversation.id, { attributes }),
    ).rejects.toMatchObject({
      details: { reason: 'not_owner' },
    });
    const changed = await test.core.conversations.change(test.actor(alice), conversation.id, { attributes });
    expect(changed.conversation.attributes).toEqual({ wire: { a: 2 }, other: { b: 2 } });
  });
});

describe('stopping a call', () => {
  it('notes what the wire said with it', async () => {
    const { conversation } = await test.core.conversations.direct(test.actor(alice), bob.id);
    const actor = test.actor(alice, { connectionId: 'desk' as never });
    const call = await test.core.calls.start(actor, {
      conversationId: conversation.id,
      callMedia: 'audio',
      graceMs: 1_000,
      meta: { wire: { a: 1 } },
    });
    await test.core.calls.stop(actor, call.id, { meta: { note: { why: 2 } } });
    expect((await test.core.calls.get(actor, call.id)).meta).toEqual({ wire: { a: 1 }, note: { why: 2 } });
  });
});
