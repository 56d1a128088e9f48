// Do prisma/schema.prisma and prisma/migrations say the same? What counts as a difference: src/testing/schema-diff.ts.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { migrationsDir, type SchemaComparison } from '@switchboard/persistence/testing';
import { SERVER_VARIABLE } from '../src/testing/database.ts';
import { runScript } from './support/run-script.ts';

const schemaPath = resolve(migrationsDir, '../schema.prisma');
const NO_DIFFERENCE: SchemaComparison = { sql: '', undeclared: [], stale: [] };

async function compare(...schemas: string[]): Promise<SchemaComparison[]> {
  const admin = process.env[SERVER_VARIABLE] ?? '';
  return (await runScript('compare-schemas.ts', admin, migrationsDir, ...schemas)) as SchemaComparison[];
}

it('schema and migrations say the same', async () => {
  expect(await compare(schemaPath)).toEqual([NO_DIFFERENCE]);
});

describe('the comparison', () => {
  let dir: string;
  let variants = 0;
  let schema: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'drift-'));
    schema = await readFile(schemaPath, 'utf8');
  });

  afterAll(() => rm(dir, { recursive: true }));

  async function variant(change: (schema: string) => string): Promise<string> {
    const changed = change(schema);
    expect(changed).not.toBe(schema);
    variants += 1;
    const path = join(dir, `schema-${variants}.prisma`);
    await writeFile(path, changed);
    return path;
  }

  it('sees what was added to the schema, left out of it, and what only SQL says', async () => {
    const [added, undeclared, stale] = await compare(
      await variant((text) => `${text}\nmodel Extra {\n  id BigInt @id\n\n  @@map("extra")\n}\n`),
      await variant((text) => text.replace('// sql: sequence users_id_seq\n', '')),
      await variant((text) => `${text}\n// sql: index of_former_times\n`),
    );
    expect(added?.sql).toContain('CREATE TABLE "extra"');
    expect(added?.undeclared).toEqual(
      expect.arrayContaining([expect.stringMatching(/^table extra is only in the schema/)]),
    );
    expect(undeclared).toEqual({ ...NO_DIFFERENCE, undeclared: [expect.stringMatching(/^sequence users_id_seq is /)] });
    expect(stale).toEqual({ ...NO_DIFFERENCE, stale: ['index of_former_times'] });
  });
});
