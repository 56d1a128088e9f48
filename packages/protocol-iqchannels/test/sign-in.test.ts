import { createHmac } from 'node:crypto';
import { adminActor, DomainError } from '@switchboard/core';
import { createTestHost } from '@switchboard/testing';
import { createIqchannelsAdapter } from '../src/index.ts';
import { createIqClient, openEvents, refusedWith, send } from '../testing/driver.ts';
import { createDesk, type Desk, type DeskOptions, speakers } from './support/desk.ts';

let desk: Desk;

async function open(options: DeskOptions = {}): Promise<void> {
  desk = await createDesk({ clock: 'fake', ...options });
}

afterEach(() => desk.close());

const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  send(desk.apis.client + path, { body, headers });

it('signs in with an integration credential, and sets the cookie that iOS uploads need', async () => {
  await open();
  const { envelope, headers } = await post('/clients/integration_auth', { Credentials: '3', Channel: 'support' });
  const { Client, Session } = envelope.Result;
  expect(Client).toMatchObject({ Type: 'integrated', IntegrationId: '3', Online: true, PersonalManagerId: null });
  expect(Client.MultiChatsInfo).toMatchObject({ ChannelName: 'support', EnableChat: true });
  expect(Session).toMatchObject({ ClientId: Client.Id, Integration: true });
  expect(Session.Token).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(headers['set-cookie']).toEqual([`client-session=${Session.Token}; Path=/; Max-Age=31536000; SameSite=Lax`]);
  const secure = await post('/clients/auth', { Token: Session.Token }, { 'X-Forwarded-Proto': 'https' });
  expect(secure.envelope.Result.Session.Id).toBe(Session.Id);
  expect(secure.headers['set-cookie']?.[0]).toContain('SameSite=None; Secure');
  expect((await post('/clients/integration_auth', { credentials: '3' })).envelope.Result.Client.Id).toBe(Client.Id);
});

it('asks the table, then the outside system, and nobody else', async () => {
  const asked: string[] = [];
  await open({
    adapter: {
      credentials: { 'key-of-carol': { integrationId: 'carol', name: 'Carol C.' } },
      verifier: {
        async verify(_namespace, token) {
          asked.push(token);
          if (token === 'down') throw new DomainError('unavailable', 'no answer');
          if (token !== 'good') throw new DomainError('unauthenticated', 'unknown');
          return { sessionId: null, userId: null, externalId: '77', claims: { name: 'Bob' }, expiresAt: null };
        },
      },
    },
  });
  const auth = async (Credentials: unknown) => (await post('/clients/integration_auth', { Credentials })).envelope;
  expect((await auth('key-of-carol')).Result.Client).toMatchObject({ IntegrationId: 'carol', Name: 'Carol C.' });
  expect((await auth('good')).Result.Client).toMatchObject({ IntegrationId: '77', Name: 'Bob' });
  expect((await auth('bad')).Error?.Code).toBe('unauthorized');
  expect((await auth('down')).Error?.Code).toBe('internal_server_error');
  expect((await auth('')).Error?.Code).toBe('invalid');
  expect((await auth({})).Error?.Code).toBe('bad_request');
  expect(asked).toEqual(['good', 'bad', 'down']);
});

it('signs anonymous people up, and gives them back by their cookie alone', async () => {
  await open();
  const { envelope } = await post('/clients/anonymous/signup', { Name: null, Channel: 'support', PersonalData: null });
  const { Client, Session } = envelope.Result;
  expect(Client).toMatchObject({ Type: 'anonymous', Name: 'Гость', IntegrationId: null });
  const again = await post('/clients/anonymous/auth', 'null', { Cookie: `client-session=${Session.Token}` });
  expect(again.envelope.Result).toMatchObject({
    Id: Client.Id,
    Name: 'Гость',
    Client: { Id: Client.Id },
    Session: { Id: Session.Id },
  });
  for (const cookie of ['', 'client-session=null', 'client-session=nonsense']) {
    expect((await post('/clients/anonymous/auth', 'null', cookie ? { Cookie: cookie } : {})).envelope.Error?.Code).toBe(
      'unauthorized',
    );
  }
  const bank = (await post('/clients/integration_auth', { Credentials: '3' })).envelope.Result.Session.Token;
  expect(
    (await post('/clients/anonymous/auth', 'null', { Cookie: `client-session=${bank}` })).envelope.Error?.Code,
  ).toBe('unauthorized');
  expect((await post('/clients/signup', { Name: '', Channel: 'nowhere' })).envelope.Error?.Code).toBe('invalid');
  const named = await post('/clients/anonymous/signup', {
    Channel: 'support',
    PersonalData: {
      Form: {
        Fields: [
          { Name: 'Имя', CorrespondingField: 'Иван' },
          { Name: 'Фамилия', CorrespondingField: 'Петров' },
        ],
      },
    },
  });
  expect(named.envelope.Result.Client.Name).toBe('Петров Иван');
});

it('takes the token from every place that clients carry it in, the first one only', async () => {
  await open();
  const carol = await desk.client('carol');
  const me = (headers: Record<string, string>) =>
    post('/clients/me', undefined, headers).then(({ envelope }) => envelope);
  for (const headers of [
    { 'X-Client-Authorization': carol.token },
    { Authorization: `Client ${carol.token}` },
    { Authorization: 'Client ', Cookie: `client-session=${carol.token}` },
    { Cookie: `other=1; client-session=${carol.token}` },
  ] as Record<string, string>[]) {
    expect((await me(headers)).Result).toMatchObject({ Id: carol.id });
  }
  const bad = await me({ Authorization: 'Client nonsense', Cookie: `client-session=${carol.token}` });
  expect(bad.Error?.Code).toBe('unauthorized');
  expect((await me({})).Error?.Code).toBe('unauthorized');
  const dave = await desk.operator(desk.dave);
  expect((await me({ Authorization: `User ${dave.token}` })).Error?.Code).toBe('forbidden');
  expect((await me({ Authorization: `Client ${dave.token}` })).Error?.Code).toBe('forbidden');
});

it('takes the signed token of the widget for its stream', async () => {
  await open();
  const carol = await desk.client('carol');
  const blob = (time: number, sign = (text: string) => createHmac('sha1', carol.token).update(text).digest('hex')) => {
    const text = JSON.stringify({ SessionID: carol.auth.Session.Id, Time: time });
    return Buffer.from(JSON.stringify({ Token: text, Sign: sign(text) })).toString('base64');
  };
  const at = desk.test.clock.now();
  const path = `${desk.apis.client}/sse/chats/channel/events/support?x-client-token=`;
  for (const good of [blob(at), encodeURIComponent(blob(at)), blob(at).replace(/=+$/, '')]) {
    const stream = await openEvents(path + good);
    await stream.until('its first bytes', ({ bytes }) => bytes.toString() === ': ok\n\n');
    stream.cut();
  }
  for (const bad of [blob(at - 25 * 3_600_000), blob(at, () => 'a'.repeat(40)), 'bm9uc2Vuc2U=']) {
    const stream = await openEvents(path + bad);
    await stream.frame('the refusal', refusedWith('unauthorized'));
  }
});

it('keeps sessions over restarts, ends idle ones of integrations and never anonymous ones', async () => {
  await open({ adapter: { integratedIdleMs: 600_000 } });
  const carol = await desk.client('carol');
  const guest = (await post('/clients/signup', { Channel: 'support' })).envelope.Result;
  const node = await desk.test.another({});
  const again = await createTestHost(node, createIqchannelsAdapter());
  const { apis } = speakers(again);
  expect(await createIqClient(apis.client, carol.token, 'Client').ask('/clients/me')).toMatchObject({ Id: carol.id });
  await again.close();
  await desk.test.clock.advance(660_000);
  expect((await post('/clients/auth', { Token: carol.token })).envelope.Error?.Code).toBe('unauthorized');
  expect((await post('/clients/auth', { Token: guest.Session.Token })).envelope.OK).toBe(true);
  await desk.core.sessions.revokeAll(adminActor(), guest.Client.Id);
  expect((await post('/clients/auth', { Token: guest.Session.Token })).envelope.Error?.Code).toBe('unauthorized');
});

it('lets calls without any credential act as the open operator, and no others', async () => {
  await open({ adapter: { openOperator: { namespace: 'x', externalId: 'dave' } } });
  await desk.core.identities.link(adminActor(), desk.dave.id, { namespace: 'x', externalId: 'dave' });
  const me = (headers: Record<string, string>) => send(`${desk.apis.operator}/users/me`, { headers });
  expect((await me({})).envelope.Result).toMatchObject({ Id: desk.dave.id, DisplayName: 'Dave', Online: true });
  expect((await me({ Authorization: 'User nonsense' })).envelope.Error?.Code).toBe('unauthorized');
  const carol = await desk.client('carol');
  expect((await me({ Cookie: `client-session=${carol.token}` })).envelope.Error?.Code).toBe('forbidden');
  expect(() => createIqchannelsAdapter({ openOperator: desk.dave.id }).mount({ production: true } as never)).toThrow(
    'production',
  );
});

it('takes users’ tokens wherever they are carried, before those of clients', async () => {
  await open();
  const { token } = await desk.operator(desk.dave);
  const carol = await desk.client('carol');
  const me = (headers: Record<string, string>, query = '') =>
    send(`${desk.apis.operator}/users/me${query}`, { headers });
  for (const headers of [
    { Authorization: `User ${token}` },
    { Authorization: `Bearer ${token}` },
    { 'X-User-Authorization': token },
    { Cookie: `user-session=${token}; client-session=${carol.token}` },
  ] as Record<string, string>[]) {
    expect((await me(headers)).envelope.Result).toMatchObject({ Id: desk.dave.id });
  }
  expect((await me({}, `?x-user-token=${token}`)).envelope.Result).toMatchObject({ Id: desk.dave.id });
  expect((await me({})).envelope).toEqual({
    OK: false,
    Error: { Code: 'unauthorized', Text: 'Authorization required' },
    Result: null,
    Rels: null,
  });
});
