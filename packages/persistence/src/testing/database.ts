/**
 * Databases for tests: copies of a template that was migrated once per server. Without a server of its own a test uses
 * the one of the whole run, which testing/global-setup.ts started (or found at TEST_DATABASE_URL).
 */
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { applyMigrations } from '../migrate.ts';
import { runAlone, scratchName, withDatabaseName } from './scratch-database.ts';

export interface TestDatabase {
  connectionString: string;
  /** Empties every table and restarts every sequence. Fails after 5 seconds behind a transaction left open. */
  truncate(): Promise<void>;
  /** Ends every connection to it and removes it. */
  drop(): Promise<void>;
}

/** The migrations of this repository. */
export const migrationsDir = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));

/** How jest's workers hear of the server of the run. */
export const SERVER_VARIABLE = 'SWITCHBOARD_TEST_SERVER';
export const TEMPLATE_VARIABLE = 'SWITCHBOARD_TEST_TEMPLATE';

/** An empty migrated database, about 50 ms. `server`: one of the test's own; default: the one of the run. */
export async function createTestDatabase(server?: { adminConnectionString: string }): Promise<TestDatabase> {
  const { admin, template } = server ? await templateOn(server) : templateOfRun();
  const name = scratchName('test');
  await runAlone(admin, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const connectionString = withDatabaseName(admin, name);
  return {
    connectionString,
    truncate: () => truncate(connectionString),
    drop: () => runAlone(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The name of a migrated database that nobody connects to, so that it can be copied at any time. */
export async function createTemplate(admin: string): Promise<string> {
  const template = scratchName('template');
  await runAlone(admin, `CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8'`);
  const connectionString = withDatabaseName(admin, template);
  await applyMigrations({ connectionString, migrationsDir, log: () => undefined });
  await refuseRows(connectionString);
  await runAlone(admin, `ALTER DATABASE ${template} ALLOW_CONNECTIONS false`);
  return template;
}

interface Template {
  admin: string;
  template: string;
}

function templateOfRun(): Template {
  const { [SERVER_VARIABLE]: admin, [TEMPLATE_VARIABLE]: template } = process.env;
  if (admin && template) return { admin, template };
  throw new Error(
    `${SERVER_VARIABLE} is not set: tests that need PostgreSQL live in a "test" folder, where jest.config.mjs starts one.`,
  );
}

const templates = new WeakMap<object, Promise<string>>();

async function templateOn(server: { adminConnectionString: string }): Promise<Template> {
  const admin = server.adminConnectionString;
  const template = templates.get(server) ?? createTemplate(admin);
  templates.set(server, template);
  return { admin, template: await template };
}

const TABLES = `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
  WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> '_prisma_migrations'`;

/** `truncate` would take such rows away and nobody would bring them back. */
async function refuseRows(connectionString: string): Promise<void> {
  await withClient(connectionString, async (client) => {
    for (const { name } of (await client.query<{ name: string }>(TABLES)).rows) {
      const { rowCount } = await client.query(`SELECT FROM ${name} LIMIT 1`);
      if (rowCount) throw new Error(`A migration writes rows into ${name}: teach truncate() to bring them back.`);
    }
  });
}

async function truncate(connectionString: string): Promise<void> {
  await withClient(connectionString, async (client) => {
    await client.query("SET lock_timeout = '5s'");
    const { rows } = await client.query<{ name: string }>(TABLES);
    if (rows.length === 0) return;
    await client.query(`TRUNCATE ${rows.map((row) => row.name).join(', ')} RESTART IDENTITY`);
    // Those that belong to no column.
    await client.query(
      `SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences`,
    );
  });
}

async function withClient<T>(connectionString: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
