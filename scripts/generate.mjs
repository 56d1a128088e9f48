// Writes the Prisma client (packages/persistence/src/generated) when the schema or Prisma itself has changed.
// Needs nothing but the npm packages: `prisma generate` wants to see a schema engine it never starts, and would download
// one; any existing file satisfies it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const schema = join(root, 'prisma/schema.prisma');
const output = join(root, 'packages/persistence/src/generated');
const stamp = join(output, '.stamp');
const prisma = createRequire(join(root, 'packages/persistence/package.json')).resolve('prisma/package.json');

const wanted = createHash('sha256').update(readFileSync(schema)).update(readFileSync(prisma)).digest('hex');
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) process.exit(0);

rmSync(output, { recursive: true, force: true });
const run = spawnSync(
  process.execPath,
  [join(dirname(prisma), 'build/index.js'), 'generate', '--schema', schema, '--no-hints'],
  {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: schema,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  },
);
if (run.status !== 0 || !existsSync(join(output, 'client.ts'))) {
  process.stderr.write(`${run.stdout ?? ''}${run.stderr ?? ''}prisma generate failed\n`);
  process.exit(run.status || 1);
}
writeFileSync(stamp, wanted);
