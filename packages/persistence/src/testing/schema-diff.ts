/**
 * Do `schema.prisma` and the migrations say the same? Two questions, because Prisma alone does not see everything:
 *
 * 1. *What must a migration still do?* Prisma's engine compares a migrated database with the schema and writes the SQL.
 *    It overlooks what the schema language cannot say (functions, triggers, checks, partial and expression indexes,
 *    limits of sequences), so such objects are no false drift here, but nothing is proven about them either.
 * 2. *Is there anything nobody declared?* The migrated database and one made from the schema alone are compared object
 *    by object from PostgreSQL's catalogs. What only SQL can say is named in the schema by a line of its own,
 *    `// sql: <kind> <name>` (`// sql: index conversations_live_key`), and everything that differs without such a line
 *    is drift, and so is a line whose object does not differ. A declared object's definition lives in the migrations only.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import pg from 'pg';
import { applyMigrations } from '../migrate.ts';
import { type Catalog, readCatalog } from './schema-catalog.ts';
import { openSchemaEngine, type SchemaEngineHandle, type SchemaFile } from './schema-engine.ts';
import { withScratchDatabase } from './scratch-database.ts';

export interface CompareSchemaOptions {
  /** A server on which databases may be created; two are, and dropped again. */
  adminConnectionString: string;
  migrationsDir: string;
  schemaPath: string;
}

export interface SchemaComparison {
  /** SQL that leads from the migrations to the schema, as Prisma writes it; '' when it sees no difference. */
  sql: string;
  /** Objects that differ and are not declared by a `// sql:` line, worded for a person. */
  undeclared: string[];
  /** `// sql:` lines that are no longer true. */
  stale: string[];
}

/** `// sql: index users_email_key` */
const DECLARATION = /^[ \t]*\/\/\/? sql: (.+?)[ \t]*$/gm;

export async function compareSchema(options: CompareSchemaOptions): Promise<SchemaComparison> {
  const content = await readFile(options.schemaPath, 'utf8');
  const schema = { path: basename(options.schemaPath), content };
  const declared = new Set([...content.matchAll(DECLARATION)].map((match) => match[1] ?? ''));
  const { adminConnectionString, migrationsDir } = options;
  return withScratchDatabase(adminConnectionString, async (migrated) => {
    await applyMigrations({ connectionString: migrated, migrationsDir, log: () => undefined });
    const { sql, fromNothing } = await withEngine(migrated, schema, async ({ engine }) => ({
      sql: await scriptTo(engine, { tag: 'schemaDatasource', files: [schema], configDir: '.' }, schema),
      fromNothing: await scriptTo(engine, { tag: 'empty' }, schema),
    }));
    const catalogs = await withScratchDatabase(adminConnectionString, async (plain) => {
      await runScript(plain, fromNothing);
      return { migrations: await readCatalog(migrated), schema: await readCatalog(plain) };
    });
    return { sql, ...differences(catalogs, declared) };
  });
}

type Engine = SchemaEngineHandle['engine'];

async function scriptTo(engine: Engine, from: Parameters<Engine['diff']>[0]['from'], schema: SchemaFile) {
  const result = await engine.diff({
    from,
    to: { tag: 'schemaDatamodel', files: [schema] },
    script: true,
    exitCode: true,
    filters: { externalTables: [], externalEnums: [] },
  });
  // With `exitCode` the engine answers 2 when there is a difference; an empty script still has a comment in it.
  return result.exitCode === 2 ? (result.stdout ?? '') : '';
}

async function withEngine<T>(
  connectionString: string,
  schema: SchemaFile,
  use: (handle: SchemaEngineHandle) => Promise<T>,
): Promise<T> {
  const handle = await openSchemaEngine(connectionString, schema);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function runScript(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function differences(
  catalogs: { migrations: Catalog; schema: Catalog },
  declared: ReadonlySet<string>,
): Pick<SchemaComparison, 'undeclared' | 'stale'> {
  const differing = new Map<string, string>();
  for (const [object, definition] of catalogs.migrations) {
    const wanted = catalogs.schema.get(object);
    if (wanted === definition) continue;
    differing.set(
      object,
      wanted === undefined
        ? `${object} is only in the migrations: ${definition}`
        : `${object} is "${definition}" in the migrations and "${wanted}" in the schema`,
    );
  }
  for (const [object, definition] of catalogs.schema) {
    if (!catalogs.migrations.has(object)) differing.set(object, `${object} is only in the schema: ${definition}`);
  }
  return {
    undeclared: [...differing].filter(([object]) => !declared.has(object)).map(([, sentence]) => sentence),
    stale: [...declared].filter((object) => !differing.has(object) || !catalogs.migrations.has(object)),
  };
}
