import type { ConnectionId } from '@switchboard/core';
import { createActor } from '@switchboard/protocol';
import type { SocketClient } from '../testing/driver.ts';
import { type Clerk, createOffice, heardOf, type Office, type Shape } from './support/office.ts';

let office: Office;
let alice: Clerk;
let bob: Clerk;
let workspaceId: string;
let watch: SocketClient;

beforeEach(async () => {
  office = await createOffice();
  alice = await office.hire('Alice');
  bob = await office.hire('Bob');
  workspaceId = (await office.found(alice, bob)).id;
  watch = await bob.sit(workspaceId);
});
afterEach(() => office.close());

const set = (socket: SocketClient, onlineStatus: string, cause?: string) =>
  alice.rest.ask('POST', `/user/online-status?socketId=${socket.id}`, { onlineStatus, ...(cause && { cause }) });

/** What was said of alice so far. */
async function said(socket = watch): Promise<string[]> {
  await office.settled(socket);
  return heardOf(socket, 'online-status-updated')
    .map(([, payload]) => payload as Shape)
    .filter(({ userId }) => userId === alice.id)
    .map(({ onlineStatus }) => onlineStatus);
}

const saidOfMe = (socket: SocketClient) => heardOf(socket, 'my-online-status-updated').map(([, payload]) => payload);

it('begins with what the first device asks for, and further devices change nothing', async () => {
  const desk = await alice.sit(workspaceId, { onlineStatus: 'idle' });
  const phone = office.socket({ version: '4.8' });
  expect(await phone.auth({ workspaceId, token: alice.rest.token, onlineStatus: 'online' })).toMatchObject({
    onlineStatus: 'idle',
  });
  expect(await said()).toEqual(['idle']);
  await office.settled(desk, phone);
  expect([saidOfMe(desk), saidOfMe(phone)]).toEqual([[], []]);
});

it('is set by hand for all devices, and told only when it changes', async () => {
  const [desk, phone] = [await alice.sit(workspaceId), await alice.sit(workspaceId)];
  await set(desk, 'offline');
  await set(desk, 'offline', 'manually');
  await set(phone, 'online');
  expect(await said()).toEqual(['online', 'offline', 'online']);
  await office.settled(desk, phone);
  const both = [{ onlineStatus: 'offline' }, { onlineStatus: 'online' }];
  expect([saidOfMe(desk), saidOfMe(phone)]).toEqual([both, both]);
  expect(saidOfMe(watch)).toEqual([]);
});

it('goes on hearing everything while it is invisible', async () => {
  const desk = await alice.sit(workspaceId, { onlineStatus: 'offline' });
  await bob.rest.ask('POST', `/workspaces/${workspaceId}/channels`, { name: 'news' });
  await desk.next('channel-created');
  expect(await said()).toEqual([]);
});

it('falls asleep only when all devices do, and wakes with one', async () => {
  const [desk, phone] = [await alice.sit(workspaceId), await alice.sit(workspaceId)];
  await set(desk, 'idle', 'sleep');
  expect(await said()).toEqual(['online']);
  await set(phone, 'idle', 'sleep');
  expect(await said()).toEqual(['online', 'idle']);
  await set(desk, 'online', 'sleep');
  expect(await said()).toEqual(['online', 'idle', 'online']);
  expect(saidOfMe(desk)).toEqual([]);
});

it('falls asleep when those who were awake have gone', async () => {
  const [desk, phone] = [await alice.sit(workspaceId), await alice.sit(workspaceId)];
  await set(desk, 'idle', 'sleep');
  phone.emit('logout');
  await watch.next(
    'online-status-updated',
    ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'idle',
  );
  expect(await said()).toEqual(['online', 'idle']);
});

it('does not wake what was set by hand', async () => {
  const desk = await alice.sit(workspaceId);
  await set(desk, 'idle');
  await set(desk, 'idle', 'sleep');
  await set(desk, 'online', 'sleep');
  expect(await said()).toEqual(['online', 'idle']);
});

it('ends a second after a disconnect, five after a loss, and not when somebody comes back in time', async () => {
  const isGone = async (count: number) => {
    while (office.host.hub.size > count) await new Promise((resolve) => setImmediate(resolve));
  };
  const desk = await alice.sit(workspaceId);
  desk.disconnect();
  await isGone(1);
  await office.test.clock.advance(900);
  expect(await said()).toEqual(['online']);
  const again = await alice.sit(workspaceId, { version: '4.8' });
  await office.test.clock.advance(10_000);
  expect(await said()).toEqual(['online']);
  again.drop();
  await again.connected(2);
  await isGone(1);
  await office.test.clock.advance(3_000);
  expect(await said()).toEqual(['online']);
  await office.test.clock.advance(4_000);
  await watch.next(
    'online-status-updated',
    ({ userId, onlineStatus }) => userId === alice.id && onlineStatus === 'offline',
  );
  expect(await said()).toEqual(['online', 'offline']);
});

it('is announced in every workspace of the user', async () => {
  const carol = await office.hire('Carol');
  const other = await office.found(carol, alice);
  const far = await carol.sit(other.id, { version: '2.3' });
  await alice.sit(workspaceId);
  await far.next('online-status-updated', ({ userId }) => userId === alice.id);
  expect(await said()).toEqual(['online']);
  await office.settled(far);
  expect(heardOf(far, 'online-status-updated').map(([, payload]) => (payload as Shape).userId)).toEqual([
    carol.id,
    alice.id,
  ]);
});

it('is one with what other wires know', async () => {
  const { core } = office;
  const user = await core.users.findByEmail(alice.email);
  if (!user) throw new Error('no alice');
  const viewer = { userId: user.id, namespace: 'netalo', capacity: 'member' as const, sessionId: null };
  const elsewhere = createActor(viewer, 'elsewhere' as ConnectionId);
  await core.presence.connected(elsewhere, { graceMs: 0 });
  await watch.next('online-status-updated', ({ userId }) => userId === alice.id);
  const desk = office.socket();
  expect(await desk.auth({ workspaceId, token: alice.rest.token, onlineStatus: 'idle' })).toMatchObject({
    onlineStatus: 'online',
  });
  await set(desk, 'idle', 'sleep');
  expect(await said()).toEqual(['online']);
  await core.presence.disconnected(elsewhere, 0);
  await watch.next('online-status-updated', ({ onlineStatus }) => onlineStatus === 'idle');
  const statuses = await core.presence.statuses([user.id]);
  expect(statuses.get(user.id)).toBe('idle');
});

it('refuses what it does not know', async () => {
  const desk = await alice.sit(workspaceId);
  const messageOf = async (socketId: string, body: object) => {
    const answer = await alice.rest.call<Shape>('POST', `/user/online-status?socketId=${socketId}`, body);
    return [answer.status, answer.body.message];
  };
  expect(await messageOf('nobody', { onlineStatus: 'idle' })).toEqual([400, 'Socket not found']);
  expect(await messageOf(desk.id, { onlineStatus: 'sleep' })).toEqual([400, 'Invalid request payload input']);
  expect(await messageOf(desk.id, { onlineStatus: 'idle', cause: 'boredom' })).toEqual([
    400,
    'Invalid request payload input',
  ]);
  expect(await said()).toEqual(['online']);
});
