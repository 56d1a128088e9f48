import { connectEvent, type EventClient, type UpgradeRefused } from '@switchboard/protocol-event/testing';
import { ADAPTERS } from '../src/adapters.ts';
import { PROTOCOL_NAMES } from '../src/config/schema.ts';
import { ADMIN_TOKEN, startTestGateway, type TestGateway } from './support/gateway.ts';
import { until } from './support/people.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(() => gateway?.close());

interface User {
  id: number;
  displayName: string;
  kind: string;
  identities: { protocol: string; externalId: string }[];
}
interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { field: string; detail: string }[];
}
interface Conversation {
  id: number;
  kind: string;
  title: string;
  open: boolean;
  participants: { userId: number; role: string; side: string; groups: string[]; active: boolean }[];
}

const admin = <T = Record<string, unknown>>(method: string, path: string, body?: unknown) =>
  gateway.admin<T>(method, path, body);

let names = 0;
async function createUser(fields: object = {}): Promise<User> {
  const { status, body } = await admin<User>('POST', '/users', { displayName: `Person ${++names}`, ...fields });
  expect(status).toBe(201);
  return body;
}

async function refused(method: string, path: string, body?: unknown): Promise<Problem> {
  const answer = await admin<Problem>(method, path, body);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ type: 'about:blank', status: answer.status });
  return answer.body;
}

describe('who may call', () => {
  const url = (path: string) => `${gateway.addresses.admin.url}/admin/v1${path}`;

  it.each([
    ['no token', {}],
    ['another token', { authorization: 'Bearer wrong' }],
    ['a longer token', { authorization: `Bearer ${ADMIN_TOKEN}x` }],
    ['another scheme', { authorization: `Basic ${ADMIN_TOKEN}` }],
    ['an empty token', { authorization: 'Bearer ' }],
  ])('refuses %s with 401', async (_case, headers) => {
    for (const path of ['/users', '/openapi.json', '/nowhere']) {
      const response = await fetch(url(path), { headers });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await response.json()).toMatchObject({ status: 401, code: 'unauthenticated' });
    }
  });

  it('takes the token under a scheme in any case', async () => {
    const response = await fetch(url('/users'), { headers: { authorization: `bearer ${ADMIN_TOKEN}` } });
    expect(response.status).toBe(200);
  });

  it('tells browsers of other origins nothing', async () => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, origin: 'https://evil.example' };
    const response = await fetch(url('/users'), { headers });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-powered-by')).toBeNull();
  });
});

describe('what a call may be', () => {
  const post = (body: string, headers: Record<string, string>) =>
    fetch(`${gateway.addresses.admin.url}/admin/v1/users`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
    });

  it('answers an unknown call with 404 and a wrong method with 405', async () => {
    expect(await refused('GET', '/nowhere')).toMatchObject({ status: 404 });
    const answer = await admin('DELETE', '/users');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST, GET');
  });

  it('refuses bodies that are no JSON, of another type, or too large', async () => {
    expect((await post('{"displayName":', { 'content-type': 'application/json' })).status).toBe(400);
    expect((await post('displayName=x', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
    const large = JSON.stringify({ displayName: 'x'.repeat(300 * 1024) });
    expect((await post(large, { 'content-type': 'application/json' })).status).toBe(413);
    expect((await post('null', { 'content-type': 'application/json; charset=utf-8' })).status).toBe(400);
  });

  it('names every field that is wrong, and fields it does not know', async () => {
    const problem = await refused('POST', '/users', { displayName: 7, kind: 'robot', nickname: 'x' });
    expect(problem).toMatchObject({ status: 400, code: 'invalid' });
    expect(problem.errors).toEqual([
      { field: 'displayName', detail: 'must be of type string' },
      { field: 'kind', detail: 'must be one of "person", "guest", "bot", "system"' },
      { field: 'nickname', detail: 'is not known here' },
    ]);
    expect((await refused('POST', '/users', {})).errors).toEqual([{ field: 'displayName', detail: 'is missing' }]);
  });

  it('is not led astray by members of the prototype', async () => {
    const body = '{"displayName":"P","__proto__":{"admin":true},"constructor":1}';
    expect((await post(body, { 'content-type': 'application/json' })).status).toBe(400);
  });

  it.each(['/users/0', '/users/-1', '/users/x', '/users/9007199254740993', '/users/1.5'])(
    'refuses the id in %s',
    async (path) => {
      expect(await refused('GET', path)).toMatchObject({ status: 400, code: 'invalid' });
    },
  );
});

describe('users', () => {
  it('are made with identities, found by them, and listed page by page', async () => {
    const user = await createUser({ identities: [{ protocol: 'event', externalId: '4711' }] });
    expect(user).toMatchObject({ kind: 'person', identities: [{ protocol: 'event', externalId: '4711' }] });
    await createUser();
    const found = await admin<{ users: User[] }>('GET', '/users?protocol=event&externalId=4711');
    expect(found.body.users.map(({ id }) => id)).toEqual([user.id]);
    expect((await admin<User>('GET', `/users/${user.id}`)).body).toMatchObject({ id: user.id });

    const seen: number[] = [];
    let after = 0;
    for (let page = 0; page < 100; page++) {
      const query = after ? `?limit=1&after=${after}` : '?limit=1';
      const { body } = await admin<{ users: User[]; next: number | null }>('GET', `/users${query}`);
      seen.push(...body.users.map(({ id }) => id));
      if (body.next === null) break;
      after = body.next;
    }
    expect(seen).toContain(user.id);
    expect(seen).toEqual([...new Set(seen)].sort((one, other) => one - other));
  });

  it('refuse an external id without its protocol, limits out of range, and unknown parameters', async () => {
    expect((await refused('GET', '/users?externalId=1')).errors?.[0]?.field).toBe('protocol');
    expect(await refused('GET', '/users?limit=0')).toMatchObject({ status: 400 });
    expect(await refused('GET', '/users?page=2')).toMatchObject({ status: 400 });
  });

  it('refuse an identity that somebody has', async () => {
    await createUser({ identities: [{ protocol: 'netalo', externalId: 'taken' }] });
    const problem = await refused('POST', '/users', {
      displayName: 'Second',
      identities: [{ protocol: 'netalo', externalId: 'taken' }],
    });
    expect(problem).toMatchObject({ status: 409, code: 'conflict' });
  });

  it('are changed', async () => {
    const { id } = await createUser();
    const { status, body } = await admin<User>('PATCH', `/users/${id}`, { displayName: 'New name', kind: 'bot' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, displayName: 'New name', kind: 'bot' });
    expect(await refused('PATCH', '/users/999999', { displayName: 'x' })).toMatchObject({ status: 404 });
  });

  it('are erased, and stay so', async () => {
    const { id } = await createUser({ identities: [{ protocol: 'event', externalId: '99' }] });
    expect((await admin('DELETE', `/users/${id}`)).status).toBe(204);
    expect(await refused('GET', `/users/${id}`)).toMatchObject({ status: 404, code: 'not_found' });
    expect((await admin('DELETE', `/users/${id}`)).status).toBe(204);
    expect(await refused('DELETE', '/users/999999')).toMatchObject({ status: 404 });
    const { body } = await admin<{ users: User[] }>('GET', '/users?protocol=event&externalId=99');
    expect(body.users).toEqual([]);
  });

  it('are linked to identities; what belongs to somebody with a past is refused', async () => {
    const { id } = await createUser();
    const { body } = await admin<User>('PUT', `/users/${id}/identities/event`, { externalId: '501' });
    expect(body.identities).toEqual([{ protocol: 'event', externalId: '501' }]);
    const other = await createUser();
    await admin('POST', '/conversations', { kind: 'group', participants: [id] });
    const problem = await refused('PUT', `/users/${other.id}/identities/event`, { externalId: '501' });
    expect(problem).toMatchObject({ status: 409 });
    expect((await admin<User>('DELETE', `/users/${id}/identities/event`)).body.identities).toEqual([]);
    expect(await refused('PUT', '/users/999999/identities/event', { externalId: '1' })).toMatchObject({ status: 404 });
    const form = await refused('PUT', `/users/${id}/identities/event`, { externalId: 'abc' });
    expect(form).toMatchObject({ status: 400, code: 'invalid', reason: 'form' });
    expect(form.detail).toContain('must be a whole number from 1 to 4294967295');
    expect(await refused('PUT', `/users/${id}/identities/No%20Space`, { externalId: '1' })).toMatchObject({
      status: 400,
    });
  });

  it('lose all their sessions', async () => {
    const { id } = await createUser();
    expect((await admin('DELETE', `/users/${id}/sessions`)).status).toBe(204);
    expect((await admin('DELETE', `/users/${id}/sessions?protocol=event`)).status).toBe(204);
    expect(await refused('DELETE', '/users/999999/sessions')).toMatchObject({ status: 404 });
  });
});

describe('spaces', () => {
  interface Space {
    id: number;
    name: string;
    title: string;
    members: { userId: number; role: string }[];
  }

  it('are made with members, read, changed and removed', async () => {
    const user = await createUser();
    const made = await admin<Space>('POST', '/spaces', {
      kind: 'workspace',
      name: 'acme',
      title: 'Acme',
      members: [{ userId: user.id, role: 'admin' }],
    });
    expect(made.status).toBe(201);
    expect(made.body.members).toMatchObject([{ userId: user.id, role: 'admin' }]);
    const { id } = made.body;
    expect((await admin<Space>('GET', `/spaces/${id}`)).body).toMatchObject({ name: 'acme', title: 'Acme' });
    expect((await admin<Space>('PATCH', `/spaces/${id}`, { title: 'Acme Inc.' })).body.title).toBe('Acme Inc.');
    const listed = await admin<{ spaces: Space[] }>('GET', '/spaces?kind=workspace');
    expect(listed.body.spaces.map((space) => space.id)).toContain(id);
    expect((await admin('DELETE', `/spaces/${id}`)).status).toBe(204);
    expect(await refused('GET', `/spaces/${id}`)).toMatchObject({ status: 404 });
    expect(await refused('DELETE', `/spaces/${id}`)).toMatchObject({ status: 404 });
  });

  it('refuse a name that is taken and roles that are none of theirs', async () => {
    const space = { kind: 'queue', name: 'help' };
    expect((await admin('POST', '/spaces', space)).status).toBe(201);
    expect(await refused('POST', '/spaces', space)).toMatchObject({ status: 409, code: 'already_exists' });
    const user = await createUser();
    const wrong = { kind: 'queue', name: 'other', members: [{ userId: user.id, role: 'guest' }] };
    expect(await refused('POST', '/spaces', wrong)).toMatchObject({ status: 400 });
    expect(await refused('POST', '/spaces', { kind: 'room', name: 'x' })).toMatchObject({ status: 400 });
  });

  it('take members in, change their role and let them go', async () => {
    const user = await createUser();
    const { body } = await admin<Space>('POST', '/spaces', { kind: 'queue', name: 'sales' });
    const path = `/spaces/${body.id}/members/${user.id}`;
    expect((await admin('PUT', path, { role: 'staff' })).body).toMatchObject({ userId: user.id, role: 'staff' });
    expect((await admin('PUT', path, { role: 'admin' })).body).toMatchObject({ role: 'admin' });
    expect(await refused('PUT', path, { role: 'boss' })).toMatchObject({ status: 400 });
    expect(await refused('PUT', `/spaces/${body.id}/members/999999`, { role: 'staff' })).toMatchObject({ status: 404 });
    expect((await admin('DELETE', path)).status).toBe(204);
    expect((await admin<Space>('GET', `/spaces/${body.id}`)).body.members).toEqual([]);
  });
});

describe('conversations', () => {
  it('are made of people, changed and removed', async () => {
    const [one, two] = [await createUser(), await createUser()];
    const made = await admin<Conversation>('POST', '/conversations', {
      kind: 'group',
      title: 'Plans',
      type: 'project',
      participants: [one.id, { userId: two.id, role: 'admin', groups: ['night'] }],
      externalIds: { event: '31337' },
    });
    expect(made.status).toBe(201);
    const { id } = made.body;
    expect(made.body).toMatchObject({
      kind: 'group',
      type: 'project',
      title: 'Plans',
      externalIds: { event: '31337' },
    });
    expect(made.body.participants).toMatchObject([
      { userId: one.id, active: true },
      { userId: two.id, role: 'admin', groups: ['night'] },
    ]);
    const changed = await admin<Conversation>('PATCH', `/conversations/${id}`, { title: 'Better plans' });
    expect(changed.body.title).toBe('Better plans');
    expect((await admin<Conversation>('GET', `/conversations/${id}`)).body.title).toBe('Better plans');
    expect((await admin('DELETE', `/conversations/${id}`)).status).toBe(204);
    expect(await refused('GET', `/conversations/${id}`)).toMatchObject({ status: 404 });
  });

  it('find the direct one of two people again', async () => {
    const [one, two] = [await createUser(), await createUser()];
    const first = await admin<Conversation>('POST', '/conversations', {
      kind: 'direct',
      participants: [one.id, two.id],
    });
    const second = await admin<Conversation>('POST', '/conversations', {
      kind: 'direct',
      participants: [two.id, one.id],
    });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.id).toBe(first.body.id);
  });

  it('refuse people that are not there and external ids that are taken', async () => {
    const user = await createUser();
    expect(await refused('POST', '/conversations', { kind: 'group', participants: [999_999] })).toMatchObject({
      status: 404,
    });
    const taken = { kind: 'group', participants: [user.id], externalIds: { event: '808' } };
    expect((await admin('POST', '/conversations', taken)).status).toBe(201);
    expect(await refused('POST', '/conversations', taken)).toMatchObject({ status: 409 });
    expect(await refused('POST', '/conversations', { kind: 'group', participants: ['1'] })).toMatchObject({
      status: 400,
    });
  });

  it('take participants in, change them and let them go', async () => {
    const [one, two] = [await createUser(), await createUser()];
    const { body } = await admin<Conversation>('POST', '/conversations', { kind: 'group', participants: [one.id] });
    const path = `/conversations/${body.id}/participants/${two.id}`;
    const joined = await admin<Conversation>('PUT', path, {});
    expect(joined.status).toBe(200);
    expect(joined.body.participants).toHaveLength(2);
    const raised = await admin<Conversation>('PUT', path, { role: 'moderator', groups: ['a', 'b'] });
    expect(raised.body.participants[1]).toMatchObject({ userId: two.id, role: 'moderator', groups: ['a', 'b'] });
    expect((await admin('DELETE', path)).status).toBe(204);
    const left = await admin<Conversation>('GET', `/conversations/${body.id}`);
    expect(left.body.participants.filter(({ active }) => active).map(({ userId }) => userId)).toEqual([one.id]);
    expect(await refused('PUT', `/conversations/999999/participants/${two.id}`, {})).toMatchObject({ status: 404 });
  });

  it('of support are opened and closed, as often as one likes', async () => {
    const customer = await createUser();
    const queue = await admin<{ id: number }>('POST', '/spaces', { kind: 'queue', name: 'claims' });
    const { body } = await admin<Conversation>('POST', '/conversations', {
      kind: 'support',
      spaceId: queue.body.id,
      customerId: customer.id,
      participants: [{ userId: customer.id, side: 'customer' }],
    });
    const call = async (word: string) => (await admin<Conversation>('POST', `/conversations/${body.id}/${word}`)).body;
    expect(await call('open')).toMatchObject({ id: body.id, open: true });
    expect(await call('open')).toMatchObject({ open: true });
    expect(await call('close')).toMatchObject({ open: false });
    expect(await call('close')).toMatchObject({ open: false });
    expect(await refused('POST', '/conversations/999999/open')).toMatchObject({ status: 404 });
  });

  it('tell what was said, and have nothing to tell at first', async () => {
    const user = await createUser();
    const { body } = await admin<Conversation>('POST', '/conversations', { kind: 'group', participants: [user.id] });
    expect((await admin('GET', `/conversations/${body.id}/messages`)).body).toEqual({ messages: [], next: null });
    expect(await refused('GET', '/conversations/999999/messages')).toMatchObject({ status: 404 });
    expect(await refused('GET', `/conversations/${body.id}/messages?limit=9999`)).toMatchObject({ status: 400 });
  });
});

describe('credentials', () => {
  it('of protocols that are not built in are refused with 501', async () => {
    const user = await createUser();
    const builtIn = ADAPTERS.map(({ name }) => name);
    for (const protocol of PROTOCOL_NAMES.filter((name) => !builtIn.includes(name))) {
      const problem = await refused('POST', '/credentials', { protocol, userId: user.id });
      expect(problem).toMatchObject({ status: 501, title: 'Not Implemented', code: 'unsupported' });
      expect(problem.detail).toContain(`"${protocol}" is not built into this gateway`);
    }
  });

  it('of protocols that do not exist are refused with 400', async () => {
    const user = await createUser();
    expect(await refused('POST', '/credentials', { protocol: 'irc', userId: user.id })).toMatchObject({ status: 400 });
    expect(await refused('POST', '/credentials', { protocol: 'event' })).toMatchObject({ status: 400 });
  });

  it('that never were cannot be revoked', async () => {
    expect(await refused('DELETE', '/credentials/999999')).toMatchObject({ status: 404 });
  });
});

interface Credential {
  id: number;
  protocol: string;
  userId: number;
  expiresAt: number | null;
  connect: { url: string; sid: number; token: string };
}

async function issue(userId: number, fields: object = {}): Promise<Credential> {
  const { status, body } = await admin<Credential>('POST', '/credentials', { protocol: 'event', userId, ...fields });
  expect(status).toBe(201);
  return body;
}

describe('credentials of event', () => {
  const clients: EventClient[] = [];
  const connect = async (credential: Credential) => {
    const client = await connectEvent(credential.connect);
    clients.push(client);
    return client;
  };
  const refusedWith = (credential: Credential) =>
    connectEvent(credential.connect).then(
      () => 101,
      (error: unknown) => (error as UpgradeRefused).status,
    );

  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
  });

  it('hold all that a client needs, and end with their time', async () => {
    const user = await createUser({ identities: [{ protocol: 'event', externalId: '7001' }] });
    const before = Date.now();
    const credential = await issue(user.id, { ttlSeconds: 3_600 });
    expect(credential).toMatchObject({ protocol: 'event', userId: user.id, connect: { sid: 7001 } });
    expect(credential.connect.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws\?sid=7001$/);
    expect(credential.expiresAt).toBeGreaterThanOrEqual(before + 3_600_000);
    const client = await connect(credential);
    expect(await client.ask('Event.GetConversationList', { user_id: 7001 })).toEqual({ conversations: [] });
  });

  it('let somebody without a sid of its own speak by the number that stands for it', async () => {
    const user = await createUser();
    const credential = await issue(user.id);
    expect(credential.connect.sid).toBe(3_000_000_000 + user.id);
    await connect(credential);
  });

  it('make moderators or customers, and nothing else', async () => {
    const user = await createUser();
    const moderator = await connect(await issue(user.id, { role: 'moderator' }));
    const args = { executor_id: moderator.sid };
    expect(await moderator.call('Event.GetUnreadMessages', args)).toMatchObject({ ok: true });
    const customer = await connect(await issue(user.id, { role: 'customer' }));
    expect(await customer.call('Event.GetUnreadMessages', args)).toMatchObject({ ok: false });
    const wrong = { protocol: 'event', userId: user.id, role: 'boss' };
    expect((await refused('POST', '/credentials', wrong)).errors).toMatchObject([{ field: 'role' }]);
    expect(await refused('POST', '/credentials', { protocol: 'event', userId: 999_999 })).toMatchObject({
      status: 404,
    });
  });

  it('fall with their connections when they are revoked, and the others stay', async () => {
    const user = await createUser();
    const [one, other] = [await issue(user.id), await issue(user.id)];
    const [falling, staying] = [await connect(one), await connect(other)];
    expect((await admin('DELETE', `/credentials/${one.id}`)).status).toBe(204);
    expect((await falling.ended).code).toBe(1008);
    expect(await refusedWith(one)).toBe(401);
    expect((await admin('DELETE', `/credentials/${one.id}`)).status).toBe(204);
    await staying.ask('Event.GetUnreadInfo', { user_id: staying.sid });
  });

  it('all fall with the sessions of their user, or with the user', async () => {
    const user = await createUser();
    const first = await connect(await issue(user.id));
    await admin('DELETE', `/users/${user.id}/sessions`);
    expect((await first.ended).code).toBe(1008);
    const second = await connect(await issue(user.id));
    await admin('DELETE', `/users/${user.id}`);
    expect((await second.ended).code).toBe(1008);
  });

  it('let what is said be read here, page by page', async () => {
    const user = await createUser();
    const client = await connect(await issue(user.id));
    const { id } = await client.ask<{ id: number }>('Event.AddConversation', {
      user_id: client.sid,
      application_id: 60_606,
    });
    for (const content of ['one', 'two', 'three']) {
      await client.ask('Event.SendMessage', { session_channel: '60606', sender_id: client.sid, content });
    }
    const path = `/conversations/${id}/messages`;
    const first = (await admin<{ messages: { seq: number; text: string }[]; next: number }>('GET', `${path}?limit=2`))
      .body;
    expect(first.messages).toMatchObject([
      { seq: 1, text: 'one', senderId: user.id, kind: 'text' },
      { seq: 2, text: 'two' },
    ]);
    const second = await admin('GET', `${path}?limit=2&afterSeq=${first.next}`);
    expect(second.body).toMatchObject({ messages: [{ seq: 3, text: 'three' }], next: null });
  });
});

describe('connections', () => {
  interface Listed {
    connections: { id: string; protocol: string; userId: number }[];
    total: number;
    next: number | null;
  }

  it('are listed by protocol and person, page by page', async () => {
    const user = await createUser();
    const clients = [];
    for (let count = 0; count < 3; count++) clients.push(await connectEvent((await issue(user.id)).connect));
    const page = `/connections?protocol=event&userId=${user.id}&limit=2`;
    await until(async () => (await admin<Listed>('GET', page)).body.total === 3);
    const { body } = await admin<Listed>('GET', page);
    expect(body).toMatchObject({ total: 3, next: 2 });
    expect(body.connections).toMatchObject([{ protocol: 'event', userId: user.id }, { userId: user.id }]);
    const rest = await admin<Listed>('GET', `${page}&offset=2`);
    expect(rest.body).toMatchObject({ total: 3, next: null });
    expect((await admin<Listed>('GET', `/connections?protocol=netalo&userId=${user.id}`)).body.total).toBe(0);
    for (const client of clients) client.terminate();
  });

  it('are ended, each alone', async () => {
    const user = await createUser();
    const falling = await connectEvent((await issue(user.id)).connect);
    const list = async () => (await admin<Listed>('GET', `/connections?userId=${user.id}`)).body.connections;
    // A connection is registered beside its sign-in, which does not wait for it.
    await until(async () => (await list()).length === 1);
    const [{ id } = { id: '' }] = await list();
    const staying = await connectEvent((await issue(user.id)).connect);
    expect((await admin('DELETE', `/connections/${id}`)).status).toBe(204);
    expect((await falling.ended).code).toBe(1008);
    await staying.ask('Event.GetUnreadInfo', { user_id: staying.sid });
    staying.terminate();
  });

  it('that are not there cannot be ended', async () => {
    expect(await refused('DELETE', '/connections/nobody')).toMatchObject({ status: 404 });
  });
});

describe('the description', () => {
  interface Description {
    openapi: string;
    paths: Record<string, Record<string, { responses: Record<string, unknown>; parameters?: { name: string }[] }>>;
    components: { schemas: Record<string, unknown> };
  }

  it('is OpenAPI 3.1 of every call, with no reference that leads nowhere', async () => {
    const { status, body } = await admin<Description>('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        '/admin/v1/users',
        '/admin/v1/users/{id}',
        '/admin/v1/users/{id}/sessions',
        '/admin/v1/users/{id}/identities/{namespace}',
        '/admin/v1/spaces/{id}/members/{userId}',
        '/admin/v1/conversations/{id}/messages',
        '/admin/v1/conversations/{id}/participants/{userId}',
        '/admin/v1/credentials',
        '/admin/v1/connections/{id}',
      ]),
    );
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(20);
    for (const [, name] of references) expect(Object.keys(body.components.schemas)).toContain(name);
    expect(JSON.stringify(body)).not.toContain('$defs');
    const parameters = body.paths['/admin/v1/users/{id}/identities/{namespace}']?.put?.parameters;
    expect(parameters?.map(({ name }) => name)).toEqual(['id', 'namespace']);
  });
});
