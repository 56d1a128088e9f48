/** What must not break: gateways, PostgreSQL and Redis die under real clients, and nothing acknowledged is lost or doubled. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, startTestServer, type TestServer } from '@switchboard/persistence/testing';
import type { EventClient } from '@switchboard/protocol-event/testing';
import { freePort, historyOf, joinAs, sendTo, until } from './support/people.ts';
import { type GatewayProcess, spawnGateway } from './support/process.ts';
import { hasRedis, type RedisProcess, startRedis } from './support/redis.ts';

jest.setTimeout(120_000);

const APPLICATION = 500;
const STORE_AWAY = 'error while creating a new message';

let server: TestServer;
let dir: string;
let databaseUrl: string;
const processes: GatewayProcess[] = [];
const clients: EventClient[] = [];
let redis: RedisProcess | null = null;

beforeAll(async () => {
  server = await startTestServer({ log: () => undefined });
});

afterAll(() => server?.close());

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-restart-'));
  databaseUrl = (await createTestDatabase(server)).connectionString;
  await writeFile(join(dir, 'switchboard.yaml'), 'demoWorld: false\n');
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await Promise.all(processes.splice(0).map((one) => one.stop()));
  await redis?.kill();
  redis = null;
  await rm(dir, { recursive: true, force: true });
});

let nodes = 0;

function start(env: Record<string, string> = {}): GatewayProcess {
  const gateway = spawnGateway({
    DATABASE_URL: databaseUrl,
    DATA_DIR: join(dir, `node-${++nodes}`),
    SWITCHBOARD_CONFIG: join(dir, 'switchboard.yaml'),
    ...env,
  });
  processes.push(gateway);
  return gateway;
}

async function enter(url: string, sid: number, role: 'customer' | 'moderator' = 'customer'): Promise<EventClient> {
  const client = await joinAs(url, { sid, role, application: APPLICATION });
  clients.push(client);
  return client;
}

const isReady = async (url: string) => (await fetch(`${url}/readyz`).catch(() => null))?.status === 200;

/** Everything that was acknowledged is there once, and nothing is there twice. */
async function expectExactlyOnce(client: EventClient, acknowledged: Iterable<string>): Promise<void> {
  const contents = (await historyOf(client, APPLICATION)).map(({ content }) => content);
  expect(new Set(contents).size).toBe(contents.length);
  expect(contents).toEqual(expect.arrayContaining([...acknowledged]));
}

describe('kill -9 of the gateway', () => {
  it('in the middle of 1,000 sends loses and doubles nothing that was acknowledged', async () => {
    const port = await freePort();
    const first = start({ PORT: String(port) });
    const url = await first.url();
    const senders = 4;
    const each = 250;
    const acknowledged = new Set<string>();
    let onThird = () => {};
    const isThird = new Promise<void>((resolve) => {
      onThird = resolve;
    });

    /** Goes on after every cut with what history does not have: the wire has no key to send again under. */
    async function sendAll(sid: number): Promise<void> {
      const wanted = Array.from({ length: each }, (_, index) => `${sid}-${index}`);
      let client = await enter(url, sid);
      for (let next = 0; next < wanted.length; ) {
        const content = wanted[next] as string;
        const answer = await sendTo(client, APPLICATION, content).catch(() => null);
        if (answer?.ok) {
          acknowledged.add(content);
          if (acknowledged.size === 330) onThird();
          next += 1;
          continue;
        }
        await until(() => isReady(url));
        client = await enter(url, sid);
        const stored = new Set((await historyOf(client, APPLICATION)).map((message) => message.content));
        next = wanted.findIndex((one) => !stored.has(one));
        if (next === -1) break;
      }
    }

    const sending = Promise.all(Array.from({ length: senders }, (_, index) => sendAll(1_001 + index)));
    await isThird;
    first.child.kill('SIGKILL');
    await first.exit;
    expect(acknowledged.size).toBeLessThan(senders * each);
    await start({ PORT: String(port) }).url();
    await sending;

    const reader = await enter(url, 2_000, 'moderator');
    await expectExactlyOnce(reader, acknowledged);
    expect(await historyOf(reader, APPLICATION)).toHaveLength(senders * each);
  });
});

describe('PostgreSQL killed and restarted', () => {
  it('is refused honestly meanwhile, keeps connections, and heals without a hand', async () => {
    const gateway = start();
    const url = await gateway.url();
    const [sender, reader] = [await enter(url, 1_001), await enter(url, 1_002)];
    const acknowledged: string[] = [];
    const refusals = new Set<unknown>();
    let count = 0;
    const trySend = async () => {
      const content = `message ${++count}`;
      const { ok, result } = await sendTo(sender, APPLICATION, content);
      if (ok) acknowledged.push(content);
      else refusals.add(result);
      return ok;
    };

    for (let sent = 0; sent < 50; sent++) expect(await trySend()).toBe(true);
    await server.kill();
    await until(async () => !(await isReady(url)));
    const body = (await (await fetch(`${url}/readyz`)).json()) as { reasons: Record<string, string> };
    expect(body.reasons.store).toBe('PostgreSQL does not answer');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await trySend()).toBe(false);
    expect([...refusals]).toEqual([STORE_AWAY]);

    await server.restart();
    await until(() => isReady(url));
    await until(trySend);
    for (let sent = 0; sent < 50; sent++) expect(await trySend()).toBe(true);

    await expectExactlyOnce(sender, acknowledged);
    const heard: string[] = [];
    while (heard.at(-1) !== acknowledged.at(-1)) heard.push((await reader.message()).content);
    expect(new Set(heard).size).toBe(heard.length);
    expect(heard).toEqual(expect.arrayContaining(acknowledged));
    expect(gateway.child.exitCode).toBeNull();
  });
});

describe('two gateways on one PostgreSQL', () => {
  it('hear each other within 2 s without Redis, and say how they would sooner', async () => {
    const [one, other] = [start(), start()];
    const [here, there] = [await enter(await one.url(), 1_001), await enter(await other.url(), 1_002)];
    await sendTo(here, APPLICATION, 'warm-up');
    await there.message();
    for (let round = 0; round < 3; round++) {
      const sentAt = performance.now();
      expect(await sendTo(here, APPLICATION, `round ${round}`)).toMatchObject({ ok: true });
      expect(await there.message()).toMatchObject({ content: `round ${round}` });
      expect(performance.now() - sentAt).toBeLessThan(2_000);
    }
    await Promise.any([one.says(/REDIS_URL/), other.says(/REDIS_URL/)]);
  });

  it('go on when one of them is killed, and nobody hears anything twice', async () => {
    const [one, other] = [start(), start()];
    const url = await one.url();
    const [here, there] = [await enter(url, 1_001), await enter(await other.url(), 1_002)];
    for (let sent = 0; sent < 20; sent++) await sendTo(here, APPLICATION, `before ${sent}`);
    one.child.kill('SIGKILL');
    await one.exit;
    const back = await enter(await other.url(), 1_001);
    for (let sent = 0; sent < 20; sent++) await sendTo(back, APPLICATION, `after ${sent}`);
    const heard: string[] = [];
    while (heard.at(-1) !== 'after 19') heard.push((await there.message()).content);
    expect(heard).toEqual([
      ...Array.from({ length: 20 }, (_, index) => `before ${index}`),
      ...Array.from({ length: 20 }, (_, index) => `after ${index}`),
    ]);
  });
});

const withRedis = hasRedis ? describe : describe.skip;
if (!hasRedis) process.stdout.write('no redis-server on this machine: the restart of Redis is left out\n');

withRedis('Redis restarted between two gateways', () => {
  it('costs nobody a message, and the gateways find it again', async () => {
    redis = await startRedis();
    const env = { REDIS_URL: redis.url };
    const [one, other] = [start(env), start(env)];
    const [urlHere, urlThere] = [await one.url(), await other.url()];
    const [here, there] = [await enter(urlHere, 1_001), await enter(urlThere, 1_002)];
    const wanted: string[] = [];
    const heard: string[] = [];
    const send = async (content: string) => {
      expect(await sendTo(here, APPLICATION, content)).toMatchObject({ ok: true });
      wanted.push(content);
    };
    const hearAll = async () => {
      while (heard.at(-1) !== wanted.at(-1)) heard.push((await there.message()).content);
    };

    for (let sent = 0; sent < 20; sent++) await send(`with Redis ${sent}`);
    await hearAll();
    await redis.kill();
    for (let sent = 0; sent < 20; sent++) await send(`without Redis ${sent}`);
    await hearAll();
    await until(async () => !(await isReady(urlHere)) && !(await isReady(urlThere)));
    await redis.start();
    await until(async () => (await isReady(urlHere)) && (await isReady(urlThere)));
    for (let sent = 0; sent < 20; sent++) await send(`with Redis again ${sent}`);
    await hearAll();
    expect(heard).toEqual(wanted);
  });
});
