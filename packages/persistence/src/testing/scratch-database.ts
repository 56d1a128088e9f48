/**
 * Databases made for one purpose and dropped afterwards, on whatever server an admin address leads to.
 * Knows nothing of their contents.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The same server and user, another database. */
export function withDatabaseName(connectionString: string, database: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.toString();
}

/** A name that no other run has, short enough for PostgreSQL (63 bytes). */
export function scratchName(purpose: string): string {
  return `${purpose}_${process.pid}_${randomBytes(4).toString('hex')}`;
}

/** One statement on a connection of its own: CREATE DATABASE and DROP DATABASE refuse to run in anything bigger. */
export async function runAlone(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Runs `use` with an empty UTF8 database of its own and drops it, whatever came of it. */
export async function withScratchDatabase<T>(
  adminConnectionString: string,
  use: (connectionString: string) => Promise<T>,
): Promise<T> {
  const name = scratchName('scratch');
  await runAlone(adminConnectionString, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  try {
    return await use(withDatabaseName(adminConnectionString, name));
  } finally {
    await runAlone(adminConnectionString, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
}
