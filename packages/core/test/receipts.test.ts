import {
  adminActor,
  type ConversationId,
  hasRead,
  type LogEvent,
  type Message,
  type MessageId,
  type SpaceId,
  type User,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { sending, sent } from './support/places.ts';
import { createReadModel, type ReadModel } from './support/read-model.ts';

let test: TestCore;

beforeEach(async () => {
  test = await createTestCore();
});

afterEach(() => test.close());

const admin = adminActor;

async function group(...users: User[]): Promise<ConversationId> {
  const participants = users.map(({ id }) => ({ userId: id }));
  return (await test.core.conversations.create(admin(), { kind: 'group', participants })).conversation.id;
}

async function send(user: User, conversationId: ConversationId, text = 'tea'): Promise<Message> {
  return (await test.core.messages.send(test.actor(user, { capacity: 'staff' }), { conversationId, text })).message;
}

async function marksOf(conversationId: ConversationId, user: User) {
  const { participants } = await test.core.conversations.get(admin(), conversationId);
  const marks = participants.find(({ userId }) => userId === user.id);
  if (!marks) throw new Error('takes no part');
  return marks;
}

const unread = async (user: User, id: ConversationId, since: 'floor' | 'watermark' = 'floor') =>
  (await test.core.receipts.unreadCounts(user.id, { since, conversationIds: [id] })).get(id) ?? 0;

describe('marking one message', () => {
  let alice: User;
  let bob: User;
  let id: ConversationId;
  let reader: UserActor;

  beforeEach(async () => {
    [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    id = await group(alice, bob);
    reader = test.actor(bob);
  });

  const read = (...messages: Message[]) =>
    test.core.receipts.mark(reader, { kind: 'read', messageIds: messages.map((message) => message.id) });

  it('moves the watermark when nothing unread lies before it, else keeps a range of its own', async () => {
    const [one, two, three, four] = [
      await send(alice, id),
      await send(alice, id),
      await send(alice, id),
      await send(alice, id),
    ];
    expect(await read(one)).toBe(1);
    expect(await marksOf(id, bob)).toMatchObject({ readSeq: 1, readAbove: [], receivedSeq: 1 });
    expect(await read(four)).toBe(1);
    expect(await marksOf(id, bob)).toMatchObject({ readSeq: 1, readAbove: [[4, 4]], receivedSeq: 4 });
    expect(await unread(bob, id)).toBe(2);
    expect(await read(three, two)).toBe(2);
    expect(await marksOf(id, bob)).toMatchObject({ readSeq: 4, readAbove: [] });
    expect(await unread(bob, id)).toBe(0);
  });

  it('leaves no hole at own and deleted messages', async () => {
    const deleted = await send(alice, id);
    await send(bob, id);
    const third = await send(alice, id);
    await test.core.messages.remove(test.actor(alice), { messageId: deleted.id, scope: 'all' });
    await read(third);
    expect(await marksOf(id, bob)).toMatchObject({ readSeq: 3, readAbove: [] });
  });

  it('tells it once, with what was newly covered and where it came from', async () => {
    const message = await send(alice, id);
    const actor = test.actor(bob, { connectionId: 'c1' as UserActor['connectionId'] });
    for (const advanced of [1, 0]) {
      expect(await test.core.receipts.mark(actor, { kind: 'read', messageIds: [message.id] })).toBe(advanced);
    }
    const events = await test.events('receipts.advanced');
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ conversationId: id, actorId: bob.id, origin: 'c1', first: null });
    expect(events[0]?.marks).toEqual([
      { userId: bob.id, kind: 'read', origin: 'c1', seq: 1, previousSeq: 0, readAbove: [], added: [[1, 1]] },
    ]);
    expect(actor.lastPosition).toBe(events[0]?.position);
  });

  it('passes over own, foreign and unknown messages', async () => {
    const [carol] = (await test.people('Carol')) as [User];
    const elsewhere = await send(alice, await group(alice, carol));
    const own = await send(bob, id);
    expect(await read(own, elsewhere)).toBe(0);
    const unknown = [0, -1, 1.5, 2 ** 60, 12345] as MessageId[];
    expect(await test.core.receipts.mark(reader, { kind: 'read', messageIds: unknown })).toBe(0);
    expect(await test.events('receipts.advanced')).toEqual([]);
  });

  it('counts a message from before the reader joined as read, and as unread from the watermark alone', async () => {
    const [carol] = (await test.people('Carol')) as [User];
    const [first, second] = [await send(alice, id), await send(alice, id)];
    await test.core.conversations.addParticipants(admin(), id, [{ userId: carol.id }]);
    expect([await unread(carol, id), await unread(carol, id, 'watermark')]).toEqual([0, 2]);
    const actor = test.actor(carol);
    expect(await test.core.receipts.mark(actor, { kind: 'read', messageIds: [first.id] })).toBe(1);
    expect(hasRead(await marksOf(id, carol), 1)).toBe(true);
    expect(hasRead(await marksOf(id, carol), 2)).toBe(false);
    expect(await unread(carol, id, 'watermark')).toBe(1);
    expect(await test.core.receipts.markUpTo(actor, { kind: 'read', conversationId: id, messageId: second.id })).toBe(
      2,
    );
    expect(await unread(carol, id, 'watermark')).toBe(0);
    const readers = await test.core.receipts.readersOf(actor, id, [1, 2]);
    expect([readers.get(1), readers.get(2)]).toEqual([[carol.id], []]);
  });

  it('marks everything up to a message or a seq, and only forwards', async () => {
    const messages = [await send(alice, id), await send(alice, id), await send(alice, id)];
    const upTo = (place: { messageId?: MessageId; seq?: number }, kind: 'read' | 'received' = 'read') =>
      test.core.receipts.markUpTo(reader, { kind, conversationId: id, ...place });
    expect(await upTo({ seq: 99 }, 'received')).toBe(3);
    expect(await marksOf(id, bob)).toMatchObject({ readSeq: 0, receivedSeq: 3 });
    expect(await upTo({ messageId: messages[1]?.id as MessageId })).toBe(2);
    expect(await upTo({ seq: 1 })).toBe(0);
    expect(await marksOf(id, bob)).toMatchObject({ readSeq: 2, receivedSeq: 3 });
    const [stranger] = (await test.people('Stranger')) as [User];
    const theirs = test.core.receipts.markUpTo(test.actor(stranger), { kind: 'read', conversationId: id, seq: 1 });
    await expect(theirs).rejects.toMatchObject({ code: 'not_found' });
    await expect(upTo({ messageId: 77 as MessageId })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('lists what is unread over all conversations, in pages, as far as it counts', async () => {
    const other = await group(alice, bob);
    const messages = [await send(alice, id), await send(alice, other), await send(bob, id), await send(alice, id)];
    await read(messages[0] as Message);
    expect(await test.core.receipts.unreadTotal(reader)).toBe(2);
    const pages: number[][] = [];
    for await (const page of test.core.receipts.unreadPages(reader)) pages.push(page.map((message) => message.id));
    expect(pages).toEqual([[messages[1]?.id, messages[3]?.id]]);
    const capped = await test.store.messages.unreadCounts(reader, { since: 'floor', conversationIds: [other], cap: 1 });
    expect(capped).toEqual([{ conversationId: other, count: 1 }]);
  });
});

describe('in a support conversation', () => {
  let customer: User;
  let operator: User;
  let second: User;
  let id: ConversationId;

  beforeEach(async () => {
    [customer, operator, second] = (await test.people('Customer', 'Operator', 'Second')) as [User, User, User];
    const members = [operator, second].map((user) => ({ userId: user.id, role: 'staff' as const }));
    const { space } = await test.core.spaces.create(admin(), { kind: 'queue', name: 'q', members });
    id = await conversationOf(space.id);
  });

  async function conversationOf(spaceId: SpaceId): Promise<ConversationId> {
    const participants = [
      { userId: customer.id, side: 'customer' as const },
      { userId: operator.id, side: 'staff' as const },
    ];
    const command = { kind: 'support', spaceId, customerId: customer.id, participants } as const;
    return (await test.core.conversations.create(admin(), command)).conversation.id;
  }

  const staff = (user: User) => test.actor(user, { capacity: 'staff' });
  const totals = async () => {
    const { conversation } = await test.core.conversations.get(admin(), id);
    return [conversation.customerUnread, conversation.staffUnread];
  };
  /** By the committer: the customer's message, as when nobody was there. */
  async function fromCustomer(): Promise<Message> {
    const { message } = await sent(test, { ...sending(id, customer.id, 'help'), unattended: true });
    return message as Message;
  }
  const firsts = async () =>
    (await test.events('receipts.advanced')).map(({ first, marks }: LogEvent<'receipts.advanced'>) => [
      first && [first.message.seq, first.kind, first.by],
      marks.length,
    ]);

  it('tells for each message who of the other side had it first, and keeps both totals exact', async () => {
    const one = await fromCustomer();
    const two = await fromCustomer();
    const answer = await send(operator, id);
    expect(await totals()).toEqual([1, 2]);
    const { receipts } = test.core;
    await receipts.mark(staff(operator), { kind: 'received', messageIds: [one.id] });
    expect(await totals()).toEqual([1, 2]);
    await receipts.mark(staff(operator), { kind: 'read', messageIds: [one.id] });
    await receipts.mark(staff(operator), { kind: 'received', messageIds: [one.id] });
    expect(await totals()).toEqual([1, 1]);
    await receipts.markUpTo(staff(operator), { kind: 'read', conversationId: id, seq: two.seq });
    await receipts.mark(test.actor(customer), { kind: 'read', messageIds: [answer.id] });
    expect(await totals()).toEqual([0, 0]);
    expect(await firsts()).toEqual([
      [[one.seq, 'received', operator.id], 1],
      [[one.seq, 'read', operator.id], 1],
      [[two.seq, 'read', operator.id], 1],
      [[answer.seq, 'read', customer.id], 1],
    ]);
    const [stored] = await test.core.messages.find(admin(), [two.id]);
    expect(stored).toMatchObject({ waitingForStaff: false });
    expect(stored?.firstReadAt).not.toBeNull();
    expect(stored?.firstReceivedAt).not.toBeNull();
  });

  it('tells further readers without a first', async () => {
    const one = await fromCustomer();
    await test.core.conversations.join(staff(second), id);
    await test.core.receipts.mark(staff(operator), { kind: 'read', messageIds: [one.id] });
    await test.core.receipts.mark(staff(second), { kind: 'read', messageIds: [one.id] });
    expect(await firsts()).toEqual([
      [[one.seq, 'read', operator.id], 1],
      [null, 1],
    ]);
  });

  it('takes the mark of staff who take no part, for the message alone', async () => {
    const one = await fromCustomer();
    expect(one.waitingForStaff).toBe(true);
    expect(await test.core.receipts.unreadTotal(staff(second), { includeWaiting: true })).toBe(1);
    expect(await test.core.receipts.unreadTotal(staff(operator), { includeWaiting: true })).toBe(1);
    expect(await test.core.receipts.mark(test.actor(second), { kind: 'read', messageIds: [one.id] })).toBe(0);
    expect(await test.core.receipts.mark(staff(second), { kind: 'read', messageIds: [one.id] })).toBe(1);
    expect(await firsts()).toEqual([[[one.seq, 'read', second.id], 0]]);
    expect(await totals()).toEqual([0, 0]);
    expect(await test.core.receipts.unreadTotal(staff(second), { includeWaiting: true })).toBe(0);
    // Its own mark is its own.
    expect(await test.core.receipts.unreadTotal(staff(operator), { includeWaiting: true })).toBe(1);
    const [stored] = await test.core.messages.find(staff(second), [one.id]);
    expect(stored).toMatchObject({ waitingForStaff: false });
  });

  it('takes a deleted message out of the totals, unless it was read', async () => {
    const [one, two] = [await fromCustomer(), await fromCustomer()];
    await test.core.receipts.mark(staff(operator), { kind: 'read', messageIds: [one.id] });
    await test.core.messages.remove(test.actor(customer), { messageId: one.id, scope: 'all' });
    expect(await totals()).toEqual([0, 1]);
    await test.core.messages.remove(staff(operator), { messageId: two.id, scope: 'all' });
    expect(await totals()).toEqual([0, 0]);
  });

  it('counts neither notices nor what staff say among themselves', async () => {
    await test.core.messages.send(staff(operator), { conversationId: id, text: 'a note', visibility: 'staff' });
    await test.core.conversations.close(staff(operator), id);
    expect(await totals()).toEqual([0, 0]);
    expect(await unread(customer, id)).toBe(0);
  });
});

/** The same numbers as a model that keeps a set of read messages per person, whatever happens in whatever order. */
describe('marks in the long run', () => {
  for (const seed of [1, 2, 3]) {
    it(`agree with a naive model (seed ${seed})`, async () => {
      await agree(seed, 700);
    }, 120_000);
  }

  async function agree(seed: number, steps: number): Promise<void> {
    const random = createRandom(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const people = await test.people('A', 'B', 'C', 'D', 'E');
    const id = await group(...people.slice(0, 4));
    const model = createReadModel(people.slice(0, 4).map((user) => user.id));
    const byId = (userId: UserId) => people.find((user) => user.id === userId) as User;
    const actorOf = (userId: UserId) => test.actor(byId(userId));
    // The cache must come to the same marks by applying the events.
    await test.core.directory.membershipsOf(pick(people).id);
    await test.core.directory.ensureConversations([id]);

    const markSome = async (userId: UserId) => {
      const seqs = Array.from({ length: 1 + Math.floor(random() * 4) }, () => 1 + Math.floor(random() * model.lastSeq));
      const messages = seqs.flatMap((seq) => model.message(seq) ?? []);
      for (const message of messages) model.mark(userId, message.seq);
      const messageIds = messages.map((message) => message.id);
      await test.core.receipts.mark(actorOf(userId), { kind: 'read', messageIds });
    };
    const markUpTo = async (userId: UserId) => {
      const seq = 1 + Math.floor(random() * model.lastSeq);
      model.markUpTo(userId, seq);
      await test.core.receipts.markUpTo(actorOf(userId), { kind: 'read', conversationId: id, seq });
    };
    const sendOne = async (userId: UserId) => {
      const hiddenFromOthers = random() < 0.15;
      const actor = test.actor(byId(userId), hiddenFromOthers ? { namespace: 'other', via: 'other' } : {});
      const visibility = hiddenFromOthers ? ('namespace:other' as const) : ('all' as const);
      const { message } = await test.core.messages.send(actor, { conversationId: id, text: 'x', visibility });
      model.send(message, !hiddenFromOthers);
    };

    for (let step = 1; step <= steps; step += 1) {
      const member = pick(model.active());
      const dice = random();
      if (model.lastSeq === 0 || dice < 0.4) await sendOne(member);
      else if (dice < 0.62) await markSome(member);
      else if (dice < 0.75) await Promise.all([...Array(4)].map(() => markSome(pick(model.active()))));
      else if (dice < 0.78) {
        const other = pick(model.active());
        await Promise.all([markSome(member), markUpTo(other), markSome(other)]);
      } else if (dice < 0.83) await markUpTo(member);
      else if (dice < 0.88) {
        const message = model.message(1 + Math.floor(random() * model.lastSeq));
        if (message && model.isActive(message.senderId)) {
          await test.core.messages.remove(actorOf(message.senderId), { messageId: message.id, scope: 'all' });
          model.remove(message.seq);
        }
      } else if (dice < 0.91) {
        const message = model.visible(member);
        if (message) {
          await test.core.messages.remove(actorOf(member), { messageId: message.id, scope: 'self' });
          model.hide(member, message.seq);
        }
      } else if (dice < 0.92) {
        await test.core.conversations.setPreferences(actorOf(member), id, { cleared: true });
        model.clear(member);
      } else if (dice < 0.96 && model.active().length > 2) {
        await test.core.conversations.removeParticipants(admin(), id, [member]);
        model.leave(member);
      } else {
        const away = people.map((user) => user.id).filter((userId) => !model.isActive(userId));
        if (away.length > 0) {
          const userId = pick(away);
          await test.core.conversations.addParticipants(admin(), id, [{ userId }]);
          model.join(userId);
        }
      }
      if (step % 20 === 0) await compare(id, model, step);
    }
  }

  async function compare(id: ConversationId, model: ReadModel, step: number): Promise<void> {
    const { participants } = await test.core.conversations.get(admin(), id);
    for (const marks of participants) {
      const { userId } = marks;
      const told = { step, userId, marks };
      const { readSeq, readAbove } = marks;
      expect({ ...told, readSeq, readAbove }).toEqual({ ...told, ...model.marks(userId) });
      for (const { seq, read } of model.judged(userId)) {
        expect({ ...told, seq, read: hasRead(marks, seq) }).toEqual({ ...told, seq, read });
      }
      if (!model.isActive(userId)) continue;
      const counts = async (since: 'floor' | 'watermark') =>
        (await test.core.receipts.unreadCounts(userId, { since, conversationIds: [id] })).get(id) ?? 0;
      expect({ ...told, unread: await counts('floor') }).toEqual({ ...told, unread: model.unread(userId) });
      const above = model.unread(userId, marks.readSeq);
      expect({ ...told, above: await counts('watermark') }).toEqual({ ...told, above });
      expect(marks.receivedSeq).toBeGreaterThanOrEqual(Math.max(0, ...marks.readAbove.map(([, to]) => to)));
    }
    await test.settled();
    const cached = test.core.directory.conversation(id);
    if (!cached) return;
    for (const marks of participants) {
      const { readSeq, readAbove, receivedSeq, joinedSeq } = marks;
      expect(cached.participants.get(marks.userId)).toMatchObject({ readSeq, readAbove, receivedSeq, joinedSeq });
    }
  }
});

function createRandom(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
