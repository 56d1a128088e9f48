// The lock of a data directory: one holder, dead holders succeeded, living ones named.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DirectoryLock, isHeld, lockDirectory } from '../src/embedded/lock.ts';

const HEARTBEAT_MS = 50;

let dir: string;
let path: string;
const lines: string[] = [];
const held: DirectoryLock[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(dir, 'lock');
  lines.length = 0;
});

afterEach(async () => {
  for (const lock of held.splice(0)) await lock.release();
  await rm(dir, { recursive: true });
});

async function lock(): Promise<DirectoryLock> {
  const taken = await lockDirectory(dir, (level, message) => lines.push(`${level}: ${message}`), HEARTBEAT_MS);
  held.push(taken);
  return taken;
}

/** A lock as this process would write it, with something else about it. */
async function leaveLock(change: object): Promise<string> {
  const mine = await lock();
  const record = JSON.parse(await readFile(path, 'utf8'));
  await mine.release();
  const left = `${JSON.stringify({ ...record, nonce: 'left', ...change })}\n`;
  await writeFile(path, left);
  return left;
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

it('is held until it is released, and then leaves nothing', async () => {
  const first = await lock();
  expect(await isHeld(dir)).toBe(true);
  await expect(lock()).rejects.toMatchObject({ code: 'locked' });
  await first.release();
  await first.release();
  expect(await readdir(dir)).toEqual([]);
  await lock();
});

it('succeeds a holder that has died', async () => {
  const pid = await deadPid();
  await leaveLock({ pid });
  expect(await isHeld(dir)).toBe(false);
  await lock();
  expect(lines).toEqual([expect.stringMatching(new RegExp(`^info: Taking over ${dir} from process ${pid} \\(since`))]);
  expect(await readdir(dir)).toEqual(['lock']);
});

it('succeeds a holder whose pid belongs to a later process', async () => {
  await leaveLock({ pid: process.ppid, identity: 'another time' });
  await lock();
});

it('takes a file that is no lock for nobody’s', async () => {
  await writeFile(path, '');
  await lock();
});

it('lets exactly one of many succeed the dead', async () => {
  for (let round = 0; round < 20; round += 1) {
    await leaveLock({ pid: await deadPid() });
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, lock));
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'locked' });
    }
    for (const each of held.splice(0)) await each.release();
    expect(await readdir(dir)).toEqual([]);
  }
});

it('succeeds one that died while succeeding another', async () => {
  const dead = await leaveLock({ pid: await deadPid() });
  // What the second process left when it was killed between claiming the right and using it.
  const claim = `${path}.after-${createHash('sha256').update(dead).digest('hex').slice(0, 16)}`;
  await writeFile(claim, dead.replace('"left"', '"heir"'));
  await lock();
  expect(await readdir(dir)).toEqual(['lock']);
});

describe('a holder in another container', () => {
  it('is alive as long as it touches its file', async () => {
    await leaveLock({ namespace: 'elsewhere pid:[1]', pid: 1 });
    const heart = setInterval(() => void utimes(path, new Date(), new Date()), HEARTBEAT_MS / 2);
    await expect(lock()).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('in use by process 1 on elsewhere (since'),
    });
    clearInterval(heart);
  });

  it('is dead when it is silent', async () => {
    await leaveLock({ namespace: 'elsewhere pid:[1]', pid: 1 });
    await lock();
    expect(lines[0]).toMatch(/another machine or in another container/);
  });

  it('sees that this one is alive', async () => {
    await lock();
    const { mtimeMs } = await stat(path);
    // Ends by the test's time limit when there is no heartbeat.
    while ((await stat(path)).mtimeMs === mtimeMs);
  });
});

it('leaves a lock alone that has become another’s', async () => {
  const mine = await lock();
  const foreign = (await readFile(path, 'utf8')).replace(/"nonce":"\w+"/, '"nonce":"another"');
  await writeFile(path, foreign);
  await mine.release();
  expect(await readFile(path, 'utf8')).toBe(foreign);
});
