/**
 * The two Prisma clients of a node, each on a pool of its own: reads never wait for the slow lane, and the slow lane never for reads.
 * Every connection carries limits that PostgreSQL itself enforces, because a paused process cannot.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import type { Log } from '@switchboard/core';
import pg from 'pg';
import { PrismaClient } from '../generated/client.ts';

export interface Clients {
  readonly reads: PrismaClient;
  readonly slowLane: PrismaClient;
  close(): Promise<void>;
}

const READ_CONNECTIONS = 10;
/** One runs, one looks up what became of a lost one. */
const SLOW_LANE_CONNECTIONS = 2;
/** PostgreSQL ends a statement after this. */
const STATEMENT_MS = 10_000;
/** A PostgreSQL that does not even do that stands still: the connection is given up. */
const SILENCE_MS = 11_000;

export function openClients(connectionString: string, log: Log): Clients {
  // An idle connection that breaks is thrown away by the pool; unheard, its error would end the process.
  const onPoolError = (error: Error) => log('debug', 'an idle database connection was lost', { reason: error.message });
  const open = (config: pg.PoolConfig) => {
    const common = {
      Client: listenedTo(onPoolError),
      connectionString,
      connectionTimeoutMillis: 5_000,
      query_timeout: SILENCE_MS,
      keepAlive: true,
    };
    const adapter = new PrismaPg({ ...common, ...config }, { onPoolError, onConnectionError: onPoolError });
    return new PrismaClient({ adapter, errorFormat: 'minimal', log: [] });
  };
  const reads = open({ application_name: 'switchboard-reads', max: READ_CONNECTIONS, statement_timeout: STATEMENT_MS });
  const slowLane = open({
    application_name: 'switchboard-slow-lane',
    max: SLOW_LANE_CONNECTIONS,
    // A node that stops while it holds the log's lock gives it back after this.
    idle_in_transaction_session_timeout: 2_000,
    lock_timeout: 5_000,
    statement_timeout: STATEMENT_MS,
  });
  return {
    reads,
    slowLane,
    async close() {
      await Promise.all([reads.$disconnect(), slowLane.$disconnect()]);
    },
  };
}

/**
 * Clients with an ear of their own from the first moment to the last. Pool and adapter listen by turns, and an error that came between
 * two turns (PostgreSQL ends a connection just as it is handed over, or handed back) would end the process.
 */
function listenedTo(onError: (error: Error) => void) {
  function ListenedTo(config: pg.ClientConfig): pg.Client {
    const client = new pg.Client(config);
    client.on('error', onError);
    return client;
  }
  return ListenedTo as unknown as new () => pg.Client;
}
