/** Test servers whose test run was killed: ended and removed by the next run, told by their locks. */
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isHeld } from '../embedded/lock.ts';
import { isPostmasterOf, readPidFile } from '../embedded/pid-file.ts';
import { signal } from '../embedded/processes.ts';

export const TEST_DIR_PREFIX = 'switchboard-test-';

/** One that is just being made has no lock yet. */
const YOUNG_MS = 60_000;

export async function removeLeftovers(base: string): Promise<void> {
  for (const name of await readdir(base)) {
    if (!name.startsWith(TEST_DIR_PREFIX)) continue;
    const dir = join(base, name);
    // Another run may be removing it as well, or it may belong to another user: both are fine.
    await removeIfDead(dir).catch(() => undefined);
  }
}

async function removeIfDead(dir: string): Promise<void> {
  const { mtimeMs } = await stat(dir);
  if (Date.now() - mtimeMs < YOUNG_MS || (await isHeld(dir))) return;
  const cluster = join(dir, 'postgres');
  const file = await readPidFile(cluster);
  if (file && (await isPostmasterOf(file.pid, cluster))) signal(file.pid, 'SIGKILL');
  if (file?.socketDir && basename(file.socketDir).startsWith('switchboard-')) {
    await rm(file.socketDir, { recursive: true, force: true });
  }
  await rm(dir, { recursive: true, force: true });
}
