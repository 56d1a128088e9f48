import { adminActor, numericSyntheticIds, systemActor, type User, type UserId } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;

beforeEach(async () => {
  test = await createTestCore();
});

afterEach(() => test.close());

const uins = numericSyntheticIds(9_000_000_000_000_000, 'netalo.syntheticBase');
const system = systemActor;

/** Words of any wire: what a SignalR-like adapter would compute. */
const words = {
  toExternal: (coreId: number) => `u${coreId}`,
  toCore: (text: string) => (/^u[1-9][0-9]*$/.test(text) ? Number(text.slice(1)) : null),
};

describe('resolving', () => {
  it('finds whoever has the id in that namespace, and nobody else', async () => {
    const alice = await test.core.users.create(adminActor(), {
      displayName: 'Alice',
      identities: [{ namespace: 'event', externalId: '2' }],
    });
    expect(await test.core.identities.resolve('event', '2')).toEqual(alice);
    expect(await test.core.identities.resolve('netalo', '2')).toBeNull();
    expect(await test.core.identities.resolve('event', '')).toBeNull();
    expect(await test.core.identities.resolve('event', 'a\0b')).toBeNull();
    expect(await test.core.identities.resolve('event', 'x'.repeat(5_000))).toBeNull();
  });

  it('reads a synthetic id as long as its user exists and has no id of its own there', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    const synthetic = uins.toExternal(alice.id);
    expect(synthetic).toBe('9000000000000001');
    const resolve = () => test.core.identities.resolve('netalo', synthetic, uins);

    expect(await resolve()).toEqual(alice);
    await test.core.identities.link(adminActor(), alice.id, { namespace: 'event', externalId: '1' });
    expect(await resolve()).toMatchObject({ id: alice.id });
    await test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '77' });
    expect(await resolve()).toBeNull();
    await test.core.identities.unlink(adminActor(), alice.id, 'netalo');
    expect(await resolve()).toMatchObject({ id: alice.id });
    await test.core.users.erase(adminActor(), alice.id);
    expect(await resolve()).toBeNull();
  });

  it('knows the form that an adapter declared, and names people by it', async () => {
    test.core.identities.declare('signalr', words);
    const [alice] = (await test.people('Alice')) as [User];
    expect(await test.core.identities.resolve('signalr', 'u1')).toEqual(alice);
    expect(await test.core.identities.resolve('signalr', 'u01')).toBeNull();
    expect(await test.core.identities.resolve('other', 'u1')).toBeNull();
    expect(test.core.identities.nameOf(alice, 'signalr')).toBe('u1');
    expect(test.core.identities.nameOf({ ...alice, identities: { signalr: 'alice' } }, 'signalr')).toBe('alice');
    expect(test.core.identities.nameOf(alice, 'iqchannels')).toBeNull();
  });

  it('takes no number outside the range for a synthetic one', () => {
    for (const text of ['9000000000000000', '9000001294967296', '90000000000000001', '-1', '9e15', '', 'x']) {
      expect(uins.toCore(text)).toBeNull();
    }
    expect(uins.toCore('9000001294967295')).toBe(1_294_967_295);
  });

  it('loads for many askers in few statements', async () => {
    const findByIdentities = jest.spyOn(test.store.users, 'findByIdentities');
    const ids = Array.from({ length: 300 }, (_, n) => String(n));
    const users = await Promise.all(ids.map((id) => test.core.identities.resolve('event', id)));
    expect(users.every((user) => user === null)).toBe(true);
    expect(findByIdentities).toHaveBeenCalledTimes(1);
  });
});

describe('provisioning', () => {
  it('makes a placeholder for an id that is new, and finds it from then on', async () => {
    const user = await test.core.identities.provision(system(), { namespace: 'netalo', externalId: '42' });
    expect(user).toMatchObject({ kind: 'placeholder', displayName: '42', identities: { netalo: '42' } });
    expect(await test.core.identities.provision(system(), { namespace: 'netalo', externalId: '42' })).toEqual(user);
    expect(await test.events('user.created')).toMatchObject([{ user, via: 'system' }]);
  });

  it('makes one user when two nodes see the id at once', async () => {
    const other = await test.another();
    const users = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? test : other).core.identities.provision(system(), { namespace: 'event', externalId: '7' }),
      ),
    );
    expect(new Set(users.map(({ id }) => id)).size).toBe(1);
    expect(await test.events('user.created')).toHaveLength(1);
  });

  it('makes a crowd that comes for the first time in few transactions, whoever asks twice once', async () => {
    const transactions = jest.spyOn(test.store, 'transaction');
    const ids = Array.from({ length: 300 }, (_, n) => String(1 + (n % 150)));
    const users = await Promise.all(
      ids.map((externalId) => test.core.identities.provision(system(), { namespace: 'event', externalId })),
    );
    expect(users.map(({ identities }) => identities.event)).toEqual(ids);
    expect(new Set(users.map(({ id }) => id)).size).toBe(150);
    expect(transactions.mock.calls.length).toBeLessThan(10);
  });

  it('makes those who come together what each of them asks for', async () => {
    const id = { namespace: 'event', externalId: '7' };
    const [named, person] = await Promise.all([
      test.core.identities.provision(system(), id),
      test.core.identities.provision(system(), id, { kind: 'person', displayName: 'Seven' }),
    ]);
    expect(person).toMatchObject({ id: named.id, kind: 'person', displayName: 'Seven' });
  });

  it('answers nobody whom a transaction that was rolled back had made', async () => {
    const { transaction } = test.store;
    jest.spyOn(test.store, 'transaction').mockImplementationOnce(async (origin, work) => {
      const failed = transaction(origin, async (tx) => {
        await work(tx);
        throw new Error('rolled back');
      });
      await failed.catch(() => undefined);
      return transaction(origin, work);
    });
    const user = await test.core.identities.provision(system(), { namespace: 'event', externalId: '7' });
    expect(await test.core.users.find(user.id)).toEqual(user);
  });

  it('turns a placeholder into a person when it signs in as one', async () => {
    const named = await test.core.identities.provision(system(), { namespace: 'event', externalId: '7' });
    const person = await test.core.identities.provision(
      system(),
      { namespace: 'event', externalId: '7' },
      {
        kind: 'person',
        displayName: 'Seven',
      },
    );
    expect(person).toMatchObject({ id: named.id, kind: 'person', displayName: 'Seven' });
    expect(await test.core.users.find(named.id)).toEqual(person);
    expect(await test.events('user.updated')).toMatchObject([{ changed: ['kind', 'displayName'] }]);
    await test.core.identities.provision(system(), { namespace: 'event', externalId: '7' }, { kind: 'guest' });
    expect(await test.core.users.find(named.id)).toEqual(person);
  });

  it('makes nobody of a synthetic id', async () => {
    await expect(
      test.core.identities.provision(
        system(),
        { namespace: 'netalo', externalId: uins.toExternal(99) },
        { synthetic: uins },
      ),
    ).rejects.toMatchObject({ code: 'not_found', details: { subject: 'user' } });
    const [alice] = (await test.people('Alice')) as [User];
    const named = await test.core.identities.provision(
      system(),
      { namespace: 'netalo', externalId: uins.toExternal(alice.id) },
      {
        synthetic: uins,
      },
    );
    expect(named).toEqual(alice);
    expect(await test.events('user.created')).toEqual([]);
  });

  it('provisions many in one transaction and leaves out what names nobody', async () => {
    const known = await test.core.identities.provision(system(), { namespace: 'netalo', externalId: '1' });
    const transaction = jest.spyOn(test.store, 'transaction');
    const ids = ['1', '2', '3', '2', uins.toExternal(500)];
    const users = await test.core.identities.provisionMany(
      system(),
      { namespace: 'netalo', externalIds: ids },
      { synthetic: uins },
    );

    expect([...users.keys()].sort()).toEqual(['1', '2', '3']);
    expect(users.get('1')).toEqual(known);
    expect(users.get('3')).toMatchObject({ identities: { netalo: '3' } });
    expect(transaction).toHaveBeenCalledTimes(1);
  });

  it('refuses what cannot be kept', async () => {
    for (const externalId of ['', 'a\0b', '\ud800', 'x'.repeat(1_025)]) {
      await expect(test.core.identities.provision(system(), { namespace: 'event', externalId })).rejects.toMatchObject({
        code: 'invalid',
        details: { field: 'externalId' },
      });
    }
  });
});

describe('linking', () => {
  it('replaces a bare placeholder and takes the place of the old id', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    await test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '1' });
    const placeholder = await test.core.identities.provision(system(), { namespace: 'netalo', externalId: '2' });

    const linked = await test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '2' });

    expect(linked.identities).toEqual({ netalo: '2' });
    expect(await test.core.identities.resolve('netalo', '2')).toEqual(linked);
    expect(await test.core.identities.resolve('netalo', '1')).toBeNull();
    expect(await test.core.users.find(placeholder.id)).toBeNull();
    expect((await test.events('user.updated')).map(({ changed }) => changed)).toEqual([['identities'], ['identities']]);
  });

  it('changes nothing the second time', async () => {
    const [alice] = (await test.people('Alice')) as [User];
    const linked = await test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '1' });
    expect(await test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '1' })).toEqual(
      linked,
    );
    expect(await test.events('user.updated')).toHaveLength(1);
  });

  it.each([
    [
      'messages and participations',
      `with c as (insert into conversations (kind) values ('group') returning id) insert into participants (conversation_id, user_id) select id, $1 from c`,
    ],
    ['sessions', `insert into sessions (user_id, namespace, kind) values ($1, 'netalo', 'opaque')`],
    [
      'a membership',
      `with s as (insert into spaces (kind, name) values ('queue', 'q') returning id) insert into space_members (space_id, user_id, role) select id, $1, 'staff' from s`,
    ],
    ['another id', `insert into identities (namespace, external_id, user_id) values ('event', '5', $1)`],
  ])('is a conflict when the holder has %s', async (_what, leaveTrace) => {
    const [alice] = (await test.people('Alice')) as [User];
    const holder = await test.core.identities.provision(system(), { namespace: 'netalo', externalId: '2' });
    await test.sql(leaveTrace, [holder.id]);

    await expect(
      test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '2' }),
    ).rejects.toMatchObject({
      code: 'conflict',
      details: { subject: 'identity', id: holder.id },
    });
    expect(await test.core.identities.resolve('netalo', '2')).toEqual(expect.objectContaining({ id: holder.id }));
  });

  it('refuses a synthetic form with a line that names the setting', async () => {
    test.core.identities.declare('netalo', uins);
    const [alice] = (await test.people('Alice')) as [User];
    const refused = { code: 'invalid', details: { reason: 'synthetic', field: 'externalId' } };
    const externalId = uins.toExternal(500);

    await expect(
      test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId }),
    ).rejects.toMatchObject(refused);
    const identities = [{ namespace: 'netalo', externalId }];
    await expect(test.core.users.create(adminActor(), { displayName: 'X', identities })).rejects.toMatchObject(refused);
    const warnings = test.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining('netalo.syntheticBase')));
  });

  it('refuses what the namespace’s adapter could not show, and says what it must be', async () => {
    const own = { isValid: (id: string) => /^[1-9][0-9]*$/.test(id), expected: 'a number' };
    test.core.identities.declare('netalo', uins, own);
    test.core.conversations.declareIds('netalo', uins, own);
    const [alice] = (await test.people('Alice')) as [User];
    const refused = { code: 'invalid', details: { reason: 'form', expected: 'a number' } };
    for (const externalId of ['abc', '007', '']) {
      const id = { namespace: 'netalo', externalId };
      const naming = [
        test.core.identities.link(adminActor(), alice.id, id),
        test.core.users.create(adminActor(), { displayName: 'X', identities: [id] }),
        test.core.conversations.create(adminActor(), {
          kind: 'group',
          participants: [{ userId: alice.id }],
          externalIds: { netalo: externalId },
        }),
      ];
      for (const one of naming) {
        await expect(one).rejects.toMatchObject(externalId === '' ? { code: 'invalid' } : refused);
      }
    }
    await test.core.identities.link(adminActor(), alice.id, { namespace: 'other', externalId: 'abc' });
    expect(
      await test.core.identities.link(adminActor(), alice.id, { namespace: 'netalo', externalId: '7' }),
    ).toMatchObject({ identities: { netalo: '7', other: 'abc' } });
  });

  it('gives no conversation an id by which another one is named', async () => {
    test.core.conversations.declareIds('netalo', uins);
    const [alice] = (await test.people('Alice')) as [User];
    const command = { kind: 'group', participants: [{ userId: alice.id }] } as const;
    const { conversation } = await test.core.conversations.create(adminActor(), command);
    const externalIds = { netalo: uins.toExternal(conversation.id) };
    const refused = { code: 'invalid', details: { reason: 'synthetic', field: 'externalIds.netalo' } };
    await expect(test.core.conversations.create(adminActor(), { ...command, externalIds })).rejects.toMatchObject(
      refused,
    );
    await expect(test.core.conversations.update(adminActor(), conversation.id, { externalIds })).rejects.toMatchObject(
      refused,
    );
    await test.core.conversations.update(adminActor(), conversation.id, { externalIds: { netalo: null } });
  });

  it('is one’s own or the administration’s doing', async () => {
    const [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
    await expect(
      test.core.identities.link(test.actor(bob), alice.id, { namespace: 'event', externalId: '1' }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(test.core.identities.unlink(test.actor(bob), alice.id, 'event')).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(
      await test.core.identities.link(test.actor(alice), alice.id, { namespace: 'event', externalId: '1' }),
    ).toMatchObject({ id: alice.id });
    await expect(
      test.core.identities.link(adminActor(), 99 as UserId, { namespace: 'event', externalId: '3' }),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

it('hears of users on every node', async () => {
  const other = await test.another();
  const user = await test.core.identities.provision(system(), { namespace: 'event', externalId: '1' });
  expect(await other.events('user.created')).toMatchObject([{ user }]);
});
