// Connections for tests, and the end of one as something to wait for.
import pg from 'pg';

export async function connect(connectionString: string, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, ...options });
  // The end of a connection is expected in these tests; lastError tells of it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The error with which an idle connection ends. */
export function lastError(client: pg.Client): Promise<Error> {
  return new Promise((resolve) => client.once('error', resolve));
}

/** Tries until it succeeds, for servers that are on their way back. The test's own time limit is the limit. */
export async function connectEventually(connectionString: string): Promise<pg.Client> {
  for (;;) {
    try {
      return await connect(connectionString);
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
