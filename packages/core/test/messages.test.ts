import {
  adminActor,
  type ConversationId,
  type Message,
  type MessageId,
  type SendMessage,
  type SpaceId,
  type User,
  type UserActor,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { createMessages, type Messages } from '../src/messages.ts';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let id: ConversationId;

beforeEach(async () => {
  test = await createTestCore({ limits: { textLength: 10 } });
  [alice, bob, carol] = (await test.people('Alice', 'Bob', 'Carol')) as [User, User, User];
  const participants = [alice, bob].map((user) => ({ userId: user.id }));
  id = (await test.core.conversations.create(admin(), { kind: 'group', participants })).conversation.id;
});

afterEach(() => test.close());

const admin = adminActor;
const send = async (user: User, fields: Partial<SendMessage> = {}) =>
  (await test.core.messages.send(test.actor(user), { conversationId: id, text: 'tea', ...fields })).message;
const list = async (user: User, query: Partial<Parameters<Messages['list']>[1]> = {}) =>
  (await test.core.messages.list(test.actor(user), { conversationId: id, from: 'oldest', limit: 100, ...query })).map(
    (message) => message.seq,
  );

async function refusal(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => 'nothing was refused',
    (reason: unknown) => reason,
  );
  const { code, details } = error as { code?: string; details?: { reason?: string; field?: string } };
  return [code, details?.reason ?? details?.field].filter(Boolean).join(' ');
}

describe('sending', () => {
  it('answers when the message is committed, and notes its position on the actor', async () => {
    const actor = test.actor(alice);
    const { message, repeated } = await test.core.messages.send(actor, {
      conversationId: id,
      text: 'tea',
      clientRef: 'k',
    });
    expect(repeated).toBe(false);
    expect(message).toMatchObject({ seq: 1, clientRef: 'test:k', senderId: alice.id, text: 'tea' });
    const [event] = await test.events('message.sent');
    expect(event?.message).toEqual(message);
    expect(actor.lastPosition).toBe(event?.position);
    expect(await test.core.messages.find(actor, [message.id])).toEqual([message]);
  });

  it('answers a repeat with the original', async () => {
    const command = { conversationId: id, clientRef: 'k' };
    const first = await test.core.messages.send(test.actor(alice), { ...command, text: 'tea' });
    const again = await test.core.messages.send(test.actor(alice), { ...command, text: 'coffee' });
    expect(again).toEqual({ message: first.message, repeated: true });
    const elsewhere = await test.core.messages.send(test.actor(alice, { namespace: 'other' }), {
      ...command,
      text: 'tea',
    });
    expect(elsewhere.repeated).toBe(false);
  });

  it('makes every text storable before it is queued', async () => {
    const strange = 'a\u0000\uD800';
    const message = await send(alice, { text: strange, clientRef: strange, meta: { test: { [strange]: strange } } });
    const kept = 'a\uFFFD\uFFFD';
    expect(message).toMatchObject({ text: kept, clientRef: `test:${kept}`, meta: { test: { [kept]: kept } } });
    expect(await test.core.messages.find(admin(), [message.id])).toEqual([message]);
  });

  it('refuses what is empty, too long or not to be known, each in its own word', async () => {
    const [stranger] = (await test.people('Stranger')) as [User];
    await test.core.conversations.removeParticipants(admin(), id, [bob.id]);
    expect(await refusal(send(alice, { text: '' }))).toBe('invalid text');
    expect(await refusal(send(alice, { text: 'x'.repeat(11) }))).toBe('too_large text');
    expect(await refusal(send(alice, { clientRef: 'x'.repeat(513) }))).toBe('invalid clientRef');
    expect(await refusal(send(alice, { meta: { test: 'x'.repeat(300_000) } }))).toBe('too_large meta');
    expect(await refusal(send(alice, { visibility: 'staff' }))).toBe('forbidden no_right');
    expect(await refusal(send(alice, { visibility: 'namespace:other' }))).toBe('invalid visibility');
    expect(await refusal(send(alice, { conversationId: 4711 as ConversationId }))).toBe('not_found');
    expect(await refusal(send(alice, { conversationId: (2 ** 63) as ConversationId }))).toBe('not_found');
    expect(await refusal(send(stranger))).toBe('not_found');
    expect(await refusal(send(bob))).toBe('forbidden no_participant');
    expect(await list(alice)).toEqual([]);
  });

  it('takes an empty text with something beside it, or when that is wanted, and cuts a long one when asked to', async () => {
    expect((await send(alice, { text: '', meta: { test: 1 } })).text).toBe('');
    expect((await send(alice, { text: '', parts: [{ kind: 'image', url: 'x' }] })).parts).toHaveLength(1);
    expect((await send(alice, { text: '', allowEmpty: true })).text).toBe('');
    expect((await send(alice, { text: '123456789🫖', truncate: true })).text).toBe('123456789');
  });
});

describe('changing', () => {
  it('edits by the sender alone', async () => {
    const message = await send(alice);
    const { messages } = test.core;
    expect(await refusal(messages.edit(test.actor(bob), { messageId: message.id, text: 'no' }))).toBe(
      'forbidden no_right',
    );
    const edited = await messages.edit(test.actor(alice), { messageId: message.id, text: 'coffee\u0000' });
    expect(edited).toMatchObject({ text: 'coffee\uFFFD', seq: 1 });
    expect(await refusal(messages.edit(test.actor(alice), { messageId: message.id, text: 'x'.repeat(11) }))).toBe(
      'too_large text',
    );
    await messages.remove(test.actor(alice), { messageId: message.id, scope: 'all' });
    expect(await refusal(messages.edit(test.actor(alice), { messageId: message.id, text: 'x' }))).toBe(
      'conflict deleted',
    );
    expect((await test.events('message.edited')).map((event) => event.message.text)).toEqual(['coffee\uFFFD']);
  });

  it('removes for all, leaving a tombstone, and repeats without telling', async () => {
    const message = await send(alice);
    const remove = (user: User) => test.core.messages.remove(test.actor(user), { messageId: message.id, scope: 'all' });
    expect(await refusal(remove(bob))).toBe('forbidden no_right');
    expect(await remove(alice)).toMatchObject({ message: { text: '', seq: 1 }, repeated: false });
    expect((await remove(alice)).repeated).toBe(true);
    expect(await list(bob)).toEqual([]);
    expect(await list(bob, { tombstones: true })).toEqual([1]);
    expect(await test.events('message.deleted')).toHaveLength(1);
  });

  it('removes for oneself alone', async () => {
    const message = await send(alice);
    await test.core.messages.remove(test.actor(bob), { messageId: message.id, scope: 'self' });
    expect([await list(bob), await list(alice)]).toEqual([[], [1]]);
    expect((await test.core.messages.hiddenBy([message.id])).get(message.id)).toEqual([bob.id]);
    const [event] = await test.events('message.hidden');
    expect(event).toMatchObject({ userIds: [bob.id], userId: bob.id });
  });

  it('notes what became of a message, once', async () => {
    const prompt = { kind: 'rating', state: 'pending' } as const;
    const message = await send(alice, { text: 'rate me', prompt });
    const { messages } = test.core;
    const answer = { messageId: message.id, what: 'prompt', prompt: { state: 'answered', answer: 5 } } as const;
    for (let times = 0; times < 2; times += 1) {
      expect((await messages.update(test.actor(bob), answer)).prompt).toEqual({
        ...prompt,
        state: 'answered',
        answer: 5,
      });
      await messages.update(test.actor(bob), { messageId: message.id, what: 'heard', at: 1 });
    }
    const [stored] = await messages.find(admin(), [message.id]);
    expect(stored?.meta).toEqual({ core: { heardAt: 1 } });
    expect((await test.events('message.updated')).map(({ what }) => what)).toEqual(['prompt', 'heard']);
    expect(await refusal(messages.update(test.actor(carol), answer))).toBe('not_found');
  });
});

describe('listing', () => {
  let all: Message[];

  beforeEach(async () => {
    all = [];
    for (let n = 1; n <= 9; n += 1) all.push(await send(n % 2 ? alice : bob, { text: `Tea ${n}` }));
  });

  const idOf = (seq: number) => (all[seq - 1] as Message).id;

  it('goes from either end, between bounds, with an offset', async () => {
    expect(await list(bob, { limit: 3 })).toEqual([1, 2, 3]);
    expect(await list(bob, { from: 'newest', limit: 3 })).toEqual([9, 8, 7]);
    expect(await list(bob, { from: 'newest', limit: 3, offset: 2 })).toEqual([7, 6, 5]);
    expect(await list(bob, { beforeId: idOf(4) })).toEqual([1, 2, 3]);
    expect(await list(bob, { afterId: idOf(7) })).toEqual([8, 9]);
    expect(await list(bob, { afterId: idOf(2), beforeId: idOf(6), from: 'newest', limit: 2 })).toEqual([5, 4]);
    expect(await list(bob, { afterSeq: 6 })).toEqual([7, 8, 9]);
  });

  it('takes bounds that are no messages, or of another conversation', async () => {
    const participants = [{ userId: alice.id }];
    const other = (await test.core.conversations.create(admin(), { kind: 'group', participants })).conversation.id;
    const foreign = await send(alice, { conversationId: other });
    const last = await send(bob);
    expect(await list(bob, { beforeId: foreign.id })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await list(bob, { afterId: foreign.id })).toEqual([10]);
    expect(await list(bob, { afterId: last.id + 5 })).toEqual([]);
    expect(await list(bob, { beforeId: 1 })).toEqual([]);
    expect(await list(bob, { afterId: 0, beforeId: Number.MAX_SAFE_INTEGER, limit: 1 })).toEqual([1]);
  });

  it('searches in the text, whatever the case', async () => {
    await send(bob, { text: '100% ЧАЙ' });
    expect(await list(alice, { search: 'чай' })).toEqual([10]);
    expect(await list(alice, { search: '0%' })).toEqual([10]);
    expect(await list(alice, { search: 'tea 3' })).toEqual([3]);
  });

  it('shows nobody what was cleared, or is for another namespace', async () => {
    await test.core.conversations.setPreferences(test.actor(bob), id, { cleared: true });
    const secret = { conversationId: id, text: 'psst', visibility: 'namespace:other' } as const;
    const { message } = await test.core.messages.send(test.actor(alice, { namespace: 'other', via: 'other' }), secret);
    await send(alice);
    expect(await list(bob)).toEqual([11]);
    const others = await test.core.messages.list(test.actor(bob, { namespace: 'other' }), {
      ...{ conversationId: id, from: 'oldest', limit: 100 },
    });
    expect(others.map(({ seq }) => seq)).toEqual([10, 11]);
    expect(await test.core.messages.find(test.actor(bob), [message.id, idOf(1)])).toEqual([]);
    const latest = await test.core.messages.latestVisible(bob.id, [id]);
    expect(latest.get(id)?.seq).toBe(11);
  });

  it('is refused to whoever takes no part', async () => {
    const query = { conversationId: id, from: 'oldest', limit: 1 } as const;
    expect(await refusal(test.core.messages.list(test.actor(carol), query))).toBe('not_found');
    expect(await test.core.messages.find(test.actor(carol), [idOf(1)])).toEqual([]);
    await test.core.conversations.removeParticipants(admin(), id, [bob.id]);
    expect(await refusal(test.core.messages.list(test.actor(bob), query))).toBe('not_found');
    expect(await test.core.messages.list(admin(), query)).toHaveLength(1);
  });

  it('reads everything in pages of 500', async () => {
    await test.sql(
      `insert into messages (id, conversation_id, seq, sender_id, via, text, created_at, changed_position)
       select $1::bigint + n, $2, 9 + n, $3, 'test', 'bulk', now(), 1 from generate_series(1, 1200) n`,
      [idOf(9), id, alice.id],
    );
    const sizes: number[] = [];
    let last = 0;
    for await (const page of test.core.messages.pages(test.actor(bob), id)) {
      sizes.push(page.length);
      for (const { seq } of page) expect(seq).toBe(++last);
    }
    expect(sizes).toEqual([500, 500, 209]);
    // Bounds that are no messages, deep inside.
    const query = { conversationId: id, from: 'newest', limit: 2, beforeId: (idOf(9) + 700) as MessageId } as const;
    expect((await test.core.messages.list(test.actor(bob), query)).map(({ seq }) => seq)).toEqual([708, 707]);
  });
});

describe('in a queue', () => {
  let queue: SpaceId;
  let customer: User;
  let operator: User;
  let chat: ConversationId;
  let attended: boolean;
  let asked: number;
  let messages: Messages;

  beforeEach(async () => {
    [customer, operator] = [alice, bob];
    const members = [operator, carol].map((user) => ({ userId: user.id, role: 'staff' as const }));
    queue = (await test.core.spaces.create(admin(), { kind: 'queue', name: 'q', members })).space.id;
    const participants = [{ userId: customer.id, side: 'customer' as const }];
    const command = { kind: 'support', spaceId: queue, customerId: customer.id, participants, open: false } as const;
    chat = (await test.core.conversations.create(admin(), command)).conversation.id;
    attended = false;
    asked = 0;
    const { core, store, committer, clock, nodeId } = test;
    const change: Parameters<typeof createMessages>[0]['change'] = async (actor, work) => {
      const origin = { actorId: actor.userId, via: actor.via, connectionId: actor.connectionId };
      return (await store.transaction(origin, work)).value;
    };
    const context = { store, committer, clock, nodeId, directory: core.directory, change, limits: { textLength: 100 } };
    messages = createMessages(context as unknown as Parameters<typeof createMessages>[0], {
      join: core.conversations.join,
      isAttended: async () => {
        asked += 1;
        return attended;
      },
    });
  });

  const say = async (actor: UserActor, fields: Partial<SendMessage> = {}) =>
    (await messages.send(actor, { conversationId: chat, text: 'help', ...fields })).message;
  const staff = (user: User) => test.actor(user, { capacity: 'staff' });

  it('opens a closed conversation first', async () => {
    const message = await say(test.actor(customer));
    expect(message.episode).toBe(1);
    expect(await test.core.conversations.find(chat)).toMatchObject({ open: true, episode: 1, staffUnread: 1 });
    const types = (await test.events('conversation.opened', 'message.sent')).map((event) => event.type);
    expect(types[0]).toBe('conversation.opened');
    expect(types.at(-1)).toBe('message.sent');
  });

  it('has one message wait for staff when nobody attends, and asks nobody in other conversations', async () => {
    expect((await say(test.actor(customer))).waitingForStaff).toBe(true);
    attended = true;
    expect((await say(test.actor(customer))).waitingForStaff).toBe(false);
    expect(asked).toBe(2);
    await messages.send(test.actor(alice), { conversationId: id, text: 'tea' });
    await say(staff(operator), { joinFirst: true });
    expect(asked).toBe(2);
  });

  it('has staff join first when that is wanted', async () => {
    expect(await refusal(say(staff(operator)))).toBe('forbidden no_participant');
    await say(staff(operator), { joinFirst: true });
    expect(await test.core.conversations.participation(operator.id, chat)).toMatchObject({
      side: 'staff',
      active: true,
    });
    expect(await refusal(say(test.actor(bob), { visibility: 'staff', conversationId: id }))).toBe('forbidden no_right');
  });

  it('shows what is for staff to staff alone, and lets staff of the queue read without taking part', async () => {
    await say(test.actor(customer));
    await say(staff(operator), { joinFirst: true });
    const note = await say(staff(operator), { visibility: 'staff' });
    const query = { conversationId: chat, from: 'newest', limit: 100 } as const;
    const seen = async (actor: UserActor) => (await messages.list(actor, query)).map((message) => message.id);
    expect(await seen(staff(carol))).toContain(note.id);
    expect(await seen(staff(operator))).toContain(note.id);
    expect(await seen(test.actor(customer))).not.toContain(note.id);
    expect((await messages.latestVisible(customer.id, [chat])).get(chat)?.senderId).toBe(operator.id);
    expect(await test.core.conversations.find(chat)).not.toMatchObject({ lastPublicMessageId: note.id });
  });

  it('lets staff delete a message for all', async () => {
    const message = await say(test.actor(customer));
    await messages.remove(staff(carol), { messageId: message.id, scope: 'all' });
    expect(await test.core.conversations.find(chat)).toMatchObject({ staffUnread: 0 });
  });
});
