import {
  type Actor,
  adminActor,
  type Conversation,
  type ConversationId,
  type LogEvent,
  noticeOf,
  type Space,
  type User,
  type UserActor,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let carol: User;
let dave: User;
let erin: User;
let frank: User;
let queue: Space;
let carols: UserActor;
let daves: UserActor;
let erins: UserActor;

const admin = adminActor;

beforeEach(async () => {
  test = await createTestCore();
  [carol, dave, erin, frank] = (await test.people('Carol', 'Dave', 'Erin', 'Frank')) as [User, User, User, User];
  const made = await test.core.spaces.create(admin(), {
    kind: 'queue',
    name: 'support',
    members: [
      { userId: dave.id, role: 'admin' },
      { userId: erin.id, role: 'staff' },
    ],
  });
  queue = made.space;
  [carols, daves, erins] = [test.actor(carol), test.actor(dave), test.actor(erin)];
  // Somebody here takes part in everything, so that the node knows it.
  for (const user of [carol, dave, erin]) await test.core.directory.membershipsOf(user.id);
});

afterEach(() => test.close());

async function chat(open = false): Promise<ConversationId> {
  const made = await test.core.conversations.create(carols, {
    kind: 'support',
    key: `queue:${queue.id}:${carol.id}:regular`,
    spaceId: queue.id,
    customerId: carol.id,
    open,
    participants: [],
  });
  return made.conversation.id;
}

/** What a use case told, notices in short. */
async function told(work: () => Promise<unknown>): Promise<string[]> {
  await test.settled();
  const before = test.delivered.length;
  await work();
  await test.settled();
  const events = test.delivered.slice(before).map(({ event }) => event);
  return events.filter(({ type }) => type !== 'user.created').map(inShort);
}

function inShort(event: LogEvent): string {
  if (event.type !== 'message.sent') return event.type;
  const notice = noticeOf(event.message);
  return notice ? `notice ${notice.type}` : event.message.kind;
}

/** What the cache holds is what the store holds. */
async function expectCacheIsExact(id: ConversationId): Promise<void> {
  await test.settled();
  await test.core.directory.ensureConversations([id]);
  const view = test.core.directory.conversation(id);
  const stored = await test.core.conversations.get(admin(), id);
  expect(view?.conversation).toEqual(stored.conversation);
  expect(new Map(view?.participants)).toEqual(new Map(stored.participants.map((one) => [one.userId, one])));
}

describe('opening and closing', () => {
  it('counts episodes and tells staff once', async () => {
    const id = await chat();
    let opened: Conversation | undefined;
    expect(
      await told(async () => {
        opened = await test.core.conversations.open(daves, id);
      }),
    ).toEqual(['conversation.opened', 'notice opened']);
    expect(opened).toMatchObject({ open: true, episode: 1, openedAt: test.clock.now(), lastSeq: 1, staffUnread: 0 });
    expect(await told(() => test.core.conversations.open(daves, id))).toEqual([]);
    await expectCacheIsExact(id);
  });

  it('sends all staff out and keeps when it was closed', async () => {
    const id = await chat(true);
    await test.core.conversations.join(daves, id);
    await test.core.conversations.assign(daves, id, erin.id);
    let closed: Conversation | undefined;
    expect(
      await told(async () => {
        closed = await test.core.conversations.close(admin(), id);
      }),
    ).toEqual(['conversation.closed', 'notice closed']);
    expect(closed).toMatchObject({ open: false, assigneeId: null, closedAt: test.clock.now() });
    const [event] = await test.events('conversation.closed');
    expect(event?.presentIds).toEqual([dave.id, erin.id]);
    expect(await test.core.conversations.participation(dave.id, id)).toMatchObject({
      active: true,
      present: false,
      changedPosition: event?.position,
    });
    expect(await told(() => test.core.conversations.close(daves, id))).toEqual([]);
    await expectCacheIsExact(id);

    const again = await test.core.conversations.open(daves, id);
    expect(again).toMatchObject({ episode: 2, closedAt: closed?.closedAt });
  });

  it('is for staff of the queue alone', async () => {
    const id = await chat();
    await expect(test.core.conversations.open(carols, id)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(test.core.conversations.open(test.actor(frank), id)).rejects.toMatchObject({ code: 'not_found' });
    const { conversation } = await test.core.conversations.create(carols, { kind: 'group', participants: [] });
    await expect(test.core.conversations.open(admin(), conversation.id)).rejects.toMatchObject({
      code: 'invalid',
      details: { reason: 'not_support' },
    });
  });

  it('makes one conversation per key, whoever asks first', async () => {
    const other = await test.another();
    const command = {
      kind: 'support',
      key: 'queue:1:1:info',
      spaceId: queue.id,
      customerId: carol.id,
      participants: [],
    } as const;
    const made = await Promise.all([
      test.core.conversations.create(carols, command),
      other.core.conversations.create(daves, command),
    ]);
    expect(made[0].conversation.id).toBe(made[1].conversation.id);
    expect(made.filter(({ existed }) => existed)).toHaveLength(1);
    await expect(
      test.core.conversations.create(test.actor(frank), { ...command, key: 'queue:1:1:other' }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('writing into a closed conversation', () => {
  it('opens it first, and brings staff in who take no part', async () => {
    const id = await chat();
    const writing = test.actor(dave, { capacity: 'staff' });
    const send = (text: string) => test.core.messages.send(writing, { conversationId: id, text, joinFirst: true });
    const events = await told(() => send('hello'));
    expect([...events].sort()).toEqual(
      ['participant.joined', 'notice joined', 'conversation.opened', 'notice opened', 'text'].sort(),
    );
    expect(events.at(-1)).toBe('text');
    expect(await test.core.conversations.find(id)).toMatchObject({ open: true, episode: 1 });
    expect(await told(() => send('again'))).toEqual(['text']);
    await expectCacheIsExact(id);
  });
});

describe('staff at work', () => {
  it('joins once, and again after the next closing', async () => {
    const id = await chat(true);
    expect(await told(() => test.core.conversations.join(daves, id))).toEqual(['participant.joined', 'notice joined']);
    expect(await told(() => test.core.conversations.join(daves, id))).toEqual([]);
    await test.core.conversations.close(daves, id);
    await test.core.conversations.open(daves, id);
    await test.clock.advance(1_000);
    expect(await told(() => test.core.conversations.join(daves, id))).toEqual(['participant.joined', 'notice joined']);
    const joined = await test.events('participant.joined');
    expect(joined.map(({ first }) => first)).toEqual([true, false]);
    expect(joined[1]).toMatchObject({ participant: { present: true, joinedAt: test.clock.now() } });
    expect(await test.sql('select from participant_spans where user_id = $1', [dave.id])).toHaveLength(1);
    await expectCacheIsExact(id);
  });

  it('leaves, which unassigns in the same entry', async () => {
    const id = await chat(true);
    await test.core.conversations.assign(daves, id, dave.id);
    expect(await told(() => test.core.conversations.leave(daves, id))).toEqual(['participant.left', 'notice left']);
    expect(await told(() => test.core.conversations.leave(daves, id))).toEqual([]);
    const [left] = await test.events('participant.left');
    expect(left).toMatchObject({
      wasPresent: true,
      wasAssigned: true,
      side: 'staff',
      conversation: { assigneeId: null, changedPosition: left?.position },
    });
    await expectCacheIsExact(id);
  });

  it('invites staff of the queue and nobody else', async () => {
    const id = await chat(true);
    expect(await told(() => test.core.conversations.addParticipants(daves, id, [{ userId: erin.id }]))).toEqual([
      'participant.joined',
      'notice invited',
    ]);
    await expect(test.core.conversations.addParticipants(daves, id, [{ userId: frank.id }])).rejects.toMatchObject({
      code: 'invalid',
    });
    await expect(test.core.conversations.addParticipants(carols, id, [{ userId: erin.id }])).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('lets the administration bring in whom it likes, on the side where they belong', async () => {
    const id = await chat(true);
    const added = await test.core.conversations.addParticipants(admin(), id, [
      { userId: erin.id },
      { userId: frank.id },
    ]);
    expect(added.map(({ side }) => side)).toEqual(['staff', 'member']);
    await expectCacheIsExact(id);
  });

  it('calls a member in as staff who has come to be one', async () => {
    const id = await chat(true);
    await test.core.conversations.addParticipants(admin(), id, [{ userId: frank.id }]);
    await test.core.spaces.setMember(daves, queue.id, { userId: frank.id, role: 'staff' });
    const joined = await test.core.conversations.join(test.actor(frank), id);
    expect(joined).toMatchObject({ side: 'staff', present: true });
    await expectCacheIsExact(id);
  });
});

describe('assigning', () => {
  it('brings the assignee in first', async () => {
    const id = await chat(true);
    let assigned: Conversation | undefined;
    expect(
      await told(async () => {
        assigned = await test.core.conversations.assign(daves, id, erin.id);
      }),
    ).toEqual(['participant.joined', 'conversation.assigned', 'notice assigned']);
    expect(assigned).toMatchObject({ assigneeId: erin.id });
    expect(await told(() => test.core.conversations.assign(daves, id, erin.id))).toEqual([]);
    expect(await told(() => test.core.conversations.assign(daves, id, dave.id))).toEqual([
      'participant.joined',
      'conversation.assigned',
      'notice assigned',
    ]);
    const events = await test.events('conversation.assigned');
    expect(events.map(({ assigneeId, previousId }) => [assigneeId, previousId])).toEqual([
      [erin.id, null],
      [dave.id, erin.id],
    ]);
    await expect(test.core.conversations.assign(daves, id, frank.id)).rejects.toMatchObject({ code: 'invalid' });
    await expectCacheIsExact(id);
  });

  it('is taken back once', async () => {
    const id = await chat(true);
    await test.core.conversations.assign(daves, id, dave.id);
    expect(await told(() => test.core.conversations.unassign(erins, id))).toEqual(['conversation.unassigned']);
    expect(await told(() => test.core.conversations.unassign(erins, id))).toEqual([]);
    await expectCacheIsExact(id);
  });

  it('hands over with one notice, after the one who leaves has gone', async () => {
    const id = await chat(true);
    await test.core.conversations.assign(daves, id, dave.id);
    let after: Conversation | undefined;
    expect(
      await told(async () => {
        after = await test.core.conversations.transfer(daves, id, erin.id);
      }),
    ).toEqual(['participant.joined', 'conversation.assigned', 'participant.left', 'notice assigned']);
    expect(after).toMatchObject({ assigneeId: erin.id });
    const [left] = await test.events('participant.left');
    expect(left).toMatchObject({ wasAssigned: false, removed: false });
    expect(await told(() => test.core.conversations.transfer(daves, id, erin.id))).toEqual([]);
    await expectCacheIsExact(id);
  });
});

describe('notices', () => {
  it('are written by the system, for staff, and name who and whom', async () => {
    const id = await chat(true);
    await test.core.conversations.addParticipants(daves, id, [{ userId: erin.id }]);
    const [sent] = await test.events('message.sent');
    const erinsPart = await test.core.conversations.participation(erin.id, id);
    expect(sent).toMatchObject({ visibility: 'staff', spaceId: queue.id });
    expect(sent?.message).toMatchObject({ kind: 'notice', visibility: 'staff', text: '', via: 'system' });
    expect(sent && noticeOf(sent.message)).toEqual({
      type: 'invited',
      actorId: dave.id,
      memberId: erinsPart?.id,
      userId: erin.id,
    });
    const sender = sent && (await test.core.users.find(sent.message.senderId));
    expect(sender).toMatchObject({ kind: 'system', identities: { system: 'system' } });
    const delivered = test.delivered.find(({ event }) => event === sent);
    expect([...(delivered?.audience.participants ?? [])]).toEqual([erin.id]);

    await test.core.conversations.leave(erins, id);
    expect(await test.sql("select from users where kind = 'system'")).toHaveLength(1);
  });

  it('need a customer', async () => {
    const { conversation } = await test.core.conversations.create(daves, {
      kind: 'support',
      spaceId: queue.id,
      participants: [],
    });
    expect(await told(() => test.core.conversations.join(daves, conversation.id))).toEqual(['participant.joined']);
  });

  it('leave both totals of unread messages alone', async () => {
    const id = await chat();
    await test.core.conversations.open(daves, id);
    await test.core.conversations.join(daves, id);
    expect(await test.core.conversations.find(id)).toMatchObject({ lastSeq: 2, customerUnread: 0, staffUnread: 0 });
  });
});

/** What an event says besides the objects that are read back as they are now. */
function factsOf(event: LogEvent): object {
  const objects = new Set([
    'conversation',
    'participant',
    'participants',
    'message',
    'space',
    'member',
    'members',
    'user',
  ]);
  return Object.fromEntries(Object.entries(event).filter(([name]) => !objects.has(name)));
}

describe('the log', () => {
  it('tells the same again when it is read back', async () => {
    const id = await chat();
    await test.core.conversations.open(daves, id);
    await test.core.conversations.transfer(daves, id, erin.id);
    await test.core.conversations.addParticipants(erins, id, [{ userId: dave.id }]);
    await test.core.conversations.removeParticipants(erins, id, [dave.id]);
    await test.core.conversations.unassign(erins, id);
    await test.core.conversations.update(erins, id, { title: 'Broken kettle' });
    await test.core.conversations.close(erins, id);
    await test.core.spaces.removeMember(daves, queue.id, erin.id);
    await test.settled();

    const { events } = await test.store.log.read(0);
    expect(events.map(factsOf)).toEqual(test.delivered.map(({ event }) => factsOf(event)));
    const left = events.filter((event) => event.type === 'participant.left');
    expect(left).toMatchObject([{ participant: { userId: dave.id } }, { participant: { userId: erin.id } }]);
  });
});

describe('what a queue shows', () => {
  it('is everything to staff, its own to a customer, and nothing to others', async () => {
    const id = await chat(true);
    await test.core.conversations.create(daves, { kind: 'support', spaceId: queue.id, open: false, participants: [] });
    const list = async (actor: Actor, query: { open?: boolean; withCustomer?: boolean; own?: boolean } = {}) => {
      const { own, ...rest } = query;
      const listed = await test.core.conversations.listOfSpace(actor, {
        spaceId: queue.id,
        limit: 50,
        ...(own && actor.userId && { customerId: actor.userId }),
        ...rest,
      });
      return listed.map(({ conversation }) => conversation.id);
    };
    expect(await list(daves)).toHaveLength(2);
    expect(await list(daves, { open: true })).toEqual([id]);
    expect(await list(erins, { withCustomer: true })).toEqual([id]);
    expect(await list(carols, { own: true })).toEqual([id]);
    await expect(list(carols)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(list(test.actor(frank))).rejects.toMatchObject({ code: 'forbidden' });
    await expect(test.core.conversations.get(erins, id)).resolves.toMatchObject({ conversation: { id } });
    await expect(test.core.conversations.get(test.actor(frank), id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('comes newest change first', async () => {
    const id = await chat(true);
    const { conversation } = await test.core.conversations.create(daves, {
      kind: 'support',
      spaceId: queue.id,
      customerId: frank.id,
      participants: [],
    });
    const order = async () => {
      const listed = await test.core.conversations.listOfSpace(daves, { spaceId: queue.id, limit: 2 });
      return listed.map(({ conversation }) => conversation.id);
    };
    expect(await order()).toEqual([conversation.id, id]);
    await test.core.conversations.join(daves, id);
    expect(await order()).toEqual([id, conversation.id]);
  });
});

describe('work and totals', () => {
  it('counts what somebody works on, what is open and what is assigned', async () => {
    const id = await chat(true);
    const { core } = test;
    expect(await core.conversations.workOf(dave.id)).toMatchObject({ conversations: 0, open: 0, firstJoinedAt: 0 });
    await core.conversations.assign(daves, id, dave.id);
    const work = await core.conversations.workOf(dave.id);
    expect(work).toMatchObject({ conversations: 1, open: 1, assigned: 1 });
    expect(work.firstJoinedAt).toBeGreaterThan(0);
    expect(await core.conversations.workOf(dave.id, [])).toMatchObject({ conversations: 0 });
    expect((await core.conversations.listWork({ userId: dave.id, open: true, limit: 10 })).length).toBe(1);
    await core.conversations.close(daves, id);
    expect(await core.conversations.workOf(dave.id)).toMatchObject({ conversations: 1, open: 0, assigned: 0 });
    expect(await core.conversations.listWork({ userId: dave.id, open: true, limit: 10 })).toEqual([]);
    const [closed] = await core.conversations.listWork({ userId: dave.id, open: false, limit: 10 });
    expect(closed?.conversation.id).toBe(id);
  });

  it('counts what stands in a queue, and finds a conversation by its key', async () => {
    const id = await chat(true);
    const { core } = test;
    const { changedPosition, key } = (await core.conversations.find(id)) as Conversation;
    expect(await core.conversations.totalsOf(queue.id)).toEqual({ conversations: 1, open: 1, changedPosition });
    expect(await core.conversations.totalsOf(queue.id, dave.id)).toMatchObject({ conversations: 0 });
    await core.conversations.close(daves, id);
    expect(await core.conversations.totalsOf(queue.id)).toMatchObject({ conversations: 1, open: 0 });
    expect((await core.conversations.findByKey(key as string))?.id).toBe(id);
    expect(await core.conversations.findByKey('nothing')).toBeNull();
  });

  it('asks the customer something when the queue says so, without opening what was closed', async () => {
    const id = await chat(true);
    const { core } = test;
    await core.spaces.update(admin(), queue.id, { settings: { closingPrompt: { kind: 'rating' } } });
    expect((await core.conversations.close(daves, id)).open).toBe(false);
    const [prompt] = await core.messages.list(carols, { conversationId: id, from: 'newest', limit: 1 });
    expect(prompt?.prompt).toEqual({ kind: 'rating', state: 'pending' });
    expect((await core.conversations.find(id))?.customerUnread).toBe(1);
  });
});
