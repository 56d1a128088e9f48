/**
 * From a data directory to a cluster that can be started: chooses place, account, programs and address in that order and
 * fills the directory when it is new. Starts nothing. The caller holds the directory's lock.
 */
import { join } from 'node:path';
import type { StoreLog } from '../store-start-error.ts';
import { endpointLeftBehind } from './adopt.ts';
import { findBinaries } from './binaries.ts';
import { type Cluster, checkCluster, initCluster, settingsFor } from './cluster.ts';
import { chooseSocket, chooseTcp, readPassword, removeIfUnused, type Transport } from './endpoint.ts';
import { choosePlace } from './place.ts';

export interface OpenClusterOptions {
  /** Absolute; exists. */
  dataDir: string;
  /** Reachable for an unprivileged account when the data directory or node_modules is not. */
  sharedDir: string;
  transport: Transport;
  settings: Readonly<Record<string, string>>;
  log: StoreLog;
  binariesDir?: string | undefined;
}

export async function openCluster(options: OpenClusterOptions): Promise<Cluster> {
  const { dataDir, log } = options;
  const place = await choosePlace(options);
  const copyTo = place.account ? options.sharedDir : dataDir;
  const binaries = await findBinaries({ account: place.account, copyTo, log, binariesDir: options.binariesDir });
  const password = options.transport === 'tcp' ? await readPassword(dataDir) : undefined;
  const endpoint =
    (await endpointLeftBehind(place.clusterDir, password)) ??
    (password === undefined ? await chooseSocket(place.clusterDir, place.account) : await chooseTcp(password));
  const cluster: Cluster = {
    dir: place.clusterDir,
    account: place.account,
    binaries,
    endpoint,
    settings: settingsFor(endpoint, options.settings),
    logFile: join(dataDir, 'postgres.log'),
  };
  try {
    await initCluster(place, cluster);
    await checkCluster(cluster.dir, binaries);
    return cluster;
  } catch (error) {
    await removeIfUnused(endpoint);
    throw error;
  }
}
