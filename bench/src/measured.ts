/**
 * Loaded before a server that is measured (`--import`): answers the bench, over the channel between parent and child, how much memory is
 * left when all garbage has gone. Costs nothing else; knows no server.
 */
import { getHeapSpaceStatistics } from 'node:v8';

export interface MemoryReport {
  /** Without V8's young generation: up to 48 MB, by what happened last and not by what is kept. */
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
}

/** What finalizers free, and the pages that are given back, take some turns. (With options this function leaves most garbage.) */
const COLLECTIONS = 6;
const PAUSE_MS = 100;

process.on('message', (word) => {
  if (word === 'memory') void collect();
});
// The server's own life decides when the process ends.
process.channel?.unref();

async function collect(): Promise<void> {
  for (let at = 0; at < COLLECTIONS; at += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  process.send?.({
    residentBytes: rss - (young?.physical_space_size ?? 0),
    heapUsedBytes: heapUsed,
    externalBytes: external,
  } satisfies MemoryReport);
}
