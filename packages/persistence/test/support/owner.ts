// owner.ts <data dir> [settings of startEmbeddedPostgres as JSON]: a process that owns an embedded PostgreSQL, as the
// gateway does. Prints one JSON line per thing that happened; ends in order on SIGTERM and shrugs at Ctrl-C.
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded.ts';

const [dataDir = '', options = '{}'] = process.argv.slice(2);
const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
process.on('SIGINT', () => tell({ event: 'interrupted' }));

try {
  const postgres = await startEmbeddedPostgres({
    ...JSON.parse(options),
    dataDir,
    log: (level, message) => tell({ event: 'log', level, message }),
  });
  process.on('SIGTERM', () => void postgres.close().then(() => process.exit(0)));
  const client = new pg.Client(postgres.connectionString);
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS acknowledged (n serial)');
  tell({ event: 'ready', pid: postgres.pid(), connectionString: postgres.connectionString });
  // Keeps writing, and says so only when PostgreSQL has said so.
  for (;;) {
    const { rows } = await client.query('INSERT INTO acknowledged DEFAULT VALUES RETURNING n');
    tell({ event: 'acknowledged', n: rows[0].n });
  }
} catch (error) {
  const { name, code, message } = error as Error & { code?: string };
  tell({ event: 'failed', name, code, message });
}
