/** The administration of one gateway reaches what is connected to another. */
import { createTestDatabase, type TestDatabase } from '@switchboard/persistence/testing';
import { connectEvent, type EventConnect } from '@switchboard/protocol-event/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { until } from './support/people.ts';
import { hasRedis, type RedisProcess, startRedis } from './support/redis.ts';

let database: TestDatabase;
let redis: RedisProcess | null = null;
const gateways: TestGateway[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  await redis?.kill();
  redis = null;
  await database.drop();
});

async function startTwo(env: Record<string, string> = {}): Promise<[TestGateway, TestGateway]> {
  const sessionKey = { SESSION_KEY: 'one session key for both of the two gateways' };
  const start = () => startTestGateway({ ...sessionKey, ...env }, { database });
  const two: [TestGateway, TestGateway] = [await start(), await start()];
  gateways.push(...two);
  return two;
}

interface Credential {
  readonly id: number;
  readonly connect: EventConnect;
}

async function issueAt(gateway: TestGateway): Promise<Credential & { readonly userId: number }> {
  const { body: user } = await gateway.admin<{ id: number }>('POST', '/users', { displayName: 'Somebody' });
  const { body } = await gateway.admin<Credential>('POST', '/credentials', { protocol: 'event', userId: user.id });
  return { ...body, userId: user.id };
}

it('ends a connection on the other node within 5 s of its revocation, even where nodes meet in the store alone', async () => {
  const [here, there] = await startTwo();
  const { id, connect } = await issueAt(there);
  const client = await connectEvent(connect);
  const askedAt = performance.now();
  expect((await here.admin('DELETE', `/credentials/${id}`)).status).toBe(204);
  expect((await client.ended).code).toBe(1008);
  expect(performance.now() - askedAt).toBeLessThan(5_000);
});

const withRedis = hasRedis ? it : it.skip;
if (!hasRedis) process.stdout.write('no redis-server on this machine: connections of other nodes are left out\n');

withRedis('lists the connections of both nodes, and ends one on the other', async () => {
  redis = await startRedis();
  const [here, there] = await startTwo({ REDIS_URL: redis.url });
  const { connect, userId } = await issueAt(there);
  const client = await connectEvent(connect);
  const list = async () => {
    const { body } = await here.admin<{ connections: { id: string; nodeId: string }[] }>(
      'GET',
      `/connections?userId=${userId}`,
    );
    return body.connections;
  };
  await until(async () => (await list()).length === 1);
  const [{ id } = { id: '' }] = await list();
  expect((await here.admin('DELETE', `/connections/${id}`)).status).toBe(204);
  expect((await client.ended).code).toBe(1008);
  await until(async () => (await list()).length === 0);
});
