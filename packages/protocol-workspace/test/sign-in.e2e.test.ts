import { adminActor } from '@switchboard/core';
import type { LibraryVersion, SocketClient } from '../testing/driver.ts';
import { createOffice, heardOf, type Office, QUIET, type Shape } from './support/office.ts';

const FORMAT = 'Invalid data format for "auth" event';
const NOWHERE = '5b0e6d9f-2f4c-4a77-9a35-7c1f0e2d3c04';

let office: Office;
afterEach(() => office.close());

const errorsOf = (socket: SocketClient) => socket.heard.filter(({ name }) => name.startsWith('socket-api-error'));

describe.each<LibraryVersion>(['2.3', '2.4', '4.8'])('a client %s of socket.io', (version) => {
  it.each([
    ['by polling and upgrade', undefined],
    ['by polling alone', ['polling']],
    ['by WebSocket alone', ['websocket']],
  ] as const)('is bound %s, from another origin', async (_title, transports) => {
    office = await createOffice();
    const alice = await office.hire('Alice');
    const { id: workspaceId } = await office.found(alice);
    const socket = office.socket({ version, origin: 'heyka://.', ...(transports && { transports }) });
    // Before the connection is up: the library keeps it until then.
    const success = await socket.auth({
      workspaceId,
      token: alice.rest.token,
      onlineStatus: 'online',
      prevSocketId: null,
    });
    expect(success).toEqual({ userId: alice.id, transaction: 'auth', reconnected: false, onlineStatus: 'online' });
    await office.settled(socket);
    expect(heardOf(socket, 'online-status-updated')).toEqual([
      ['online-status-updated', { userId: alice.id, onlineStatus: 'online' }],
    ]);
    await alice.rest.ask('POST', `/user/online-status?socketId=${socket.id}`, { onlineStatus: 'idle' });
    expect(await socket.next('my-online-status-updated')).toEqual({ onlineStatus: 'idle' });
  });

  it('is told of its errors by two events, in their order, and may try again', async () => {
    office = await createOffice();
    const alice = await office.hire('Alice');
    const { id: workspaceId } = await office.found(alice);
    const bob = await office.hire('Bob');
    const socket = office.socket({ version });
    const token = alice.rest.token;
    const refused = async (payload: Shape, message: string, transaction?: string) => {
      const from = socket.heard.length;
      socket.emit('auth', payload);
      expect(await socket.next('socket-api-error')).toEqual({ event: 'auth', message });
      const wanted = [{ name: 'socket-api-error', payload: { event: 'auth', message } }];
      const first =
        transaction === undefined ? [] : [{ name: `socket-api-error-${transaction}`, payload: { message } }];
      expect(socket.heard.slice(from)).toEqual([...first, ...wanted]);
    };
    for (const payload of [null, [], 'auth', 7, undefined, true]) await refused(payload, FORMAT);
    await refused({ transaction: 't', token: '', workspaceId }, FORMAT, 't');
    await refused({ transaction: 't', token, workspaceId: 'Acme' }, FORMAT, 't');
    await refused({ transaction: 't', token: 5, workspaceId }, FORMAT, 't');
    await refused({ transaction: 't', workspaceId }, FORMAT, 't');
    await refused({ transaction: 't', token, workspaceId, onlineStatus: 'sleep' }, FORMAT, 't');
    await refused({ transaction: 't', token, workspaceId, prevSocketId: 4 }, FORMAT, 't');
    await refused({ transaction: 12, token, workspaceId: NOWHERE }, "Can't listen workspace events", '12');
    await refused({ transaction: {}, token: 'nonsense', workspaceId }, 'Invalid access token');
    await refused({ transaction: 'auth', token: 'nonsense', workspaceId }, 'Invalid access token', 'auth');
    await refused({ token: bob.rest.token, workspaceId }, "Can't listen workspace events");
    socket.emit('conversation-broadcast', { transaction: 'early', action: 'mini-chat', data: { message: 'hi' } });
    expect(await socket.next('socket-api-error-early')).toEqual({ message: 'Not authenticated' });
    expect(await socket.next('socket-api-error')).toEqual({
      event: 'conversation-broadcast',
      message: 'Not authenticated',
    });
    socket.emit('logout');
    expect(await socket.next('socket-api-error')).toEqual({ event: 'logout', message: 'Not authenticated' });
    socket.emit('no-such-event', { transaction: 'x' });
    const known = errorsOf(socket).length;
    expect(await socket.auth({ workspaceId, token, onlineStatus: null, later: 'key' })).toMatchObject({
      userId: alice.id,
    });
    expect(errorsOf(socket)).toHaveLength(known);
    expect(socket.connects).toBe(1);
  });
});

it('binds without a transaction, and answers without one', async () => {
  office = await createOffice();
  const alice = await office.hire('Alice');
  const { id: workspaceId } = await office.found(alice);
  const socket = office.socket();
  socket.emit('auth', { workspaceId, token: alice.rest.token, onlineStatus: 'idle' });
  expect(await socket.next('auth-success')).toEqual({ userId: alice.id, reconnected: false, onlineStatus: 'idle' });
});

it('says nothing to whoever is not bound', async () => {
  office = await createOffice();
  const alice = await office.hire('Alice');
  const { id: workspaceId } = await office.found(alice);
  const silent = office.socket({ version: '4.8' });
  await silent.connected();
  const desk = await alice.sit(workspaceId);
  await alice.rest.ask('POST', `/workspaces/${workspaceId}/channels`, { name: 'news' });
  await desk.next('channel-created');
  await office.settled(desk, silent);
  expect(silent.heard.filter(({ name }) => !name.startsWith('socket-api-error'))).toEqual([]);
});

it('keeps a binding when a second auth fails, and moves it when one succeeds elsewhere', async () => {
  office = await createOffice();
  const alice = await office.hire('Alice');
  const bob = await office.hire('Bob');
  const one = await office.found(alice, bob);
  const two = await office.found(alice);
  const desk = await alice.sit(one.id);
  const phone = await bob.sit(one.id);
  await expect(desk.auth({ workspaceId: NOWHERE, token: alice.rest.token })).rejects.toThrow(
    "Can't listen workspace events",
  );
  await bob.rest.ask('POST', `/workspaces/${one.id}/channels`, { name: 'news' });
  await desk.next('channel-created');
  await alice.select(one.general, desk);
  await phone.next('user-selected-channel');
  expect(await desk.auth({ workspaceId: two.id, token: alice.rest.token })).toMatchObject({ reconnected: false });
  await phone.next('user-unselected-channel', ({ socketId }) => socketId === desk.id);
  await bob.rest.ask('POST', `/workspaces/${one.id}/channels`, { name: 'more' });
  await phone.next('channel-created', ({ channelId }) => channelId !== one.general);
  await alice.rest.ask('POST', `/workspaces/${two.id}/channels`, { name: 'here' });
  await desk.next('channel-created', (payload) => payload.workspaceId === two.id);
  await office.settled(desk, phone);
  expect(
    heardOf(desk, 'channel-created').filter(([, payload]) => (payload as Shape).workspaceId === one.id),
  ).toHaveLength(1);
  expect(heardOf(phone, 'online-status-updated')).toEqual([
    ['online-status-updated', { userId: bob.id, onlineStatus: 'online' }],
  ]);
});

it('lets a bound socket repeat its auth', async () => {
  office = await createOffice();
  const alice = await office.hire('Alice');
  const { id: workspaceId, general } = await office.found(alice);
  const desk = await alice.sit(workspaceId);
  await alice.select(general, desk);
  const again = await desk.auth({ workspaceId, token: alice.rest.token, prevSocketId: desk.id, onlineStatus: 'idle' });
  expect(again).toMatchObject({ reconnected: true, onlineStatus: 'online', channelId: general });
  await office.settled(desk);
  expect(heardOf(desk, 'user-unselected-channel')).toEqual([]);
});

describe('tokens', () => {
  it('expire for REST and for a new auth, but not for a socket that is bound', async () => {
    office = await createOffice({ adapter: { accessTtlMs: 10_000 } });
    const alice = await office.hire('Alice');
    const { id: workspaceId } = await office.found(alice);
    const desk = await alice.sit(workspaceId);
    await office.test.clock.advance(10_001);
    expect((await alice.rest.call('GET', '/me')).body).toEqual({
      statusCode: 401,
      error: 'Unauthorized',
      message: 'Access token is expired',
    });
    await expect(office.socket().auth({ workspaceId, token: alice.rest.token })).rejects.toThrow(
      'Invalid access token',
    );
    const { accessToken, refreshToken } = alice.credentials;
    const next = await office.rest.ask<Shape>('POST', '/refresh-token', { accessToken, refreshToken });
    expect(next).toMatchObject({ sessionId: alice.credentials.sessionId });
    alice.rest.token = next.accessToken;
    await alice.rest.ask('POST', `/workspaces/${workspaceId}/channels`, { name: 'news' });
    await desk.next('channel-created');
  });

  it('are refreshed by several at once, who all end with a pair that works', async () => {
    office = await createOffice();
    const alice = await office.hire('Alice');
    const { accessToken, refreshToken } = alice.credentials;
    const pairs = await Promise.all(
      Array.from({ length: 8 }, () => office.rest.ask<Shape>('POST', '/refresh-token', { accessToken, refreshToken })),
    );
    for (const pair of pairs) {
      alice.rest.token = pair.accessToken;
      await alice.rest.ask('GET', '/me');
    }
    // The pair before is good until the next rotation, and for one more refresh.
    alice.rest.token = accessToken;
    await alice.rest.ask('GET', '/me');
    await office.rest.ask('POST', '/refresh-token', { accessToken, refreshToken });
  });

  it('are refused with the texts that clients branch on', async () => {
    office = await createOffice({ adapter: { accessTtlMs: 10_000, refreshTtlMs: 60_000 } });
    const alice = await office.hire('Alice');
    const { accessToken, refreshToken } = alice.credentials;
    const messageOf = async (path: string, body?: unknown, token: string | null = null) => {
      office.rest.token = token;
      const answer = await office.rest.call<Shape>(body === undefined ? 'GET' : 'POST', path, body);
      return [answer.status, answer.body.message];
    };
    expect(await messageOf('/me')).toEqual([401, 'Missing authentication']);
    expect(await messageOf('/me', undefined, 'nonsense')).toEqual([401, 'Bad token']);
    const credentials = { email: alice.email, password: 'wrong-one' };
    expect(await messageOf('/signin', { credentials })).toEqual([401, 'Email or password are invalid']);
    const nobody = { email: 'nobody@example.com', password: 'wrong-one' };
    expect(await messageOf('/signin', { credentials: nobody })).toEqual([401, 'Email or password are invalid']);
    const wrongPair = { accessToken, refreshToken: accessToken };
    expect(await messageOf('/refresh-token', wrongPair)).toEqual([401, 'Credentials are invalid']);
    await office.test.clock.advance(61_000);
    expect(await messageOf('/refresh-token', { accessToken, refreshToken })).toEqual([401, 'Refresh token is expired']);
  });

  it('end with their session, and its sockets with them', async () => {
    office = await createOffice();
    const [alice, bob] = [await office.hire('Alice'), await office.signUp('Bob')];
    const { id: workspaceId, general } = await office.found(alice, bob);
    const [desk, phone] = [await alice.sit(workspaceId), await bob.sit(workspaceId, { version: '4.8' })];
    await alice.select(general, desk);
    await alice.rest.ask('POST', '/signout');
    expect(await desk.ended()).toBe('io server disconnect');
    await phone.next('user-unselected-channel', ({ socketId }) => socketId === desk.id);
    await phone.next(
      'online-status-updated',
      (payload) => payload.userId === alice.id && payload.onlineStatus === 'offline',
    );
    expect((await alice.rest.call<Shape>('GET', '/me')).body.message).toBe('Bad token');

    await bob.rest.ask('POST', '/password', { oldPassword: 'secret1', password: 'secret2' });
    expect(await phone.ended()).toBe('io server disconnect');
    await office.test.clock.advance(1);
    const signedIn = await office.rest.ask<Shape>('POST', '/signin', {
      credentials: { email: bob.email, password: 'secret2' },
    });
    expect(signedIn.user.id).toBe(bob.id);
    const back = office.socket();
    await back.auth({ workspaceId, token: signedIn.credentials.accessToken });
    const user = await office.core.users.findByEmail(bob.email);
    if (!user) throw new Error('bob is gone');
    await office.core.sessions.revokeAll(adminActor(), user.id);
    expect(await back.ended()).toBe('io server disconnect');
    expect(back.connects).toBe(1);
  });

  it('run out with the session for sockets, too', async () => {
    office = await createOffice({ adapter: { accessTtlMs: 10_000, refreshTtlMs: 60_000 } });
    const alice = await office.hire('Alice');
    const { id: workspaceId } = await office.found(alice);
    const desk = await alice.sit(workspaceId);
    await office.test.clock.advance(65_000);
    expect(await desk.ended()).toBe('io server disconnect');
  });
});

it('signs in by a link, once', async () => {
  office = await createOffice();
  const alice = await office.hire('Alice');
  const { code } = await alice.rest.ask<{ code: string }>('POST', '/create-auth-link');
  expect(code).toMatch(/^[0-9a-f]{82}$/);
  const pair = await office.rest.ask<Shape>('POST', `/signin/link/${code}`);
  office.rest.token = pair.accessToken;
  expect(await office.rest.ask('GET', '/me')).toMatchObject({ id: alice.id, socialAuth: {}, appSettings: {} });
  expect((await office.rest.call<Shape>('POST', `/signin/link/${code}`)).body).toMatchObject({
    message: 'Auth link is not valid',
  });
});

it("does not give one user's device or call to another", async () => {
  office = await createOffice();
  const [alice, bob] = [await office.hire('Alice'), await office.hire('Bob')];
  const { id: workspaceId, general } = await office.found(alice, bob);
  const [desk, phone] = [await alice.sit(workspaceId), await bob.sit(workspaceId)];
  await alice.select(general, desk);
  await phone.next('user-selected-channel');
  const thief = office.socket();
  const bound = await thief.auth({ workspaceId, token: bob.rest.token, prevSocketId: desk.id });
  expect(bound).toEqual({ userId: bob.id, transaction: 'auth', reconnected: false, onlineStatus: 'online' });
  const message = async (path: string, body: object) => (await bob.rest.call<Shape>('POST', path, body)).body.message;
  expect(await message(`/channels/${general}/select?socketId=${desk.id}`, QUIET)).toBe('Socket not found');
  expect(await message(`/channels/${general}/unselect?socketId=${desk.id}`, {})).toBe('Channel is not selected');
  expect(await message(`/user/media-state?socketId=${desk.id}`, QUIET)).toBe('Unknow socket connection');
  expect(await message(`/user/online-status?socketId=${desk.id}`, { onlineStatus: 'idle' })).toBe('Socket not found');
  expect(await message(`/mute-for-all?socketId=${desk.id}`, { userId: alice.id })).toBe('Unknow socket connection');
  const state = await alice.rest.ask<Shape>('GET', `/workspaces/${workspaceId}`);
  expect(state.channels[0].users).toEqual([{ userId: alice.id, ...QUIET }]);
  expect(state.users.map((user: Shape) => user.onlineStatus)).toEqual(['online', 'online']);
});
