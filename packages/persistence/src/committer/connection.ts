/**
 * The committer's one connection: made when it is needed, made again with growing pauses when it is lost, given up when it does not
 * answer. Knows no batch.
 */
import type { Log } from '@switchboard/core';
import pg from 'pg';

export interface Connection {
  /** A connection that works as far as one knows; waits as long as it takes. Rejects once closed. */
  ready(): Promise<pg.Client>;
  /** One statement. A connection that fails or stays silent for `SILENCE_MS` is thrown away. */
  query<Row>(client: pg.Client, statement: { name: string; text: string; values: unknown[] }): Promise<Row | undefined>;
  /** Throws the connection away: the next `ready` makes a new one. */
  drop(client: pg.Client): void;
  close(): Promise<void>;
}

/** PostgreSQL itself ends a statement after this. */
const STATEMENT_TIMEOUT_MS = 10_000;
const SILENCE_MS = 11_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;

export function createConnection(connectionString: string, log: Log): Connection {
  let current: pg.Client | null = null;
  let connecting: Promise<pg.Client> | null = null;
  let closed = false;

  async function connectOnce(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString,
      application_name: 'switchboard-committer',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    client.on('error', () => drop(client));
    client.on('end', () => drop(client));
    try {
      await client.connect();
      return client;
    } catch (error) {
      abandon(client);
      throw error;
    }
  }

  async function connect(): Promise<pg.Client> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      if (closed) throw new Error('The committer is closed');
      try {
        current = await connectOnce();
        return current;
      } catch (error) {
        if (pause === FIRST_PAUSE_MS) log('warn', 'the committer cannot reach the store', { reason: reasonOf(error) });
        await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)).unref());
      }
    }
  }

  function drop(client: pg.Client): void {
    if (current === client) current = null;
    abandon(client);
  }

  return {
    async ready() {
      if (current) return current;
      connecting ??= connect().finally(() => {
        connecting = null;
      });
      return connecting;
    },
    async query<Row>(client: pg.Client, statement: { name: string; text: string; values: unknown[] }) {
      let silence: NodeJS.Timeout | undefined;
      const silent = new Promise<never>((_, reject) => {
        silence = setTimeout(() => {
          drop(client);
          reject(Object.assign(new Error('The store does not answer'), { code: 'ETIMEDOUT' }));
        }, SILENCE_MS);
      });
      try {
        const { rows } = await Promise.race([client.query(statement), silent]);
        return rows[0] as Row | undefined;
      } finally {
        clearTimeout(silence);
      }
    },
    drop,
    async close() {
      closed = true;
      const client = current;
      current = null;
      if (client) await client.end().catch(() => undefined);
    },
  };
}

/** Without waiting for a server that may never answer. */
function abandon(client: pg.Client): void {
  client.end().catch(() => undefined);
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
