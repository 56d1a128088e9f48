import { startTestGateway, type TestGateway } from './support/gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({ DEMO_WORLD: 'true' });
});

afterAll(() => gateway?.close());

interface Person {
  readonly id: number;
  readonly displayName: string;
  readonly identities: { readonly protocol: string; readonly externalId: string }[];
}
interface Space {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly title: string;
  readonly members: { readonly userId: number; readonly role: string }[];
}

const get = async <T>(path: string) => (await gateway.admin<T>('GET', path)).body;

it('holds alice, bob, carol and dave as users 1 to 4, known on the wires', async () => {
  const { users } = await get<{ users: Person[] }>('/users');
  expect(users.map(({ id, displayName }) => `${id} ${displayName}`)).toEqual(['1 Alice', '2 Bob', '3 Carol', '4 Dave']);
  const named = Object.fromEntries(users.map(({ displayName, identities }) => [displayName, identities]));
  expect(named.Carol).toEqual([
    { protocol: 'event', externalId: '3' },
    { protocol: 'iqchannels', externalId: 'carol' },
    { protocol: 'netalo', externalId: '3' },
    { protocol: 'signalr', externalId: 'carol' },
  ]);
  expect(named.Dave?.map(({ protocol }) => protocol)).toEqual(['event', 'netalo', 'signalr']);
});

it('lets them sign in on the workspace wire with their address and the password demo', async () => {
  const { core } = gateway;
  expect(await core.users.checkPassword('alice@demo.local', 'demo')).toMatchObject({ id: 1 });
  await expect(core.users.checkPassword('alice@demo.local', 'wrong')).rejects.toMatchObject({
    code: 'unauthenticated',
  });
});

it('has a workspace of all four with Lobby, general and standup, and a queue with dave in charge', async () => {
  const { spaces } = await get<{ spaces: Space[] }>('/spaces');
  const demo = spaces.find(({ kind, title }) => kind === 'workspace' && title === 'Demo');
  const support = spaces.find(({ kind, name }) => kind === 'queue' && name === 'support');
  expect((await get<Space>(`/spaces/${demo?.id}`)).members.map(({ userId }) => userId)).toEqual([1, 2, 3, 4]);
  expect((await get<Space>(`/spaces/${support?.id}`)).members).toMatchObject([{ userId: 4, role: 'admin' }]);

  const titles = async (userId: number) => {
    const list = await gateway.core.conversations.listFor(userId as never, { order: 'id', direction: 'ascending' });
    return list.map(({ conversation }) => `${conversation.kind} ${conversation.title}`.trim());
  };
  expect(await titles(1)).toEqual(['group Lobby', 'channel general', 'channel standup', 'direct']);
  expect(await titles(2)).toEqual(['group Lobby', 'channel general', 'channel standup', 'direct']);
  expect(await titles(3)).toEqual(['group Lobby', 'channel general', 'channel standup', 'support']);
  expect(await titles(4)).toEqual(['group Lobby', 'channel general', 'channel standup']);
});

it('is made once', async () => {
  const again = await startTestGateway({ DEMO_WORLD: 'true' }, { database: gateway.database });
  expect((await again.admin<{ users: Person[] }>('GET', '/users')).body.users).toHaveLength(4);
  expect((await again.admin<{ spaces: Space[] }>('GET', '/spaces')).body.spaces).toHaveLength(
    (await get<{ spaces: Space[] }>('/spaces')).spaces.length,
  );
  expect(again.lines.some(({ message }) => message.includes('demo world'))).toBe(false);
  await again.close();
});

it('is one world when two gateways find one empty store', async () => {
  const empty = await startTestGateway();
  const options = { database: empty.database };
  const both = await Promise.all([
    startTestGateway({ DEMO_WORLD: 'true' }, options),
    startTestGateway({ DEMO_WORLD: 'true' }, options),
  ]);
  const { users } = (await empty.admin<{ users: Person[] }>('GET', '/users')).body;
  expect(users.map(({ displayName }) => displayName).sort()).toEqual(['Alice', 'Bob', 'Carol', 'Dave']);
  const list = await empty.core.conversations.listFor(users[0]?.id as never, { order: 'id', direction: 'ascending' });
  expect(list.map(({ conversation }) => conversation.title)).toEqual(['Lobby', 'general', 'standup', '']);
  for (const one of [...both, empty]) await one.close();
});

it('stays out of a store that somebody uses', async () => {
  const plain = await startTestGateway();
  await plain.admin('POST', '/users', { displayName: 'Somebody' });
  const again = await startTestGateway({ DEMO_WORLD: 'true' }, { database: plain.database });
  expect((await again.admin<{ users: Person[] }>('GET', '/users')).body.users).toHaveLength(1);
  await again.close();
  await plain.close();
});
