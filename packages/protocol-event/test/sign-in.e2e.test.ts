import { generateKeyPairSync } from 'node:crypto';
import { adminActor, DomainError, type SessionId } from '@switchboard/core';
import jwt from 'jsonwebtoken';
import {
  connectEvent,
  requestUpgrade,
  UPGRADE_HEADERS,
  type UpgradeAnswer,
  UpgradeRefused,
} from '../testing/driver.ts';
import { createStage, enter, type Stage, type StageOptions } from './support/stage.ts';
import { CUSTOMER, MODERATOR, SECRET } from './support/tokens.ts';

let stage: Stage;

async function setUp(options: StageOptions = {}): Promise<void> {
  stage = await createStage(options);
  // The adapter makes its queue when it starts: what is counted below comes from the requests.
  await stage.core.spaces.ensure(adminActor(), { kind: 'queue', name: 'event' });
}

afterEach(() => stage.close());

const knock = (path: string, header?: string, more: Record<string, string> = {}): Promise<UpgradeAnswer> =>
  requestUpgrade(stage.host.url, {
    path,
    headers: { ...UPGRADE_HEADERS, ...(header === undefined ? {} : { 'sec-websocket-protocol': header }), ...more },
  });

const withToken = (path: string, claims: object, more: Record<string, string> = {}) =>
  knock(path, `access_token, ${stage.token(claims)}`, more);

const UNAUTHORIZED = [401, 'Unauthorized\n'];
const BAD_SID = [400, 'the sid parameter is invalid\n'];
const BAD_CLAIMS = [400, 'received token has wrong structure\n'];
const answerOf = ({ status, body }: UpgradeAnswer) => [status, body];

describe('the upgrade', () => {
  beforeEach(() => setUp());

  it('answers with access_token and never with the token', async () => {
    const answer = await withToken('/ws?sid=2', CUSTOMER);
    expect(answer.status).toBe(101);
    expect(answer.headers['sec-websocket-protocol']).toBe('access_token');
    expect(answer.headers['sec-websocket-extensions']).toBeUndefined();
  });

  it('refuses in plain text, and closes', async () => {
    const { status, headers, body } = await knock('/ws?sid=2');
    expect([status, body]).toEqual(UNAUTHORIZED);
    expect(headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-length': '13',
      connection: 'close',
    });
  });

  it('wants exactly two values, the name to the letter and first', async () => {
    const token = stage.token(CUSTOMER);
    for (const header of [
      token,
      'access_token',
      `access_token,${token},x`,
      `Access_Token,${token}`,
      `access_token ,${token}`,
      `${token},access_token`,
      'access_token,',
      'access_token, x.y.z',
    ]) {
      expect(answerOf(await knock('/ws?sid=2', header))).toEqual(UNAUTHORIZED);
    }
    expect((await knock('/ws?sid=2', `access_token,  ${token} `)).status).toBe(101);
  });

  it('looks for a token nowhere else', async () => {
    const token = stage.token(CUSTOMER);
    const more = { authorization: `Bearer ${token}`, cookie: `access_token=${token}` };
    expect(answerOf(await knock(`/ws?sid=2&access_token=${token}`, undefined, more))).toEqual(UNAUTHORIZED);
  });

  it('refuses every token that is not good, and leaves no trace of its bearer', async () => {
    const now = Math.floor(stage.test.clock.now() / 1000);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const body = { ...CUSTOMER, exp: now + 60 };
    const unsigned = `${btoa('{"alg":"none","typ":"JWT"}').replaceAll('=', '')}.${btoa(JSON.stringify(body)).replaceAll('=', '')}.`;
    const tokens = {
      'signed with another secret': jwt.sign(body, 'another secret'),
      'another algorithm': jwt.sign(body, SECRET, { algorithm: 'HS512' }),
      'a public-key algorithm': jwt.sign(body, privateKey, { algorithm: 'RS256' }),
      'a public key taken for the secret': jwt.sign(body, publicKey.export({ type: 'spki', format: 'pem' })),
      'no algorithm': unsigned,
      'signature cut off': `${stage.token(CUSTOMER).split('.').slice(0, 2).join('.')}.`,
      expired: stage.token({ ...CUSTOMER, exp: now }),
      'without exp': stage.token({ ...CUSTOMER, exp: undefined }),
      'exp that is no number': stage.token({ ...CUSTOMER, exp: '9999999999' }),
      'not yet begun': stage.token({ ...CUSTOMER, nbf: now + 1 }),
      'no object': jwt.sign('text', SECRET),
    };
    const answers = await Promise.all(
      Object.entries(tokens).map(
        async ([what, token]) => [what, await knock('/ws?sid=2', `access_token, ${token}`)] as const,
      ),
    );
    for (const [what, answer] of answers) expect([what, ...answerOf(answer)]).toEqual([what, ...UNAUTHORIZED]);
    expect(await stage.count('users')).toBe(0);
  });

  it('takes null and "" for claims that are not there', async () => {
    const empty = { iss: '', sub: '', jti: '', aud: '', nbf: null, iat: null };
    expect((await withToken('/ws?sid=2', { ...MODERATOR, ...empty })).status).toBe(101);
    expect((await withToken('/ws?sid=2', { ...MODERATOR, ...empty, request_id: null })).status).toBe(101);
  });

  it('wants a sid from 1 to 4294967295', async () => {
    for (const query of [
      '',
      '?sid=',
      '?sid=x',
      '?sid=-2',
      '?sid=1.5',
      '?sid=%2B2',
      '?sid=0',
      '?sid=4294967296',
      '?SID=2',
    ]) {
      expect([query, ...answerOf(await withToken(`/ws${query}`, {}))]).toEqual([query, ...BAD_SID]);
    }
    expect(await stage.count('users')).toBe(0);
  });

  it('wants exactly one of the two roles, a number', async () => {
    for (const claims of [
      {},
      { ...CUSTOMER, ...MODERATOR },
      { admin_id: 'x' },
      { request_id: '' },
      { admin_id: {} },
      { admin_id: true },
    ]) {
      expect(answerOf(await withToken('/ws?sid=2', claims))).toEqual(BAD_CLAIMS);
    }
    expect((await withToken('/ws?sid=2', { admin_id: 7 })).status).toBe(101);
  });

  it('asks token, sid, claims and binding in this order', async () => {
    const own = { iss: 'switchboard', sub: '5' };
    expect(answerOf(await knock('/ws?sid=0', 'access_token, x'))).toEqual(UNAUTHORIZED);
    expect(answerOf(await withToken('/ws?sid=0', own))).toEqual(BAD_SID);
    expect(answerOf(await withToken('/ws?sid=2', own))).toEqual(BAD_CLAIMS);
    expect(answerOf(await withToken('/ws?sid=2', { ...own, ...CUSTOMER }))).toEqual(UNAUTHORIZED);
    expect((await withToken('/ws?sid=5', { ...own, ...CUSTOMER })).status).toBe(101);
  });

  it('refuses a good token without an upgrade last, and makes nobody for it', async () => {
    const header = { 'sec-websocket-protocol': `access_token, ${stage.token(MODERATOR)}` };
    const requests = [
      { method: 'GET', headers: header },
      { method: 'POST', headers: header },
      { method: 'GET', headers: { ...UPGRADE_HEADERS, ...header, upgrade: 'h2c' } },
      { method: 'GET', headers: { ...UPGRADE_HEADERS, ...header, 'sec-websocket-version': '7' } },
      { method: 'GET', headers: { ...UPGRADE_HEADERS, ...header, 'sec-websocket-key': 'short' } },
    ];
    for (const request of requests) {
      expect(answerOf(await requestUpgrade(stage.host.url, { path: '/ws?sid=2', ...request }))).toEqual([
        400,
        'Bad Request\n',
      ]);
      expect(answerOf(await requestUpgrade(stage.host.url, { path: '/ws?sid=0', ...request }))).toEqual(BAD_SID);
      expect(answerOf(await requestUpgrade(stage.host.url, { path: '/ws?sid=0', ...request, headers: {} }))).toEqual(
        UNAUTHORIZED,
      );
    }
    expect(await stage.count('users')).toBe(0);
    expect(await stage.count('space_members')).toBe(0);
  });

  it('makes a user of a sid that is new, once, and staff of a moderator', async () => {
    await Promise.all([stage.customer(2), stage.customer(2), stage.customer(3)]);
    expect(await stage.count('users')).toBe(2);
    expect(await stage.userOf(2)).toMatchObject({ kind: 'placeholder', identities: { event: '2' } });
    const moderator = await stage.moderator(3);
    const queue = await stage.core.spaces.findByName('queue', 'event');
    const member = await stage.core.spaces.membership((await stage.userOf(moderator.sid)).id, queue?.id as never);
    expect(member).toMatchObject({ role: 'staff' });
    expect(await stage.count('space_members')).toBe(1);
  });

  it('leaves a sid that was merely seen to whom the administration gives it, and one with a past to its owner', async () => {
    const [seen, known] = [await stage.customer(2), await stage.customer(3)];
    await enter(known, 100);
    const zoe = await stage.stranger('Zoe');
    const link = (externalId: string) =>
      stage.core.identities.link(adminActor(), zoe.id, { namespace: 'event', externalId });
    await expect(link('3')).rejects.toMatchObject({ code: 'conflict' });
    expect(await link('2')).toMatchObject({ identities: { event: '2' } });
    // Who it was is no more; who comes again is Zoe.
    expect((await seen.ended).code).toBe(1008);
    await enter(await stage.customer(2), 100);
    expect((await stage.userOf(2)).id).toBe(zoe.id);
  });

  it.each(['abc', '0', '007', '-1', '1.5', '4294967296', '3000000001'])(
    'has no sid or application id %s given to anybody',
    async (externalId) => {
      const zoe = await stage.stranger('Zoe');
      const linking = stage.core.identities.link(adminActor(), zoe.id, { namespace: 'event', externalId });
      await expect(linking).rejects.toMatchObject({ code: 'invalid', details: { field: 'externalId' } });
      if (externalId === '3000000001') return;
      const naming = stage.core.conversations.create(adminActor(), {
        kind: 'group',
        participants: [{ userId: zoe.id }],
        externalIds: { event: externalId },
      });
      await expect(naming).rejects.toMatchObject({ code: 'invalid', details: { reason: 'form' } });
    },
  );

  it('makes its queue again when somebody has removed it', async () => {
    await stage.moderator(9);
    const queue = await stage.core.spaces.findByName('queue', 'event');
    await stage.core.spaces.remove(adminActor(), queue?.id as never);
    const moderator = await stage.moderator(8);
    await enter(moderator, 100);
    expect((await stage.core.spaces.findByName('queue', 'event'))?.id).not.toBe(queue?.id);
  });
});

describe('tokens of the gateway', () => {
  beforeEach(() => setUp());

  it('carry the sid, its role and a session; the sid is synthetic for whoever has none', async () => {
    const zoe = await stage.stranger('Zoe');
    const issued = await stage.host.credential(zoe.id, { role: 'moderator', ttlMs: 60_000 });
    const sid = 3_000_000_000 + zoe.id;
    expect(issued.connect).toMatchObject({ url: stage.url(sid), sid });
    const now = stage.test.clock.now();
    const claims = jwt.decode(String(issued.connect.token));
    expect(claims).toMatchObject({
      iss: 'switchboard',
      sub: String(sid),
      jti: String(issued.sessionId),
      admin_id: String(sid),
      exp: Math.floor((now + 60_000) / 1000),
    });
    const client = await connectEvent({ url: String(issued.connect.url), token: String(issued.connect.token) });
    expect(await client.ask('Event.GetUnreadInfo', { user_id: sid })).toEqual({ user_id: sid, unread_count: 0 });
    expect(await stage.core.identities.resolve('event', String(sid))).toMatchObject({ id: zoe.id, identities: {} });
    client.terminate();
  });

  it('are customers by default, and refused in a role that the wire does not know', async () => {
    const zoe = await stage.stranger('Zoe');
    const { connect } = await stage.host.credential(zoe.id);
    expect(jwt.decode(String(connect.token))).toMatchObject({ request_id: expect.any(String) });
    await expect(stage.host.credential(zoe.id, { role: 'operator' })).rejects.toMatchObject({
      code: 'invalid',
      details: { field: 'role' },
    });
    await expect(stage.host.credential(4_000 as never)).rejects.toMatchObject({ code: 'not_found' });
  });

  it.each([
    ['was revoked', (id: SessionId) => String(id)],
    ['is none', () => '999999'],
    ['is no number', () => 'abc'],
  ])('are refused when their session %s', async (_what, toJti) => {
    const zoe = await stage.stranger('Zoe');
    const { sessionId } = await stage.host.credential(zoe.id);
    await stage.core.sessions.revoke(adminActor(), sessionId);
    const sid = 3_000_000_000 + zoe.id;
    const claims = { iss: 'switchboard', sub: String(sid), ...CUSTOMER, jti: toJti(sessionId) };
    expect(answerOf(await withToken(`/ws?sid=${sid}`, claims))).toEqual(UNAUTHORIZED);
  });

  it("are refused with somebody else's session, or one of another protocol", async () => {
    const [zoe, yan] = [await stage.stranger('Zoe'), await stage.stranger('Yan')];
    const { sessionId } = await stage.host.credential(yan.id);
    const { session } = await stage.core.sessions.issue(adminActor(), {
      userId: zoe.id,
      namespace: 'netalo',
      kind: 'opaque',
    });
    const sid = 3_000_000_000 + zoe.id;
    for (const jti of [sessionId, session.id]) {
      const claims = { iss: 'switchboard', sub: String(sid), ...CUSTOMER, jti: String(jti) };
      expect(answerOf(await withToken(`/ws?sid=${sid}`, claims))).toEqual(UNAUTHORIZED);
    }
    expect((await withToken(`/ws?sid=${sid}`, { iss: 'switchboard', sub: sid, ...CUSTOMER })).status).toBe(101);
  });

  it('of a foreign issuer may carry any jti', async () => {
    expect((await withToken('/ws?sid=2', { iss: 'crm', jti: 'abc', ...CUSTOMER })).status).toBe(101);
  });

  it('never provision, link or become by a synthetic sid', async () => {
    const zoe = await stage.stranger('Zoe');
    const sid = 3_000_000_000 + zoe.id;
    for (const [number, claims] of [
      [sid, CUSTOMER],
      [sid, { ...CUSTOMER, sub: '2' }],
      [sid + 1, { ...CUSTOMER, sub: String(sid + 1) }],
      [4_294_967_295, { ...CUSTOMER, sub: '4294967295' }],
    ] as const) {
      expect(answerOf(await withToken(`/ws?sid=${number}`, claims))).toEqual(UNAUTHORIZED);
    }
    await stage.core.identities.link(adminActor(), zoe.id, { namespace: 'event', externalId: '7' });
    expect(answerOf(await withToken(`/ws?sid=${sid}`, { ...CUSTOMER, sub: String(sid) }))).toEqual(UNAUTHORIZED);
    expect(await stage.count('users')).toBe(1);
  });
});

describe('switches', () => {
  it('bind the sub of foreign tokens', async () => {
    await setUp({ adapter: { bindSubToSid: true } });
    for (const sub of [undefined, null, '', '3', 'operator-7']) {
      expect(answerOf(await withToken('/ws?sid=2', { ...CUSTOMER, sub }))).toEqual(UNAUTHORIZED);
    }
    for (const sub of [2, '2']) expect((await withToken('/ws?sid=2', { ...CUSTOMER, sub })).status).toBe(101);
  });

  it('name another issuer', async () => {
    await setUp({ adapter: { tokenIssuer: 'here' } });
    expect((await withToken('/ws?sid=2', { iss: 'switchboard', sub: 'x', ...CUSTOMER })).status).toBe(101);
    expect(answerOf(await withToken('/ws?sid=2', { iss: 'here', sub: 'x', ...CUSTOMER }))).toEqual(UNAUTHORIZED);
  });

  it('warn in production while foreign tokens may name any sid', async () => {
    await setUp({ production: true });
    expect(stage.host.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('bindSubToSid') }),
    );
    await stage.close();
    await setUp({ production: true, adapter: { bindSubToSid: true } });
    expect(stage.host.lines).toEqual([]);
  });

  it('check the origin against the list, where there is one', async () => {
    await setUp({ origins: ['https://chat.example.org'] });
    expect(answerOf(await withToken('/ws?sid=2', CUSTOMER, { origin: 'https://evil.example.org' }))).toEqual([
      403,
      'Forbidden\n',
    ]);
    expect(await stage.count('users')).toBe(0);
    expect((await withToken('/ws?sid=2', CUSTOMER, { origin: 'https://chat.example.org' })).status).toBe(101);
    expect((await withToken('/ws?sid=2', CUSTOMER)).status).toBe(101);
  });

  it('answer on every path of a port of its own, token first', async () => {
    await setUp({ adapter: { ownPort: true } });
    for (const path of ['/', '/ws/', '/WS?sid=2', '//x/ws?sid=2', '/other?sid=0']) {
      expect(answerOf(await knock(path))).toEqual(UNAUTHORIZED);
      expect(answerOf(await withToken(path, CUSTOMER))).toEqual([404, '404 page not found\n']);
      const plain = { path, headers: { 'sec-websocket-protocol': `access_token,${stage.token(CUSTOMER)}` } };
      expect(answerOf(await requestUpgrade(stage.host.url, plain))).toEqual([404, '404 page not found\n']);
    }
  });

  it('move the path', async () => {
    await setUp({ adapter: { path: '/chat' } });
    expect((await withToken('/ws?sid=2', CUSTOMER)).status).toBe(404);
    expect((await withToken('/chat?sid=2', CUSTOMER)).status).toBe(101);
  });

  it('bind customers to the application of their token, moderators not', async () => {
    await setUp({ adapter: { restrictCustomersToRequest: true } });
    const customer = await stage.client(2, { request_id: '100' });
    const refused = { name: 'Event.AddConversation', ok: false, result: 'conversation not found' };
    expect(await customer.call('Event.AddConversation', { user_id: 2, application_id: 101 })).toEqual(refused);
    expect(await enter(customer, 100)).toMatchObject({ application_id: 100 });
    const moderator = await stage.moderator(9);
    expect(await enter(moderator, 101)).toMatchObject({ application_id: 101 });
    const group = await stage.group(await stage.userOf(2), await stage.userOf(9));
    expect(await enter(customer, 1_000_000_000 + group.id)).toMatchObject({ id: group.id });
  });
});

it('refuses with 503 while nobody can be signed in', async () => {
  const away = () => Promise.reject(new DomainError('unavailable', 'the store is away', { subject: 'store' }));
  await setUp({ override: (core) => ({ identities: { ...core.identities, provision: away, resolve: away } }) });
  expect(answerOf(await withToken('/ws?sid=2', CUSTOMER))).toEqual([503, 'Service Unavailable\n']);
  await expect(stage.customer(2)).rejects.toBeInstanceOf(UpgradeRefused);
});
