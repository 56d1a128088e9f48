import type { SocketClient } from '../testing/driver.ts';
import { type Clerk, createOffice, heardOf, type Office, QUIET, type Shape } from './support/office.ts';

const CALL_EVENTS = ['user-selected-channel', 'user-unselected-channel', 'user-changed-device'];
const LOUD = { ...QUIET, microphone: true };

let office: Office;
let alice: Clerk;
let bob: Clerk;
let workspace: { id: string; general: string };
let other: string;
let desk: SocketClient;
let bobs: SocketClient;

beforeEach(async () => {
  office = await createOffice();
  alice = await office.hire('Alice');
  bob = await office.hire('Bob');
  workspace = await office.found(alice, bob);
  const made = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/channels`, { name: 'other' });
  other = made.channel.id;
  desk = await alice.sit(workspace.id);
  bobs = await bob.sit(workspace.id, { version: '4.8' });
});
afterEach(() => office.close());

const selected = (channelId: string, socket: SocketClient, userMediaState: object = QUIET, user = alice) => [
  'user-selected-channel',
  { userId: user.id, channelId, userMediaState, socketId: socket.id },
];
const unselected = (channelId: string, socketId: string, user = alice) => [
  'user-unselected-channel',
  { userId: user.id, channelId, socketId },
];
const CHANGED = ['user-changed-device', null];

async function activeUsers(channelId: string): Promise<Shape[]> {
  return bob.rest.ask('GET', `/channels/${channelId}/active-users`);
}

async function messageOf(clerk: Clerk, path: string, body?: object): Promise<[number, string]> {
  const { status, body: answer } = await clerk.rest.call<Shape>('POST', path, body);
  return [status, answer.message];
}

describe('entering a channel', () => {
  it('shows who comes with what, and answers behind it', async () => {
    const { connectionOptions } = await alice.select(workspace.general, desk, LOUD);
    expect(heardOf(desk, ...CALL_EVENTS)).toEqual([selected(workspace.general, desk, LOUD)]);
    expect(connectionOptions).toEqual({
      janusServerUrl: expect.stringMatching(/^http/),
      janusWsServerUrl: expect.stringMatching(/^ws/),
      audioRoomId: expect.any(Number),
      videoRoomId: expect.any(Number),
      janusAuthToken: expect.stringMatching(/^[0-9a-f]{50}$/),
      channelAuthToken: expect.stringMatching(/^[0-9a-f]{50}$/),
    });
    await office.settled(bobs);
    expect(heardOf(bobs, ...CALL_EVENTS)).toEqual([selected(workspace.general, desk, LOUD)]);
    expect(await activeUsers(workspace.general)).toEqual([{ userId: alice.id, ...LOUD }]);
  });

  it('leaves the channel before when the same device goes on', async () => {
    await alice.select(workspace.general, desk);
    await alice.select(other, desk);
    await office.settled(desk, bobs);
    const moved = [selected(workspace.general, desk), unselected(workspace.general, desk.id), selected(other, desk)];
    expect(heardOf(desk, ...CALL_EVENTS)).toEqual(moved);
    expect(heardOf(bobs, ...CALL_EVENTS)).toEqual(moved);
    expect(await activeUsers(workspace.general)).toEqual([]);
  });

  it('moves from another device in another channel', async () => {
    const phone = await alice.sit(workspace.id, { version: '2.3' });
    await alice.select(workspace.general, desk);
    await alice.select(other, phone);
    await office.settled(desk, phone, bobs);
    const [come, go] = [selected(other, phone), unselected(workspace.general, desk.id)];
    expect(heardOf(desk, ...CALL_EVENTS)).toEqual([selected(workspace.general, desk), come, CHANGED, go]);
    expect(heardOf(phone, ...CALL_EVENTS)).toEqual([selected(workspace.general, desk), come, CHANGED, go]);
    expect(heardOf(bobs, ...CALL_EVENTS)).toEqual([selected(workspace.general, desk), come, go]);
    expect(await activeUsers(other)).toHaveLength(1);
    expect(await activeUsers(workspace.general)).toEqual([]);
  });

  it('moves from another device in the same channel', async () => {
    const phone = await alice.sit(workspace.id);
    await alice.select(workspace.general, desk);
    await alice.select(workspace.general, phone);
    await office.settled(desk, phone, bobs);
    expect(heardOf(desk, ...CALL_EVENTS)).toEqual([
      selected(workspace.general, desk),
      selected(workspace.general, phone),
      CHANGED,
    ]);
    expect(heardOf(bobs, ...CALL_EVENTS)).toEqual([
      selected(workspace.general, desk),
      selected(workspace.general, phone),
    ]);
    expect(await activeUsers(workspace.general)).toHaveLength(1);
    expect(await messageOf(alice, `/channels/${workspace.general}/unselect?socketId=${desk.id}`)).toEqual([
      400,
      'Channel is not selected',
    ]);
  });

  it('is refused in the order of the checks', async () => {
    const hidden = await bob.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/channels`, {
      name: 'hidden',
      isPrivate: true,
    });
    const select = (channelId: string, socketId: string, media: object = QUIET) =>
      messageOf(alice, `/channels/${channelId}/select?socketId=${socketId}`, media);
    expect(await select(hidden.channel.id, 'nobody')).toEqual([403, 'Access denied']);
    expect(await select('64c0d0b9-0ad7-4b1c-9e3d-99e12b0bf006', desk.id)).toEqual([403, 'Access denied']);
    expect(await select(workspace.general, 'nobody')).toEqual([400, 'Socket not found']);
    expect(await select(workspace.general, bobs.id)).toEqual([400, 'Socket not found']);
    expect(await select(workspace.general, desk.id, { microphone: true })).toEqual([
      400,
      'Invalid request payload input',
    ]);
    expect(await select(workspace.general, 'undefined')).toEqual([400, 'Invalid request params input']);
    const elsewhere = await office.found(alice);
    expect(await select(elsewhere.general, desk.id)).toEqual([400, 'Socket not found']);
    await alice.select(workspace.general, desk);
    expect(await select(workspace.general, desk.id)).toEqual([400, 'Channel already selected']);
    await office.settled(desk);
    expect(heardOf(desk, ...CALL_EVENTS)).toHaveLength(1);
  });

  it('ends by leaving', async () => {
    await alice.select(workspace.general, desk);
    const unselect = `/channels/${workspace.general}/unselect?socketId=${desk.id}`;
    const answer = await alice.rest.call('POST', unselect);
    expect([answer.status, answer.body, answer.type]).toEqual([200, 'ok', expect.stringContaining('text/html')]);
    expect(heardOf(desk, ...CALL_EVENTS)[1]).toEqual(unselected(workspace.general, desk.id));
    expect(await messageOf(alice, unselect)).toEqual([400, 'Channel is not selected']);
  });
});

describe('media state', () => {
  const post = (clerk: Clerk, socket: { id: string }, media: object) =>
    messageOf(clerk, `/user/media-state?socketId=${socket.id}`, media);

  it('is told to the channel with its stamps, and kept', async () => {
    await alice.select(workspace.general, desk);
    await alice.rest.ask('POST', `/user/media-state?socketId=${desk.id}`, { ...LOUD, camera: true, speaking: true });
    const startedAt = new Date(office.test.clock.now()).toISOString();
    const userMediaState = {
      ...LOUD,
      camera: true,
      speaking: true,
      startCameraTs: startedAt,
      startSpeakingTs: startedAt,
    };
    const wanted = { userId: alice.id, channelId: workspace.general, userMediaState };
    expect(await bobs.next('media-state-updated')).toEqual(wanted);
    expect(await desk.next('media-state-updated')).toEqual(wanted);
    await office.test.clock.advance(2_000);
    await alice.rest.ask('POST', `/user/media-state?socketId=${desk.id}`, {
      ...QUIET,
      camera: true,
      speaking: true,
      startCameraTs: '2000-01-01T00:00:00.000Z',
    });
    const muted = await bobs.next('media-state-updated');
    expect(muted.userMediaState).toEqual({
      ...QUIET,
      camera: true,
      startCameraTs: startedAt,
      startSpeakingTs: startedAt,
    });
    await office.test.clock.advance(2_000);
    expect(await activeUsers(workspace.general)).toEqual([{ userId: alice.id, ...muted.userMediaState }]);
  });

  it('is the business of the device that is in', async () => {
    const phone = await alice.sit(workspace.id);
    await alice.select(workspace.general, desk);
    expect(await post(alice, phone, QUIET)).toEqual([400, 'Socket connection not in a channel']);
    expect(await post(alice, { id: 'nobody' }, QUIET)).toEqual([400, 'Unknow socket connection']);
    expect(await post(alice, { id: 'undefined' }, QUIET)).toEqual([400, 'Invalid request params input']);
    expect(await post(alice, desk, { ...QUIET, speaking: 'yes' })).toEqual([400, 'Invalid request payload input']);
  });

  it('is asked for by muting for all', async () => {
    await alice.select(workspace.general, desk);
    const mute = (userId: string) => messageOf(alice, `/mute-for-all?socketId=${desk.id}`, { userId });
    expect(await mute(bob.id)).toEqual([400, 'Users are not in the same channel']);
    await bob.select(workspace.general, bobs, LOUD);
    await alice.rest.ask('POST', `/mute-for-all?socketId=${desk.id}`, { userId: bob.id });
    expect(await bobs.next('muted-for-all')).toEqual({ fromUserId: alice.id, socketId: bobs.id });
    await office.settled(desk, bobs);
    expect(heardOf(desk, 'muted-for-all', 'media-state-updated')).toEqual([]);
  });
});

describe('broadcasts', () => {
  it('reach everybody in the call, the sender included, under the name of the sender', async () => {
    const carol = await office.hire('Carol');
    const { code } = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
    await carol.rest.ask('POST', `/join/${code}`);
    const outside = await carol.sit(workspace.id);
    await alice.select(workspace.general, desk);
    await bob.select(workspace.general, bobs);
    desk.emit('conversation-broadcast', { action: 'hand-up', userId: bob.id, data: { state: true } });
    const wanted = { action: 'hand-up', userId: alice.id, data: { state: true } };
    expect(await bobs.next('conversation-broadcast')).toEqual(wanted);
    expect(await desk.next('conversation-broadcast')).toEqual(wanted);
    outside.emit('conversation-broadcast', { transaction: 'x', action: 'hand-up', data: { state: true } });
    await office.settled(desk, bobs, outside);
    expect(heardOf(outside, 'conversation-broadcast', 'socket-api-error-x')).toEqual([]);
    expect(heardOf(bobs, 'conversation-broadcast')).toHaveLength(1);
  });

  it('are refused when they are none, or too large, and survive a flood', async () => {
    await alice.select(workspace.general, desk);
    await bob.select(workspace.general, bobs);
    desk.emit('conversation-broadcast', { transaction: 1, data: {} });
    const text = 'Invalid data format for "conversation-broadcast" event';
    expect(await desk.next('socket-api-error-1')).toEqual({ message: text });
    desk.emit('conversation-broadcast', { transaction: 'big', action: 'x', data: 'x'.repeat(70_000) });
    expect(await desk.next('socket-api-error-big')).toEqual({ message: 'Payload is too large' });
    let deep: unknown = 1;
    for (let at = 0; at < 100; at += 1) deep = [deep];
    desk.emit('conversation-broadcast', { action: 'x', data: deep });
    expect(await desk.next('socket-api-error', ({ event }) => event === 'conversation-broadcast')).toBeDefined();
    for (let at = 0; at < 300; at += 1) desk.emit('conversation-broadcast', { action: 'flood', data: at });
    await bobs.next('conversation-broadcast', ({ data }) => data === 299);
    const seen = heardOf(bobs, 'conversation-broadcast').map(([, payload]) => (payload as Shape).data);
    expect(seen).toEqual(Array.from({ length: 300 }, (_, at) => at));
  });
});

describe('a lost connection', () => {
  const reconnecting = (data: boolean) => ({ action: 'socket-reconnecting', userId: alice.id, data });

  it('keeps its place in the call when it comes back, by the id it had', async () => {
    const { connectionOptions } = await alice.select(workspace.general, desk, LOUD);
    await bob.select(workspace.general, bobs);
    const previous = desk.id;
    desk.drop();
    expect(await bobs.next('conversation-broadcast')).toEqual(reconnecting(true));
    await desk.connected(2);
    const back = await desk.auth({ workspaceId: workspace.id, token: alice.rest.token, prevSocketId: previous });
    const { janusAuthToken: serverAuthToken, ...rest } = connectionOptions;
    expect(back).toEqual({
      userId: alice.id,
      transaction: 'auth',
      reconnected: true,
      onlineStatus: 'online',
      channelId: workspace.general,
      serverAuthToken,
      ...rest,
    });
    expect(await bobs.next('conversation-broadcast')).toEqual(reconnecting(false));
    await office.test.clock.advance(120_000);
    await office.settled(desk, bobs);
    expect(heardOf(desk, 'conversation-broadcast')).toEqual([['conversation-broadcast', reconnecting(false)]]);
    expect(heardOf(bobs, 'user-unselected-channel')).toEqual([]);
    expect(heardOf(bobs, 'online-status-updated').map(([, payload]) => (payload as Shape).onlineStatus)).toEqual([
      'online',
    ]);
    await alice.rest.ask('POST', `/channels/${workspace.general}/unselect?socketId=${desk.id}`);
    expect(await bobs.next('user-unselected-channel')).toMatchObject({ socketId: desk.id });
  });

  it('is taken over although nobody has noticed yet that it is lost', async () => {
    await alice.select(workspace.general, desk);
    const again = office.socket({ version: '4.8' });
    const back = await again.auth({ workspaceId: workspace.id, token: alice.rest.token, prevSocketId: desk.id });
    expect(back).toMatchObject({ reconnected: true, channelId: workspace.general });
    await office.test.clock.advance(120_000);
    await office.settled(bobs);
    expect(heardOf(bobs, 'user-unselected-channel')).toEqual([]);
    expect(await activeUsers(workspace.general)).toHaveLength(1);
  });

  it('leaves after its grace', async () => {
    await alice.select(workspace.general, desk);
    desk.disconnect();
    await desk.ended();
    // The grace begins with its entry.
    while ((await office.test.events('call.leg_dropped')).length === 0) await new Promise(setImmediate);
    await office.test.clock.advance(59_000);
    await office.settled(bobs);
    expect(heardOf(bobs, 'user-unselected-channel')).toEqual([]);
    await office.test.clock.advance(3_000);
    expect(await bobs.next('user-unselected-channel')).toMatchObject({
      userId: alice.id,
      channelId: workspace.general,
    });
    await bobs.next(
      'online-status-updated',
      ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'offline',
    );
    const late = office.socket();
    const bound = await late.auth({ workspaceId: workspace.id, token: alice.rest.token, prevSocketId: desk.id });
    expect(bound).toMatchObject({ reconnected: false });
    expect(bound).not.toHaveProperty('channelId');
  });

  it('leaves at once by logout, and its tokens stay good', async () => {
    await alice.select(workspace.general, desk);
    desk.emit('logout');
    expect(await desk.ended()).toBe('io server disconnect');
    expect(await bobs.next('user-unselected-channel')).toMatchObject({ userId: alice.id });
    await bobs.next(
      'online-status-updated',
      ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'offline',
    );
    await alice.rest.ask('GET', '/protected');
    expect(desk.connects).toBe(1);
  });

  it('is told to return when the gateway stops', async () => {
    await alice.select(workspace.general, desk);
    const phone = await alice.sit(workspace.id, { version: '2.3' });
    const closing = office.host.close();
    expect(await desk.ended()).not.toBe('io server disconnect');
    expect(await phone.ended()).not.toBe('io server disconnect');
    expect(await bobs.ended()).not.toBe('io server disconnect');
    await closing;
  });
});
