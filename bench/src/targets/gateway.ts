/**
 * The gateway as it is built and shipped, in a process of its own, and the world that is measured in it: one group conversation and as many
 * people as a scenario wants, made through the admin API. What their clients say is each wire's target's.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@switchboard/persistence/testing';
import type { TargetContext } from './context.ts';
import { type NodeServer, startNodeServer } from './node-server.ts';

const SCRIPT = fileURLToPath(new URL('../../../apps/gateway/dist/main.js', import.meta.url));
const ADMIN_TOKEN = 'the-admin-token-of-the-bench';
/** Calls of the admin API at once. */
const AT_ONCE = 16;
/** The admin API takes so many with a new conversation; the others follow one by one. */
const MOST_AT_FIRST = 1_000;

/**
 * Everything that a deployment would set for such rooms, and nothing that makes the gateway faster. The load client counts each text once
 * with whoever sent it.
 */
const SETTINGS = `
demoWorld: false
limits: { participants: 100000 }
event: { roomLimit: 1000000, pingIntervalMs: 600000, pongTimeoutMs: 660000 }
signalr: { echoNewMessageToCaller: false }
netalo: { rate: null, pingIntervalMs: 600000 }
workspace: { callGraceMs: 3600000 }
`;

export interface Gateway extends NodeServer {
  admin<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** People with one identity each; core ids in the order of the external ones. */
  createPeople(protocol: string, externalIds: readonly string[]): Promise<number[]>;
  createConversation(externalIds: Readonly<Record<string, string>>, userIds: readonly number[]): Promise<number>;
}

export async function startGateway({ postgres, pins }: TargetContext): Promise<Gateway> {
  const database = await createTestDatabase(postgres);
  const dataDir = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
  const config = join(dataDir, 'switchboard.yaml');
  await writeFile(config, SETTINGS);

  async function clean(): Promise<void> {
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  }

  const server = await startNodeServer({
    prefix: pins.server,
    script: SCRIPT,
    env: {
      SWITCHBOARD_CONFIG: config,
      SWITCHBOARD_MODE: 'development',
      PORT: '0',
      DATA_DIR: dataDir,
      DATABASE_URL: database.connectionString,
      ADMIN_TOKEN,
      LOG_LEVEL: 'warn',
    },
  }).catch(async (error: unknown) => {
    await clean();
    throw error;
  });

  async function admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${server.port}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : null) as T;
  }

  return {
    ...server,
    admin,
    createPeople: (protocol, externalIds) =>
      inParallel(externalIds, async (externalId) => {
        const body = { displayName: `${protocol} ${externalId}`, identities: [{ protocol, externalId }] };
        return (await admin<{ id: number }>('POST', '/users', body)).id;
      }),
    async createConversation(externalIds, userIds) {
      const body = { kind: 'group', title: 'Everybody', externalIds, participants: userIds.slice(0, MOST_AT_FIRST) };
      const { id } = await admin<{ id: number }>('POST', '/conversations', body);
      await inParallel(userIds.slice(MOST_AT_FIRST), (userId) =>
        admin('PUT', `/conversations/${id}/participants/${userId}`, {}),
      );
      return id;
    },
    async stop() {
      await server.stop();
      await clean();
    },
  };
}

export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  async function worker(): Promise<void> {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
