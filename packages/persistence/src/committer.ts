/**
 * The fast lane of a node: a queue and one connection. Takes what waits, has one function judge and write it in one round trip, tells the
 * bus, answers each caller, and begins again: the commit in flight is the clock, there is no timer. Knows no use case.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type Clock,
  type Committer,
  type CommitterStats,
  DomainError,
  type FastCommand,
  type Log,
  type LogPosition,
  type OnCommitted,
  type Verdict,
} from '@switchboard/core';
import { type Answer, refused, toOutcome } from './committer/answer.ts';
import { APPLY_BATCH, argumentsOf, hasReadableFiles, sizeOf } from './committer/call.ts';
import { createConnection } from './committer/connection.ts';
import { type FoundBatch, matchEntries } from './committer/recovery.ts';
import { faultOf } from './prisma-store/errors.ts';

export interface CommitterOptions {
  readonly connectionString: string;
  /** Each commit's events, after the commit, in commit order, before the callers hear of it. */
  readonly onCommitted: OnCommitted;
  readonly stats?: CommitterStats;
  readonly log: Log;
  /** What messages and entries are dated by; default: the clock of the store, which all nodes share. */
  readonly clock?: Clock;
  /** More commands than this wait: `unavailable`. Default 20,000. */
  readonly queueLimit?: number;
  /** How long a caller waits. Default 10 s. */
  readonly patienceMs?: number;
}

const BATCH_COMMANDS = 256;
const BATCH_BYTES = 1024 * 1024;
const QUEUE_LIMIT = 20_000;
const PATIENCE_MS = 10_000;
/** How late after its time a caller may hear that it was in vain. */
const SWEEP_MS = 200;

const READ_HEAD = { name: 'read_head', text: 'select coalesce(max(position), 0)::float8 as head from events' } as const;

interface Waiting {
  readonly command: FastCommand;
  readonly bytes: number;
  readonly deadline: number;
  resolve(verdict: Verdict): void;
  reject(error: unknown): void;
  /** The caller was answered: a command that has not been sent yet is not sent any more. */
  settled: boolean;
}

export function createCommitter(options: CommitterOptions): Committer {
  const { onCommitted, stats, log, clock, queueLimit = QUEUE_LIMIT, patienceMs = PATIENCE_MS } = options;
  const connection = createConnection(options.connectionString, log);
  let queue: Waiting[] = [];
  let flying: readonly Waiting[] = [];
  /** The newest head that this node has seen: a lost batch is looked for after it. Null until the store was asked once. */
  let head: LogPosition | null = null;
  let running: Promise<void> | null = null;
  let sweeper: NodeJS.Timeout | null = null;
  let closing = false;

  function sweep(): void {
    const now = performance.now();
    for (const waiting of [...flying, ...queue]) {
      if (waiting.deadline > now) break;
      fail(waiting, unavailable('The store did not answer in time'));
    }
    queue = queue.filter((waiting) => !waiting.settled);
    if (depth() === 0) stopSweeping();
  }

  function stopSweeping(): void {
    if (sweeper) clearInterval(sweeper);
    sweeper = null;
  }

  /** Once everybody has been answered, by the store or by the sweeper. */
  async function allSettled(): Promise<void> {
    while ([...flying, ...queue].some((waiting) => !waiting.settled))
      await new Promise((resolve) => setTimeout(resolve, 20));
    queue = [];
  }

  const depth = () => queue.length + flying.length;

  async function run(): Promise<void> {
    // Whoever speaks in this turn of the event loop goes along.
    await turn();
    while (queue.length > 0) {
      flying = take();
      const began = performance.now();
      try {
        await commit(flying);
      } catch (error) {
        // A fault of ours: those who wait for this batch hear of it, the next batch goes on.
        log('error', 'a batch went wrong', { reason: String(error) });
        failAll(flying, new DomainError('internal', 'A batch went wrong', { subject: 'store' }, { cause: error }));
      }
      stats?.onBatch?.(flying.length, performance.now() - began);
      flying = [];
      // The answers go out, and what they and the sockets bring goes into the next batch.
      await turn();
    }
    running = null;
    stopSweeping();
  }

  /** From the front, at most a batch. Two changes of one message never fall into one. */
  function take(): Waiting[] {
    const changed = new Set<string>();
    let bytes = 0;
    let count = 0;
    for (const { command, bytes: size } of queue) {
      if (count === BATCH_COMMANDS || (count > 0 && bytes + size > BATCH_BYTES)) break;
      if (command.kind === 'edit' || command.kind === 'delete') {
        const self = command.kind === 'delete' && command.scope === 'self';
        const key = self ? `${command.messageId} ${command.actorId}` : String(command.messageId);
        if (changed.has(key)) break;
        changed.add(key);
      }
      bytes += size;
      count += 1;
    }
    return queue.splice(0, count);
  }

  async function commit(all: readonly Waiting[]): Promise<void> {
    const client = await connection.ready().catch(() => null);
    const batch = all.filter((waiting) => !waiting.settled);
    if (batch.length === 0) return;
    if (!client) return failAll(batch, unavailable('The committer is closed'));
    const id = randomUUID();
    const commands = batch.map((waiting) => waiting.command);
    const values = argumentsOf(id, commands, clock ? clock.now() : null);
    let before = head;
    let row: { answer: Answer } | undefined;
    try {
      before ??= (await connection.query<{ head: number }>(client, { ...READ_HEAD, values: [] }))?.head ?? 0;
      row = await connection.query<{ answer: Answer }>(client, { ...APPLY_BATCH, values });
    } catch (error) {
      return afterFailure({ batch, id, before, error, drop: () => connection.drop(client) });
    }
    if (row) settle(batch, row.answer, id);
  }

  interface Failure {
    readonly batch: readonly Waiting[];
    readonly id: string;
    /** Null: it was not even sent. */
    readonly before: LogPosition | null;
    readonly error: unknown;
    drop(): void;
  }

  async function afterFailure({ batch, id, before, error, drop }: Failure): Promise<void> {
    const fault = isOutOfOrder(error) ? 'busy' : faultOf(error);
    if (fault === 'lost') {
      drop();
      log('warn', 'the committer lost its connection', { commands: batch.length });
      return before === null ? commit(batch) : recover(batch, id, before);
    }
    if (fault !== 'other') return failAll(batch, unavailable('The store is busy', error));
    const [only] = batch;
    if (batch.length === 1 && only) {
      // Never the message: PostgreSQL quotes values in it.
      log('warn', 'the store could not take a command', { kind: only.command.kind, code: codeOf(error) });
      return answer(only, refused('invalid'));
    }
    const middle = Math.ceil(batch.length / 2);
    await commit(batch.slice(0, middle));
    await commit(batch.slice(middle));
  }

  /** The answer is lost: the log knows whether the batch is in it. Not found, it is sent again for those who still wait. */
  async function recover(batch: readonly Waiting[], id: string, before: LogPosition): Promise<void> {
    for (;;) {
      const client = await connection.ready().catch(() => null);
      if (!client) return failAll(batch, unavailable('The committer is closed'));
      try {
        const row = await connection.query<{ found: FoundBatch }>(client, {
          name: 'find_batch',
          text: 'select find_batch($1, $2) as found',
          values: [id, String(before)],
        });
        if (!row) throw new Error('find_batch answered nothing');
        const { found } = row;
        head = found.head;
        // The followers read the events from the store; with the head they know at once that there are some.
        if (found.entries.length > 0) onCommitted([], found.head);
        const verdicts = matchEntries(
          batch.map((waiting) => waiting.command),
          found.entries,
        );
        verdicts.forEach((verdict, index) => {
          const waiting = batch[index];
          if (verdict && waiting) answer(waiting, verdict);
        });
        return commit(batch);
      } catch (error) {
        connection.drop(client);
        if (batch.every((waiting) => waiting.settled)) return;
        log('debug', 'the committer could not look for a batch', { code: codeOf(error) });
      }
    }
  }

  function settle(batch: readonly Waiting[], result: Answer, id: string): void {
    head = result.head;
    const { verdicts, events } = toOutcome(
      batch.map((waiting) => waiting.command),
      result,
      id,
    );
    if (events.length > 0) onCommitted(events, result.head);
    batch.forEach((waiting, index) => {
      answer(waiting, verdicts[index] ?? refused('not_found'));
    });
  }

  return {
    submit(command) {
      if (closing) return Promise.reject(unavailable('The committer is closed'));
      if (depth() >= queueLimit) return Promise.reject(unavailable('Too many commands wait for the store'));
      if (!hasReadableFiles(command)) return Promise.resolve(refused('invalid'));
      return new Promise((resolve, reject) => {
        const deadline = performance.now() + patienceMs;
        queue.push({ command, bytes: sizeOf(command), deadline, resolve, reject, settled: false });
        running ??= run();
        sweeper ??= setInterval(sweep, SWEEP_MS).unref();
      });
    },
    get depth() {
      return depth();
    },
    async close() {
      closing = true;
      // With the store away this takes as long as the callers are patient.
      if (running) await Promise.race([running, allSettled()]);
      await connection.close();
      await running;
      stopSweeping();
    },
  };
}

function answer(waiting: Waiting, verdict: Verdict): void {
  if (waiting.settled) return;
  waiting.settled = true;
  waiting.resolve(verdict);
}

function fail(waiting: Waiting, error: unknown): void {
  if (waiting.settled) return;
  waiting.settled = true;
  waiting.reject(error);
}

function failAll(batch: readonly Waiting[], error: unknown): void {
  for (const waiting of batch) fail(waiting, error);
}

function unavailable(message: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', message, { subject: 'store' }, { cause });
}

/** No room, no right to write (a standby), a function that is not there: nothing that a single command could be blamed for. */
function isOutOfOrder(error: unknown): boolean {
  return /^(?:53[124]|25006|42|58|F0)/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
