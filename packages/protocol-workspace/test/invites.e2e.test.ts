import type { SocketClient } from '../testing/driver.ts';
import { type Clerk, createOffice, heardOf, type Office, QUIET, type Shape } from './support/office.ts';

let office: Office;
let alice: Clerk;
let bob: Clerk;
let workspace: { id: string; general: string };
let desk: SocketClient;
let bobs: SocketClient;

beforeEach(async () => {
  office = await createOffice({ adapter: { inviteTtlMs: 200_000 } });
  alice = await office.hire('Alice Liddell');
  bob = await office.hire('Bob');
  workspace = await office.found(alice, bob);
  desk = await alice.sit(workspace.id);
  bobs = await bob.sit(workspace.id, { version: '4.8' });
});
afterEach(() => office.close());

const INVITES = ['invite', 'invite-response', 'invite-cancelled', 'channel-created', 'channel-deleted'];

async function attempt(clerk: Clerk, path: string, body?: object): Promise<[number, string]> {
  const { status, body: answer } = await clerk.rest.call<Shape>('POST', path, body);
  return [status, answer.message];
}

describe('an invite into a channel', () => {
  let channelId: string;
  let asking: Shape;

  beforeEach(async () => {
    const made = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/channels`, {
      name: 'secret',
      isPrivate: true,
    });
    channelId = made.channel.id;
    await bobs.next('channel-created');
    const message = { action: 'invite', channelId, isResponseNeeded: true };
    asking = { userId: bob.id, workspaceId: workspace.id, channelId, isResponseNeeded: true, message };
  });

  it('brings the guest in, rings once, and is answered', async () => {
    const { inviteId } = await alice.rest.ask<Shape>('POST', '/send-invite', asking);
    expect(await bobs.next('channel-created')).toEqual({ channelId, workspaceId: workspace.id });
    const { userId: _to, ...rest } = asking;
    expect(await bobs.next('invite')).toEqual({ inviteId, userId: alice.id, ...rest });
    expect(await alice.rest.ask('POST', '/send-invite', asking)).toEqual({ inviteId });
    const response = { action: 'busy', showResponse: true, text: 'declined' };
    expect(await attempt(alice, '/invite-response', { inviteId, response })).toEqual([400, 'Message not found']);
    await bob.rest.ask('POST', '/invite-response', { inviteId, response });
    expect(await desk.next('invite-response')).toEqual({ inviteId, userId: bob.id, response });
    expect(await attempt(bob, '/invite-response', { inviteId, response })).toEqual([400, 'Message not found']);
    await office.settled(bobs);
    expect(heardOf(bobs, 'invite', 'invite-cancelled')).toHaveLength(1);
  });

  it('is answered by nobody within 40 s', async () => {
    const { inviteId } = await alice.rest.ask<Shape>('POST', '/send-invite', asking);
    await bobs.next('invite');
    await office.test.clock.advance(39_000);
    await office.settled(desk);
    expect(heardOf(desk, 'invite-response')).toEqual([]);
    await office.test.clock.advance(2_500);
    expect(await desk.next('invite-response')).toEqual({ inviteId, userId: bob.id, response: 'no-response' });
  });

  it('is taken back by coming in, and by the end of the channel', async () => {
    const { inviteId } = await alice.rest.ask<Shape>('POST', '/send-invite', asking);
    await bob.select(channelId, bobs);
    expect(await bobs.next('invite-cancelled')).toEqual({ inviteId });
    expect(await alice.rest.ask('POST', '/send-invite', asking)).toEqual({ inviteId: expect.any(String) });
    await bob.rest.ask('POST', `/channels/${channelId}/unselect?socketId=${bobs.id}`);
    const again = await alice.rest.ask<Shape>('POST', '/send-invite', asking);
    await alice.rest.ask('DELETE', `/channels/${channelId}`);
    await office.settled(bobs);
    expect(heardOf(bobs, ...INVITES).slice(-3)).toEqual([
      ['invite', expect.objectContaining({ inviteId: again.inviteId })],
      ['invite-cancelled', { inviteId: again.inviteId }],
      ['channel-deleted', { channelId, workspaceId: workspace.id }],
    ]);
  });

  it('is refused for oneself, for strangers and for foreign channels', async () => {
    const stranger = await office.hire('Stranger');
    expect(await attempt(alice, '/send-invite', { ...asking, userId: alice.id })).toEqual([
      400,
      'Can not invite yourself',
    ]);
    expect(await attempt(alice, '/send-invite', { ...asking, userId: stranger.id })).toEqual([404, 'User not found']);
    expect(await attempt(bob, '/send-invite', { ...asking, userId: alice.id })).toEqual([403, 'Access denied']);
    expect(await attempt(alice, '/send-invite', { ...asking, message: null })).toEqual([
      400,
      'Invalid request payload input',
    ]);
    const { userId: _one, ...many } = asking;
    const users = [bob.id, stranger.id];
    expect(await alice.rest.ask('POST', '/send-invites', { ...many, users })).toEqual({
      invites: [
        { userId: bob.id, status: 'ok', invite: expect.any(String) },
        { userId: stranger.id, status: 'error' },
      ],
    });
  });
});

describe('a private talk', () => {
  it('is made of two by their first names, rings, is reused, and goes with the last', async () => {
    const path = `/workspaces/${workspace.id}/private-talk`;
    const { channel } = await alice.rest.ask<Shape>('POST', path, { users: [bob.id] });
    expect(channel).toMatchObject({ name: 'Alice, Bob', creatorId: alice.id, isPrivate: true, isTemporary: true });
    expect(channel).not.toHaveProperty('expiredAt');
    const { id: channelId } = channel;
    expect(await desk.next('channel-created')).toEqual({ channelId, workspaceId: workspace.id });
    expect(await bobs.next('invite')).toMatchObject({
      isResponseNeeded: true,
      userId: alice.id,
      channelId,
      workspaceId: workspace.id,
      message: { action: 'invite', channelId, isResponseNeeded: true },
    });
    expect((await bob.rest.ask<Shape>('POST', path, { users: [alice.id] })).channel.id).toBe(channelId);
    await office.settled(desk, bobs);
    expect(heardOf(bobs, ...INVITES)).toHaveLength(2);
    expect(heardOf(desk, ...INVITES)).toHaveLength(1);
    await alice.select(channelId, desk);
    await bob.select(channelId, bobs);
    await alice.rest.ask('POST', `/channels/${channelId}/unselect?socketId=${desk.id}`);
    await bob.rest.ask('POST', `/channels/${channelId}/unselect?socketId=${bobs.id}`);
    await office.test.clock.advance(2_000);
    expect(await desk.next('channel-deleted')).toEqual({ channelId, workspaceId: workspace.id });
    expect((await alice.rest.ask<Shape>('POST', path, { users: [bob.id] })).channel.id).not.toBe(channelId);
  });

  it('wants members of the workspace, and somebody else', async () => {
    const stranger = await office.hire('Stranger');
    const path = `/workspaces/${workspace.id}/private-talk`;
    expect((await attempt(alice, path, { users: [stranger.id] }))[0]).toBe(400);
    expect((await attempt(alice, path, { users: [alice.id] }))[0]).toBe(400);
    expect((await attempt(alice, path, { users: [] }))[0]).toBe(400);
    expect(await attempt(stranger, path, { users: [bob.id] })).toEqual([404, 'Not found']);
  });
});

describe('a guest', () => {
  const join = async (channelId: string) => {
    const invite = await alice.rest.ask<Shape>('POST', `/channels/${channelId}/invite`);
    return { invite, ...(await office.rest.ask<Shape>('POST', `/channels/join/${invite.token}`, { name: 'Guest' })) };
  };

  it('comes by an invite into one channel, takes part, and goes with its last connection', async () => {
    const { invite, user, credentials } = await join(workspace.general);
    expect(invite).toEqual({
      id: expect.any(String),
      token: expect.stringMatching(/^[A-Za-z0-9]{12}$/),
      expiredAt: expect.any(String),
      channelId: workspace.general,
      workspaceId: workspace.id,
    });
    expect(await alice.rest.ask('GET', `/channels/${workspace.general}/invite`)).toEqual(invite);
    expect(user).toMatchObject({
      name: 'Guest',
      temporaryUser: true,
      isEmailVerified: false,
      socialAuth: {},
      appSettings: {},
    });
    expect(user).not.toHaveProperty('email');
    expect(await desk.next('user-joined', (joined) => joined.user.id === user.id)).toMatchObject({
      user: { role: 'guest', temporaryUser: true },
    });

    const guest = office.socket({ version: '2.3' });
    await guest.auth({ workspaceId: workspace.id, token: credentials.accessToken });
    const rest = office.rest;
    rest.token = credentials.accessToken;
    expect((await rest.ask<Shape[]>('GET', '/workspaces')).map(({ id }) => id)).toEqual([workspace.id]);
    const state = await rest.ask<Shape>('GET', `/workspaces/${workspace.id}`);
    expect([state.workspace.userRelation.role, state.channels.map(({ id }: Shape) => id)]).toEqual([
      'guest',
      [workspace.general],
    ]);
    await rest.ask('POST', '/profile', { name: 'Gwen' });
    expect(await desk.next('user-updated')).toMatchObject({ user: { id: user.id, name: 'Gwen' } });
    const refused = await rest.call<Shape>('POST', `/workspaces/${workspace.id}/channels`, { name: 'mine' });
    expect([refused.status, refused.body.message]).toEqual([401, 'UserCanNotCreateChannels']);
    expect((await rest.call('POST', `/workspaces/${workspace.id}/invites`)).status).toBe(403);
    expect((await rest.call('POST', `/channels/${workspace.general}/invite`)).status).toBe(403);
    await rest.ask('POST', `/channels/${workspace.general}/select?socketId=${guest.id}`, QUIET);
    guest.emit('conversation-broadcast', { action: 'mini-chat', data: { message: 'bye' } });
    await guest.next('conversation-broadcast');
    guest.emit('logout');
    expect(await desk.next('user-leaved-workspace')).toEqual({ userId: user.id, workspaceId: workspace.id });
    await office.settled(desk);
    expect(heardOf(desk, 'user-leaved-workspace')).toHaveLength(1);
    expect((await alice.rest.ask<Shape>('GET', `/workspaces/${workspace.id}`)).users).toHaveLength(2);
    // The last step: nobody is told of it but the log.
    for (;;) {
      const { status, body } = await rest.call<Shape>('GET', '/me');
      if (status === 401 && body.message === 'Bad token') break;
    }
  });

  it('who was lost while nobody looked is taken away after the next start', async () => {
    const { user } = await join(workspace.general);
    await desk.next('user-joined', (joined) => joined.user.id === user.id);
    await office.test.clock.advance(119_000);
    await office.settled(desk);
    expect(heardOf(desk, 'user-leaved-workspace')).toEqual([]);
    await office.test.clock.advance(2_000);
    expect(await desk.next('user-leaved-workspace')).toEqual({ userId: user.id, workspaceId: workspace.id });
  });

  it('is not let in by an invite that is none any more', async () => {
    const { invite } = await join(workspace.general);
    const { body } = await office.rest.call<Shape>('POST', '/channels/join/nonsense1234', { name: 'Guest' });
    expect(body).toMatchObject({ statusCode: 400, message: 'Invalid invite code' });
    await alice.rest.ask('DELETE', `/channels/${workspace.general}/invites?revokeAccess=true`);
    expect((await office.rest.call('POST', `/channels/join/${invite.token}`, { name: 'Guest' })).status).toBe(400);
    const none = await alice.rest.call<Shape>('GET', `/channels/${workspace.general}/invite`);
    expect([none.status, none.body.message]).toEqual([404, 'InviteNotFound']);
    const members = await alice.rest.ask<Shape[]>('GET', `/channels/${workspace.general}/members`);
    expect(members.map(({ id }) => id)).not.toContain(expect.objectContaining({ temporaryUser: true }));
    expect(members).toHaveLength(2);
  });
});

it('lets somebody sign up straight into a workspace', async () => {
  const { code } = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
  const user = { name: 'Dora', email: 'dora@example.com', password: 'secret1' };
  const wrong = await office.rest.call<Shape>('POST', '/signup', { user: { ...user, inviteCode: 'nonsense' } });
  expect([wrong.status, wrong.body.message]).toEqual([400, 'Invite code is invalid']);
  const dora = await office.signUp('Dora', code);
  expect(await desk.next('user-joined', (joined) => joined.user.id === dora.id)).toMatchObject({
    user: { onlineStatus: 'offline' },
  });
  expect((await dora.rest.ask<Shape>('GET', `/workspaces/${workspace.id}`)).users).toHaveLength(3);
  const twice = await office.rest.call<Shape>('POST', '/signup', { user });
  expect(twice.body).toEqual({
    statusCode: 400,
    error: 'Bad Request',
    message: 'A user with that email address has already signed up',
  });
  await office.test.clock.advance(200_001);
  const late = await bob.rest.call<Shape>('POST', `/join/${code}`);
  expect([late.status, late.body.message]).toEqual([400, 'InvalidCode']);
  expect((await office.rest.call<Shape>('GET', `/check/${code}`)).body.message).toBe('Invite code is not valid');
});
