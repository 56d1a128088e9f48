/**
 * Loaded before a server that is measured (`--import`): answers the bench, over the channel between parent and child, how much memory is
 * left when all garbage has gone. Costs nothing else; knows no server.
 */

export interface MemoryReport {
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
}

/** Finalizers and what they free take some turns. */
const COLLECTIONS = 6;
const PAUSE_MS = 100;

process.on('message', (word) => {
  if (word === 'memory') void collect();
});
// The server's own life decides when the process ends.
process.channel?.unref();

async function collect(): Promise<void> {
  for (let at = 0; at < COLLECTIONS; at += 1) {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ residentBytes: rss, heapUsedBytes: heapUsed, externalBytes: external } satisfies MemoryReport);
}
