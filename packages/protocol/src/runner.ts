/**
 * Runs one operation row: guard, schema, rate, use case, reply. One of the two places that catch (with the dispatcher, for frames): what
 * comes out is a value or a fault of the closed lists, and what was in neither has been logged once with its cause. Knows no connection, so
 * that REST calls and socket frames run alike.
 */
import type { Clock, Core, Log } from '@switchboard/core';
import { type Fault, ProtocolError, toFault } from './error-table.ts';
import type { Metrics } from './metrics.ts';
import type { Operation, OperationSession, Operations } from './operations.ts';
import { createRateLimiter, NO_RATE_LIMITS, type RateLimits } from './rate-limiter.ts';

export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: Fault };

export interface RunnerOptions<Name extends string, Session> {
  readonly protocol: string;
  readonly core: Core;
  readonly operations: Operations<Name, Session>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Default: unlimited. */
  readonly rates?: RateLimits;
}

export interface Runner<Session> {
  /** The row of a name; undefined for names this wire does not know. */
  find(name: string): Operation<Session> | undefined;
  /** Never rejects. `unknown_operation` for names without a row. With `answers: after` it resolves behind the operation's own events. */
  run(session: Session, name: string, args: unknown): Promise<Outcome>;
  /** A handshake, or anything else of the wire that may fail like an operation. `name` is for logs and metrics. */
  attempt<T>(name: string, work: () => Promise<T> | T): Promise<{ ok: true; value: T } | { ok: false; fault: Fault }>;
}

export function createRunner<Name extends string, Session extends OperationSession>(
  options: RunnerOptions<Name, Session>,
): Runner<Session> {
  const { protocol, core, clock, log, metrics } = options;
  const rows: Readonly<Record<string, Operation<Session>>> = options.operations;
  const limiter = createRateLimiter(clock, options.rates ?? NO_RATE_LIMITS);

  function find(name: string): Operation<Session> | undefined {
    return Object.hasOwn(rows, name) ? rows[name] : undefined;
  }

  /** What was committed may take a moment to arrive; that it does not come at all is no reason to call a success a failure. */
  async function untilDelivered(position: number): Promise<void> {
    try {
      await core.events.delivered(position);
    } catch (error) {
      log('warn', 'answered before its own events', { protocol, position, error: String(error) });
    }
  }

  async function execute(session: Session, name: string, args: unknown): Promise<unknown> {
    const row = find(name);
    if (!row) throw new ProtocolError('unknown_operation', 'unknown operation', { name });
    const prepared = row.prepare(session, args);
    if (row.limited && session.actor?.userId != null) limiter.take(session.actor.userId, name);
    const before = session.actor?.lastPosition ?? 0;
    const result = await prepared.run(core);
    const after = session.actor?.lastPosition ?? 0;
    if (row.answers === 'after' && after > before) await untilDelivered(after);
    return prepared.reply(result, core.directory);
  }

  async function attempt<T>(name: string, work: () => Promise<T> | T) {
    const startedAt = clock.now();
    try {
      const value = await work();
      metrics.operation(protocol, name, 'ok', clock.now() - startedAt);
      return { ok: true as const, value };
    } catch (thrown) {
      const fault = toFault(thrown);
      metrics.operation(protocol, name, fault.code, clock.now() - startedAt);
      if (fault.code === 'internal') log('error', 'an operation failed', { protocol, name, ...causeOf(fault) });
      return { ok: false as const, fault };
    }
  }

  return {
    find,
    attempt,
    run: (session, name, args) => attempt(find(name) ? name : 'unknown', () => execute(session, name, args)),
  };
}

/** What a log line may hold of a fault: the stack and the first line of the message, never a statement's values below it. */
export function causeOf(fault: Fault): Record<string, unknown> {
  const cause = fault.cause ?? fault;
  if (!(cause instanceof Error)) return { cause: typeof cause };
  const firstLine = cause.message.split('\n').find((line) => line.trim() !== '') ?? '';
  const frames = cause.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  return { cause: cause.name, message: firstLine.slice(0, 200), stack: frames.slice(0, 8).join('\n') };
}
