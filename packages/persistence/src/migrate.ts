/**
 * Brings a database to the schema of this version: applies `prisma/migrations/<time>_<name>/migration.sql` in order
 * and keeps Prisma's own books (`_prisma_migrations`), so that `prisma migrate deploy` agrees with what was done here.
 * Knows nothing of what the migrations contain. A migration must be able to run in a transaction.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type StoreLog, StoreStartError } from './store-start-error.ts';

export interface ApplyMigrationsOptions {
  /** A superuser is not needed, the right to create in the schema is. Must not go through a transaction pooler. */
  connectionString: string;
  migrationsDir: string;
  log: StoreLog;
}

export interface AppliedMigrations {
  /** Names applied by this call, in order; empty when the database was up to date. */
  applied: string[];
  /** Names in the database that this version does not have: a newer version ran here. */
  unknown: string[];
}

interface Migration {
  name: string;
  sql: string;
}

interface MigrationRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

/** The lock of Prisma's own schema engine: it and we never migrate one database at the same time. */
const MIGRATION_LOCK_KEY = 72707369;
const OLDEST_SERVER = 14;
/** A change of a table waits behind running statements and everybody else waits behind it: rather fail. */
const TABLE_LOCK_TIMEOUT = '30s';

/** Letter for letter what Prisma creates. */
const CREATE_MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Any number of processes may call this at once on one database: they take turns, and the later ones find nothing to
 * do. Throws StoreStartError (`unreachable`, `unsupported_server`, `migration`); a migration that fails leaves no trace.
 */
export async function applyMigrations(options: ApplyMigrationsOptions): Promise<AppliedMigrations> {
  const migrations = await readMigrations(options.migrationsDir);
  const client = new pg.Client({ connectionString: options.connectionString, application_name: 'switchboard-migrate' });
  // A connection that ends while idle is reported by the next query as well; unheard it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new StoreStartError(
      'unreachable',
      `PostgreSQL does not let us in: ${messageOf(error)}. Check that it runs and that DATABASE_URL names its host, database, user and password.`,
      error,
    );
  }
  try {
    await refuseUnsupportedServer(client);
    await client.query('SET statement_timeout = 0');
    await takeTurn(client, options.log);
    return await applyMissing(client, migrations, options.log);
  } finally {
    // Ends the session and with it the lock, also after a failure in the middle of a transaction.
    await client.end().catch(() => undefined);
  }
}

/** Migrations in the order of their names. A folder without `migration.sql` is an error: half a checkout. */
async function readMigrations(migrationsDir: string): Promise<Migration[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true }).catch((error: unknown) => {
    throw new StoreStartError(
      'migration',
      `The migrations are not where they should be, in ${migrationsDir} (${messageOf(error)}). Install Switchboard again.`,
      error,
    );
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  names.sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(migrationsDir, name, 'migration.sql');
      const sql = await readFile(path, 'utf8').catch((error: unknown) => {
        throw new StoreStartError('migration', `The migration ${path} cannot be read: ${messageOf(error)}.`, error);
      });
      return { name, sql };
    }),
  );
}

async function refuseUnsupportedServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string; number: number; encoding: string; database: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            current_setting('server_encoding') AS encoding, current_database() AS database`,
  );
  const server = rows[0];
  if (!server) throw new StoreStartError('unsupported_server', 'PostgreSQL did not say which version it is.');
  if (Math.floor(server.number / 10_000) < OLDEST_SERVER) {
    throw new StoreStartError(
      'unsupported_server',
      `DATABASE_URL leads to PostgreSQL ${server.version}; Switchboard needs version ${OLDEST_SERVER} or newer. Upgrade that server, or unset DATABASE_URL to use the embedded one.`,
    );
  }
  if (server.encoding !== 'UTF8') {
    throw new StoreStartError(
      'unsupported_server',
      `The database "${server.database}" has the encoding ${server.encoding}; Switchboard needs UTF8. Create one with: CREATE DATABASE switchboard TEMPLATE template0 ENCODING 'UTF8', and name it in DATABASE_URL.`,
    );
  }
}

async function takeTurn(client: pg.Client, log: StoreLog): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    MIGRATION_LOCK_KEY,
  ]);
  if (rows[0]?.locked) return;
  log('info', 'Another process is migrating the database; waiting for it.');
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK_KEY]);
}

async function applyMissing(client: pg.Client, migrations: Migration[], log: StoreLog): Promise<AppliedMigrations> {
  await client.query(CREATE_MIGRATIONS_TABLE);
  const { rows } = await client.query<MigrationRow>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  const recorded = new Map(rows.map((row) => [row.migration_name, row]));
  for (const row of rows) {
    if (row.finished_at === null) throw unfinished(row.migration_name);
  }
  for (const migration of migrations) {
    const row = recorded.get(migration.name);
    if (row && !matchesChecksum(migration.sql, row.checksum)) throw changed(migration.name);
  }
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = [...recorded.keys()].filter((name) => !known.has(name)).sort();
  if (unknown.length > 0) {
    log(
      'warn',
      `The database has ${unknown.length} migration(s) this version does not know (${unknown.join(', ')}): a newer version of Switchboard has run on it. Going on.`,
    );
  }
  const applied: string[] = [];
  for (const migration of migrations) {
    if (recorded.has(migration.name)) continue;
    await applyOne(client, migration);
    log('info', `Applied the migration ${migration.name}.`);
    applied.push(migration.name);
  }
  return { applied, unknown };
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = '${TABLE_LOCK_TIMEOUT}'`);
    // now() is the time the transaction began, which is when the migration started.
    await client.query(
      'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, now())',
      [randomUUID(), sha256(migration.sql), migration.name],
    );
    await client.query(migration.sql);
    await client.query(
      `UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1
        WHERE migration_name = $1 AND rolled_back_at IS NULL`,
      [migration.name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new StoreStartError(
      'migration',
      `The migration ${migration.name} failed and was rolled back: ${messageOf(error)}.`,
      error,
    );
  }
}

/** As Prisma does, a file whose line ends alone were changed (a checkout on Windows) is the same file. */
function matchesChecksum(sql: string, checksum: string): boolean {
  const unix = sql.replaceAll('\r\n', '\n');
  return [sql, unix, unix.replaceAll('\n', '\r\n')].some((text) => sha256(text) === checksum);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function changed(name: string): StoreStartError {
  return new StoreStartError(
    'migration',
    `The migration ${name} was changed after it had been applied to this database. Put the file back as it was (git checkout) and make a new migration for the change.`,
  );
}

function unfinished(name: string): StoreStartError {
  return new StoreStartError(
    'migration',
    `The migration ${name} was started on this database and never finished. Look at what it left behind, then run "npx prisma migrate resolve --rolled-back ${name}" (or --applied) and start again.`,
  );
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}
