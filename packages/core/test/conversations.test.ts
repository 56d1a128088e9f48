import { adminActor, type Conversation, type ConversationId, type User, type UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { sending, sent } from './support/places.ts';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let dave: User;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol, dave] = (await test.people('Alice', 'Bob', 'Carol', 'Dave')) as [User, User, User, User];
});

afterEach(() => test.close());

const admin = adminActor;
const ids = (people: readonly { readonly userId: UserId }[]) => people.map(({ userId }) => userId);
const send = async (sender: User, conversationId: ConversationId, text = 'hello') =>
  (await sent(test, sending(conversationId, sender.id, text))).message;

async function group(...others: User[]): Promise<Conversation> {
  const participants = others.map(({ id }) => ({ userId: id }));
  const made = await test.core.conversations.create(test.actor(alice), { kind: 'group', title: 'Tea', participants });
  return made.conversation;
}

/** Who takes part now, in joining order. */
async function active(id: ConversationId): Promise<UserId[]> {
  const { participants } = await test.core.conversations.get(admin(), id);
  return ids(participants.filter((participant) => participant.active));
}

describe('making a conversation', () => {
  it('puts the maker first and tells all participants in one event', async () => {
    const actor = test.actor(alice);
    const made = await test.core.conversations.create(actor, {
      kind: 'group',
      title: 'Tea',
      attributes: { netalo: { type: 2 } },
      externalIds: { signalr: 'tea' },
      participants: [{ userId: bob.id, groups: ['drinkers'] }, { userId: carol.id, role: 'admin' }, { userId: bob.id }],
    });

    expect(made.existed).toBe(false);
    expect(made.conversation).toMatchObject({
      kind: 'group',
      title: 'Tea',
      ownerId: alice.id,
      createdBy: alice.id,
      open: true,
      externalIds: { signalr: 'tea' },
      attributes: { netalo: { type: 2 } },
      changedPosition: actor.lastPosition,
      createdAt: test.clock.now(),
    });
    expect(made.participants.map(({ userId, role }) => [userId, role])).toEqual([
      [alice.id, 'owner'],
      [bob.id, 'user'],
      [carol.id, 'admin'],
    ]);
    const [created, ...more] = await test.events('conversation.created', 'participant.joined');
    expect(more).toEqual([]);
    expect(created).toMatchObject({ conversation: made.conversation, participants: made.participants });
    expect(await test.core.conversations.get(actor, made.conversation.id)).toEqual({
      conversation: made.conversation,
      participants: made.participants,
    });
    expect(await test.core.conversations.findByExternalId('signalr', 'tea')).toEqual(made.conversation);
  });

  it('refuses people who do not exist, and more of them than may be', async () => {
    const make = (count: number) =>
      test.core.conversations.create(test.actor(alice), {
        kind: 'group',
        participants: Array.from({ length: count }, (_, index) => ({ userId: (index + 2) as UserId })),
      });
    await expect(make(10)).rejects.toMatchObject({ code: 'not_found', details: { subject: 'user' } });
    await expect(make(1000)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'full' } });
    expect(await test.events('conversation.created')).toEqual([]);
  });

  it('gives the outside id of a removed conversation to the next, and nobody that of a living one', async () => {
    const make = () =>
      test.core.conversations.create(admin(), { kind: 'group', externalIds: { event: '7' }, participants: [] });
    const first = await make();
    await expect(make()).rejects.toMatchObject({ code: 'already_exists' });
    await test.core.conversations.remove(admin(), first.conversation.id);
    const second = await make();
    expect(await test.core.conversations.findByExternalId('event', '7')).toMatchObject({ id: second.conversation.id });
  });

  it('lets the administration make one of 3,000 and change it in a few statements', async () => {
    const people = await test.people(...Array.from({ length: 3_000 }, (_, index) => `Person ${index}`));
    const made = await test.core.conversations.create(admin(), {
      kind: 'group',
      participants: people.slice(0, 2_900).map(({ id }) => ({ userId: id })),
    });
    expect(made.participants).toHaveLength(2_900);

    const { id } = made.conversation;
    const added = people.slice(2_900).map((person) => ({ userId: person.id }));
    await test.core.conversations.addParticipants(admin(), id, added);
    await test.core.conversations.removeParticipants(admin(), id, ids(added.slice(50)));

    expect(await active(id)).toHaveLength(2_950);
    const joined = await test.events('participant.joined');
    expect(joined.map(({ participant }) => participant.userId)).toEqual(ids(added));
    expect(joined.every((event) => event.participant.changedPosition === event.position)).toBe(true);
    const spans = await test.sql<{ open: boolean; count: number }>(
      'select to_position is null as open, count(*)::int as count from participant_spans group by 1 order by 1',
    );
    expect(spans).toEqual([
      { open: false, count: 50 },
      { open: true, count: 2_950 },
    ]);
  });
});

describe('the conversation of a pair', () => {
  it('exists once, whoever opens it and on whatever node', async () => {
    const other = await test.another();
    const results = await Promise.all([
      test.core.conversations.direct(test.actor(alice), bob.id),
      other.core.conversations.direct(test.actor(bob), alice.id),
      other.core.conversations.create(test.actor(alice), { kind: 'direct', participants: [{ userId: bob.id }] }),
    ]);
    expect(new Set(results.map(({ conversation }) => conversation.id)).size).toBe(1);
    expect(results.filter(({ existed }) => !existed)).toHaveLength(1);
    expect(results[0].conversation.key).toBe(`direct:${alice.id}:${bob.id}`);
    expect(await test.events('conversation.created')).toHaveLength(1);
  });

  it('gives its key up when a third joins, and takes it again when two are left', async () => {
    const { conversation } = await test.core.conversations.direct(test.actor(alice), bob.id);
    await test.core.conversations.addParticipants(test.actor(alice), conversation.id, [{ userId: carol.id }]);
    expect(await test.core.conversations.find(conversation.id)).toMatchObject({ kind: 'direct', key: null });

    await test.core.conversations.leave(test.actor(bob), conversation.id);
    expect(await test.core.conversations.find(conversation.id)).toMatchObject({
      key: `direct:${alice.id}:${carol.id}`,
    });
    const again = await test.core.conversations.direct(test.actor(carol), alice.id);
    expect(again).toMatchObject({ existed: true, conversation: { id: conversation.id } });
  });

  it('stays without a key when the pair has another conversation meanwhile', async () => {
    const { conversation } = await test.core.conversations.direct(test.actor(alice), bob.id);
    await test.core.conversations.addParticipants(test.actor(alice), conversation.id, [{ userId: carol.id }]);
    const { conversation: newer } = await test.core.conversations.direct(test.actor(alice), bob.id);
    expect(newer.id).not.toBe(conversation.id);

    await test.core.conversations.leave(test.actor(carol), conversation.id);
    expect(await test.core.conversations.find(conversation.id)).toMatchObject({ key: null });
    const found = await test.core.conversations.findByParticipants([bob.id, alice.id], ['direct']);
    expect(found.map(({ id }) => id).sort()).toEqual([conversation.id, newer.id].sort());
  });

  it('is listed again for whoever opens it after hiding it', async () => {
    const { conversation } = await test.core.conversations.direct(test.actor(alice), bob.id);
    await send(alice, conversation.id);
    await test.core.conversations.setPreferences(test.actor(alice), conversation.id, { hidden: true });
    const visible = () =>
      test.core.conversations.listFor(alice.id, { order: 'activity', direction: 'descending', visibleOnly: true });
    expect(await visible()).toEqual([]);

    await test.core.conversations.direct(test.actor(alice), bob.id);
    expect(await visible()).toHaveLength(1);
  });

  it('is not had with oneself', async () => {
    await expect(test.core.conversations.direct(test.actor(alice), alice.id)).rejects.toMatchObject({
      code: 'invalid',
    });
  });
});

describe('joining and leaving', () => {
  it('lets anybody in it bring others, and tells each', async () => {
    const { id } = await group(bob);
    await test.core.conversations.addParticipants(test.actor(bob), id, [{ userId: bob.id }, { userId: carol.id }]);
    expect(await active(id)).toEqual([alice.id, bob.id, carol.id]);
    const joined = await test.events('participant.joined');
    expect(joined.map(({ participant, first, how }) => [participant.userId, first, how])).toEqual([
      [carol.id, true, 'invited'],
    ]);
    await expect(
      test.core.conversations.addParticipants(test.actor(dave), id, [{ userId: dave.id }]),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  it('raises the floor of whoever comes back, and keeps what it had read', async () => {
    const { id } = await group(bob);
    for (const text of ['one', 'two', 'three']) await send(alice, id, text);
    await test.sql('update participants set read_seq = 2 where user_id = $1', [bob.id]);
    await test.core.conversations.leave(test.actor(bob), id);
    await send(alice, id, 'four');
    await test.core.conversations.addParticipants(test.actor(alice), id, [{ userId: bob.id }]);

    const back = await test.core.conversations.participation(bob.id, id);
    expect(back).toMatchObject({ joinedSeq: 4, readSeq: 2, readAbove: [[1, 2]], leftAt: null });
    const spans = await test.sql(
      'select from_seq::int, to_seq::int, to_position is null as open from participant_spans where user_id = $1 order by id',
      [bob.id],
    );
    expect(spans).toEqual([
      { from_seq: 1, to_seq: 3, open: false },
      { from_seq: 5, to_seq: null, open: true },
    ]);
    const [joined] = await test.events('participant.joined');
    expect(joined).toMatchObject({ first: false, participant: { userId: bob.id, joinedSeq: 4 } });
  });

  it('ends spans at the leaving, which the leaver still sees', async () => {
    const { id } = await group(bob);
    const actor = test.actor(bob);
    await test.core.conversations.leave(actor, id);
    const [left] = await test.events('participant.left');
    expect(left).toMatchObject({ removed: false, participant: { userId: bob.id, active: false }, side: 'member' });
    const [span] = await test.sql('select to_position::int from participant_spans where user_id = $1', [bob.id]);
    expect(span).toEqual({ to_position: left?.position });
    await expect(test.core.conversations.get(actor, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(test.core.conversations.leave(actor, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('passes the owner’s place to an admin, else to who was in first', async () => {
    const { id } = await group(bob, carol);
    await test.core.conversations.setRole(test.actor(alice), id, { userId: carol.id, role: 'admin' });
    await test.core.conversations.leave(test.actor(alice), id);
    expect(await test.core.conversations.find(id)).toMatchObject({ ownerId: carol.id });

    await test.core.conversations.leave(test.actor(carol), id);
    expect(await test.core.conversations.find(id)).toMatchObject({ ownerId: bob.id });
    expect(await test.core.conversations.participation(bob.id, id)).toMatchObject({ role: 'owner' });
    const owners = await test.events('conversation.updated');
    expect(owners.map(({ conversation, previous }) => [previous.ownerId, conversation.ownerId])).toEqual([
      [alice.id, carol.id],
      [carol.id, bob.id],
    ]);
  });

  it('ends the conversation with the last who leaves', async () => {
    const { id } = await group();
    await test.core.conversations.leave(test.actor(alice), id);
    expect(await test.core.conversations.find(id)).toBeNull();
    const told = await test.events('participant.left', 'conversation.deleted');
    expect(told.map(({ type }) => type)).toEqual(['participant.left', 'conversation.deleted']);
  });

  it('lets only owner and admins take others out, and nobody the owner', async () => {
    const { id } = await group(bob, carol);
    const remove = (actor: User, user: User) =>
      test.core.conversations.removeParticipants(test.actor(actor), id, [user.id]);
    await expect(remove(bob, carol)).rejects.toMatchObject({ code: 'forbidden' });
    await test.core.conversations.setRole(test.actor(alice), id, { userId: bob.id, role: 'admin' });
    await expect(remove(bob, alice)).rejects.toMatchObject({ code: 'forbidden' });
    await remove(bob, carol);
    await remove(bob, carol);
    const left = await test.events('participant.left');
    expect(left).toMatchObject([{ removed: true, participant: { userId: carol.id } }]);
    expect(left[0]?.participant.removedAt).not.toBeNull();
  });

  it('lets somebody in by itself only where it may', async () => {
    const { id } = await group(bob);
    await expect(test.core.conversations.join(test.actor(carol), id)).rejects.toMatchObject({ code: 'not_found' });
    const carols = await test.core.conversations.join(test.actor(carol), id, { allow: true });
    expect(carols).toMatchObject({ active: true, side: 'member' });
    expect(await test.core.conversations.join(test.actor(carol), id)).toEqual(carols);
    expect(await test.events('participant.joined')).toHaveLength(1);
  });
});

describe('entering by an outside id', () => {
  const enter = (user: User, side: 'customer' | 'staff' | 'member', externalId = '9') =>
    test.core.conversations.enterByExternalId(test.actor(user), {
      namespace: 'event',
      externalId,
      side,
      create: { kind: 'support', key: `event:${externalId}`, participants: [] },
    });

  it('makes the conversation once, and the first customer its customer', async () => {
    const other = await test.another();
    const results = await Promise.all([enter(alice, 'customer'), enter(bob, 'customer')]);
    expect(results.map(({ created }) => created)).toEqual([true, false]);
    const again = await other.core.conversations.enterByExternalId(test.actor(alice), {
      namespace: 'event',
      externalId: '9',
      side: 'customer',
      create: { kind: 'support', key: 'event:9', participants: [] },
    });
    expect(again).toMatchObject({ created: false, joined: false, conversation: { customerId: alice.id } });
    expect(again.participants.map(({ userId, side }) => [userId, side])).toEqual([
      [alice.id, 'customer'],
      [bob.id, 'member'],
    ]);
    const told = await test.events('conversation.created', 'participant.joined');
    expect(told.map(({ type }) => type)).toEqual(['conversation.created', 'participant.joined']);
  });

  it('makes the first customer who comes to staff the customer', async () => {
    const queue = await test.core.spaces.ensure(admin(), { kind: 'queue', name: 'event' });
    await test.core.spaces.ensureStaff(test.actor(dave), queue.id);
    const command = {
      namespace: 'event',
      externalId: '9',
      create: { kind: 'support', key: 'event:9', spaceId: queue.id, participants: [] },
    } as const;
    await test.core.conversations.enterByExternalId(test.actor(dave), { ...command, side: 'staff' });
    const entered = await test.core.conversations.enterByExternalId(test.actor(alice), {
      ...command,
      side: 'customer',
    });
    expect(entered.conversation.customerId).toBe(alice.id);
    const [joined] = await test.events('participant.joined');
    expect(joined).toMatchObject({
      conversation: { customerId: alice.id, changedPosition: joined?.position },
      participant: { userId: alice.id, side: 'customer' },
    });
  });

  it('takes nobody for staff who is none', async () => {
    const { participants } = await enter(alice, 'staff');
    expect(participants.map(({ side }) => side)).toEqual(['member']);
    await expect(
      test.core.conversations.create(test.actor(alice), {
        kind: 'support',
        participants: [{ userId: alice.id, side: 'staff' }],
      }),
    ).rejects.toMatchObject({ code: 'forbidden', details: { reason: 'not_staff' } });
  });
});
