import {
  adminActor,
  type Conversation,
  type ConversationId,
  type DeliveredEvent,
  type User,
  type UserId,
} from '@switchboard/core';
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
