import { adminActor, type ConversationId, type SpaceId, systemActor, type User, type UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;

beforeEach(async () => {
  test = await createTestCore();
});

afterEach(() => test.close());

const admin = adminActor;

describe('making users', () => {
  it('makes a person with outside ids and tells of it', async () => {
    const user = await test.core.users.create(admin(), {
      displayName: 'Alice',
      language: 'en',
      attributes: { netalo: { appid: 'x' } },
      identities: [
        { namespace: 'event', externalId: '1' },
        { namespace: 'netalo', externalId: '7' },
      ],
    });

    expect(user).toMatchObject({
      id: 1,
      kind: 'person',
      displayName: 'Alice',
      identities: { event: '1', netalo: '7' },
      attributes: { netalo: { appid: 'x' } },
      createdAt: test.clock.now(),
      deletedAt: null,
    });
    expect(await test.core.users.find(user.id)).toEqual(user);
    const [created] = await test.events('user.created');
    expect(created).toMatchObject({ user, via: 'admin', actorId: null, userIds: [user.id] });
  });

  it('refuses an outside id that somebody holds who is more than a placeholder', async () => {
    const identities = [{ namespace: 'event', externalId: '1' }];
    const alice = await test.core.users.create(admin(), { displayName: 'Alice', identities });

    await expect(test.core.users.create(admin(), { displayName: 'Bob', identities })).rejects.toMatchObject({
      code: 'conflict',
      details: { subject: 'identity', id: alice.id },
    });
    expect(await test.core.users.list(admin(), { limit: 10 })).toEqual([alice]);
  });

  it('takes over the outside id of a bare placeholder', async () => {
    const named = await test.core.identities.provision(systemActor(), { namespace: 'netalo', externalId: '5' });

    const alice = await test.core.users.create(admin(), {
      displayName: 'Alice',
      identities: [{ namespace: 'netalo', externalId: '5' }],
    });

    expect(await test.core.identities.resolve('netalo', '5')).toEqual(alice);
    expect(await test.core.users.find(named.id)).toBeNull();
    expect(await test.events('user.deleted')).toMatchObject([{ userId: named.id }]);
  });

  it('makes names storable and refuses endless ones', async () => {
    const user = await test.core.users.create(admin(), { displayName: 'a\0b\ud800c' });
    expect(user.displayName).toBe('a\ufffdb\ufffdc');
    expect(await test.core.users.find(user.id)).toEqual(user);

    await expect(test.core.users.create(admin(), { displayName: 'x'.repeat(1025) })).rejects.toMatchObject({
      code: 'too_large',
      details: { field: 'displayName' },
    });
  });
});

describe('finding users', () => {
  it('lists pages by id, and by outside id', async () => {
    const users: User[] = [];
    for (const name of ['a', 'b', 'c']) {
      users.push(
        await test.core.users.create(admin(), {
          displayName: name,
          identities: name === 'b' ? [{ namespace: 'event', externalId: 'bee' }] : [],
        }),
      );
    }
    const list = (query: object) => test.core.users.list(admin(), { limit: 2, ...query });

    expect(await list({})).toEqual(users.slice(0, 2));
    expect(await list({ afterId: users[1]?.id })).toEqual([users[2]]);
    expect(await list({ namespace: 'event', externalId: 'bee' })).toEqual([users[1]]);
    expect(await list({ namespace: 'event' })).toEqual([users[1]]);
    expect(await list({ namespace: 'netalo', externalId: 'bee' })).toEqual([]);
    expect(await list({ externalId: 'bee' })).toEqual([users[1]]);
  });

  it('answers many at once, each asker its own', async () => {
    const people = await test.people('a', 'b', 'c');
    const found = await Promise.all([
      ...people.map(({ id }) => test.core.users.find(id)),
      test.core.users.find(99 as UserId),
    ]);
    expect(found.map((user) => user?.displayName)).toEqual(['a', 'b', 'c', undefined]);
  });
});

describe('changing a profile', () => {
  it('names what changed, merges attributes by namespace and is silent when nothing changes', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    const actor = test.actor(alice);
    await test.core.users.update(actor, alice.id, { attributes: { workspace: { a: 1, b: 1 }, netalo: { x: 1 } } });
    test.clock.skip(1_000);

    const change = { displayName: 'Alicia', avatar: null, attributes: { workspace: { b: 2 }, netalo: null } };
    const updated = await test.core.users.update(actor, alice.id, change);
    const again = await test.core.users.update(actor, alice.id, change);

    expect(updated).toMatchObject({
      displayName: 'Alicia',
      attributes: { workspace: { a: 1, b: 2 } },
      updatedAt: test.clock.now(),
    });
    expect(updated.attributes).not.toHaveProperty('netalo');
    expect(again).toEqual(updated);
    expect(await test.core.users.find(alice.id)).toEqual(updated);
    const events = await test.events('user.updated');
    expect(events.map(({ changed }) => changed)).toEqual([['attributes'], ['displayName', 'attributes']]);
    expect(actor.lastPosition).toBe(events[1]?.position);
  });

  it('is nobody else’s business', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await expect(test.core.users.update(test.actor(bob), alice.id, { displayName: 'x' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(test.core.users.update(admin(), 99 as UserId, { displayName: 'x' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('accounts', () => {
  it('signs in by address and password, whatever the case of the address', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    const account = await test.core.users.setAccount(admin(), alice.id, {
      email: ' Alice@Demo.local ',
      password: 'demo',
      verified: true,
    });

    expect(account).toEqual({ userId: alice.id, email: 'alice@demo.local', verifiedAt: test.clock.now() });
    expect(await test.core.users.checkPassword('ALICE@demo.local', 'demo')).toMatchObject({ id: alice.id });
    expect(await test.core.users.findByEmail('alice@demo.LOCAL')).toMatchObject({ id: alice.id });
    expect(await test.core.users.findAccount(alice.id)).toEqual(account);
    for (const [email, password] of [
      ['alice@demo.local', 'wrong'],
      ['bob@demo.local', 'demo'],
      ['alice@demo.local', ''],
      ['', ''],
    ] as const) {
      await expect(test.core.users.checkPassword(email, password)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('keeps hashes alone, with their parameters, a salt each', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await test.core.users.setAccount(admin(), alice.id, { email: 'a@x', password: 'same' });
    await test.core.users.setAccount(admin(), bob.id, { email: 'b@x', password: 'same' });
    const rows = await test.sql<{ password_hash: string }>('select password_hash from accounts order by user_id');
    expect(rows[0]?.password_hash).toMatch(/^scrypt\$14\$8\$5\$[\w-]{22}\$[\w-]{43}$/);
    expect(rows[0]?.password_hash).not.toBe(rows[1]?.password_hash);
  });

  it('keeps the password when only the address changes, and forgets that the old one was verified', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    await test.core.users.setAccount(admin(), alice.id, { email: 'a@x', password: 'demo', verified: true });
    const moved = await test.core.users.setAccount(test.actor(alice), alice.id, { email: 'new@x' });

    expect(moved).toEqual({ userId: alice.id, email: 'new@x', verifiedAt: null });
    expect(await test.core.users.checkPassword('new@x', 'demo')).toMatchObject({ id: alice.id });
    await expect(test.core.users.checkPassword('a@x', 'demo')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('gives an address to one user, and lets nobody in without a password', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await test.core.users.setAccount(admin(), alice.id, { email: 'a@x' });

    await expect(test.core.users.setAccount(admin(), bob.id, { email: 'A@x', password: 'p' })).rejects.toMatchObject({
      code: 'already_exists',
      details: { subject: 'account', field: 'email' },
    });
    await expect(test.core.users.setAccount(admin(), bob.id, { email: 'no address' })).rejects.toMatchObject({
      code: 'invalid',
      details: { field: 'email' },
    });
    await expect(test.core.users.checkPassword('a@x', '')).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('push targets', () => {
  const target = { namespace: 'netalo', scope: '', platform: 'apns', token: 't1', device: null };

  it('moves a token that another user had', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await test.core.users.addPushTarget(test.actor(alice), { ...target, userId: alice.id });
    await test.core.users.addPushTarget(test.actor(alice), { ...target, userId: alice.id, scope: 'support' });
    await test.core.users.addPushTarget(test.actor(bob), { ...target, userId: bob.id, device: 'phone' });

    expect(await test.core.users.pushTargets([alice.id, bob.id])).toEqual([
      { ...target, userId: alice.id, scope: 'support' },
      { ...target, userId: bob.id, device: 'phone' },
    ]);
  });

  it('removes its own tokens alone', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await test.core.users.addPushTarget(test.actor(alice), { ...target, userId: alice.id });
    await test.core.users.removePushTarget(test.actor(bob), { userId: bob.id, namespace: 'netalo', token: 't1' });
    expect(await test.core.users.pushTargets([alice.id])).toHaveLength(1);
    await test.core.users.removePushTarget(test.actor(alice), { userId: alice.id, namespace: 'netalo', token: 't1' });
    expect(await test.core.users.pushTargets([alice.id])).toEqual([]);
    await expect(test.core.users.addPushTarget(test.actor(bob), { ...target, userId: alice.id })).rejects.toMatchObject(
      {
        code: 'forbidden',
      },
    );
  });
});

describe('erasing somebody', () => {
  /** Behind the log: what sends and joins leave in the store. */
  async function chat(userId: UserId, texts: number): Promise<ConversationId> {
    const [row] = await test.sql<{ id: string }>(`insert into conversations (kind) values ('group') returning id`);
    const id = Number(row?.id) as ConversationId;
    await test.sql('insert into participants (conversation_id, user_id) values ($1, $2)', [id, userId]);
    await test.sql(
      `insert into messages (id, conversation_id, seq, sender_id, via, text, parts, meta, created_at, changed_position)
       select $1::bigint * 1000000 + n, $1, n, $2, 'event', 'secret', '[{"kind":"image"}]', '{"event":{"a":1}}', now(), n
         from generate_series(1, $3::int) n`,
      [id, userId, texts],
    );
    return id;
  }

  it('takes names, identities, account, sessions, files and texts, and leaves ids', async () => {
    const alice = await test.core.users.create(admin(), {
      displayName: 'Alice',
      avatar: 'a.png',
      attributes: { event: { a: 1 } },
      identities: [{ namespace: 'event', externalId: '1' }],
    });
    const [bob] = (await test.people('Bob')) as [User];
    await test.core.users.setAccount(admin(), alice.id, { email: 'a@x', password: 'demo' });
    const actor = test.actor(alice);
    await test.core.users.addPushTarget(actor, {
      userId: alice.id,
      namespace: 'netalo',
      scope: '',
      platform: 'apns',
      token: 't',
      device: null,
    });
    const { secret } = await test.core.sessions.issue(admin(), {
      userId: alice.id,
      namespace: 'event',
      kind: 'opaque',
    });
    const mine = await chat(alice.id, 2_500);
    const his = await chat(bob.id, 3);

    await test.core.users.erase(admin(), alice.id);

    expect(await test.core.users.find(alice.id)).toBeNull();
    expect(await test.core.identities.resolve('event', '1')).toBeNull();
    expect(await test.core.users.findAccount(alice.id)).toBeNull();
    expect(await test.core.users.pushTargets([alice.id])).toEqual([]);
    await expect(test.core.sessions.authenticate('event', secret)).rejects.toMatchObject({ code: 'unauthenticated' });
    const [erased] = await test.store.users.findMany([alice.id]);
    expect(erased).toMatchObject({
      displayName: '',
      avatar: null,
      attributes: {},
      identities: {},
      deletedAt: test.clock.now(),
    });
    const left = await test.sql<{ conversation_id: string; ids: string; texts: string }>(
      `select conversation_id, count(*) as ids, count(*) filter (where text <> '' or parts is not null or meta is not null) as texts
         from messages group by conversation_id order by conversation_id`,
    );
    expect(left).toEqual([
      { conversation_id: String(mine), ids: '2500', texts: '0' },
      { conversation_id: String(his), ids: '3', texts: '3' },
    ]);
    expect(await test.events('session.revoked', 'user.deleted')).toMatchObject([
      { type: 'session.revoked', userId: alice.id, sessionId: null, namespace: null },
      { type: 'user.deleted', userId: alice.id, userIds: [alice.id] },
    ]);
  });

  it('takes the last message out of the lists that nodes keep', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    const id = await chat(alice.id, 2);
    await test.sql(
      'update conversations set last_seq = 2, last_message_id = (select max(id) from messages where conversation_id = $1) where id = $1',
      [id],
    );
    await test.sql('insert into participants (conversation_id, user_id) values ($1, $2)', [id, bob.id]);
    await test.core.directory.membershipsOf(bob.id);
    await test.core.directory.ensureConversations([id]);
    const last = () => test.core.directory.conversation(id)?.lastMessage;
    expect(last()?.text).toBe('secret');

    await test.core.users.erase(admin(), alice.id);
    await test.settled();
    expect(last()).toMatchObject({ text: '', parts: [], meta: {}, senderId: alice.id });
  });

  it('takes what a connection sent while it fell', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    await chat(alice.id, 1);
    await test.core.users.erase(test.actor(alice), alice.id);
    await test.sql(`update messages set text = 'late'`);

    await test.clock.advance(20_000);
    let text = 'late';
    while (text !== '') {
      await test.clock.advance(1_000);
      text = (await test.sql<{ text: string }>('select text from messages'))[0]?.text ?? '';
    }
  });

  it('lets an address and an outside id be given again', async () => {
    const identities = [{ namespace: 'event', externalId: '1' }];
    const alice = await test.core.users.create(admin(), { displayName: 'Alice', identities });
    await test.core.users.setAccount(admin(), alice.id, { email: 'a@x', password: 'demo' });
    await test.core.users.erase(admin(), alice.id);

    const other = await test.core.users.create(admin(), { displayName: 'Other', identities });
    await test.core.users.setAccount(admin(), other.id, { email: 'a@x', password: 'demo' });
    expect(await test.core.users.checkPassword('a@x', 'demo')).toMatchObject({ id: other.id });
  });

  it('can be repeated, and refuses strangers', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await expect(test.core.users.erase(test.actor(bob), alice.id)).rejects.toMatchObject({ code: 'forbidden' });
    await test.core.users.erase(admin(), alice.id);
    await test.core.users.erase(admin(), alice.id);
    expect(await test.events('user.deleted')).toHaveLength(1);
    await expect(test.core.users.erase(admin(), 99 as UserId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('gives an erased user neither sessions nor push targets', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    await test.core.users.erase(admin(), alice.id);
    const issue = { userId: alice.id, namespace: 'event', kind: 'opaque', spaceId: null as SpaceId | null } as const;
    await expect(test.core.sessions.issue(admin(), issue)).rejects.toMatchObject({ code: 'not_found' });
    const target = { userId: alice.id, namespace: 'n', scope: '', platform: 'p', token: 't', device: null };
    await expect(test.core.users.addPushTarget(admin(), target)).rejects.toMatchObject({ code: 'not_found' });
  });
});
