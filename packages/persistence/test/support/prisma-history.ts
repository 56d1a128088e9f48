// prisma-history.ts <address> <migrations> <diagnose|apply>: what `prisma migrate status` and `prisma migrate deploy` ask
// their engine, asked of the same engine.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSchemaEngine } from '../../src/testing/schema-engine.ts';

const [address = '', migrationsDir = '', what] = process.argv.slice(2);
const filters = { externalTables: [], externalEnums: [] };
const migrationsList = {
  baseDir: migrationsDir,
  lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
  shadowDbInitScript: '',
  migrationDirectories: await Promise.all(
    (await readdir(migrationsDir)).sort().map(async (path) => ({
      path,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(join(migrationsDir, path, 'migration.sql'), 'utf8') },
      },
    })),
  ),
};
const schema = { path: 'schema.prisma', content: 'datasource db {\n  provider = "postgresql"\n}\n' };
const { engine, close } = await openSchemaEngine(address, schema);
console.log(
  JSON.stringify(
    what === 'apply'
      ? await engine.applyMigrations({ migrationsList, filters })
      : await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters }),
  ),
);
await close();
// The engine's patience with its lock, ten seconds, is a timer that it never takes back.
process.exit();
