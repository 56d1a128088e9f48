/**
 * Prints the SQL that leads from prisma/migrations to prisma/schema.prisma: the draft of the next migration.
 * With --check prints what differs, for people, and ends with 1 when anything does (see schema-diff.ts for what counts).
 * With --schema and --migrations it looks elsewhere than in prisma/.
 *
 *   npm run --silent migration:diff > prisma/migrations/20250101000000_some_name/migration.sql
 */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { borrowServer, compareSchema } from '@switchboard/persistence/testing';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    schema: { type: 'string', default: resolve(root, 'prisma/schema.prisma') },
    migrations: { type: 'string', default: resolve(root, 'prisma/migrations') },
  },
});

await mkdir(values.migrations, { recursive: true });
const server = await borrowServer();
try {
  const { sql, undeclared, stale } = await compareSchema({
    adminConnectionString: server.adminConnectionString,
    migrationsDir: values.migrations,
    schemaPath: values.schema,
  });
  if (values.check) {
    const complaints = [
      ...undeclared.map((sentence) => `Differs, and no "// sql:" line of the schema says so: ${sentence}`),
      ...stale.map((object) => `The schema says "// sql: ${object}", and there is no such difference.`),
    ];
    // What the migrations lack would be told again, object by object.
    if (sql !== '') console.log(`The migrations lack:\n${sql}`);
    else for (const complaint of complaints) console.log(complaint);
    process.exitCode = sql === '' && complaints.length === 0 ? 0 : 1;
  } else {
    process.stdout.write(sql);
  }
} finally {
  await server.close();
}
