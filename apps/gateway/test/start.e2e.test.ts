import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectEvent } from '@switchboard/protocol-event/testing';
import { connectAs } from './support/people.ts';
import { type GatewayProcess, spawnGateway, spawnNode } from './support/process.ts';

jest.setTimeout(90_000);

const TOKEN = fileURLToPath(new URL('../src/demo/token.ts', import.meta.url));

let dir: string;
const processes: GatewayProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-start-'));
  // PostgreSQL's own user goes through it when we are root.
  await chmod(dir, 0o755);
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.stop()));
  await rm(dir, { recursive: true, force: true });
});

function start(env: Record<string, string> = {}): GatewayProcess {
  const gateway = spawnGateway({ DATA_DIR: join(dir, 'data'), ...env });
  processes.push(gateway);
  return gateway;
}

const adminGet = async (url: string, path: string) => {
  const response = await fetch(`${url}/admin/v1${path}`, { headers: { authorization: 'Bearer dev-admin-token' } });
  return (await response.json()) as { users: { id: number; displayName: string }[] };
};

it('starts on nothing, prints where everybody finds it, serves, and starts again with what it had', async () => {
  const first = start();
  const url = await first.url();
  await first.says(/metrics +http/);
  for (const name of ['signalr', 'event', 'netalo', 'workspace', 'iqchannels', 'admin', 'probes']) {
    expect(first.output()).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
  }
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('switchboard_follower_lag 0');
  const { users } = await adminGet(url, '/users');
  expect(users.slice(0, 4).map(({ id, displayName }) => [id, displayName])).toEqual([
    [1, 'Alice'],
    [2, 'Bob'],
    [3, 'Carol'],
    [4, 'Dave'],
  ]);
  expect((await stat(join(dir, 'data/session-key'))).mode & 0o777).toBe(0o600);
  expect(await first.stop()).toBe(0);

  const second = start();
  const again = await adminGet(await second.url(), '/users');
  expect(again.users.map(({ id }) => id)).toEqual(users.map(({ id }) => id));
  expect(second.output()).not.toContain('made the demo world');
});

it('finds its data again after kill -9', async () => {
  const first = start();
  const { users } = await adminGet(await first.url(), '/users');
  first.child.kill('SIGKILL');
  expect(await first.exit).toBe('SIGKILL');
  const second = start();
  expect((await adminGet(await second.url(), '/users')).users).toEqual(users);
});

it('leaves the directory to the one who has it', async () => {
  const first = start();
  await first.url();
  const second = start();
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain(String(first.pid));
  expect(second.output()).not.toMatch(/^ +at /m);
});

it('names a port that is taken and the setting to change, and leaves nothing running', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const gateway = start({ PORT: String(port) });
  expect(await gateway.exit).toBe(1);
  expect(gateway.output()).toContain(`Port ${port} on 127.0.0.1 is taken by another process.`);
  expect(gateway.output()).toContain('PORT');
  await new Promise((resolve) => other.close(resolve));
  // The directory is free again.
  await start().url();
});

it('tells all that is wrong with its configuration and ends with 2', async () => {
  const file = join(dir, 'switchboard.yaml');
  await writeFile(file, 'databseUrl: postgresql://localhost/chat\n');
  const gateway = start({ SWITCHBOARD_CONFIG: file, PORT: 'eighty' });
  expect(await gateway.exit).toBe(2);
  expect(gateway.output()).toContain('Did you mean "databaseUrl"?');
  expect(gateway.output()).toContain('PORT must be a port');
  expect(gateway.output()).not.toMatch(/^ +at /m);
});

it.each(['DATA_DIR', 'FILES_DIR'])('says of a %s that is a file that it cannot be used', async (setting) => {
  const file = join(dir, 'a-file');
  await writeFile(file, '');
  const gateway = start({ [setting]: file });
  expect(await gateway.exit).toBe(1);
  expect(gateway.output()).toContain(`${file} is no directory, or stands below a file. Set ${setting}`);
  expect(gateway.output()).not.toMatch(/^ +at /m);
});

it('refuses production without secrets', async () => {
  const gateway = start({ SWITCHBOARD_MODE: 'production' });
  expect(await gateway.exit).toBe(2);
  for (const name of ['ADMIN_TOKEN', 'SESSION_KEY', 'EVENT_SECRET']) expect(gateway.output()).toContain(name);
});

it('says of a PostgreSQL that does not answer which setting names it', async () => {
  const gateway = start({ DATABASE_URL: 'postgresql://me:hunter2@127.0.0.1:1/chat' });
  expect(await gateway.exit).toBe(1);
  expect(gateway.output()).toContain('DATABASE_URL');
  expect(gateway.output()).not.toContain('hunter2');
});

it('keeps admin API and metrics to an address of their own in production, and logs JSON', async () => {
  const gateway = start({
    SWITCHBOARD_MODE: 'production',
    ADMIN_TOKEN: 'a-token-for-the-production-test',
    ADMIN_LISTEN: '127.0.0.1:0',
    SESSION_KEY: 'a session key of thirty-two characters or more',
    EVENT_SECRET: 'the secret of the application',
  });
  const [, line = ''] = await gateway.says(/^(\{.*"msg":"ready".*\})$/m);
  const { main, admin } = JSON.parse(line) as { main: string; admin: string };
  expect(admin).not.toBe(main);
  expect((await fetch(`${main}/readyz`)).status).toBe(200);
  expect((await fetch(`${main}/metrics`)).status).toBe(404);
  expect((await fetch(`${main}/admin/v1/users`)).status).toBe(404);
  expect((await fetch(`${admin}/metrics`)).status).toBe(200);
  const response = await fetch(`${admin}/admin/v1/users`, {
    headers: { authorization: 'Bearer a-token-for-the-production-test' },
  });
  expect(await response.json()).toEqual({ users: [], next: null });
  for (const written of gateway.output().trim().split('\n')) expect(() => JSON.parse(written)).not.toThrow();
});

describe('its end', () => {
  const connectPeople = async (url: string) => Promise.all([1, 2, 3].map((sid) => connectAs(url, { sid })));

  it.each(['SIGTERM', 'SIGINT'] as const)('comes within 10 s of %s, in order, with everybody told', async (signal) => {
    const gateway = start();
    const clients = await connectPeople(await gateway.url());
    const askedAt = performance.now();
    gateway.child.kill(signal);
    expect(await gateway.exit).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    for (const { ended } of clients) expect((await ended).code).toBe(1001);
  });

  it('comes at once with the second signal, and the next start finds everything', async () => {
    const gateway = start();
    const url = await gateway.url();
    // Who never hangs up keeps an orderly end waiting for a second and a half.
    const clients = await connectPeople(url);
    for (const client of clients) client.pause();
    gateway.child.kill('SIGTERM');
    await gateway.says(/SIGTERM/);
    const askedAt = performance.now();
    gateway.child.kill('SIGTERM');
    expect(await gateway.exit).toBe(1);
    expect(performance.now() - askedAt).toBeLessThan(1_000);
    for (const client of clients) client.terminate();
    const second = start();
    expect((await adminGet(await second.url(), '/users')).users.length).toBeGreaterThanOrEqual(4);
    expect(await second.stop()).toBe(0);
  });
});

describe('the token command', () => {
  const token = (args: string[], env: Record<string, string> = {}) => {
    const command = spawnNode(['--import', 'tsx', '--conditions=source', TOKEN, ...args], { DATA_DIR: dir, ...env });
    processes.push(command);
    return command;
  };

  it('explains itself when asked wrongly', async () => {
    for (const args of [[], ['event'], ['irc', 'alice'], ['event', 'mallory'], ['event', 'alice', 'more']]) {
      const command = token(args);
      expect(await command.exit).toBe(2);
      expect(command.output()).toContain('npm run --silent token -- <protocol> <person>');
    }
  });

  it('says so when no gateway runs', async () => {
    const command = token(['event', 'alice'], { PORT: '1' });
    expect(await command.exit).toBe(1);
    expect(command.output()).toMatch(/No gateway answers at http:\/\/127\.0\.0\.1:1\..*npm start/);
  });

  it('prints what a client needs, and a client can use it', async () => {
    const gateway = start();
    const { port } = new URL(await gateway.url());
    const command = token(['event', 'dave'], { PORT: port });
    expect(await command.exit).toBe(0);
    const connect = JSON.parse(command.output()) as { url: string; sid: number; token: string };
    expect(connect.sid).toBe(4);
    const client = await connectEvent(connect);
    const { conversations } = await client.ask<{ conversations: object[] }>('Event.GetConversationList', {
      user_id: 4,
    });
    expect(conversations.length).toBeGreaterThanOrEqual(3);
    // Dave is a moderator there.
    expect(await client.call('Event.GetUnreadMessages', { executor_id: 4 })).toMatchObject({ ok: true });
    await client.close();
  });

  it('prints what a client of netalo needs', async () => {
    const gateway = start();
    const { origin, port } = new URL(await gateway.url());
    const command = token(['netalo', 'alice'], { PORT: port });
    expect(await command.exit).toBe(0);
    expect(JSON.parse(command.output())).toEqual({
      url: `${origin}/data`,
      session: expect.stringMatching(/^[\w-]{43}$/),
      uin: '1',
    });
  });
});
