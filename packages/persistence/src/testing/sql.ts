/** Plain statements on a test's database: to look behind the ports, and to put there what no use case can. */
import pg from 'pg';

export interface Sql {
  /** Parameters are `$1` …; bigints come out as text, as the driver has them. */
  <Row extends object>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export function openSql(connectionString: string): Sql {
  const pool = new pg.Pool({ connectionString, max: 2, allowExitOnIdle: true });
  pool.on('error', () => undefined);
  // Also while a client is in nobody's hands: tests end connections.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const query = async <Row extends object>(text: string, parameters: readonly unknown[] = []) =>
    (await pool.query<Row & pg.QueryResultRow>(text, [...parameters])).rows;
  return Object.assign(query, { close: () => pool.end() });
}
