import { DomainError } from '@switchboard/core';
import { createActor } from '@switchboard/protocol';
import { createTestCore, createTestHost, type TestCore, type TestHost } from '@switchboard/testing';
import { createWorkspaceAdapter } from '../src/index.ts';
import { openSocket } from '../testing/driver.ts';
import { createOffice, type Office, type Shape } from './support/office.ts';

describe('while the store is away', () => {
  let test: TestCore;
  let host: TestHost;

  beforeEach(async () => {
    test = await createTestCore();
    const away = async () => {
      throw new DomainError('unavailable', 'away', { subject: 'store' });
    };
    const sessions = { ...test.core.sessions, authenticate: away };
    host = await createTestHost({ ...test, core: { ...test.core, sessions } }, createWorkspaceAdapter());
  });
  afterEach(async () => {
    await host.close();
    await test.close();
  });

  it('says so, in both of its ways, and keeps the socket', async () => {
    const socket = openSocket(host.url, { version: '4.8' });
    const workspaceId = '5b0e6d9f-2f4c-4a77-9a35-7c1f0e2d3c04';
    await expect(socket.auth({ token: 'x', workspaceId })).rejects.toThrow('System error');
    await expect(socket.auth({ token: 'x', workspaceId })).rejects.toThrow('System error');
    expect(socket.ends).toEqual([]);
    const response = await fetch(`${host.url}/me`, { headers: { authorization: 'Bearer x' } });
    expect([response.status, await response.json()]).toEqual([
      503,
      { statusCode: 503, error: 'Service Unavailable', message: expect.any(String) },
    ]);
    socket.disconnect();
  });
});

describe('a reader who does not read', () => {
  let office: Office;

  beforeEach(async () => {
    office = await createOffice({ limits: { outboxBytes: 16 * 1024 } });
  });
  afterEach(() => office.close());

  it('is cut off by lasting events, told to return, and delays nobody', async () => {
    const [alice, bob] = [await office.hire('Alice'), await office.hire('Bob')];
    const workspace = await office.found(alice, bob);
    const desk = await alice.sit(workspace.id);
    const phone = await bob.sit(workspace.id, { version: '4.8', transports: ['websocket'] });
    const space = await office.core.spaces.findByExternalId('workspace', workspace.id);
    const user = await office.core.users.findByEmail(bob.email);
    if (!space || !user) throw new Error('nothing to begin with');
    phone.pause();
    const viewer = { userId: user.id, namespace: 'test', capacity: 'member' as const, sessionId: null };
    const actor = createActor(viewer, null);
    // Names are long, so that few changes fill the kernel's buffers.
    const isThere = () => office.host.hub.ofUser(user.id).length > 0;
    for (let at = 0; at < 20_000 && isThere(); at += 1) {
      const displayName = `${at} ${'é'.repeat(900)}`;
      await office.core.users.update(actor, user.id, {
        displayName,
        avatar: `https://example.com/${'x'.repeat(4_000)}`,
      });
    }
    expect(isThere()).toBe(false);
    phone.resume();
    expect(await phone.ended()).not.toBe('io server disconnect');
    await alice.rest.ask('POST', `/workspaces/${workspace.id}/channels`, { name: 'news' });
    await desk.next('channel-created');
  });
});

it('answers a flood before auth without keeping it', async () => {
  const office = await createOffice();
  const socket = office.socket({ version: '4.8', transports: ['websocket'] });
  await socket.connected();
  for (let at = 0; at < 2_000; at += 1)
    socket.emit('conversation-broadcast', { transaction: at, action: 'x', data: at });
  expect(await socket.next('socket-api-error-1999')).toEqual({ message: 'Not authenticated' });
  const alice = await office.hire('Alice');
  const { id: workspaceId } = await office.found(alice);
  const errors = socket.heard.filter(({ name }: Shape) => name === 'socket-api-error');
  expect(errors.length).toBe(2_000);
  socket.emit('auth', { workspaceId, token: alice.rest.token });
  expect(await socket.next('auth-success')).toMatchObject({ userId: alice.id });
  await office.close();
});
