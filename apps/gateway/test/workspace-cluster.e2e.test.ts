/** One office on two gateways that share a store and a Redis: where a device is connected makes no difference. */
import { createTestDatabase } from '@switchboard/persistence/testing';
import { createRest, openSocket } from '@switchboard/protocol-workspace/testing';
import { startTestGateway } from './support/gateway.ts';
import { heardOf, type Shape, select, signUp } from './support/office.ts';
import { hasRedis, startRedis } from './support/redis.ts';

const withRedis = hasRedis ? it : it.skip;
if (!hasRedis) process.stdout.write('no redis-server on this machine: an office on two gateways is left out\n');

const CALL_EVENTS = ['user-selected-channel', 'user-unselected-channel', 'user-changed-device'];

withRedis(
  'moves a call between devices on different nodes, resumes it on the other, and has one presence',
  async () => {
    const database = await createTestDatabase();
    const redis = await startRedis();
    const env = { SESSION_KEY: 'the same key for both of these gateways', REDIS_URL: redis.url };
    const change = { workspace: { graceMs: 1_500, callGraceMs: 4_000, leaveGraceMs: 200 } };
    const one = await startTestGateway(env, { database, change });
    const two = await startTestGateway(env, { database, change });
    const [here, there] = [one.addresses.main.url, two.addresses.main.url];

    const alice = await signUp(here, 'Alice');
    const { workspace } = await alice.rest.ask<Shape>('POST', '/workspaces', { name: 'Acme' });
    const { code } = await alice.rest.ask<Shape>('POST', `/workspaces/${workspace.id}/invites`);
    const bob = await signUp(there, 'Bob', code);
    const state = await bob.rest.ask<Shape>('GET', `/workspaces/${workspace.id}`);
    const general: string = state.channels[0].id;

    const desk = await alice.sit(workspace.id);
    const phone = await alice.sit(workspace.id, { url: there, version: '4.8' });
    const bobs = await bob.sit(workspace.id, { version: '2.3' });
    await desk.next('online-status-updated', ({ userId }) => userId === bob.id);

    // The same device by the other node's REST, then the other device.
    const far = await bob.rest.call('POST', `/channels/${general}/select?socketId=${desk.id}`);
    expect(far.status).toBe(400);
    await select(alice, general, desk);
    await bobs.next('user-selected-channel', ({ socketId }) => socketId === desk.id);
    await select(alice, general, phone);
    for (const socket of [desk, phone]) expect(await socket.next('user-changed-device')).toBeNull();
    await bobs.next('user-selected-channel', ({ socketId }) => socketId === phone.id);
    await select(bob, general, bobs);
    await desk.next('user-selected-channel', ({ userId }) => userId === bob.id);
    expect(heardOf(bobs, ...CALL_EVENTS).map(([name]) => name)).toEqual([
      'user-selected-channel',
      'user-selected-channel',
      'user-selected-channel',
    ]);
    const active = await alice.rest.ask<Shape[]>('GET', `/channels/${general}/active-users`);
    expect(active.map(({ userId }) => userId).sort()).toEqual([alice.id, bob.id].sort());

    // Broadcasts and media cross over.
    phone.emit('conversation-broadcast', { action: 'hand-up', data: { state: true } });
    expect(await bobs.next('conversation-broadcast')).toMatchObject({ userId: alice.id, action: 'hand-up' });
    const loud = { microphone: true, speakers: true, screen: false, camera: false, speaking: true };
    await alice.rest.ask('POST', `/user/media-state?socketId=${phone.id}`, loud);
    expect(await bobs.next('media-state-updated')).toMatchObject({ userId: alice.id, userMediaState: loud });

    // The phone is lost there and comes back here.
    const previous = phone.id;
    const back = openSocket(here, { version: '4.8' });
    const bound = await back.auth({ workspaceId: workspace.id, token: alice.token, prevSocketId: previous });
    expect(bound).toMatchObject({ reconnected: true, channelId: general });
    expect(await bobs.next('conversation-broadcast', ({ action }) => action === 'socket-reconnecting')).toMatchObject({
      data: false,
    });
    await phone.ended();
    await alice.rest.ask('POST', `/channels/${general}/unselect?socketId=${back.id}`);
    expect(await bobs.next('user-unselected-channel')).toMatchObject({ userId: alice.id, socketId: back.id });

    // Asleep on both nodes is idle; gone from both is offline.
    phone.disconnect();
    await alice.rest.ask('POST', `/user/online-status?socketId=${desk.id}`, { onlineStatus: 'idle', cause: 'sleep' });
    await alice.rest.ask('POST', `/user/online-status?socketId=${back.id}`, { onlineStatus: 'idle', cause: 'sleep' });
    await bobs.next(
      'online-status-updated',
      ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'idle',
    );
    desk.emit('logout');
    back.emit('logout');
    await bobs.next(
      'online-status-updated',
      ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'offline',
    );

    // A session that is revoked on one node ends its sockets on the other.
    await alice.rest.ask('POST', '/profile', { name: 'Alicia' });
    await bobs.next('user-updated', ({ user }) => user.name === 'Alicia');
    await createRest(here, bob.token).ask('POST', '/signout');
    expect(await bobs.ended()).toBe('io server disconnect');

    await Promise.all([one.close(), two.close()]);
    await redis.kill();
    await database.drop();
  },
  60_000,
);
