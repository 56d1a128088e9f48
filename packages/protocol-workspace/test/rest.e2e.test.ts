import { request } from 'node:http';
import { type Clerk, createOffice, type Office, type Shape } from './support/office.ts';

let office: Office;
afterEach(() => office.close());

interface Raw {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** As no `fetch` would send it. */
function raw(
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(`${office.host.url}${path}`, { method, headers: options.headers ?? {} }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

describe('every answer', () => {
  let alice: Clerk;
  let workspace: { id: string; general: string };

  beforeEach(async () => {
    office = await createOffice();
    alice = await office.hire('Alice');
    workspace = await office.found(alice);
  });

  it('that is no success is JSON with a message', async () => {
    const attempts: [method: string, path: string, body?: string, headers?: Record<string, string>][] = [
      ['GET', '/nonexistent'],
      ['GET', '/'],
      ['PUT', '/me'],
      ['POST', '/workspaces/nothing/channels', '{}'],
      ['GET', '/workspaces/%E0%A4%A'],
      ['GET', '/workspaces/not-a-uuid'],
      ['GET', '/channels/64C0D0B9'],
      ['POST', '/workspaces', '{"name":'],
      ['POST', '/workspaces', '[]'],
      ['POST', '/workspaces', '"text"'],
      ['POST', '/workspaces', 'null'],
      ['POST', '/workspaces', '{"name":"x"}'],
      ['POST', '/workspaces', `{"name":${'['.repeat(200)}`],
      ['POST', '/workspaces', `{"name":"${'x'.repeat(1_100_000)}"}`],
      ['GET', '/check-permissions?actions=fly'],
      ['GET', '/check-permissions?actions=channel.update'],
      ['GET', '/long-poll?timeout=999999'],
      ['POST', '/report-bad-connection', '{}'],
      ['POST', '/signin', '{"credentials":{"email":1,"password":"secret1"}}'],
      ['POST', '/signup', '{"user":{"name":"","email":"x","password":"1"}}'],
    ];
    for (const [method, path, body, headers] of attempts) {
      const authorization = `Bearer ${alice.rest.token}`;
      const answer = await raw(method, path, {
        headers: { authorization, ...headers },
        ...(body !== undefined && { body }),
      });
      expect([path, answer.headers['content-type']]).toEqual([path, expect.stringContaining('application/json')]);
      const parsed = JSON.parse(answer.body) as Shape;
      expect([path, parsed]).toEqual([
        path,
        expect.objectContaining({ statusCode: answer.status, error: expect.any(String), message: expect.any(String) }),
      ]);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
    expect(JSON.parse((await raw('GET', '/nonexistent')).body)).toEqual({
      statusCode: 404,
      error: 'Not Found',
      message: 'Not Found',
    });
  });

  it('may be read by browsers of any origin, preflights included', async () => {
    const origin = 'heyka://.';
    const preflight = await raw('OPTIONS', `/channels/${workspace.general}/select`, {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    expect(preflight.status).toBeLessThan(300);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'POST',
      'access-control-max-age': '86400',
      'access-control-allow-headers': expect.stringMatching(/Accept.*Authorization.*Content-Type.*If-None-Match/),
    });
    const refused = await raw('GET', '/me', { headers: { origin } });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
    const polled = await raw('GET', '/socket.io/?EIO=3&transport=polling', { headers: { origin } });
    expect(polled.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    });
    // The namespace is opened by the server, in the same payload.
    expect(polled.body).toMatch(/40$/);
  });

  it('to what clients ask at their start is there', async () => {
    const ask = <T>(path: string) => alice.rest.ask<T>('GET', path);
    expect(await ask('/protected')).toBe('OK');
    expect(await office.rest.ask('GET', '/status')).toBe('OK');
    expect(await ask('/me')).toEqual({
      id: alice.id,
      name: 'Alice',
      lang: 'en',
      email: alice.email,
      isEmailVerified: false,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      socialAuth: {},
      appSettings: {},
    });
    const shown = {
      id: workspace.id,
      name: 'Acme',
      creatorId: alice.id,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    };
    expect(await ask('/workspaces')).toEqual([shown]);
    expect(await ask(`/workspaces/${workspace.id}`)).toEqual({
      workspace: { ...shown, userRelation: { role: 'admin' } },
      channels: [
        {
          id: workspace.general,
          name: 'general',
          creatorId: alice.id,
          isPrivate: false,
          isTemporary: false,
          createdAt: expect.any(String),
          updatedAt: expect.any(String),
          userRelation: { role: 'admin', usageCount: 0 },
          users: [],
        },
      ],
      users: [expect.objectContaining({ id: alice.id, onlineStatus: 'offline', role: 'admin', callsCount: 0 })],
    });
    expect(await ask(`/workspaces/${workspace.id}/settings`)).toEqual({ ...shown, canUsersInvite: true });
    expect(await ask(`/workspaces/${workspace.id}/info`)).toEqual(shown);
    expect(await ask('/admin/managed-workspaces')).toEqual([shown]);
    expect(await ask(`/workspaces/${workspace.id}/groups`)).toEqual([]);
    const actions = 'channel.update,channel.delete,channel.manageMembers,workspaces.manage';
    expect(await ask(`/check-permissions?actions=${actions}&channelId=${workspace.general}`)).toEqual({
      'channel.update': true,
      'channel.delete': true,
      'channel.manageMembers': true,
      'workspaces.manage': true,
    });
    expect((await office.rest.call('GET', '/speedtest')).body).toHaveLength(19_456);
    expect((await alice.rest.call<Shape>('POST', '/send-invite/slack', {})).body.message).toBe('SlackIsNotConnected');
  });

  it('to a long poll waits', async () => {
    let answered = false;
    const polling = office.rest.ask('GET', '/long-poll?timeout=25000').then((body) => {
      answered = true;
      return body;
    });
    await office.test.clock.advance(24_000);
    await office.rest.ask('GET', '/status');
    expect(answered).toBe(false);
    await office.test.clock.advance(2_000);
    expect(await polling).toBe('127.0.0.1');
  });

  it('to a long poll comes early when the gateway stops', async () => {
    const polling = office.rest.ask('GET', '/long-poll');
    await office.rest.ask('GET', '/status');
    await office.host.close();
    expect(await polling).toBe('127.0.0.1');
  });

  it('keeps settings and rights of the workspace', async () => {
    const bob = await office.hire('Bob');
    const { code } = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
    await bob.rest.ask('POST', `/join/${code}`);
    const statusOf = async (clerk: Clerk, method: string, path: string, body?: object) =>
      (await clerk.rest.call(method, `/workspaces/${workspace.id}${path}`, body)).status;
    expect(await statusOf(bob, 'POST', '/settings', { canUsersInvite: false })).toBe(403);
    expect(await statusOf(bob, 'POST', '', { name: 'Mine' })).toBe(403);
    expect(await statusOf(bob, 'POST', '/invites')).toBe(200);
    expect(
      await alice.rest.ask('POST', `/workspaces/${workspace.id}/settings`, { canUsersInvite: false }),
    ).toMatchObject({
      workspace: { canUsersInvite: false },
    });
    expect(await statusOf(bob, 'POST', '/invites')).toBe(403);
    expect(await statusOf(bob, 'DELETE', `/members/${alice.id}`)).toBe(403);
    expect(await statusOf(bob, 'GET', '/invites?list=all')).toBe(403);
    const mine = await bob.rest.ask<Shape[]>('GET', `/workspaces/${workspace.id}/invites?list=my`);
    expect(mine).toHaveLength(1);
    expect((await bob.rest.call('DELETE', `/invites/${mine[0].id}`)).status).toBe(200);
    expect((await office.rest.call<Shape>('GET', `/check/${mine[0].code}`)).body.message).toBe(
      'Invite code is not valid',
    );
    expect(await statusOf(alice, 'POST', '/permissions', { userId: bob.id, role: 'admin' })).toBe(200);
    const stranger = await office.hire('Stranger');
    expect((await stranger.rest.call<Shape>('GET', `/user/${bob.id}`)).body.message).toBe('Forbidden');
    expect((await stranger.rest.call('GET', `/workspaces/${workspace.id}/settings`)).status).toBe(403);
    expect((await stranger.rest.call('GET', `/workspaces/${workspace.id}`)).status).toBe(404);
    expect((await stranger.rest.call<Shape>('POST', '/join/nonsense')).body.message).toBe('InvalidCode');
  });
});

it('answers nobody from an origin that is not on the list', async () => {
  office = await createOffice({ origins: ['https://office.example.org'] });
  const refused = await raw('GET', '/me', { headers: { origin: 'https://evil.example.org' } });
  expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
  const known = await raw('GET', '/me', { headers: { origin: 'https://office.example.org' } });
  expect(known.headers).toMatchObject({ 'access-control-allow-origin': 'https://office.example.org' });
});
