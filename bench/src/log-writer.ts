/**
 * One writer process of bench:log: keeps a number of sends in flight for some time, by the committer or by plain single-row INSERTs, and
 * prints what it saw as one line of JSON. Started by log.ts; waits for a line on its input so that several begin together.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ConversationId, SendCommand, UserId } from '@switchboard/core';
import { createCommitter } from '@switchboard/persistence';
import pg from 'pg';

export interface WriterJob {
  readonly connectionString: string;
  readonly how: 'committer' | 'inserts';
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Conversations and their members are numbered from 1; sends go round. */
  readonly conversations: number;
  readonly members: number;
  /** Tells writers apart in what must be unique. */
  readonly writer: number;
  readonly connections: number;
}

export interface WriterReport {
  readonly sends: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Mean commands per call. */
  readonly batch: number;
}

const TEXT = 'x'.repeat(200);

interface Way {
  send(n: number): Promise<unknown>;
  batchSize(): number;
  close(): Promise<void>;
}

function byCommitter(job: WriterJob): Way {
  let batches = 0;
  let commands = 0;
  const committer = createCommitter({
    connectionString: job.connectionString,
    onCommitted: () => undefined,
    stats: {
      onBatch(size) {
        batches += 1;
        commands += size;
      },
    },
    log: (level, message, fields) => console.error(level, message, fields),
  });
  return {
    async send(n) {
      const verdict = await committer.submit(commandOf(job, n));
      if (!verdict.ok || verdict.repeated) throw new Error(`refused: ${JSON.stringify(verdict)}`);
    },
    batchSize: () => commands / Math.max(1, batches),
    close: () => committer.close(),
  };
}

function commandOf(job: WriterJob, n: number): SendCommand {
  return {
    kind: 'send',
    actorId: (1 + (n % job.members)) as UserId,
    via: 'bench',
    origin: null,
    conversationId: (1 + (n % job.conversations)) as ConversationId,
    clientRef: `bench:${job.writer}.${process.pid}.${n}`,
    messageKind: 'text',
    text: TEXT,
    parts: [],
    replyToId: null,
    prompt: null,
    visibility: 'all',
    meta: {},
    unattended: false,
    createdAt: null,
  };
}

/** The same row, one INSERT and one commit each, over a pool; no lock, no log, no heads, no judging. */
function byInserts(job: WriterJob): Way {
  const pool = new pg.Pool({ connectionString: job.connectionString, max: job.connections });
  // A connection that is closing when the server stops has nothing to say.
  pool.on('error', () => undefined);
  const text = `insert into plain_messages (id, conversation_id, seq, sender_id, client_ref, via, text, created_at, changed_position)
    values ($1, $2, $3, $4, $5, 'bench', $6, now(), $7)`;
  const base = Date.now() * 1000 + job.writer;
  return {
    async send(n) {
      const id = base + n * 2;
      const conversation = 1 + (n % job.conversations);
      const values = [id, conversation, id, 1 + (n % job.members), `bench:${job.writer}.${process.pid}.${n}`, TEXT, n];
      await pool.query({ name: 'insert', text, values });
    },
    batchSize: () => 1,
    close: () => pool.end(),
  };
}

async function run(job: WriterJob): Promise<WriterReport> {
  const way = job.how === 'committer' ? byCommitter(job) : byInserts(job);
  let n = 0;
  let latencies: number[] = [];
  let measuring = false;
  let stop = false;
  const lane = async () => {
    while (!stop) {
      const began = performance.now();
      await way.send(n++);
      if (measuring) latencies.push(performance.now() - began);
    }
  };
  const lanes = Array.from({ length: job.inFlight }, lane);
  await pause(job.warmUpMs);
  measuring = true;
  const began = performance.now();
  await pause(job.measureMs);
  measuring = false;
  const seconds = (performance.now() - began) / 1000;
  stop = true;
  await Promise.all(lanes);
  const batch = way.batchSize();
  await way.close();
  latencies = latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { sends: latencies.length, seconds, p50: at(0.5), p99: at(0.99), max: at(1), batch };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const job = JSON.parse(process.argv[2] ?? '{}') as WriterJob;
const input = createInterface({ input: process.stdin });
console.log('ready');
await once(input, 'line');
input.close();
console.log(JSON.stringify(await run(job)));
