/** The key that issued secrets are computed with, where the configuration gives none: made once, kept beside the data. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'session-key';
const MIN_LENGTH = 32;

/** The same key at every start. Two processes that start at once agree on one. */
export async function keepSessionKey(dataDir: string): Promise<string> {
  const path = join(dataDir, FILE);
  await mkdir(dataDir, { recursive: true });
  try {
    // `wx`: only one process makes it. Nobody but the owner may read it.
    const file = await open(path, 'wx', 0o600);
    try {
      const key = randomBytes(48).toString('base64url');
      await file.writeFile(key);
      await file.sync();
      return key;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = (await readFile(path, 'utf8')).trim();
  if (key.length >= MIN_LENGTH) return key;
  throw new Error(
    `${path} holds no usable key. Give it back its content, or remove it: then a new one is made, and everybody must sign in again.`,
  );
}
