/** A full day in an office of the workspace wire, on a whole gateway that starts over in the middle of it, with a visitor on another wire. */
import { createTestDatabase } from '@switchboard/persistence/testing';
import { connectSignalr, type SignalrConnect } from '@switchboard/protocol-signalr/testing';
import { createRest, openSocket, type SocketClient } from '@switchboard/protocol-workspace/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { type Clerk, heardOf, QUIET, type Shape, select, signUp, toClerk } from './support/office.ts';

const CHANNEL_EVENTS = ['user-selected-channel', 'user-unselected-channel', 'media-state-updated', 'channel-updated'];
const env = { SESSION_KEY: 'the same key for both of these gateways' };
const change = { workspace: { graceMs: 400, callGraceMs: 3_000, leaveGraceMs: 50, inviteMs: 1_000 } };

it('runs through a whole day', async () => {
  const database = await createTestDatabase();
  let gateway: TestGateway = await startTestGateway(env, { database, change });
  const { url, port } = gateway.addresses.main;
  /** Every socket, and the channels that its user was ever in. */
  const sockets: { readonly socket: SocketClient; readonly clerk: Clerk }[] = [];
  const memberOf = new Map<string, Set<string>>();
  const isIn = (clerk: Clerk, ...channels: string[]) => {
    const known = memberOf.get(clerk.id) ?? new Set();
    for (const channel of channels) known.add(channel);
    memberOf.set(clerk.id, known);
  };
  const sit = async (clerk: Clerk, workspaceId: string, about: object = {}) => {
    const socket = await clerk.sit(workspaceId, { origin: 'heyka://.', ...about });
    sockets.push({ socket, clerk });
    return socket;
  };

  // Sign up, sign in, found the office, invite, join.
  const alice = await signUp(url, 'Alice');
  const { workspace } = await alice.rest.ask<Shape>('POST', '/workspaces', { name: 'Acme' });
  const { code } = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
  const bob = await signUp(url, 'Bob', code);
  const carol = await signUp(url, 'Carol');
  await carol.rest.ask('POST', `/join/${code}`);
  const signedIn = await createRest(url).ask<Shape>('POST', '/signin', {
    credentials: { email: 'alice@example.com', password: 'secret1' },
  });
  expect(signedIn.user.id).toBe(alice.id);
  const state = await alice.rest.ask<Shape>('GET', `/workspaces/${workspace.id}`);
  const general: string = state.channels[0].id;
  for (const clerk of [alice, bob, carol]) isIn(clerk, general);

  // Two devices of alice, three libraries, both ways to connect.
  const desk = await sit(alice, workspace.id, { version: '2.3' });
  const phone = await sit(alice, workspace.id, { version: '4.8', transports: ['websocket'] });
  const bobs = await sit(bob, workspace.id, { version: '2.4' });
  const carols = await sit(carol, workspace.id, { version: '4.8' });
  await desk.next('online-status-updated', ({ userId }) => userId === carol.id);

  // Channels public and private.
  const news = (await bob.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/channels`, { name: 'news' })).channel.id;
  for (const clerk of [alice, bob, carol]) isIn(clerk, news);
  const fields = { name: 'board', isPrivate: true };
  const board = (await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/channels`, fields)).channel.id;
  isIn(alice, board);
  await carols.next('channel-created', ({ channelId }) => channelId === board);
  expect((await carol.rest.call('GET', `/channels/${board}`)).status).toBe(403);

  // Select, media, move, another device.
  await select(alice, board, desk);
  await alice.rest.ask('POST', `/user/media-state?socketId=${desk.id}`, { ...QUIET, microphone: true });
  await phone.next('media-state-updated');
  await select(alice, general, desk, { ...QUIET, microphone: true });
  await bobs.next('user-selected-channel', ({ userId, channelId }) => userId === alice.id && channelId === general);
  await select(alice, general, phone);
  for (const socket of [desk, phone]) expect(await socket.next('user-changed-device')).toBeNull();
  await select(bob, general, bobs);

  // Mini-chat, across the wires.
  const { body: visitor } = await gateway.admin<{ id: number }>('POST', '/users', {
    displayName: 'Victor',
    identities: [{ protocol: 'signalr', externalId: 'victor' }],
  });
  const place = await gateway.core.conversations.findByExternalId('workspace', general);
  await gateway.admin('PUT', `/conversations/${place?.id}/participants/${visitor.id}`, {});
  const issued = await gateway.admin<{ connect: SignalrConnect }>('POST', '/credentials', {
    protocol: 'signalr',
    userId: visitor.id,
  });
  const hub = await connectSignalr(issued.body.connect);
  await carols.next('user-joined', ({ user }) => user.name === 'Victor');
  bobs.emit('conversation-broadcast', { action: 'mini-chat', userId: bob.id, data: { message: 'coffee &amp; cake?' } });
  expect(await phone.next('conversation-broadcast')).toMatchObject({
    userId: bob.id,
    data: { message: 'coffee &amp; cake?' },
  });
  expect(await hub.events.next('OnNewMessage')).toMatchObject({
    content: 'coffee & cake?',
    conversationId: String(place?.id),
  });
  await hub.ask('SendMessageToConversation', { content: 'cake <3', conversationId: String(place?.id) });
  for (const socket of [phone, bobs]) {
    const said = await socket.next('conversation-broadcast', ({ data }) => data.message === 'cake &lt;3');
    expect(said.userId).toBe(`00000000-0000-8100-8000-${visitor.id.toString(16).padStart(12, '0')}`);
  }

  // Status by hand and by sleep.
  await alice.rest.ask('POST', `/user/online-status?socketId=${desk.id}`, { onlineStatus: 'idle' });
  await carols.next(
    'online-status-updated',
    ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'idle',
  );
  expect(await phone.next('my-online-status-updated')).toEqual({ onlineStatus: 'idle' });
  await alice.rest.ask('POST', `/user/online-status?socketId=${desk.id}`, { onlineStatus: 'online' });
  await carol.rest.ask('POST', `/user/online-status?socketId=${carols.id}`, { onlineStatus: 'idle', cause: 'sleep' });
  await desk.next(
    'online-status-updated',
    ({ userId, onlineStatus }) => userId === carol.id && onlineStatus === 'idle',
  );

  // Invites with answer and without, a private talk.
  const message = { action: 'invite', channelId: board, isResponseNeeded: true };
  const asking = { userId: bob.id, workspaceId: workspace.id, channelId: board, isResponseNeeded: true, message };
  isIn(bob, board);
  const asked = await alice.rest.ask<Shape>('POST', '/send-invite', asking);
  await bobs.next('invite', ({ inviteId }) => inviteId === asked.inviteId);
  await bob.rest.ask('POST', '/invite-response', {
    inviteId: asked.inviteId,
    response: { action: 'busy', showResponse: true },
  });
  await desk.next('invite-response', ({ response }) => response.action === 'busy');
  const again = await alice.rest.ask<Shape>('POST', '/send-invite', asking);
  expect(await desk.next('invite-response', ({ inviteId }) => inviteId === again.inviteId)).toMatchObject({
    response: 'no-response',
  });
  const talk = (await carol.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/private-talk`, { users: [bob.id] }))
    .channel;
  for (const clerk of [bob, carol]) isIn(clerk, talk.id);
  expect(talk.name).toBe('Carol, Bob');
  await select(carol, talk.id, carols);
  await carol.rest.ask('POST', `/channels/${talk.id}/unselect?socketId=${carols.id}`);
  await bobs.next('channel-deleted', ({ channelId }) => channelId === talk.id);

  // A guest.
  const invite = await alice.rest.ask<Shape>('POST', `/channels/${general}/invite`);
  const joined = await createRest(url).ask<Shape>('POST', `/channels/join/${invite.token}`, { name: 'Gwen' });
  const gwen = toClerk(url, { id: joined.user.id, name: 'Gwen', token: joined.credentials.accessToken });
  isIn(gwen, general);
  const guests = await sit(gwen, workspace.id, { version: '2.4', transports: ['polling'] });
  await select(gwen, general, guests);
  await bobs.next('user-selected-channel', ({ userId }) => userId === gwen.id);
  guests.disconnect();
  await bobs.next('conversation-broadcast', ({ userId, data }) => userId === gwen.id && data === true);
  await bobs.next('user-leaved-workspace', ({ userId }) => userId === gwen.id);

  // A loss in the call with return, one without.
  const before = bobs.id;
  bobs.drop();
  await phone.next('conversation-broadcast', ({ action, data }) => action === 'socket-reconnecting' && data === true);
  await bobs.connected(2);
  expect(await bobs.auth({ workspaceId: workspace.id, token: bob.token, prevSocketId: before })).toMatchObject({
    reconnected: true,
    channelId: general,
  });
  await phone.next('conversation-broadcast', ({ action, data }) => action === 'socket-reconnecting' && data === false);
  phone.disconnect();
  await bobs.next('user-unselected-channel', ({ userId, channelId }) => userId === alice.id && channelId === general);

  // The gateway starts over: everybody comes back by itself, and is where it was.
  const beforeRestart = bobs.id;
  await gateway.close();
  gateway = await startTestGateway({ ...env, PORT: String(port) }, { database, change });
  await Promise.all([desk.connected(2), bobs.connected(3), carols.connected(2)]);
  expect(await bobs.auth({ workspaceId: workspace.id, token: bob.token, prevSocketId: beforeRestart })).toMatchObject({
    reconnected: true,
    channelId: general,
  });
  await desk.auth({ workspaceId: workspace.id, token: alice.token, prevSocketId: null });
  await carols.auth({ workspaceId: workspace.id, token: carol.token, prevSocketId: null });
  await bob.rest.ask('POST', `/channels/${general}/unselect?socketId=${bobs.id}`);
  await desk.next('user-unselected-channel', ({ userId, socketId }) => userId === bob.id && socketId === bobs.id);

  // Kick and leave.
  await alice.rest.ask('DELETE', `/workspaces/${workspace.id}/members/${carol.id}`);
  await carols.next('kicked-from-workspace');
  expect(await carols.ended(carols.ends.length)).toMatch(/disconnect|transport/);
  await bob.rest.ask('POST', `/workspaces/${workspace.id}/leave`);
  await desk.next('user-leaved-workspace', ({ userId }) => userId === bob.id);

  // Nobody heard of a channel that it was not in, and nobody was told of an error.
  for (const { socket, clerk } of sockets) {
    for (const [name, payload] of heardOf(socket, ...CHANNEL_EVENTS)) {
      const channelId = payload.channelId ?? payload.channel.id;
      expect([clerk.name, name, memberOf.get(clerk.id)?.has(channelId)]).toEqual([clerk.name, name, true]);
    }
    expect(socket.heard.filter(({ name }) => name.startsWith('socket-api-error'))).toEqual([]);
    socket.disconnect();
  }
  await hub.close().catch(() => undefined);
  await gateway.close();
  await database.drop();
}, 60_000);

it('signs the demo people in, whose world was made elsewhere', async () => {
  const gateway = await startTestGateway({ DEMO_WORLD: 'true' });
  const { url } = gateway.addresses.main;
  const { user, credentials } = await createRest(url).ask<Shape>('POST', '/signin', {
    credentials: { email: 'alice@demo.local', password: 'demo' },
  });
  expect(user.id).toBe('00000000-0000-8100-8000-000000000001');
  const rest = createRest(url, credentials.accessToken);
  const [demo] = await rest.ask<Shape[]>('GET', '/workspaces');
  expect(demo.name).toBe('Demo');
  const state = await rest.ask<Shape>('GET', `/workspaces/${demo.id}`);
  expect(state.channels.map(({ name }: Shape) => name).sort()).toEqual(['Lobby', 'general', 'standup']);
  expect(state.users.map(({ id }: Shape) => id)).toEqual(
    [1, 2, 3, 4].map((n) => `00000000-0000-8100-8000-00000000000${n}`),
  );
  const socket = openSocket(url);
  expect(await socket.auth({ token: credentials.accessToken, workspaceId: demo.id })).toMatchObject({
    userId: user.id,
  });
  socket.disconnect();
  await gateway.close();
});
