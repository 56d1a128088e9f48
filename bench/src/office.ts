/**
 * npm run bench:office: a workspace of many connected members on a gateway of its own. What one change of status costs to tell, and
 * whether a storm of reconnects is absorbed: nobody's status missed or told twice. Options: --members 1000 --changes 50 --seconds 5.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startTestServer } from '@switchboard/persistence/testing';
import type { WebSocket } from 'ws';
import { createPins, describeMachine, describeOthers } from './machine.ts';
import { type Gateway, inParallel, startGateway } from './targets/gateway.ts';
import { type Member, sitDown } from './targets/workspace.ts';

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000' },
    changes: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '5' },
  },
});

interface Seat {
  readonly member: Member;
  socket: WebSocket;
  id: string;
  /** Statuses heard, as `<user>:<status>`. */
  heard: string[];
}

let onHeard: () => void = () => undefined;

async function createMembers(gateway: Gateway, count: number): Promise<Member[]> {
  const userIds = await gateway.createPeople(
    'workspace',
    Array.from({ length: count }, () => randomUUID()),
  );
  const members = userIds.map((userId) => ({ userId, role: 'guest' }));
  const space = await gateway.admin<{ id: number }>('POST', '/spaces', { kind: 'workspace', name: 'office', members });
  return inParallel(userIds, async (userId) => {
    const body = { protocol: 'workspace', userId, spaceId: space.id };
    return (await gateway.admin<{ connect: Member }>('POST', '/credentials', body)).connect;
  });
}

async function sit(port: number, member: Member, heard: string[] = []): Promise<Seat> {
  const seat: Seat = { member, heard, ...(await sitDown(port, member, hear)) };
  function hear(text: string): void {
    if (!text.includes('"online-status-updated"')) return;
    const [, { userId, onlineStatus }] = JSON.parse(text.slice(2)) as [
      string,
      { userId: string; onlineStatus: string },
    ];
    heard.push(`${userId}:${onlineStatus}`);
    onHeard();
  }
  return seat;
}

function until(isSo: () => boolean): Promise<void> {
  if (isSo()) return Promise.resolve();
  return new Promise((resolve) => {
    onHeard = () => {
      if (isSo()) resolve();
    };
  });
}

async function setStatus(port: number, { member, id }: Seat, onlineStatus: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/user/online-status?socketId=${id}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${member.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ onlineStatus }),
  });
  if (!response.ok) throw new Error(`status: ${response.status} ${await response.text()}`);
}

/** Everything that was under way has come, wherever it was: one more change comes behind it. */
async function settle({ port }: Gateway, seats: readonly Seat[], status = 'offline'): Promise<void> {
  const [first] = seats as [Seat];
  await setStatus(port, first, status);
  await until(() => seats.every(({ heard }) => heard.at(-1) === `${first.member.userId}:${status}`));
}

const cpuMs = (gateway: Gateway) => gateway.usage().cpuSeconds * 1_000;

async function measureChanges(gateway: Gateway, seats: readonly Seat[], changes: number): Promise<void> {
  const [first] = seats as [Seat];
  const took: number[] = [];
  const cpu = cpuMs(gateway);
  for (let at = 0; at < changes; at += 1) {
    for (const seat of seats) seat.heard.length = 0;
    const startedAt = performance.now();
    await setStatus(gateway.port, first, at % 2 === 0 ? 'online' : 'idle');
    await until(() => seats.every(({ heard }) => heard.length > 0));
    took.push(performance.now() - startedAt);
    if (seats.some(({ heard }) => heard.length !== 1)) throw new Error('a status was told twice');
  }
  took.sort((a, b) => a - b);
  const each = (cpuMs(gateway) - cpu) / changes;
  console.log(
    `status: ${changes} changes to ${seats.length} members, told once to each: p50 ${took[took.length >> 1]?.toFixed(1)} ms until the ` +
      `last has it, ${each.toFixed(1)} ms of the gateway's CPU each`,
  );
}

async function measureStorm(gateway: Gateway, seats: readonly Seat[], seconds: number): Promise<void> {
  const [, ...crowd] = seats;
  for (const seat of seats) seat.heard.length = 0;
  const cpu = cpuMs(gateway);
  const startedAt = performance.now();
  for (const { socket } of crowd) socket.terminate();
  const latencies: number[] = [];
  // As clients come back: spread over the time, the last of them within the grace.
  await Promise.all(
    crowd.map(async (seat, at) => {
      await new Promise((resolve) => setTimeout(resolve, (at / crowd.length) * (seconds - 1) * 1_000));
      const askedAt = performance.now();
      Object.assign(seat, await sit(gateway.port, seat.member, seat.heard));
      latencies.push(performance.now() - askedAt);
    }),
  );
  const backMs = performance.now() - startedAt;
  latencies.sort((a, b) => a - b);
  await settle(gateway, seats);
  const wrong = seats.filter(({ heard }) => heard.length !== 1).length;
  console.log(
    `storm: ${crowd.length} dropped and back in ${(backMs / 1_000).toFixed(1)} s, each bound again in p50 ` +
      `${latencies[latencies.length >> 1]?.toFixed(0)} ms, p99 ${latencies[Math.floor(latencies.length * 0.99)]?.toFixed(0)} ms; ` +
      `${((cpuMs(gateway) - cpu) / 1_000).toFixed(1)} s of the gateway's CPU; ${wrong} heard a status that was none`,
  );
  if (wrong > 0) process.exitCode = 1;
}

const postgres = await startTestServer({ durable: true, settings: { max_connections: '100' } });
try {
  const gateway = await startGateway({ postgres, pins: createPins(false) });
  try {
    const others = describeOthers();
    console.log([describeMachine(), ...(others ? [others] : [])].join('\n'));
    const members = await createMembers(gateway, Number(values.members));
    const seats = await inParallel(members, (member) => sit(gateway.port, member));
    await settle(gateway, seats);
    await measureChanges(gateway, seats, Number(values.changes));
    await measureStorm(gateway, seats, Number(values.seconds));
    for (const { socket } of seats) socket.terminate();
  } finally {
    await gateway.stop();
  }
} finally {
  await postgres.close();
}
