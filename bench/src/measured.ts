/**
 * Loaded before a server that is measured (`--import`): tells the bench, over the channel between parent and child, how much memory is
 * left when all garbage has gone, and takes CPU profiles of what is measured. Costs nothing else; knows no server.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
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

/** `profile`: begins one, which ends with `profiled` and is written to `file`. */
export type Order =
  | { readonly order: 'memory' }
  | { readonly order: 'profile' }
  | { readonly order: 'profiled'; readonly file: string };

const SAMPLE_EVERY_US = 500;
let session: Session | null = null;

process.on('message', (message: Order) => {
  if (message.order === 'memory') void collect();
  else if (message.order === 'profile') beginProfile();
  else endProfile(message.file);
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

function beginProfile(): void {
  session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  session.post('Profiler.start');
}

function endProfile(file: string): void {
  session?.post('Profiler.stop', (error, result) => {
    if (!error) writeFileSync(file, JSON.stringify(result.profile));
    session?.disconnect();
    process.send?.({ written: !error });
  });
}
