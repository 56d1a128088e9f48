/** Sessions: their conflicts, their ends, and who may not come in; limits of early and eager clients. */
import { adminActor } from '@switchboard/core';
import { connectNetalo, type NetaloClient, openNetalo } from '@switchboard/protocol-netalo/testing';
import { createFakeClock } from '@switchboard/testing';
import { createNet, type Net, type NetOptions } from './support/net.ts';

describe('sessions', () => {
  let net: Net;

  async function open(options: NetOptions = {}): Promise<void> {
    net = await createNet(options);
  }
  afterEach(() => net.close());

  async function ends(client: NetaloClient, login: object | null): Promise<void> {
    if (login) expect(await client.next('login')).toEqual(login);
    expect(await client.ended).toBe('io server disconnect');
  }

  it('belong to the newest connection with the same string', async () => {
    await open();
    const credential = await net.credential('1');
    const first = await connectNetalo(credential);
    const other = await net.connect('1');
    const second = await connectNetalo(credential);
    await ends(first, { result: 7 });
    expect(await second.call('list_group', {})).toMatchObject({ result: 0 });
    expect(await other.call('list_group', {})).toMatchObject({ result: 0 });
    second.close();
  });

  it('belong to one node alone, too', async () => {
    await open();
    const other = await createNet({ test: await net.test.another() });
    try {
      const credential = await net.credential('1');
      const first = await connectNetalo(credential);
      const second = await connectNetalo({ ...credential, url: `${other.host.url}/data` });
      await ends(first, { result: 7 });
      second.close();
    } finally {
      await other.close();
    }
  });

  it.each([
    ['user' as const, true],
    ['none' as const, false],
  ])('conflict by the policy "%s"', async (conflictPolicy, falls) => {
    await open({ adapter: { conflictPolicy } });
    const credential = await net.credential('1');
    const first = await connectNetalo(credential);
    const second = await connectNetalo(conflictPolicy === 'user' ? await net.credential('1') : credential);
    if (falls) await ends(first, { result: 7 });
    else expect(await first.call('list_group', {})).toMatchObject({ result: 0 });
    expect(await second.call('list_group', {})).toMatchObject({ result: 0 });
    first.close();
    second.close();
  });

  it('end their connections when they are revoked, and when their time is over', async () => {
    const clock = createFakeClock();
    await open({ core: { clock }, adapter: { sessionTtlMs: 60_000 } });
    const [expiring, other] = [await net.connect('1'), await net.connect('2')];
    const user = await net.person('2');
    await net.test.core.sessions.revokeAll(adminActor(), user.id);
    await ends(other, { result: 2 });
    await clock.advance(59_000);
    expect(await expiring.call('list_group', {})).toMatchObject({ result: 0 });
    await clock.advance(6_000);
    await ends(expiring, { result: 2 });
  });

  it('that the administration ends are over without a word', async () => {
    await open();
    const client = await net.connect('1');
    const [connection] = net.host.hub.ofUser((await net.person('1')).id);
    connection?.close('kicked');
    await ends(client, null);
    expect(client.pushes.filter(({ name }) => name === 'login')).toHaveLength(1);
  });

  it('may be those of a login server', async () => {
    await open({
      adapter: {
        verifier: {
          verify: async (_namespace, token) => {
            const [, uin = ''] = /^from outside (\d+)$/.exec(token) ?? [];
            if (uin === '') throw Object.assign(new Error('no'), { code: 'unauthenticated' });
            return { sessionId: null, userId: null, externalId: uin, claims: {}, expiresAt: null };
          },
        },
      },
    });
    const client = openNetalo({ url: `${net.host.url}/data`, session: 'from outside 77' });
    expect(await client.login).toEqual({ result: 0, uin: '77' });
    client.close();
    const issued = await net.connect('78');
    expect(await issued.call('list_group', {})).toMatchObject({ result: 0, uin: '78' });
  });

  it('that cannot be judged now cost no session: the client is to come back', async () => {
    await open({
      adapter: {
        verifier: { verify: () => Promise.reject(new Error('the login server is away')) },
      },
    });
    const client = openNetalo({ url: `${net.host.url}/data`, session: 'who knows' });
    client.login.catch(() => undefined);
    expect(await client.ended).toBe('transport close');
    expect(client.pushes).toEqual([]);
  });

  it('of people without a uin show a computed one, which signs nobody else in', async () => {
    await open();
    const user = await net.test.core.users.create(adminActor(), { displayName: 'Zoe' });
    const { connect } = await net.host.credential(user.id);
    const uin = String(9_000_000_000_000_000 + user.id);
    expect(connect).toEqual({ url: `${net.host.url}/data`, session: expect.stringMatching(/^[\w-]{43}$/), uin });
    const client = await connectNetalo(connect as never);
    const other = await net.connect('5');
    const group_id = await net.group(other, [uin], { type: 3 });
    expect(await client.next('group')).toMatchObject({ group_id, occupants_uins: ['5', uin] });
    await net.test.core.identities.link(adminActor(), user.id, { namespace: 'netalo', externalId: '6' });
    await net.settled();
    expect(await other.call('check_group', { type: 3, occupants_uins: [uin] })).toEqual({ result: 1 });
    expect(await other.ask('check_group', { type: 3, occupants_uins: ['6'] })).toMatchObject({ group: { group_id } });
    client.close();
  });

  it('write ids as numbers where a deployment wants that', async () => {
    await open({ adapter: { idFormat: 'number' } });
    const [alice, bob] = [await net.connect('1'), await net.connect('2')];
    const { group } = await alice.ask<{ group: Record<string, unknown> }>('create_group', {
      type: 2,
      occupants_uins: ['2'],
    });
    expect(group).toMatchObject({
      group_id: expect.any(Number),
      owner_uin: 1,
      occupants_uins: [1, 2],
      last_message_id: 0,
    });
    expect(group.created_at).toEqual(expect.any(String));
    await alice.ask('create_message', { group_id: group.group_id, message: 'x' });
    expect(await bob.next('message')).toMatchObject({ sender_uin: 1, message_id: expect.any(Number) });
  });

  it('have at most 100 requests waiting for their sign-in, and so many in a moment', async () => {
    await open({ adapter: { rate: { perSecond: 1, burst: 120 } } });
    const client = openNetalo(await net.credential('1'));
    const early = await Promise.all(Array.from({ length: 105 }, () => client.call('mute_group', { group_id: '9' })));
    const results = early.map(({ result }) => result);
    expect(results.filter((result) => result === 1).length).toBeGreaterThanOrEqual(100);
    const eager = await Promise.all(Array.from({ length: 30 }, () => client.call('mute_group', { group_id: '9' })));
    expect(eager.map(({ result }) => result)).toContain(19);
    client.close();
  });
});
