/**
 * Keeps one PostgreSQL running: when it ends without having been asked to, it is started again, for ever, with pauses
 * that grow to five seconds. Owns no connection: clients find the server again at the same address.
 */
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { StoreLog } from '../store-start-error.ts';
import type { Cluster } from './cluster.ts';
import { isSocket, socketPath } from './endpoint.ts';
import { type Postmaster, startPostmaster } from './postmaster.ts';

export interface Keeper {
  /** Of the server that runs or starts now. */
  pid(): number;
  /** Stops the server and the keeping. A second call waits for the first. */
  stop(): Promise<void>;
}

const PAUSES_MS = [0, 200, 500, 1_000, 2_000, 5_000];
/** One that ran this long was healthy, and its end is a new trouble. */
const HEALTHY_AFTER_MS = 60_000;
const SOCKET_CHECK_MS = 1_000;

export function keepRunning(cluster: Cluster, first: Postmaster, log: StoreLog): Keeper {
  let current = first;
  let stopping: Promise<void> | undefined;
  const stopped = new AbortController();

  async function keep(): Promise<void> {
    let failures = 0;
    let startedAt = Date.now();
    while (!stopping) {
      const how = await current.ended;
      if (stopping) return;
      if (Date.now() - startedAt > HEALTHY_AFTER_MS) failures = 0;
      log('error', `PostgreSQL (process ${current.pid}) ${how}, unasked; starting it again.`);
      const endedAt = Date.now();
      for (let lastComplaint = ''; ; ) {
        await delay(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)], undefined, { signal: stopped.signal });
        failures += 1;
        startedAt = Date.now();
        try {
          await startPostmaster(cluster, log, (postmaster) => {
            current = postmaster;
            if (stopping) void postmaster.stop();
          });
          break;
        } catch (error) {
          if (stopping) return;
          const complaint = error instanceof Error ? error.message : String(error);
          if (complaint !== lastComplaint) log('error', complaint);
          lastComplaint = complaint;
        }
      }
      log('info', `PostgreSQL is back (process ${current.pid}) after ${Date.now() - endedAt} ms.`);
    }
  }
  // The only thing that throws out of it is the pause that `stop` cuts short.
  const keeping = keep().catch(() => undefined);

  /** Somebody cleaned the temporary directory: nobody can connect any more, and only a new start helps. */
  let missedTwice = false;
  const watch = setInterval(() => {
    if (!isSocket(cluster.endpoint)) return;
    stat(socketPath(cluster.endpoint)).then(
      () => {
        missedTwice = false;
      },
      () => {
        if (missedTwice && !stopping) {
          log('warn', `PostgreSQL's socket in ${cluster.endpoint.host} was removed.`);
          void current.stop();
        }
        missedTwice = !missedTwice;
      },
    );
  }, SOCKET_CHECK_MS);
  watch.unref();

  return {
    pid: () => current.pid,
    stop() {
      stopping ??= (async () => {
        clearInterval(watch);
        stopped.abort();
        await current.stop();
        await keeping;
        // Another may have been on its way up when the first was told to stop.
        await current.stop();
      })();
      return stopping;
    },
  };
}
