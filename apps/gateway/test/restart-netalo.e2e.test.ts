/** Netalo's calls and nonces through the death of the gateway, with clients of the real library that come back by themselves. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@switchboard/persistence/testing';
import { type NetaloClient, type NetaloConnect, openNetalo } from '@switchboard/protocol-netalo/testing';
import { ADMIN_TOKEN, callAdmin } from './support/gateway.ts';
import { freePort } from './support/people.ts';
import { type GatewayProcess, spawnGateway } from './support/process.ts';

jest.setTimeout(120_000);

let database: TestDatabase;
let dir: string;
let port: number;
let gateway: GatewayProcess;
const clients: NetaloClient[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-netalo-'));
  database = await createTestDatabase();
  port = await freePort();
  await writeFile(join(dir, 'switchboard.yaml'), 'demoWorld: false\nnetalo: { ringMs: 12000 }\n');
  await start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await gateway.stop();
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  gateway = spawnGateway({
    PORT: String(port),
    DATABASE_URL: database.connectionString,
    DATA_DIR: join(dir, 'data'),
    ADMIN_TOKEN,
    SWITCHBOARD_CONFIG: join(dir, 'switchboard.yaml'),
  });
  await gateway.url();
}

async function restart(): Promise<void> {
  gateway.child.kill('SIGKILL');
  await gateway.exit;
  await start();
}

async function connect(uin: string): Promise<NetaloClient> {
  const admin = <T>(path: string, body: object) =>
    callAdmin<T>(`http://127.0.0.1:${port}`, { method: 'POST', path, body });
  const identities = [{ protocol: 'netalo', externalId: uin }];
  const { body: user } = await admin<{ id: number }>('/users', { displayName: uin, identities });
  const { body } = await admin<{ connect: NetaloConnect }>('/credentials', { protocol: 'netalo', userId: user.id });
  const client = openNetalo(body.connect, { reconnection: true });
  clients.push(client);
  expect(await client.login).toMatchObject({ result: 0 });
  return client;
}

async function inGroup(): Promise<{ alice: NetaloClient; bob: NetaloClient; group_id: string }> {
  const [alice, bob] = [await connect('1'), await connect('2')];
  const { group } = await alice.ask<{ group: { group_id: string } }>('create_group', {
    type: 3,
    occupants_uins: ['2'],
  });
  return { alice, bob, group_id: group.group_id };
}

const back = (client: NetaloClient) => client.next('login', () => true, 30_000);

it('a ringing call times out, also when the gateway dies meanwhile', async () => {
  const { alice, bob, group_id } = await inGroup();
  const { call } = await alice.ask<{ call: { call_id: string } }>('create_call', { group_id, media_type: 1 });
  const { call_id } = call;
  await bob.next('start_call');
  await restart();
  await Promise.all([back(alice), back(bob)]);
  expect(await bob.next('start_call')).toMatchObject({ call: { call_id } });
  const isThis = (stop: { call_id: string }) => stop.call_id === call_id;
  const stop = await alice.next('stop_call', isThis, 30_000);
  expect(stop).toEqual({ call_id, group_id, uin: '0', answer: 3, call_status: 2 });
});

it('a running call is kept for those who come back', async () => {
  const { alice, bob, group_id } = await inGroup();
  const { call } = await alice.ask<{ call: { call_id: string } }>('create_call', { group_id, media_type: 1 });
  const { call_id } = call;
  await bob.ask('answer_call', { call_id });
  await restart();
  await Promise.all([back(alice), back(bob)]);
  await alice.ask('ice_sdp', { call_id, receiver_uin: '2', type: 1, sdp: 'v=0' });
  expect(await bob.next('ice_sdp')).toMatchObject({ call_id, sdp: 'v=0' });
  expect(await bob.ask('call_status', { call_id })).toMatchObject({ call_status: 1 });
  await bob.ask('stop_call', { call_id });
  expect(await alice.next('stop_call')).toMatchObject({ call_id, call_status: 3 });
});

it('a nonce is known after a restart', async () => {
  const { alice, group_id } = await inGroup();
  const said = { group_id, message: 'once', nonce: 'n' };
  const { message } = await alice.ask<{ message: object }>('create_message', said);
  await restart();
  await back(alice);
  expect(await alice.ask('create_message', said)).toMatchObject({ message });
  expect(await alice.ask('list_message', { group_id })).toMatchObject({ messages: [message] });
});
