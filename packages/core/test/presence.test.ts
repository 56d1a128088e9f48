import type { Conversation, User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { connect, listen } from './support/live.ts';

let test: TestCore;
let alice: User;
let bob: User;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
});

afterEach(() => test.close());

const status = async (user: User, of = test) => (await of.core.presence.statuses([user.id])).get(user.id);

async function lobby(): Promise<Conversation> {
  const participants = [{ userId: bob.id }];
  const made = await test.core.conversations.create(test.actor(alice), { kind: 'group', title: 'Lobby', participants });
  return made.conversation;
}

describe('going online and offline', () => {
  it('tells one signal per change, with the conversations of the user', async () => {
    const { id } = await lobby();
    const heard = listen(test);
    const phone = await connect(test, alice);
    const laptop = await connect(test, alice);
    expect(await status(alice)).toBe('online');
    await test.core.presence.disconnected(phone);
    await test.core.presence.disconnected(laptop);
    await heard.next('presence.changed', 2);
    expect(heard.of('presence.changed')).toMatchObject([
      {
        userId: alice.id,
        previous: 'offline',
        status: 'online',
        lastSeenAt: null,
        conversationIds: [id],
        manual: false,
      },
      { userId: alice.id, previous: 'online', status: 'offline', lastSeenAt: test.clock.now(), conversationIds: [id] },
    ]);
    expect(await status(alice)).toBe('offline');
  });

  it('counts connections of all protocols and nodes, and tells the change on every node once', async () => {
    const other = await test.another();
    const [here, there] = [listen(test), listen(other)];
    const one = await connect(test, alice, { namespace: 'event' });
    const two = await connect(other, alice, { namespace: 'netalo' });
    await test.core.presence.disconnected(one);
    expect(await status(alice)).toBe('online');
    await other.core.presence.disconnected(two);
    for (const heard of [here, there]) {
      await heard.next('presence.changed', 2);
      expect(heard.of('presence.changed').map(({ status: told }) => told)).toEqual(['online', 'offline']);
    }
  });

  it('waits for the grace of the last connection, and says when that one ended', async () => {
    const heard = listen(test);
    const phone = await connect(test, alice, { graceMs: 5_000 });
    const endedAt = test.clock.now();
    await test.core.presence.disconnected(phone);
    await test.clock.advance(4_000);
    expect(await status(alice)).toBe('online');
    await test.clock.advance(2_000);
    expect(await heard.next('presence.changed', 2)).toMatchObject({ status: 'offline', lastSeenAt: endedAt });
    let seen: number | null = null;
    while (seen === null) seen = (await test.store.users.findMany([alice.id]))[0]?.lastSeenAt ?? null;
    expect(seen).toBe(endedAt);
  });

  it('has nothing to tell when a grace is cut to nothing', async () => {
    const phone = await connect(test, alice, { graceMs: 60_000 });
    await test.core.presence.disconnected(phone, 0);
    expect(await status(alice)).toBe('offline');
  });

  it('takes out the people of a node that has died', async () => {
    const other = await test.another();
    await connect(other, alice);
    const heard = listen(test);
    await other.core.close();
    await other.presence.close();
    await test.clock.advance(17_000);
    expect(await heard.next('presence.changed')).toMatchObject({ userId: alice.id, status: 'offline' });
  });
});

describe('many at once', () => {
  it('are noted as last seen in few statements', async () => {
    const people = await test.people(...Array.from({ length: 200 }, (_, i) => `User ${i}`));
    const actors = await Promise.all(people.map((user) => connect(test, user)));
    const touch = jest.spyOn(test.store.users, 'touchLastSeen');
    await Promise.all(actors.map((actor) => test.core.presence.disconnected(actor)));
    await test.core.presence.statuses([]);
    while (touch.mock.results.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(touch.mock.results.map(({ value }) => value));
    const users = await test.store.users.findMany(people.map(({ id }) => id));
    expect(users.filter(({ lastSeenAt }) => lastSeenAt === test.clock.now())).toHaveLength(200);
    expect(touch.mock.calls.length).toBeLessThanOrEqual(5);
  });
});

describe('idle and by hand', () => {
  it('is idle only when all connections are asleep, and wakes with the first', async () => {
    const [phone, laptop] = [await connect(test, alice), await connect(test, alice)];
    const { presence } = test.core;
    expect(await presence.setAsleep(phone, true)).toBe('online');
    expect(await presence.setAsleep(laptop, true)).toBe('idle');
    expect(await presence.setAsleep(phone, false)).toBe('online');
  });

  it('becomes idle when the ones that remain are all asleep', async () => {
    const [phone, laptop] = [await connect(test, alice), await connect(test, alice)];
    await test.core.presence.setAsleep(phone, true);
    await test.core.presence.disconnected(laptop);
    expect(await status(alice)).toBe('idle');
  });

  it('stays idle when a further device names a status, and not when one comes that does not', async () => {
    const phone = await connect(test, alice, { initial: 'online' });
    await test.core.presence.setAsleep(phone, true);
    await connect(test, alice, { initial: 'online' });
    expect(await status(alice)).toBe('idle');
    await connect(test, alice, { namespace: 'event' });
    expect(await status(alice)).toBe('online');
  });

  it('starts as the first connection says', async () => {
    await connect(test, alice, { initial: 'idle' });
    expect(await status(alice)).toBe('idle');
    await connect(test, alice, { initial: 'online' });
    expect(await status(alice)).toBe('idle');
  });

  it('tells what was set by hand, once, and forgets it with the last connection', async () => {
    const heard = listen(test);
    const phone = await connect(test, alice);
    expect(await test.core.presence.setStatus(phone, 'offline')).toBe('offline');
    expect(await test.core.presence.setStatus(phone, 'offline')).toBe('offline');
    expect(await heard.next('presence.changed', 2)).toMatchObject({ status: 'offline', manual: true });
    await test.core.presence.disconnected(phone);
    await connect(test, alice);
    await heard.next('presence.changed', 3);
    expect(heard.of('presence.changed').map(({ status: told }) => told)).toEqual(['online', 'offline', 'online']);
  });
});

describe('attending', () => {
  it('is seen by whoever else is there, and by participants online where people need not join', async () => {
    const { id } = await lobby();
    const { presence } = test.core;
    presence.attendsByJoining('event');
    const one = await connect(test, alice, { namespace: 'event' });
    await presence.attend(one, id);
    expect(await presence.isAttended(id, alice.id)).toBe(false);
    const two = await connect(test, bob, { namespace: 'event' });
    expect(await presence.isAttended(id, alice.id)).toBe(false);
    const elsewhere = await connect(test, bob, { namespace: 'netalo' });
    expect(await presence.isAttended(id, alice.id)).toBe(true);
    await presence.disconnected(elsewhere);
    expect(await presence.isAttended(id, alice.id)).toBe(false);
    await presence.attend(two, id);
    expect(await presence.isAttended(id, alice.id)).toBe(true);
    await presence.disconnected(two);
    expect(await presence.isAttended(id, alice.id)).toBe(false);
  });

  it('refuses whoever comes above the limit', async () => {
    const { id } = await lobby();
    const [one, two] = [await connect(test, alice), await connect(test, bob)];
    await test.core.presence.attend(one, id, 1);
    await expect(test.core.presence.attend(two, id, 1)).rejects.toMatchObject({
      code: 'conflict',
      details: { reason: 'full' },
    });
  });
});

describe('while the presence store is away', () => {
  it('lets people in and out, shows who is here, and counts nobody as attending', async () => {
    const away = Object.assign(new Error('away'), { code: 'unavailable' });
    Object.setPrototypeOf(away, (await import('@switchboard/core')).DomainError.prototype);
    const { id } = await lobby();
    for (const method of ['register', 'end', 'get', 'attending', 'sweep'] as const) {
      jest.spyOn(test.presence, method).mockRejectedValue(away);
    }
    const phone = await connect(test, alice);
    expect(await status(alice)).toBe('online');
    expect(await test.core.presence.isAttended(id, bob.id)).toBe(false);
    await test.core.presence.disconnected(phone);
    expect(await status(alice)).toBe('offline');
  });
});
