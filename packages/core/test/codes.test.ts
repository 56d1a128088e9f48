import { adminActor, type SpaceId, type User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let alice: User;
let bob: User;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
});

afterEach(() => test.close());

describe('one-time codes', () => {
  const create = (fields: object = {}) =>
    test.core.sessions.createCode(test.actor(alice), {
      purpose: 'sign-in',
      userId: alice.id,
      ttlMs: 600_000,
      ...fields,
    });
  const useCode = (code: string) => test.core.sessions.useCode('sign-in', code);
  const missing = expect.objectContaining({ code: 'not_found', details: { subject: 'code' } });

  it('work once, on one node', async () => {
    const other = await test.another();
    const { code, oneTimeCode } = await create({ data: { redirect: '/x' } });
    expect(code).toMatch(/^[\w-]{32}$/);
    expect(await test.core.sessions.peekCode('sign-in', code)).toEqual(oneTimeCode);

    const uses = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => (n % 2 ? test : other).core.sessions.useCode('sign-in', code)),
    );

    expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(useCode(code)).rejects.toEqual(missing);
    await expect(test.core.sessions.peekCode('sign-in', code)).rejects.toEqual(missing);
  });

  it('can be shown again, in the format they were made with', async () => {
    const hex = { length: 82, alphabet: '0123456789abcdef' };
    const { code, oneTimeCode } = await create(hex);
    expect(code).toMatch(/^[0-9a-f]{82}$/);
    const [listed] = await test.core.sessions.listCodes({ purpose: 'sign-in' });
    expect(listed).toEqual(oneTimeCode);
    expect(test.core.sessions.codeOf(oneTimeCode, hex)).toBe(code);
    const rows = await test.sql<{ row: string }>('select one_time_codes::text as row from one_time_codes');
    expect(rows[0]?.row).not.toContain(code);
  });

  it('are good for their purpose and their time', async () => {
    const { code } = await create();
    await expect(test.core.sessions.useCode('invite', code)).rejects.toEqual(missing);
    test.clock.skip(600_000);
    await expect(useCode(code)).rejects.toMatchObject({ code: 'expired' });
    await expect(test.core.sessions.peekCode('sign-in', code)).rejects.toMatchObject({ code: 'expired' });
    expect(await test.core.sessions.listCodes({ purpose: 'sign-in' })).toEqual([]);
  });

  it('may be used several times, or any number of times', async () => {
    const twice = await create({ uses: 2 });
    const ever = await create({ uses: null, ttlMs: undefined });
    await useCode(twice.code);
    expect((await useCode(twice.code)).usesLeft).toBe(0);
    await expect(useCode(twice.code)).rejects.toEqual(missing);
    for (let use = 0; use < 5; use += 1) expect((await useCode(ever.code)).usesLeft).toBeNull();
  });

  it('are listed by what they are for', async () => {
    const space = 5 as SpaceId;
    const { oneTimeCode } = await create({ purpose: 'invite', spaceId: space });
    await create({ purpose: 'invite', spaceId: 6 as SpaceId });
    expect(await test.core.sessions.listCodes({ purpose: 'invite', spaceId: space })).toEqual([oneTimeCode]);
    expect(await test.core.sessions.listCodes({ purpose: 'invite' })).toHaveLength(2);
  });

  it('are removed by their maker, by moderators of their space and by the administration', async () => {
    const [row] = await test.sql<{ id: string }>(
      `insert into spaces (kind, name) values ('workspace', 'w') returning id`,
    );
    const spaceId = Number(row?.id) as SpaceId;
    await test.sql(`insert into space_members (space_id, user_id, role) values ($1, $2, 'moderator')`, [
      spaceId,
      bob.id,
    ]);
    const [carol] = (await test.people('Carol')) as [User];
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push((await create({ purpose: 'invite', spaceId })).oneTimeCode.id);
    const remove = (actor: User | null, id = '') =>
      test.core.sessions.removeCode(actor ? test.actor(actor) : adminActor(), id);

    await expect(remove(carol, ids[0])).rejects.toMatchObject({ code: 'forbidden' });
    await remove(alice, ids[0]);
    await remove(bob, ids[1]);
    await remove(null, ids[2]);
    await expect(remove(null, ids[2])).rejects.toMatchObject({ code: 'not_found' });
    await expect(remove(null, 'no id')).rejects.toMatchObject({ code: 'not_found' });
    expect(await test.core.sessions.listCodes({ purpose: 'invite' })).toEqual([]);
  });

  it('do not meet for ever in a format that is too short', async () => {
    const tiny = { length: 1, alphabet: 'ab' };
    await create(tiny);
    await expect(
      (async () => {
        for (let n = 0; n < 20; n += 1) await create(tiny);
      })(),
    ).rejects.toMatchObject({ code: 'conflict' });
  });
});
