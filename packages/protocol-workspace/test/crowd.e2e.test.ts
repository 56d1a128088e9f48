import { adminActor, type Space } from '@switchboard/core';
import { createTestCore, createTestHost, type TestCore, type TestHost } from '@switchboard/testing';
import { WebSocket } from 'ws';
import { createWorkspaceAdapter } from '../src/index.ts';

/** The bench has a thousand; the rules are the same. */
const CROWD = 60;

/** A socket without a library: many are cheap. */
interface Seat {
  readonly userId: string;
  /** What it heard of statuses, as `<user>:<status>`. */
  readonly statuses: string[];
  drop(): Promise<void>;
}

let test: TestCore;
let host: TestHost;
let space: Space;

async function open(graceMs: number): Promise<void> {
  test = await createTestCore({ clock: 'real' });
  host = await createTestHost(test, createWorkspaceAdapter({ graceMs }));
  const users = await test.people(...Array.from({ length: CROWD + 1 }, (_, at) => `Person ${at}`));
  const members = users.map(({ id }) => ({ userId: id, role: 'user' as const }));
  ({ space } = await test.core.spaces.create(adminActor(), { kind: 'workspace', title: 'Crowd', members }));
  await test.settled();
}

afterEach(async () => {
  await host.close();
  await test.close();
});

interface Place {
  readonly token: string;
  readonly workspaceId: string;
  readonly userId: string;
}

async function places(): Promise<Place[]> {
  const members = await test.core.spaces.members(space.id);
  const issued = await Promise.all(members.map(({ userId }) => host.credential(userId, { spaceId: space.id })));
  return issued.map(({ connect }) => connect as unknown as Place);
}

function sit({ token, workspaceId, userId }: Place): Promise<Seat> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${host.port}/socket.io/?EIO=4&transport=websocket`);
    const statuses: string[] = [];
    const seat: Seat = {
      userId,
      statuses,
      drop: () =>
        new Promise((gone) => {
          socket.on('close', () => gone());
          socket.terminate();
        }),
    };
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = String(data);
      if (text.startsWith('0{')) socket.send('40');
      else if (text.startsWith('40')) socket.send(`42${JSON.stringify(['auth', { token, workspaceId }])}`);
      else if (text.includes('"auth-success"')) resolve(seat);
      else if (text.includes('"online-status-updated"')) {
        const [, { userId: who, onlineStatus }] = JSON.parse(text.slice(2)) as [
          string,
          { userId: string; onlineStatus: string },
        ];
        statuses.push(`${who}:${onlineStatus}`);
      }
    });
  });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

it('is back within the grace, and nobody hears that it was gone', async () => {
  await open(30_000);
  const [watching, ...crowd] = await places();
  const watch = await sit(watching as Place);
  const seats = await Promise.all(crowd.map(sit));
  await until(() => watch.statuses.length === CROWD + 1);
  const before = watch.statuses.length;
  await Promise.all(seats.map((seat) => seat.drop()));
  await until(() => host.hub.size === 1);
  const back = await Promise.all(crowd.map(sit));
  expect(watch.statuses.slice(before)).toEqual([]);
  expect(back.flatMap(({ statuses }) => statuses)).toEqual([]);
  // And everybody hears again, once.
  await test.core.presence.setStatus(
    { ...test.actor((await test.core.spaces.members(space.id))[0]?.userId as never) },
    'idle',
  );
  await until(() => back.every(({ statuses }) => statuses.length > 0));
  expect(new Set(back.map(({ statuses }) => statuses.join()))).toEqual(new Set([`${watching?.userId}:idle`]));
});

it('is gone and back once each, when there is no grace', async () => {
  await open(0);
  const [watching, ...crowd] = await places();
  const watch = await sit(watching as Place);
  const seats = await Promise.all(crowd.map(sit));
  await until(() => watch.statuses.length === CROWD + 1);
  watch.statuses.length = 0;
  await Promise.all(seats.map((seat) => seat.drop()));
  await until(() => watch.statuses.length >= CROWD);
  await Promise.all(crowd.map(sit));
  await until(() => watch.statuses.length >= 2 * CROWD);
  const wanted = crowd.flatMap(({ userId }) => [`${userId}:offline`, `${userId}:online`]);
  expect([...watch.statuses].sort()).toEqual(wanted.sort());
});
