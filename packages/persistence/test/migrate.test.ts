import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { applyMigrations } from '../src/migrate.ts';
import { SERVER_VARIABLE } from '../src/testing/database.ts';
import { runAlone, scratchName, withDatabaseName } from '../src/testing/scratch-database.ts';
import { connect } from './support/clients.ts';
import { runScript } from './support/run-script.ts';

describe('applyMigrations', () => {
  const admin = process.env[SERVER_VARIABLE] ?? '';
  const lines: string[] = [];
  const log = (level: string, message: string) => lines.push(`${level}: ${message}`);
  let name: string;
  let connectionString: string;
  let migrationsDir: string;
  let client: pg.Client;

  beforeEach(async () => {
    lines.length = 0;
    name = scratchName('migrate');
    await runAlone(admin, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    connectionString = withDatabaseName(admin, name);
    client = await connect(connectionString);
    migrationsDir = await mkdtemp(join(tmpdir(), 'migrations-'));
  });

  afterEach(async () => {
    await client.end();
    await runAlone(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    await rm(migrationsDir, { recursive: true });
  });

  async function migration(folder: string, sql: string): Promise<void> {
    await mkdir(join(migrationsDir, folder), { recursive: true });
    await writeFile(join(migrationsDir, folder, 'migration.sql'), sql);
  }

  const apply = () => applyMigrations({ connectionString, migrationsDir, log });
  const rows = async (sql: string) => (await client.query(sql)).rows;
  const recorded = () => rows('SELECT * FROM _prisma_migrations ORDER BY started_at, migration_name');

  it('applies what is missing, in the order of the names, and nothing twice', async () => {
    await migration('2_second', `INSERT INTO steps VALUES ('second')`);
    await migration('1_first', `CREATE TABLE steps (name text); INSERT INTO steps VALUES ('first')`);
    expect(await apply()).toEqual({ applied: ['1_first', '2_second'], unknown: [] });
    await migration('3_third', `INSERT INTO steps VALUES ('third')`);
    expect(await apply()).toEqual({ applied: ['3_third'], unknown: [] });
    expect(await rows('SELECT name FROM steps')).toEqual([{ name: 'first' }, { name: 'second' }, { name: 'third' }]);
  });

  it('leaves nothing of a migration that fails, and applies it once it is mended', async () => {
    await migration('1_first', 'CREATE TABLE kept (id int)');
    await migration('2_broken', 'CREATE TABLE half (id int); SELECT 1/0');
    await expect(apply()).rejects.toMatchObject({
      name: 'StoreStartError',
      code: 'migration',
      message: 'The migration 2_broken failed and was rolled back: division by zero.',
    });
    expect(await rows(`SELECT to_regclass('kept') IS NULL AS kept, to_regclass('half') IS NULL AS half`)).toEqual([
      { kept: false, half: true },
    ]);
    await migration('2_broken', 'CREATE TABLE half (id int)');
    expect((await apply()).applied).toEqual(['2_broken']);
  });

  it('accepts function bodies, which are full of semicolons', async () => {
    await migration(
      '1_function',
      'CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN n := n * 2; RETURN n; END $$; SELECT 1;',
    );
    await apply();
    expect(await rows('SELECT twice(21) AS answer')).toEqual([{ answer: 42 }]);
  });

  it('refuses a migration that was changed after it had been applied', async () => {
    await migration('1_first', 'SELECT 1');
    await apply();
    await migration('1_first', 'SELECT 2');
    await migration('2_second', 'CREATE TABLE too_late (id int)');
    await expect(apply()).rejects.toMatchObject({
      code: 'migration',
      message: expect.stringContaining('1_first was changed after it had been applied'),
    });
    expect(await rows(`SELECT to_regclass('too_late') IS NULL AS absent`)).toEqual([{ absent: true }]);
  });

  it('does not take other line ends for a change', async () => {
    await migration('1_first', 'SELECT 1;\nSELECT 2;\n');
    await apply();
    await migration('1_first', 'SELECT 1;\r\nSELECT 2;\r\n');
    expect(await apply()).toEqual({ applied: [], unknown: [] });
  });

  it('refuses to go on after a migration that Prisma began and never finished', async () => {
    await migration('1_first', 'SELECT 1');
    await apply();
    await client.query('UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(apply()).rejects.toMatchObject({ message: expect.stringContaining('1_first was started') });
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now()');
    expect((await apply()).applied).toEqual(['1_first']);
  });

  it('only warns of migrations of a newer version', async () => {
    await migration('1_first', 'SELECT 1');
    await migration('2_newer', 'SELECT 1');
    await apply();
    await rm(join(migrationsDir, '2_newer'), { recursive: true });
    lines.length = 0;
    expect(await apply()).toEqual({ applied: [], unknown: ['2_newer'] });
    expect(lines).toEqual([expect.stringMatching(/^warn: .*2_newer.*newer version/)]);
  });

  it('lets two that start at once take turns', async () => {
    await migration('1_slow', 'SELECT pg_sleep(0.3); CREATE TABLE once (id int)');
    const results = await Promise.all([apply(), apply(), apply()]);
    expect(results.map(({ applied }) => applied.length).sort()).toEqual([0, 0, 1]);
    expect(lines).toContain('info: Another process is migrating the database; waiting for it.');
    expect(await recorded()).toHaveLength(1);
  });

  it('writes the record that Prisma writes', async () => {
    await migration('20250101000000_first', 'SELECT 1;\n');
    await apply();
    const [record] = await recorded();
    expect(record).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      // sha256sum of the file
      checksum: 'b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd',
      finished_at: expect.any(Date),
      migration_name: '20250101000000_first',
      logs: null,
      rolled_back_at: null,
      started_at: expect.any(Date),
      applied_steps_count: 1,
    });
    expect(record.finished_at.getTime()).toBeGreaterThanOrEqual(record.started_at.getTime());
  });

  it('agrees with Prisma: each takes the other’s work for its own', async () => {
    await migration('1_first', 'CREATE TABLE one (id int);\n');
    await migration('2_second', 'CREATE TABLE two (id int);\n');
    await apply();
    expect(await runScript('prisma-history.ts', connectionString, migrationsDir, 'diagnose')).toEqual({
      hasMigrationsTable: true,
      history: null,
      editedMigrationNames: [],
      failedMigrationNames: [],
    });
    await migration('3_third', 'CREATE TABLE three (id int);\n');
    expect(await runScript('prisma-history.ts', connectionString, migrationsDir, 'apply')).toEqual({
      appliedMigrationNames: ['3_third'],
    });
    expect(await apply()).toEqual({ applied: [], unknown: [] });
    const [ours, , theirs] = await recorded();
    const shape = (row: Record<string, unknown>) => Object.entries(row).map(([key, value]) => [key, typeof value]);
    expect(shape(ours)).toEqual(shape(theirs));
    expect(ours).toMatchObject({ logs: theirs.logs, applied_steps_count: theirs.applied_steps_count });
  });

  it('makes the table of records as Prisma makes it', async () => {
    const columns = `SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
      FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`;
    await apply();
    const ours = await rows(columns);
    await client.query('DROP TABLE _prisma_migrations');
    await runScript('prisma-history.ts', connectionString, migrationsDir, 'apply');
    expect(await rows(columns)).toEqual(ours);
  });

  it('refuses a database that is not UTF8, and says how to make one', async () => {
    const latin = scratchName('latin');
    await runAlone(
      admin,
      `CREATE DATABASE ${latin} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    await expect(
      applyMigrations({ connectionString: withDatabaseName(admin, latin), migrationsDir, log }),
    ).rejects.toMatchObject({ code: 'unsupported_server', message: expect.stringMatching(/LATIN1.*ENCODING 'UTF8'/) });
    await runAlone(admin, `DROP DATABASE ${latin}`);
  });

  it('says that nobody answers at the address, without the password', async () => {
    const nowhere = 'postgresql://someone:secret@127.0.0.1:1/db';
    const failure = await applyMigrations({ connectionString: nowhere, migrationsDir, log }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'unreachable', message: expect.stringContaining('DATABASE_URL') });
    expect(failure.message).not.toContain('secret');
  });
});
