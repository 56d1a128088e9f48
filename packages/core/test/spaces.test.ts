import {
  adminActor,
  type ConversationId,
  type LogEvent,
  type SpaceId,
  type User,
  type UserId,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let dave: User;

const admin = adminActor;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol, dave] = (await test.people('Alice', 'Bob', 'Carol', 'Dave')) as [User, User, User, User];
});

afterEach(() => test.close());

async function workspace(...members: [User, 'admin' | 'moderator' | 'user' | 'guest'][]): Promise<SpaceId> {
  const { space } = await test.core.spaces.create(test.actor(alice), {
    kind: 'workspace',
    title: 'Demo',
    members: members.map(([user, role]) => ({ userId: user.id, role })),
  });
  return space.id;
}

async function channel(spaceId: SpaceId, visibility: 'public' | 'private', ...people: User[]): Promise<ConversationId> {
  const { conversation } = await test.core.conversations.create(test.actor(alice), {
    kind: 'channel',
    spaceId,
    visibility,
    title: visibility,
    participants: people.map(({ id }) => ({ userId: id })),
  });
  return conversation.id;
}

async function active(id: ConversationId): Promise<UserId[]> {
  const { participants } = await test.core.conversations.get(admin(), id);
  return participants.filter((participant) => participant.active).map(({ userId }) => userId);
}

async function told(work: () => Promise<unknown>): Promise<LogEvent[]> {
  await test.settled();
  const before = test.delivered.length;
  await work();
  await test.settled();
  return test.delivered.slice(before).map(({ event }) => event);
}

const types = (events: readonly LogEvent[]) => events.map(({ type }) => type);

describe('making a space', () => {
  it('makes whoever makes a workspace its admin, and a name up', async () => {
    const made = await test.core.spaces.create(test.actor(alice), {
      kind: 'workspace',
      title: 'Demo',
      externalIds: { workspace: 'a-uuid' },
      members: [{ userId: bob.id, role: 'user' }],
    });
    expect(made.space).toMatchObject({ title: 'Demo', createdBy: alice.id, externalIds: { workspace: 'a-uuid' } });
    expect(made.space.name).toMatch(/^workspace-./);
    expect(made.members.map(({ userId, role }) => [userId, role])).toEqual([
      [alice.id, 'admin'],
      [bob.id, 'user'],
    ]);
    expect(await test.core.spaces.findByExternalId('workspace', 'a-uuid')).toEqual(made.space);
    expect(await test.core.spaces.members(made.space.id)).toEqual(made.members);
    expect(await test.core.spaces.listFor(bob.id)).toEqual([{ space: made.space, member: made.members[1] }]);
    expect(await test.events('space.created')).toMatchObject([{ space: made.space, members: made.members }]);
  });

  it('refuses a name that is taken, until its holder is removed', async () => {
    const make = () => test.core.spaces.create(admin(), { kind: 'queue', name: 'support' });
    const { space } = await make();
    await expect(make()).rejects.toMatchObject({ code: 'already_exists', details: { id: space.id } });
    await test.core.spaces.create(admin(), { kind: 'workspace', name: 'support' });
    await test.core.spaces.remove(admin(), space.id);
    expect((await make()).space.id).not.toBe(space.id);
  });

  it('finds or makes the space of a name, once', async () => {
    const other = await test.another();
    const made = await Promise.all([
      test.core.spaces.ensure(admin(), { kind: 'queue', name: 'event' }),
      other.core.spaces.ensure(admin(), { kind: 'queue', name: 'event' }),
      test.core.spaces.ensure(admin(), { kind: 'queue', name: 'event' }),
    ]);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await test.events('space.created')).toHaveLength(1);
  });

  it('leaves queues and the list of all to the administration', async () => {
    await expect(test.core.spaces.create(test.actor(alice), { kind: 'queue' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(test.core.spaces.list(test.actor(alice), { limit: 1 })).rejects.toMatchObject({ code: 'forbidden' });
    const id = await workspace();
    expect(await test.core.spaces.list(admin(), { kind: 'workspace', limit: 5 })).toMatchObject([{ id }]);
  });
});

describe('public channels', () => {
  it('get all members but guests, also those who come later', async () => {
    const id = await workspace([bob, 'user'], [carol, 'guest']);
    const channelId = await channel(id, 'public');
    expect(await active(channelId)).toEqual([alice.id, bob.id]);

    const events = await told(() =>
      test.core.spaces.setMember(test.actor(alice), id, { userId: dave.id, role: 'user' }),
    );
    expect(types(events)).toEqual(['space.member_joined', 'participant.joined']);
    expect(events[1]).toMatchObject({ how: 'implied', first: true });
    expect(await active(channelId)).toEqual([alice.id, bob.id, dave.id]);

    const risen = await told(() =>
      test.core.spaces.setMember(test.actor(alice), id, { userId: carol.id, role: 'user' }),
    );
    expect(types(risen)).toEqual(['space.member_changed', 'participant.joined']);
    expect(
      await told(() => test.core.spaces.setMember(test.actor(alice), id, { userId: carol.id, role: 'user' })),
    ).toEqual([]);
  });

  it('let members in who had left, and no guests', async () => {
    const id = await workspace([bob, 'user'], [carol, 'guest']);
    const channelId = await channel(id, 'public');
    await test.core.conversations.leave(test.actor(bob), channelId);
    await test.core.conversations.join(test.actor(bob), channelId);
    expect(await active(channelId)).toEqual([alice.id, bob.id]);
    await expect(test.core.conversations.join(test.actor(carol), channelId)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('may come of private ones, with everybody', async () => {
    const id = await workspace([bob, 'user']);
    const channelId = await channel(id, 'private');
    expect(await active(channelId)).toEqual([alice.id]);
    await test.core.conversations.update(test.actor(alice), channelId, { visibility: 'public' });
    expect(await active(channelId)).toEqual([alice.id, bob.id]);
  });

  it('are not made by guests, nor by strangers', async () => {
    const id = await workspace([carol, 'guest']);
    const make = (user: User) =>
      test.core.conversations.create(test.actor(user), { kind: 'channel', spaceId: id, participants: [] });
    await expect(make(carol)).rejects.toMatchObject({ code: 'forbidden', details: { reason: 'guest' } });
    await expect(make(dave)).rejects.toMatchObject({ code: 'not_found', details: { subject: 'space' } });
  });
});

describe('belonging to a workspace', () => {
  it('comes as a guest with a conversation in it', async () => {
    const id = await workspace();
    const open = await channel(id, 'public');
    const closed = await channel(id, 'private');
    const events = await told(() =>
      test.core.conversations.addParticipants(test.actor(alice), closed, [{ userId: dave.id }]),
    );
    expect(types(events)).toEqual(['space.member_joined', 'participant.joined']);
    expect(await test.core.spaces.membership(dave.id, id)).toMatchObject({ role: 'guest' });
    expect(await active(open)).toEqual([alice.id]);

    const made = await told(() => channel(id, 'private', carol));
    expect(types(made)).toEqual(['space.member_joined', 'conversation.created']);
  });

  it('is given by invitation, and never lowered by one', async () => {
    const id = await workspace();
    expect(await test.core.spaces.join(test.actor(bob), id, 'user')).toMatchObject({ role: 'user' });
    expect(await test.core.spaces.join(test.actor(bob), id, 'guest')).toMatchObject({ role: 'user' });
    expect(await test.events('space.member_joined', 'space.member_changed')).toHaveLength(1);
  });

  it('is given by users while the workspace lets them', async () => {
    const id = await workspace([bob, 'user']);
    await test.core.spaces.setMember(test.actor(bob), id, { userId: carol.id, role: 'user' });
    await test.core.spaces.update(test.actor(alice), id, { settings: { canUsersInvite: false } });
    await expect(
      test.core.spaces.setMember(test.actor(bob), id, { userId: dave.id, role: 'user' }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(
      test.core.spaces.setMember(test.actor(bob), id, { userId: bob.id, role: 'admin' }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(test.core.spaces.setMember(admin(), id, { userId: dave.id, role: 'staff' })).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('ends with leaving the conversations first', async () => {
    const id = await workspace([bob, 'user']);
    const open = await channel(id, 'public');
    const closed = await channel(id, 'private', bob);
    const events = await told(() => test.core.spaces.removeMember(test.actor(alice), id, bob.id));
    expect(types(events)).toEqual(['participant.left', 'participant.left', 'space.member_left']);
    expect(events.at(-1)).toMatchObject({ userId: bob.id, removed: true });
    expect([await active(open), await active(closed)]).toEqual([[alice.id], [alice.id]]);
    expect(await test.core.spaces.membership(bob.id, id)).toBeNull();
    expect((await test.core.spaces.members(id)).map(({ userId }) => userId)).toEqual([alice.id]);

    const before = await test.sql('select id from space_members where user_id = $1', [bob.id]);
    await test.core.spaces.setMember(test.actor(alice), id, { userId: bob.id, role: 'user' });
    expect(await test.sql('select id from space_members where user_id = $1', [bob.id])).toEqual(before);
    expect(await active(open)).toEqual([alice.id, bob.id]);
  });

  it('removes the channels that nobody is left in', async () => {
    const id = await workspace([bob, 'user']);
    const { conversation } = await test.core.conversations.create(test.actor(bob), {
      kind: 'channel',
      spaceId: id,
      participants: [],
    });
    const events = await told(() => test.core.spaces.removeMember(test.actor(bob), id, bob.id));
    expect(types(events)).toEqual(['participant.left', 'conversation.deleted', 'space.member_left']);
    expect(await test.core.conversations.find(conversation.id)).toBeNull();
  });

  it('keeps the creator and the last admin', async () => {
    const id = await workspace([bob, 'admin'], [carol, 'user']);
    const remove = (actor: User, user: User) => test.core.spaces.removeMember(test.actor(actor), id, user.id);
    await expect(remove(bob, alice)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'creator' } });
    await expect(remove(alice, alice)).rejects.toMatchObject({ code: 'conflict', details: { reason: 'creator' } });
    await expect(remove(carol, bob)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(remove(dave, bob)).rejects.toMatchObject({ code: 'not_found' });

    const { space } = await test.core.spaces.create(admin(), {
      kind: 'workspace',
      members: [{ userId: bob.id, role: 'admin' }],
    });
    await expect(test.core.spaces.removeMember(test.actor(bob), space.id, bob.id)).rejects.toMatchObject({
      details: { reason: 'last_admin' },
    });
    await expect(
      test.core.spaces.setMember(test.actor(bob), space.id, { userId: bob.id, role: 'user' }),
    ).rejects.toMatchObject({
      details: { reason: 'last_admin' },
    });
  });
});

describe('changing and removing a space', () => {
  it('writes and tells only what differs', async () => {
    const id = await workspace([bob, 'user']);
    const updated = await test.core.spaces.update(test.actor(alice), id, {
      title: 'Demo',
      settings: { canUsersInvite: false },
    });
    expect(updated.settings).toEqual({ canUsersInvite: false });
    await test.core.spaces.update(test.actor(alice), id, { settings: { canUsersInvite: false } });
    expect(await test.events('space.updated')).toMatchObject([{ changed: ['settings'], space: updated }]);
    await expect(test.core.spaces.update(test.actor(bob), id, { title: 'No' })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('takes its conversations with it', async () => {
    const id = await workspace([bob, 'user']);
    const channels = [await channel(id, 'public'), await channel(id, 'private')];
    await expect(test.core.spaces.remove(test.actor(bob), id)).rejects.toMatchObject({ code: 'forbidden' });
    const events = await told(() => test.core.spaces.remove(test.actor(alice), id));
    expect(types(events)).toEqual(['conversation.deleted', 'conversation.deleted', 'space.deleted']);
    expect(events.at(-1)?.userIds).toEqual([alice.id, bob.id]);
    for (const channelId of channels) expect(await test.core.conversations.find(channelId)).toBeNull();
    expect(await test.core.spaces.find(id)).toBeNull();
    expect(await test.core.spaces.listFor(bob.id)).toEqual([]);
  });
});

describe('staff of a queue', () => {
  it('is made once, by itself or by an admin of the queue', async () => {
    const { space } = await test.core.spaces.create(admin(), {
      kind: 'queue',
      name: 'support',
      members: [{ userId: dave.id, role: 'admin' }],
    });
    const staff = await test.core.spaces.ensureStaff(test.actor(bob), space.id);
    expect(staff).toMatchObject({ role: 'staff' });
    expect(await test.core.spaces.ensureStaff(test.actor(bob), space.id)).toEqual(staff);
    expect(await test.core.spaces.ensureStaff(test.actor(dave), space.id)).toMatchObject({ role: 'admin' });
    await expect(
      test.core.spaces.setMember(test.actor(bob), space.id, { userId: carol.id, role: 'staff' }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
    await test.core.spaces.setMember(test.actor(dave), space.id, { userId: carol.id, role: 'staff' });
    expect(await test.events('space.member_joined')).toHaveLength(2);
  });

  it('is looked up together for those who come back together', async () => {
    const queue = await test.core.spaces.ensure(admin(), { kind: 'queue', name: 'support' });
    const other = await test.core.spaces.ensure(admin(), { kind: 'queue', name: 'sales' });
    const people = [alice, bob, carol, dave];
    for (const user of people) await test.core.spaces.ensureStaff(test.actor(user), queue.id);
    await test.core.spaces.ensureStaff(test.actor(bob), other.id);
    const asked = jest.spyOn(test.store.spaces, 'memberships');
    const wanted = [...people.map((user) => [user, queue] as const), [bob, other] as const];
    const staff = await Promise.all(wanted.map(([user, { id }]) => test.core.spaces.ensureStaff(test.actor(user), id)));
    expect(staff.map(({ userId, spaceId }) => [userId, spaceId])).toEqual(
      wanted.map(([user, { id }]) => [user.id, id]),
    );
    expect(asked).toHaveBeenCalledTimes(1);
    await test.core.spaces.removeMember(admin(), queue.id, bob.id);
    expect(await test.core.spaces.ensureStaff(test.actor(bob), queue.id)).toMatchObject({ role: 'staff' });
    expect(await test.events('space.member_joined')).toHaveLength(6);
  });

  it('leaves the conversations of the queue when it goes', async () => {
    const queue = await test.core.spaces.ensure(admin(), { kind: 'queue', name: 'support' });
    await test.core.spaces.ensureStaff(test.actor(bob), queue.id);
    const { conversation } = await test.core.conversations.create(test.actor(bob), {
      kind: 'support',
      spaceId: queue.id,
      customerId: carol.id,
      participants: [],
    });
    await test.core.conversations.assign(test.actor(bob), conversation.id, bob.id);
    const events = await told(() => test.core.spaces.removeMember(admin(), queue.id, bob.id));
    expect(types(events)).toEqual(['participant.left', 'message.sent', 'space.member_left']);
    expect(await test.core.conversations.find(conversation.id)).toMatchObject({ assigneeId: null });
  });
});

describe('what caches load', () => {
  it('is one snapshot together with the head that it shows', async () => {
    const id = await workspace([bob, 'user'], [carol, 'guest']);
    await test.core.spaces.removeMember(test.actor(alice), id, carol.id);
    const { head, spaces } = await test.store.spaces.loadSpaces([id, 99 as SpaceId]);
    expect(head).toBe(await test.store.log.head());
    expect(spaces.map(({ space }) => space.id)).toEqual([id]);
    expect(spaces[0]?.members.map(({ userId }) => userId)).toEqual([alice.id, bob.id]);
  });
});
