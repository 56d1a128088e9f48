/**
 * What went wrong below, in the domain's words: a store that is away or busy is `unavailable`, everything else passes unchanged.
 * Knows how Prisma, its adapter and the driver wrap PostgreSQL's errors, so that nobody else has to.
 */
import { DomainError } from '@switchboard/core';

/** `lost`: the connection broke or was never made. `busy`: a lock or a statement took too long. `conflict`: running again may help. */
export type StoreFault = 'lost' | 'busy' | 'conflict' | 'other';

const LOST_STATES = /^(?:08...|57P0[1-5]|53300|25P03|25P04)$/;
const BUSY_STATES = /^(?:55P03|57014)$/;
const CONFLICT_STATES = /^(?:40001|40P01)$/;

const LOST_KINDS = new Set([
  'ConnectionClosed',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
]);
/** Prisma's own: not reachable, timed out, closed, no connection free, transaction over. */
const LOST_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
/** Node's, for sockets that the adapter does not know as such; ENOENT is a unix socket whose server is gone. */
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);
/** The driver's errors without a code. */
const LOST_MESSAGES =
  /connection terminated|connection (?:is )?(?:closed|ended)|connection error and is not queryable|timeout exceeded when trying to connect|query read timeout|client was closed/i;

interface Layer {
  readonly code?: unknown;
  readonly kind?: unknown;
  readonly originalCode?: unknown;
  readonly message?: unknown;
  readonly constraint?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly driverAdapterError?: unknown } | undefined;
}

/** SQLSTATE or Node's or Prisma's code of one wrapping, innermost last. */
function* layers(error: unknown): Generator<Layer> {
  let layer = error as Layer | null | undefined;
  for (let depth = 0; depth < 6 && typeof layer === 'object' && layer !== null; depth += 1) {
    yield layer;
    layer = (layer.meta?.driverAdapterError ?? layer.cause) as Layer | undefined;
  }
}

export function faultOf(error: unknown): StoreFault {
  let lost = false;
  for (const layer of layers(error)) {
    for (const code of [layer.code, layer.originalCode]) {
      if (typeof code !== 'string') continue;
      if (CONFLICT_STATES.test(code) || code === 'P2034') return 'conflict';
      if (BUSY_STATES.test(code)) return 'busy';
      if (LOST_STATES.test(code) || LOST_CODES.has(code) || SOCKET_CODES.has(code)) lost = true;
    }
    if (layer.kind === 'TransactionWriteConflict') return 'conflict';
    if (typeof layer.kind === 'string' && LOST_KINDS.has(layer.kind)) lost = true;
    if (typeof layer.message === 'string' && LOST_MESSAGES.test(layer.message)) lost = true;
  }
  return lost ? 'lost' : 'other';
}

/** The error that leaves persistence. */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  const fault = faultOf(error);
  if (fault === 'other') return error;
  return new DomainError(
    'unavailable',
    `The store is ${fault === 'lost' ? 'away' : 'busy'}`,
    { subject: 'store' },
    { cause: error },
  );
}

/** The same methods, whose failures are the domain's. */
export function guarded<T extends object>(methods: T): T {
  const wrapped = Object.entries(methods).map(([name, method]: [string, unknown]) => [
    name,
    typeof method === 'function' ? guard(method as (...args: unknown[]) => unknown) : method,
  ]);
  return Object.fromEntries(wrapped) as T;
}

function guard(method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    const result = method(...args);
    if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== 'function') return result;
    return Promise.resolve(result).catch((error: unknown) => {
      throw toDomainError(error);
    });
  };
}
