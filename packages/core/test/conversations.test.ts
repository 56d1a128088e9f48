import {
  adminActor,
  type Conversation,
  type ConversationId,
  type DeliveredEvent,
  type SendCommand,
  type User,
  type UserId,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

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

async function group(...others: User[]): Promise<Conversation> {
  const participants = others.map(({ id }) => ({ userId: id }));
  const made = await test.core.conversations.create(test.actor(alice), { kind: 'group', title: 'Tea', participants });
  return made.conversation;
}

async function send(sender: User, conversationId: ConversationId, text = 'hello') {
  const command: SendCommand = {
    kind: 'send',
    actorId: sender.id,
    via: 'test',
    origin: null,
    conversationId,
    clientRef: null,
    messageKind: 'text',
    text,
    parts: [],
    replyToId: null,
    prompt: null,
    visibility: 'all',
    meta: {},
    unattended: false,
    createdAt: null,
  };
  const verdict = await test.committer.submit(command);
  if (!verdict.ok) throw new Error(verdict.refusal);
  return verdict.message;
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

describe('changing several things at once', () => {
  it('applies names, people and owner together', async () => {
    const { id } = await group(bob, carol);
    const result = await test.core.conversations.change(test.actor(alice), id, {
      title: 'Coffee',
      add: [dave.id, bob.id],
      remove: [carol.id],
      ownerId: bob.id,
    });
    expect(result).toMatchObject({
      changed: true,
      added: [dave.id],
      removed: [carol.id],
      conversation: { title: 'Coffee', ownerId: bob.id },
    });
    expect(await active(id)).toEqual([alice.id, bob.id, dave.id]);
    const told = await test.events('participant.joined', 'participant.left', 'conversation.updated');
    expect(told.map(({ type }) => type)).toEqual([
      'participant.joined',
      'conversation.updated',
      'participant.left',
      'conversation.updated',
    ]);
    expect(new Set(told.map(({ batch }) => batch)).size).toBe(1);
  });

  it('changes nothing when one right is missing', async () => {
    const { id } = await group(bob, carol);
    await expect(
      test.core.conversations.change(test.actor(bob), id, { title: 'Coffee', add: [dave.id], remove: [carol.id] }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    expect(await test.core.conversations.find(id)).toMatchObject({ title: 'Tea' });
    expect(await active(id)).toEqual([alice.id, bob.id, carol.id]);
  });

  it('tells nobody when nothing differs', async () => {
    const { id } = await group(bob);
    const result = await test.core.conversations.change(test.actor(bob), id, { title: 'Tea', add: [alice.id] });
    expect(result).toMatchObject({ changed: false, added: [], removed: [] });
    expect(await test.events('conversation.updated', 'participant.joined')).toEqual([]);
  });

  it('puts whoever is added and taken out at once out', async () => {
    const { id } = await group(bob);
    await test.core.conversations.change(test.actor(alice), id, {
      add: [bob.id, carol.id],
      remove: [bob.id, carol.id],
    });
    expect(await active(id)).toEqual([alice.id]);
  });

  it('wants an owner who takes part', async () => {
    const { id } = await group(bob);
    await expect(test.core.conversations.change(test.actor(alice), id, { ownerId: dave.id })).rejects.toMatchObject({
      code: 'not_found',
      details: { subject: 'participant' },
    });
  });
});

describe('roles and blocks', () => {
  it('keeps the last admin', async () => {
    const { id } = await group(bob);
    await expect(
      test.core.conversations.setRole(test.actor(alice), id, { userId: alice.id, role: 'user' }),
    ).rejects.toMatchObject({
      code: 'conflict',
      details: { reason: 'last_admin' },
    });
    await expect(
      test.core.conversations.setRole(test.actor(bob), id, { userId: bob.id, role: 'admin' }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('lets either of a pair block the other, and only who blocked take it back', async () => {
    const { conversation } = await test.core.conversations.direct(test.actor(alice), bob.id);
    const { id } = conversation;
    expect(await test.core.conversations.block(test.actor(bob), id, alice.id)).toBe(true);
    expect(await test.core.conversations.block(test.actor(bob), id, alice.id)).toBe(false);
    await expect(test.core.conversations.unblock(test.actor(alice), id, alice.id)).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(test.core.conversations.change(test.actor(alice), id, { title: 'Mine' })).rejects.toMatchObject({
      code: 'forbidden',
      details: { reason: 'blocked' },
    });
    expect(await test.core.conversations.unblock(test.actor(bob), id, alice.id)).toBe(true);
    const changed = await test.events('participant.changed');
    expect(changed.map(({ participant }) => participant.blockedBy)).toEqual([bob.id, null]);
  });

  it('sets named groups', async () => {
    const { id } = await group(bob);
    const after = await test.core.conversations.setGroups(admin(), id, {
      userId: bob.id,
      groups: ['left', 'right', 'left'],
    });
    expect(after.groups).toEqual(['left', 'right']);
    await test.core.conversations.setGroups(admin(), id, { userId: bob.id, groups: ['right', 'left'] });
    expect(await test.events('participant.changed')).toHaveLength(1);
  });
});

describe('preferences', () => {
  it('are told to oneself alone and leave the participant as others see it', async () => {
    const { id } = await group(bob);
    await send(alice, id);
    const before = await test.core.conversations.participation(bob.id, id);
    const after = await test.core.conversations.setPreferences(test.actor(bob), id, {
      muted: true,
      pinned: true,
      cleared: true,
    });
    expect(after).toMatchObject({
      muted: true,
      pinnedAt: test.clock.now(),
      clearedToSeq: 1,
      changedPosition: before?.changedPosition,
    });
    await test.core.conversations.setPreferences(test.actor(bob), id, { muted: true, pinned: true, cleared: true });
    const told = await test.events('participant.preferences_changed');
    expect(told).toMatchObject([{ userIds: [bob.id], changed: ['muted', 'pinned', 'cleared'] }]);
  });

  it('hide a conversation until somebody writes', async () => {
    const { id } = await group(bob);
    await send(alice, id);
    await test.core.conversations.setPreferences(test.actor(bob), id, { hidden: true });
    const visible = async () => {
      const listed = await test.core.conversations.listFor(bob.id, {
        order: 'id',
        direction: 'ascending',
        visibleOnly: true,
      });
      return listed.map(({ conversation }) => conversation.id);
    };
    expect(await visible()).toEqual([]);
    await send(alice, id);
    expect(await visible()).toEqual([id]);
  });
});

describe('lists', () => {
  it('come in the order asked for, pinned ones first, page by page', async () => {
    const made: ConversationId[] = [];
    for (let index = 0; index < 4; index += 1) {
      made.push((await group(bob)).id);
      await test.clock.advance(1_000);
    }
    const [first, second, third, fourth] = made as [ConversationId, ConversationId, ConversationId, ConversationId];
    await send(alice, second);
    await test.core.conversations.setPreferences(test.actor(bob), third, { pinned: true });
    const list = async (query: Parameters<typeof test.core.conversations.listFor>[1]) => {
      const listed = await test.core.conversations.listFor(bob.id, query);
      return listed.map(({ conversation }) => conversation.id);
    };
    expect(await list({ order: 'id', direction: 'ascending' })).toEqual([first, second, third, fourth]);
    const newest = { order: 'activity', direction: 'descending', pinnedFirst: true } as const;
    expect(await list(newest)).toEqual([third, second, fourth, first]);
    expect(await list({ ...newest, limit: 2, offset: 1 })).toEqual([second, fourth]);
    expect(await list({ ...newest, kinds: ['direct'] })).toEqual([]);
  });
});

describe('updating and removing', () => {
  it('writes and tells only what differs', async () => {
    const { id, createdAt } = await group(bob);
    await test.clock.advance(5_000);
    const update = { title: 'Coffee', description: '', attributes: { netalo: { type: 2 } } };
    const updated = await test.core.conversations.update(test.actor(alice), id, update);
    expect(updated).toMatchObject({ title: 'Coffee', createdAt, updatedAt: test.clock.now() });
    expect(await test.core.conversations.update(test.actor(alice), id, update)).toEqual(updated);
    const told = await test.events('conversation.updated');
    expect(told).toMatchObject([{ changed: ['title', 'attributes'], previous: { title: 'Tea' } }]);
    await expect(test.core.conversations.update(test.actor(bob), id, { title: 'No' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(test.core.conversations.update(test.actor(dave), id, { title: 'No' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('takes everybody out of what is removed', async () => {
    const { id } = await group(bob);
    await test.core.directory.membershipsOf(bob.id);
    await expect(test.core.conversations.remove(test.actor(bob), id)).rejects.toMatchObject({ code: 'forbidden' });
    await test.core.conversations.remove(test.actor(alice), id);
    expect(await test.core.conversations.find(id)).toBeNull();
    expect(await test.core.conversations.listFor(bob.id, { order: 'id', direction: 'ascending' })).toEqual([]);
    expect(await test.sql('select from participant_spans where to_position is null')).toEqual([]);
    await test.events('conversation.deleted');
    const { audience } = test.delivered.at(-1) ?? {};
    expect([...(audience?.participants ?? [])].sort()).toEqual([alice.id, bob.id]);
  });

  it('removes what has an end when its time has come', async () => {
    const made = await test.core.conversations.create(test.actor(alice), {
      kind: 'group',
      expiresAt: test.clock.now() + 60_000,
      participants: [],
    });
    await test.core.conversations.update(test.actor(alice), made.conversation.id, {
      expiresAt: test.clock.now() + 120_000,
    });
    const gone = new Promise<ConversationId>((resolve) => {
      const onEvents = (batch: readonly DeliveredEvent[]) => {
        for (const { event } of batch) if (event.type === 'conversation.deleted') resolve(event.conversation.id);
      };
      test.core.events.subscribe({ onEvents, onReset: () => undefined });
    });
    await test.clock.advance(119_000);
    expect(await test.core.conversations.find(made.conversation.id)).not.toBeNull();
    await test.clock.advance(2_000);
    expect(await gone).toBe(made.conversation.id);
  });
});

describe('what caches load', () => {
  it('is one snapshot together with the head that it shows', async () => {
    const { id } = await group(bob);
    const message = await send(alice, id, 'newest');
    const { head, views } = await test.store.conversations.loadViews([id, 999 as ConversationId]);
    expect(head).toBe(await test.store.log.head());
    expect(views).toMatchObject([{ conversation: { id, lastSeq: 1 }, lastMessage: message }]);
    expect(ids(views[0]?.participants ?? [])).toEqual([alice.id, bob.id]);
    expect(await test.store.conversations.loadViews([])).toEqual({ head, views: [] });
  });

  it('says of many users at once what they belong to', async () => {
    const { id } = await group(bob);
    const { space } = await test.core.spaces.create(admin(), {
      kind: 'workspace',
      members: [{ userId: alice.id, role: 'user' }],
    });
    const { memberships } = await test.store.conversations.membershipsOf([alice.id, bob.id, carol.id]);
    expect(memberships.get(alice.id)).toEqual({
      conversationIds: new Set([id]),
      spaces: new Map([[space.id, 'user']]),
    });
    expect(memberships.get(bob.id)).toEqual({ conversationIds: new Set([id]), spaces: new Map() });
    expect(memberships.get(carol.id)).toEqual({ conversationIds: new Set(), spaces: new Map() });
  });
});
