/**
 * npm run bench:log: how fast the log takes sends, as a ratio to plain single-row INSERTs into the same table shape in the same run.
 * Writers are processes of their own on one embedded PostgreSQL with production's settings on disk. Options: --seconds 2 --runs 3 --rows 0
 * (messages and entries that are there already), --only 64x1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createTestDatabase, startTestServer } from '@switchboard/persistence/testing';
import pg from 'pg';
import type { WriterJob, WriterReport } from './log-writer.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
    rows: { type: 'string', default: '0' },
    only: { type: 'string' },
    profile: { type: 'string' },
  },
});

const CONVERSATIONS = 64;
const MEMBERS = 20;
/** The driver's default pool; more make the INSERTs hardly faster: from here on they share each other's flush. */
const POOL = 10;
const WARM_UP_MS = 700;
const SETTINGS = [1, 64, 200].flatMap((inFlight) => [1, 2].map((writers) => ({ inFlight, writers })));

interface Measured {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly batch: number;
}

async function measure(
  job: Omit<WriterJob, 'writer' | 'inFlight'>,
  setting: (typeof SETTINGS)[number],
): Promise<Measured> {
  const { inFlight } = setting;
  const writers = Array.from({ length: setting.writers }, (_, writer) =>
    startWriter({ ...job, writer, inFlight, connections: Math.min(inFlight, job.connections) }),
  );
  const all = await Promise.all(writers);
  const reports = await Promise.all(all.map((writer) => writer.go()));
  return {
    rate: sum(reports.map((report) => report.sends / report.seconds)),
    p50: Math.max(...reports.map((report) => report.p50)),
    p99: Math.max(...reports.map((report) => report.p99)),
    batch: median(reports.map((report) => report.batch)),
  };
}

async function startWriter(job: WriterJob): Promise<{ go(): Promise<WriterReport> }> {
  const script = fileURLToPath(new URL('./log-writer.ts', import.meta.url));
  const profile = values.profile && job.how === 'committer' ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
  const child: ChildProcess = spawn(
    process.execPath,
    [...profile, '--import', 'tsx', '--conditions=source', script, JSON.stringify(job)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  if (!child.stdout || !child.stdin) throw new Error('The writer has no pipes');
  const lines = createInterface({ input: child.stdout });
  const nextLine = async () => String((await once(lines, 'line'))[0]);
  await nextLine();
  return {
    async go() {
      child.stdin?.write('go\n');
      const report = JSON.parse(await nextLine()) as WriterReport;
      if (child.exitCode === null) await once(child, 'exit');
      return report;
    },
  };
}

async function prepare(connectionString: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(`
      insert into users (display_name) select 'member ' || g from generate_series(1, ${MEMBERS}) g;
      insert into conversations (kind) select 'group' from generate_series(1, ${CONVERSATIONS});
      insert into participants (conversation_id, user_id)
        select c, u from generate_series(1, ${CONVERSATIONS}) c, generate_series(1, ${MEMBERS}) u;
      create table plain_messages (like messages including all);`);
    if (rows > 0) {
      await client.query(`
        insert into messages (id, conversation_id, seq, sender_id, client_ref, via, text, created_at, changed_position)
          select 1600000000000000 + g, 1 + g % ${CONVERSATIONS}, 1 + g / ${CONVERSATIONS}, 1 + g % ${MEMBERS}, 'old:' || g, 'bench', repeat('x', 200), now(), g
            from generate_series(1, ${rows}) g;
        insert into plain_messages select * from messages;
        insert into events (position, type, conversation_id, actor_id, via, subject_id, batch, at)
          select g, 'message.sent', 1 + g % ${CONVERSATIONS}, 1, 'bench', 1600000000000000 + g, 'old', now() from generate_series(1, ${rows}) g;
        update conversations set last_seq = ${rows};`);
    }
  } finally {
    await client.end();
  }
}

const runs = Number(values.runs);
const rows = Number(values.rows);
const server = await startTestServer({ durable: true, settings: { shared_buffers: '128MB', max_connections: '100' } });
try {
  const database = await createTestDatabase(server);
  await prepare(database.connectionString, rows);
  const common = {
    connectionString: database.connectionString,
    warmUpMs: WARM_UP_MS,
    measureMs: Number(values.seconds) * 1000,
    conversations: CONVERSATIONS,
    members: MEMBERS,
  };
  console.log(
    `${runs} runs of ${values.seconds} s each, medians; ${CONVERSATIONS} conversations of ${MEMBERS}, 200-byte texts, ${rows} messages before.\n` +
      'Reference: one autocommit INSERT per message into the same table shape; no lock, no log, no heads, nothing judged. Each writer has one\n' +
      `connection, as the committer has (ratio), and then a pool of ${POOL} (ratio ×${POOL}), where sends in flight share flushes.\n` +
      'Sends in flight are counted per writer.\n',
  );
  const table = SETTINGS.filter(({ inFlight, writers }) => !values.only || values.only === `${inFlight}x${writers}`);
  const lines = [];
  for (const setting of table) {
    const plain: Measured[] = [];
    const pooled: Measured[] = [];
    const fast: Measured[] = [];
    for (let run = 0; run < runs; run += 1) {
      plain.push(await measure({ ...common, how: 'inserts', connections: 1 }, setting));
      fast.push(await measure({ ...common, how: 'committer', connections: 1 }, setting));
      pooled.push(await measure({ ...common, how: 'inserts', connections: POOL }, setting));
    }
    const of = (list: Measured[], field: keyof Measured) => median(list.map((one) => one[field]));
    lines.push({
      'in flight': setting.inFlight,
      writers: setting.writers,
      'sends/s': Math.round(of(fast, 'rate')),
      'p50 ms': round(of(fast, 'p50')),
      'p99 ms': round(of(fast, 'p99')),
      batch: Math.round(of(fast, 'batch')),
      'INSERTs/s': Math.round(of(plain, 'rate')),
      'INSERT p50': round(of(plain, 'p50')),
      ratio: round(of(fast, 'rate') / of(plain, 'rate')),
      [`INSERTs/s ×${POOL}`]: Math.round(of(pooled, 'rate')),
      [`p50 ×${POOL}`]: round(of(pooled, 'p50')),
      [`ratio ×${POOL}`]: round(of(fast, 'rate') / of(pooled, 'rate')),
    });
  }
  console.table(lines);
} finally {
  await server.close();
}

function sum(list: number[]): number {
  return list.reduce((total, value) => total + value, 0);
}

function median(list: number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
