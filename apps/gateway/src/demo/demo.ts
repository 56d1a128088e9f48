/**
 * `npm run demo`: the four demo people talk in Lobby through real client libraries, each over one of the protocols that are built in, on
 * a gateway of its own in a temporary directory. Prints what each saw, and at the end what the store kept.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROTOCOL_NAMES, type ProtocolName } from '../config/schema.ts';
import { loadConfig } from '../config.ts';
import { createGateway } from '../gateway.ts';
import { createLog } from '../log.ts';
import { DEMO_CLIENTS, type DemoClient } from './clients.ts';
import { DEMO_PEOPLE, type DemoPerson } from './world.ts';

interface Speaker {
  readonly name: DemoPerson;
  readonly protocol: ProtocolName;
  readonly client: DemoClient;
}

const LINES: Readonly<Record<DemoPerson, string>> = {
  alice: 'Good morning! Who is in the lobby?',
  bob: 'I am. Which wire are you on?',
  carol: 'Does it matter? Everybody hears everybody.',
  dave: 'Then I may close the ticket.',
};

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

async function run(dataDir: string): Promise<void> {
  const config = loadConfig({ DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'warn' }, dataDir);
  const gateway = createGateway(config, { log: await createLog({ level: 'warn', format: 'readable' }) });
  const { addresses } = await gateway.start();

  const admin = async <T>(path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${addresses.admin.url}/admin/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${config.adminToken}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };

  try {
    const speakers = await connectAll(admin, [...addresses.adapters.keys()]);
    for (const speaker of speakers) await speakAndHear(speaker, speakers);
    for (const { client } of speakers) await client.close();
    await printHistory(admin);
  } finally {
    await gateway.close();
  }
}

type Admin = <T>(path: string, body?: unknown) => Promise<T>;

/** Everybody on a protocol of its own, as far as there are enough. */
async function connectAll(admin: Admin, running: readonly ProtocolName[]): Promise<Speaker[]> {
  const protocols = PROTOCOL_NAMES.filter((name) => running.includes(name) && DEMO_CLIENTS[name]);
  if (protocols.length === 0) throw new Error('no protocol is built in');
  const missing = PROTOCOL_NAMES.filter((name) => !protocols.includes(name));
  if (missing.length > 0) print(`Not built in: ${missing.join(', ')}.`);
  const speakers: Speaker[] = [];
  for (const [index, name] of DEMO_PEOPLE.entries()) {
    const protocol = protocols[index % protocols.length] as ProtocolName;
    const { connect } = await admin<{ connect: Record<string, unknown> }>('/credentials', {
      protocol,
      userId: index + 1,
    });
    const client = await DEMO_CLIENTS[protocol]?.(connect, await lobbyId(admin));
    if (!client) throw new Error(`no client for ${protocol}`);
    speakers.push({ name, protocol, client });
    print(`${name} is connected over ${protocol}.`);
  }
  print();
  return speakers;
}

/** The first conversation that the demo world makes. */
async function lobbyId(admin: Admin): Promise<number> {
  for (let id = 1; id <= 10; id++) {
    const found = await admin<{ id: number; title: string }>(`/conversations/${id}`).catch(() => null);
    if (found?.title === 'Lobby') return found.id;
  }
  throw new Error('there is no Lobby');
}

async function speakAndHear(speaker: Speaker, speakers: readonly Speaker[]): Promise<void> {
  const text = LINES[speaker.name];
  print(`${speaker.name} says: ${text}`);
  const others = speakers.filter((other) => other !== speaker);
  const hearings = others.map(({ client }) => client.hear());
  await speaker.client.say(text);
  const heard = await Promise.all(hearings);
  for (const [index, other] of others.entries()) {
    const { from, text: received } = heard[index] as { from: number | string; text: string };
    print(`  ${other.name} (${other.protocol}) saw, from ${from}: ${received}`);
    if (received !== text) throw new Error(`${other.name} saw something else`);
  }
}

async function printHistory(admin: Admin): Promise<void> {
  const { messages } = await admin<{ messages: { seq: number; senderId: number; text: string; via: string }[] }>(
    `/conversations/${await lobbyId(admin)}/messages`,
  );
  print('\nWhat the store kept:');
  for (const { seq, senderId, text, via } of messages)
    print(`  ${seq}. ${DEMO_PEOPLE[senderId - 1]} (${via}): ${text}`);
}

const directory = await mkdtemp(join(tmpdir(), 'switchboard-demo-'));
// When we are root PostgreSQL runs as another user, who must be able to pass through.
await chmod(directory, 0o711);
try {
  await run(directory);
} catch (error) {
  process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
