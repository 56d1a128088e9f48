/**
 * A PostgreSQL that outlived its gateway: is the process in `postmaster.pid` alive, a PostgreSQL of this very directory,
 * of this version and settings? Then it is taken over as it is. Anything else is brought to an end, so that a fresh one
 * can be started.
 */
import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { StoreLog } from '../store-start-error.ts';
import { type Cluster, fingerprint } from './cluster.ts';
import { connectionStringOf, type Endpoint } from './endpoint.ts';
import { isPostmasterOf, type PidFile, readPidFile } from './pid-file.ts';
import { type Postmaster, watchPostmaster } from './postmaster.ts';
import { isAlive, signal } from './processes.ts';

/** How long a server that says it is ready may keep us waiting before it is taken for hung. */
const HUNG_AFTER_MS = 10_000;

/** Where a server that may still run in the directory listens; undefined when there is none. */
export async function endpointLeftBehind(clusterDir: string, password?: string): Promise<Endpoint | undefined> {
  const file = await readPidFile(clusterDir);
  if (!file || !isAlive(file.pid)) return undefined;
  if (password !== undefined) return file.address ? { host: file.address, port: file.port, password } : undefined;
  return file.socketDir ? { host: file.socketDir, port: file.port } : undefined;
}

/** The server that runs on the cluster, or undefined and nothing runs there any more. */
export async function adoptPostmaster(cluster: Cluster, log: StoreLog): Promise<Postmaster | undefined> {
  const file = await readPidFile(cluster.dir);
  if (!file || !isAlive(file.pid)) return undefined;
  const belongs = await isPostmasterOf(file.pid, cluster.dir);
  if (belongs === false) return undefined;
  const answer = await ask(cluster, file);
  if (answer === 'ended') return undefined;
  if (answer === 'silent') {
    // Only what is known to be ours is ended. PostgreSQL itself refuses to start beside a server that runs.
    if (belongs === undefined) return undefined;
    log('warn', `PostgreSQL (process ${file.pid}) runs in ${cluster.dir} and does not answer; ending it.`);
    signal(file.pid, 'SIGKILL');
    while (isAlive(file.pid)) await delay(20);
    return undefined;
  }
  const postmaster = watchPostmaster(cluster, file.pid);
  if (answer.fingerprint === fingerprint(cluster) && answer.version === cluster.binaries.version) {
    log('info', `PostgreSQL (process ${file.pid}) still runs from the last time; taking it over.`);
    return postmaster;
  }
  log('info', `PostgreSQL (process ${file.pid}) runs with the settings of another version; starting it anew.`);
  await postmaster.stop();
  return undefined;
}

interface Answer {
  version: string;
  fingerprint: string | null;
}

async function ask(cluster: Cluster, first: PidFile): Promise<Answer | 'silent' | 'ended'> {
  let readySince = Date.now();
  for (;;) {
    if (!isAlive(first.pid)) return 'ended';
    const status = (await readPidFile(cluster.dir))?.status;
    // Recovery may last; shutting down ends by itself.
    if (status === 'starting' || status === 'stopping') readySince = Date.now();
    const answer = await askOnce(cluster);
    if (answer) return answer;
    if (Date.now() - readySince > HUNG_AFTER_MS) return 'silent';
    await delay(50);
  }
}

async function askOnce(cluster: Cluster): Promise<Answer | undefined> {
  const client = new pg.Client({
    connectionString: connectionStringOf(cluster.endpoint, 'postgres'),
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Answer & { directory: string }>(
      `SELECT current_setting('data_directory') AS directory, split_part(current_setting('server_version'), ' ', 1) AS version,
              current_setting('switchboard.fingerprint', true) AS fingerprint`,
    );
    const row = rows[0];
    return row && (await realpath(row.directory)) === cluster.dir ? row : undefined;
  } catch {
    return undefined;
  } finally {
    void client.end().catch(() => undefined);
  }
}
