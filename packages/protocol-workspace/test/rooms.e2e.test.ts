import { adminActor } from '@switchboard/core';
import type { SocketClient } from '../testing/driver.ts';
import { type Clerk, createOffice, heardOf, type Office, QUIET, type Shape } from './support/office.ts';

let office: Office;
let alice: Clerk;
let bob: Clerk;
let workspace: { id: string; general: string };
let desk: SocketClient;
let bobs: SocketClient;

beforeEach(async () => {
  office = await createOffice();
  alice = await office.hire('Alice');
  bob = await office.hire('Bob');
  workspace = await office.found(alice, bob);
  desk = await alice.sit(workspace.id);
  bobs = await bob.sit(workspace.id, { version: '4.8' });
});
afterEach(() => office.close());

/** What a socket heard, statuses and answers left out. */
async function heard(socket: SocketClient): Promise<Shape[]> {
  await office.settled(socket);
  const passed = ['auth-success', 'online-status-updated'];
  return socket.heard
    .filter(({ name }) => !passed.includes(name) && !name.startsWith('socket-api-error'))
    .map(({ name, payload }) => [name, payload]);
}

async function createChannel(clerk: Clerk, fields: object): Promise<string> {
  const { channel } = await clerk.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/channels`, fields);
  return channel.id;
}

const created = (channelId: string) => ['channel-created', { channelId, workspaceId: workspace.id }];
const deleted = (channelId: string) => ['channel-deleted', { channelId, workspaceId: workspace.id }];

it('tells everybody of a public channel, who finds it at once', async () => {
  const stranger = await office.hire('Stranger');
  const elsewhere = await office.found(stranger, alice);
  const far = await stranger.sit(elsewhere.id);
  const channelId = await createChannel(alice, { name: 'news', description: 'All of it' });
  expect((await heard(desk)).slice(1)).toEqual([['workspace-added', expect.anything()], created(channelId)]);
  expect(await heard(bobs)).toEqual([created(channelId)]);
  expect(await heard(far)).toEqual([]);
  expect(await bob.rest.ask('GET', `/channels/${channelId}`)).toEqual({
    channel: {
      id: channelId,
      name: 'news',
      description: 'All of it',
      creatorId: alice.id,
      isPrivate: false,
      isTemporary: false,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    },
    users: [],
  });
});

it('tells of a private channel by its id alone, and nothing that happens in it', async () => {
  const channelId = await createChannel(alice, { name: 'secret', isPrivate: true });
  expect(await heard(bobs)).toEqual([created(channelId)]);
  expect((await bob.rest.call<Shape>('GET', `/channels/${channelId}`)).body).toEqual({
    statusCode: 403,
    error: 'Forbidden',
    message: 'Access denied',
  });
  await alice.select(channelId, desk);
  await alice.rest.ask('POST', `/user/media-state?socketId=${desk.id}`, { ...QUIET, microphone: true });
  await alice.rest.ask('POST', `/channels/${channelId}`, { name: 'more secret' });
  await desk.next('channel-updated');
  expect(await heard(bobs)).toEqual([created(channelId)]);

  await alice.rest.ask('POST', `/channels/${channelId}/add-users`, { users: [bob.id] });
  expect(await heard(bobs)).toEqual([created(channelId), created(channelId)]);
  const { channel, users } = await bob.rest.ask<Shape>('GET', `/channels/${channelId}`);
  expect([channel.name, users]).toEqual(['more secret', [{ userId: alice.id, ...QUIET, microphone: true }]]);
  await bob.select(channelId, bobs);
  await alice.rest.ask('POST', `/channels/${channelId}/delete-users`, { users: [bob.id] });
  const [left, gone] = (await heard(bobs)).slice(-2);
  expect(left).toEqual(['user-unselected-channel', { userId: bob.id, channelId, socketId: bobs.id }]);
  expect(gone).toEqual(deleted(channelId));
  await alice.rest.ask('DELETE', `/channels/${channelId}`);
  expect((await heard(bobs)).at(-1)).toEqual(deleted(channelId));
  expect((await heard(desk)).slice(-2)).toEqual([
    ['user-unselected-channel', { userId: alice.id, channelId, socketId: desk.id }],
    deleted(channelId),
  ]);
});

it('lets those change a channel who may', async () => {
  const channelId = await createChannel(bob, { name: 'bobs' });
  const carol = await office.hire('Carol');
  const { code } = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
  await carol.rest.ask('POST', `/join/${code}`);
  const attempt = async (clerk: Clerk, method: string, path: string, body?: object) => {
    const { status, body: answer } = await clerk.rest.call<Shape>(method, path, body);
    return [status, answer.message ?? answer];
  };
  expect(await attempt(carol, 'POST', `/channels/${channelId}`, { name: 'carols' })).toEqual([403, 'Access denied']);
  expect(await attempt(carol, 'DELETE', `/channels/${channelId}`)).toEqual([403, 'Access denied']);
  const nowhere = '/channels/64c0d0b9-0ad7-4b1c-9e3d-99e12b0bf006';
  expect(await attempt(carol, 'POST', nowhere, { name: 'carols' })).toEqual([404, 'Not found']);
  expect(await attempt(carol, 'DELETE', nowhere)).toEqual([404, 'Not found']);
  expect(await attempt(carol, 'POST', `/channels/${channelId}/add-users`, { users: [alice.id] })).toEqual([
    403,
    'Access denied',
  ]);
  // The workspace's admin manages channels, but not who is in them.
  expect(await attempt(alice, 'POST', `/channels/${channelId}/delete-users`, { users: [carol.id] })).toEqual([
    403,
    'Access denied',
  ]);
  await alice.rest.ask('POST', `/channels/${channelId}`, { name: 'ours' });
  expect(await desk.next('channel-updated')).toMatchObject({
    channel: { id: channelId, name: 'ours', creatorId: bob.id },
  });
  await bob.rest.ask('POST', `/channels/${channelId}/permissions`, { userId: carol.id, role: 'admin' });
  expect(await attempt(bob, 'POST', `/channels/${channelId}/permissions`, { userId: bob.id, role: 'user' })).toEqual([
    200,
    'ok',
  ]);
  expect(
    await attempt(carol, 'POST', `/channels/${channelId}/permissions`, { userId: carol.id, role: 'user' }),
  ).toEqual([400, 'Last admin in channel']);
  const members = await carol.rest.ask<Shape[]>('GET', `/channels/${channelId}/members`);
  expect(
    members.map(({ id, workspaceRelation, channelRelation }) => [id, workspaceRelation.role, channelRelation.role]),
  ).toEqual(
    expect.arrayContaining([
      [alice.id, 'admin', 'user'],
      [bob.id, 'user', 'user'],
      [carol.id, 'user', 'admin'],
    ]),
  );
  await carol.rest.ask('DELETE', `/channels/${channelId}`);
});

it('leaves a channel, which goes with its last member', async () => {
  const channelId = await createChannel(alice, { name: 'secret', isPrivate: true });
  await alice.select(channelId, desk);
  await alice.rest.ask('POST', `/channels/${channelId}/leave`);
  expect((await heard(desk)).slice(1, 4)).toEqual([
    ['user-selected-channel', expect.anything()],
    ['user-unselected-channel', { userId: alice.id, channelId, socketId: desk.id }],
    deleted(channelId),
  ]);
  expect(await heard(bobs)).toEqual([created(channelId), deleted(channelId)]);
});

it('brings people in, shows them, and tells themselves last', async () => {
  const carol = await office.hire('Carol');
  const own = await office.found(carol);
  const carols = await carol.sit(own.id);
  const { code } = await bob.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
  expect(code).toMatch(/^[A-Za-z0-9]{12}$/);
  expect(await office.rest.ask('GET', `/check/${code}`)).toMatchObject({
    user: { id: bob.id, name: 'Bob' },
    workspace: { id: workspace.id, name: 'Acme', creatorId: alice.id },
  });
  await carol.rest.ask('POST', `/join/${code}`);
  const user = {
    id: carol.id,
    name: 'Carol',
    lang: 'en',
    email: carol.email,
    isEmailVerified: false,
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
    onlineStatus: 'online',
    role: 'user',
  };
  expect(await heard(desk)).toEqual([['user-joined', { user }]]);
  expect(await heard(bobs)).toEqual([['user-joined', { user }]]);
  expect(await heard(carols)).toEqual([
    created(workspace.general),
    ['workspace-added', { workspace: expect.objectContaining({ id: workspace.id, userRelation: { role: 'user' } }) }],
  ]);
  const state = await carol.rest.ask<Shape>('GET', `/workspaces/${workspace.id}`);
  expect(state.channels.map(({ id }: Shape) => id)).toEqual([workspace.general]);
  expect(state.users).toHaveLength(3);
});

it('takes people out, in the order that clients need', async () => {
  await bob.select(workspace.general, bobs);
  const phone = await bob.sit(workspace.id);
  await alice.rest.ask('DELETE', `/workspaces/${workspace.id}/members/${bob.id}`);
  expect(await bobs.ended()).toBe('io server disconnect');
  expect(await phone.ended()).toMatch(/server disconnect/);
  const removal = [
    ['user-unselected-channel', { userId: bob.id, channelId: workspace.general, socketId: bobs.id }],
    deleted(workspace.general),
    ['user-leaved-workspace', { userId: bob.id, workspaceId: workspace.id }],
    ['kicked-from-workspace', { workspaceId: workspace.id }],
  ];
  const names = ['user-unselected-channel', 'channel-deleted', 'user-leaved-workspace', 'kicked-from-workspace'];
  expect(heardOf(bobs, ...names)).toEqual(removal);
  expect(heardOf(phone, ...names)).toEqual(removal);
  await office.settled(desk);
  expect(heardOf(desk, ...names)).toEqual([removal[0], removal[2]]);
  expect((await bob.rest.call<Shape>('GET', `/workspaces/${workspace.id}`)).body).toMatchObject({
    statusCode: 404,
    message: 'Not found',
  });
  expect(await bob.rest.ask('GET', '/workspaces')).toEqual([]);
  const last = await alice.rest.call<Shape>('POST', `/workspaces/${workspace.id}/leave`);
  expect([last.status, last.body.message]).toEqual([403, 'Access denied']);
});

it('deletes a workspace under everybody', async () => {
  await bob.select(workspace.general, bobs);
  const wrong = await alice.rest.call<Shape>('DELETE', `/workspaces/${workspace.id}`, { name: 'Acme 2' });
  expect([wrong.status, wrong.body.message]).toEqual([400, 'Wrong name']);
  expect((await bob.rest.call('DELETE', `/workspaces/${workspace.id}`, { name: 'Acme' })).status).toBe(403);
  await alice.rest.ask('DELETE', `/workspaces/${workspace.id}`, { name: 'Acme' });
  await bobs.ended();
  const names = ['user-unselected-channel', 'channel-deleted', 'user-leaved-workspace', 'kicked-from-workspace'];
  expect(heardOf(bobs, ...names)).toEqual([
    ['user-unselected-channel', { userId: bob.id, channelId: workspace.general, socketId: bobs.id }],
    deleted(workspace.general),
    ['user-leaved-workspace', { userId: bob.id, workspaceId: workspace.id }],
    ['kicked-from-workspace', { workspaceId: workspace.id }],
  ]);
});

it('tells of profiles in every workspace, and of private data to oneself', async () => {
  const carol = await office.hire('Carol');
  const other = await office.found(carol, bob);
  const far = await carol.sit(other.id);
  const profile = await bob.rest.ask<Shape>('POST', '/profile', { name: 'Bobby', lang: 'ru' });
  const wanted = ['user-updated', { user: profile }];
  expect(profile).toMatchObject({ id: bob.id, name: 'Bobby', lang: 'ru', email: bob.email });
  expect((await heard(desk)).at(-1)).toEqual(wanted);
  expect((await heard(far)).at(-1)).toEqual(wanted);
  expect((await heard(bobs)).at(-1)).toEqual(wanted);
  await bob.rest.ask('POST', '/me/app-settings', { theme: 'dark' });
  await bob.rest.ask('POST', '/me/app-settings', { sounds: false });
  expect((await heard(bobs)).at(-1)).toEqual([
    'me-updated',
    {
      user: {
        ...profile,
        updatedAt: expect.any(String),
        socialAuth: {},
        appSettings: { theme: 'dark', sounds: false },
      },
      whatWasUpdated: 'app-settings',
    },
  ]);
  expect((await heard(desk)).at(-1)).toEqual(wanted);
  const taken = await bob.rest.call<Shape>('POST', '/profile', { email: alice.email });
  expect([taken.status, taken.body.message]).toEqual([400, 'A user with that email address has already signed up']);
  await alice.rest.ask('POST', `/workspaces/${workspace.id}`, { name: 'Acme 2' });
  expect((await heard(bobs)).at(-1)).toMatchObject([
    'workspace-updated',
    { workspace: { id: workspace.id, name: 'Acme 2' } },
  ]);
});

it('shows what other wires and the administration do, under computed ids', async () => {
  const { core } = office;
  const admin = adminActor();
  const dave = await core.users.create(admin, { displayName: 'Dave' });
  const space = await core.spaces.findByExternalId('workspace', workspace.id);
  const owner = await core.users.findByEmail(alice.email);
  if (!space || !owner) throw new Error('nothing to begin with');
  const { conversation } = await core.conversations.create(admin, {
    kind: 'group',
    title: 'order 4711',
    spaceId: space.id,
    ownerId: dave.id,
    participants: [{ userId: dave.id }, { userId: owner.id }],
  });
  const daveId = `00000000-0000-8100-8000-${dave.id.toString(16).padStart(12, '0')}`;
  const channelId = `00000000-0000-8300-8000-${conversation.id.toString(16).padStart(12, '0')}`;
  expect(await desk.next('user-joined')).toMatchObject({
    user: { id: daveId, name: 'Dave', role: 'guest', onlineStatus: 'offline' },
  });
  expect(await desk.next('channel-created')).toEqual({ channelId, workspaceId: workspace.id });
  const { channel } = await alice.rest.ask<Shape>('GET', `/channels/${channelId}`);
  expect(channel).toMatchObject({ id: channelId, name: 'order 4711', isPrivate: true, creatorId: daveId });
  expect(await alice.rest.ask('GET', `/user/${daveId}`)).toMatchObject({ id: daveId, name: 'Dave' });
  const computed = `00000000-0000-8300-8000-${(conversation.id - 1).toString(16).padStart(12, '0')}`;
  for (const id of [computed, channelId.replace('83', '81'), channelId.replace('8000', '8001')]) {
    expect((await alice.rest.call('GET', `/channels/${id}`)).status).toBe(403);
  }
});
