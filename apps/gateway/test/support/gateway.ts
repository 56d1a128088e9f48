/** A gateway in the test's own process, on a database of its own and free ports, and a client of its admin API. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Core, Log } from '@switchboard/core';
import { createTestDatabase, type TestDatabase } from '@switchboard/persistence/testing';
import { loadConfig } from '../../src/config.ts';
import { createGateway, type GatewayAddresses } from '../../src/gateway.ts';

export const ADMIN_TOKEN = 'the-admin-token-of-the-tests';

export interface TestGateway {
  readonly addresses: GatewayAddresses;
  readonly core: Core;
  readonly database: TestDatabase;
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields: unknown }[];
  /** A call of the admin API; `body` undefined sends none. */
  admin<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<AdminAnswer<T>>;
  close(): Promise<void>;
}

export interface AdminAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** `env` and `change` (settings of the file) over what tests need. */
export async function startTestGateway(
  env: Record<string, string> = {},
  options: { readonly database?: TestDatabase; readonly change?: object } = {},
): Promise<TestGateway> {
  const database = options.database ?? (await createTestDatabase());
  const dir = await mkdtemp(join(tmpdir(), 'switchboard-gateway-'));
  // YAML takes JSON as it is.
  if (options.change) await writeFile(join(dir, 'switchboard.yaml'), JSON.stringify(options.change));
  const config = loadConfig(
    { DATABASE_URL: database.connectionString, DATA_DIR: dir, PORT: '0', ADMIN_TOKEN, ...env },
    dir,
  );
  const lines: { level: string; message: string; fields: unknown }[] = [];
  const log: Log = (level, message, fields) => void lines.push({ level, message, fields });
  // The demo world is a matter of its own test.
  const gateway = createGateway({ ...config, demoWorld: env.DEMO_WORLD === 'true' }, { log });
  const { addresses, core } = await gateway.start();
  return {
    addresses,
    core,
    database,
    lines,
    admin: (method, path, body) => callAdmin(addresses.admin.url, { method, path, body }),
    async close() {
      await gateway.close();
      if (!options.database) await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function callAdmin<T>(
  url: string,
  call: { readonly method: string; readonly path: string; readonly body?: unknown; readonly token?: string },
): Promise<AdminAnswer<T>> {
  const { method, path, body, token = ADMIN_TOKEN } = call;
  const response = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : null) as T };
}
