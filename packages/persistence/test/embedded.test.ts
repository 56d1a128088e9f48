// The life of an embedded PostgreSQL: started, killed, taken over, stopped. With real processes.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { readPidFile, serverOf } from '../src/embedded/pid-file.ts';
import { childrenOf, isAlive } from '../src/embedded/processes.ts';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../src/embedded.ts';
import { connect, connectEventually, lastError } from './support/clients.ts';
import { type OwnerProcess, startOwner } from './support/owner-process.ts';

let pristine: string;
let dir: string;
const lines: string[] = [];
const running = new Set<EmbeddedPostgres>();
const owners = new Set<OwnerProcess>();
/** Processes that are in no way a PostgreSQL. */
const others = new Set<ChildProcess>();

beforeAll(async () => {
  pristine = await mkdtemp(join(tmpdir(), 'pristine-'));
  await chmod(pristine, 0o755);
  await (await startEmbeddedPostgres({ dataDir: pristine, log: () => undefined })).close();
});

afterAll(() => rm(pristine, { recursive: true }));

beforeEach(async () => {
  lines.length = 0;
  dir = await mkdtemp(join(tmpdir(), 'embedded-'));
  await chmod(dir, 0o755);
});

/** Most tests are not about the first start, which is what takes the time: they begin with a copy of an empty cluster. */
async function madeBefore(): Promise<void> {
  await promisify(execFile)('cp', ['-a', join(pristine, 'postgres'), dir]);
}

afterEach(async () => {
  for (const owner of owners) if (isAlive(owner.pid)) await owner.signal('SIGKILL');
  for (const postgres of running) await postgres.close();
  // One whose owner was killed by the test and whom nobody took over.
  const left = (await readPidFile(join(dir, 'postgres')))?.pid;
  if (left && isAlive(left)) await (await start()).close();
  for (const other of others) other.kill('SIGKILL');
  owners.clear();
  others.clear();
  running.clear();
  await rm(dir, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const log = (level: string, message: string) => void lines.push(`${level}: ${message}`);
  const postgres = await startEmbeddedPostgres({ dataDir: dir, log, ...options });
  running.add(postgres);
  return postgres;
}

function own(options: Partial<EmbeddedPostgresOptions> = {}): OwnerProcess {
  const owner = startOwner(dir, options);
  owners.add(owner);
  return owner;
}

async function query(postgres: EmbeddedPostgres, sql: string): Promise<Record<string, unknown>[]> {
  const client = await connect(postgres.connectionString);
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

const acknowledged = (owner: OwnerProcess) => owner.lines.flatMap((line) => (line.n === undefined ? [] : [line.n]));

async function stored(postgres: EmbeddedPostgres): Promise<Set<unknown>> {
  return new Set((await query(postgres, 'SELECT n FROM acknowledged')).map((row) => row.n));
}

describe('an embedded PostgreSQL', () => {
  it('is durable, UTF8, on a private socket and on no port', async () => {
    const postgres = await start();
    const [settings] = await query(
      postgres,
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
              current_setting('full_page_writes') AS pages, current_setting('server_encoding') AS encoding,
              current_setting('listen_addresses') AS addresses, current_setting('timezone') AS zone,
              current_setting('jit') AS jit, upper('é') AS upper, current_database() AS database`,
    );
    expect(settings).toEqual({
      fsync: 'on',
      commit: 'on',
      pages: 'on',
      encoding: 'UTF8',
      addresses: '',
      zone: 'UTC',
      jit: 'off',
      upper: 'É',
      database: 'switchboard',
    });
    expect(statSync(postgres.connection.host).mode & 0o777).toBe(0o700);
    expect(postgres.connectionString).toContain(`host=${encodeURIComponent(postgres.connection.host)}`);
  });

  it('keeps what it had over an orderly stop, and leaves nothing running', async () => {
    const first = await start();
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await Promise.all([first.close(), first.close()]);
    expect(isAlive(first.pid())).toBe(false);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
    expect(existsSync(first.connection.host)).toBe(false);
    expect(await query(await start(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('works with a data directory whose path is far too long for a socket', async () => {
    const dataDir = join(dir, 'x'.repeat(120), 'y'.repeat(120));
    const postgres = await start({ dataDir });
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.close();
  });

  it('listens on the loopback address behind a password where there are no sockets', async () => {
    const postgres = await start({ transport: 'tcp' });
    expect(postgres.connection.host).toBe('127.0.0.1');
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const anybody = postgres.connectionString.replace(/:[^:@]+@/, ':guess@');
    await expect(connect(anybody)).rejects.toThrow(/password/);
    expect(statSync(join(dir, 'postgres.password')).mode & 0o777).toBe(0o600);
  });

  it('begins again when the very first start was cut off', async () => {
    await mkdir(join(dir, 'postgres.new'));
    await writeFile(join(dir, 'postgres.new', 'PG_VERSION'), '18\n');
    expect(await query(await start(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('when the gateway is killed', () => {
  beforeEach(madeBefore);

  it('the next start takes over the PostgreSQL that runs, with all that was acknowledged', async () => {
    const owner = own();
    const { pid } = await owner.next('ready');
    await owner.next('acknowledged');
    await owner.signal('SIGKILL');
    const postgres = await start();
    expect(postgres.pid()).toBe(pid);
    expect(lines.join('\n')).toMatch(/Taking over .* from process \d+ .*\n.*still runs from the last time/);
    const kept = await stored(postgres);
    expect(acknowledged(owner).filter((n) => !kept.has(n))).toEqual([]);
  });

  it('and PostgreSQL with it, nothing acknowledged is lost', async () => {
    const owner = own();
    const { pid = 0 } = await owner.next('ready');
    await owner.next('acknowledged');
    for (const each of [pid, ...childrenOf(pid)]) process.kill(each, 'SIGKILL');
    await owner.signal('SIGKILL');
    const postgres = await start();
    expect(postgres.pid()).not.toBe(pid);
    const kept = await stored(postgres);
    expect(acknowledged(owner).filter((n) => !kept.has(n))).toEqual([]);
  });

  it('one that had just begun to start is waited for and taken over', async () => {
    const owner = own();
    const { pid = 0 } = await owner.next('ready');
    await owner.signal('SIGKILL');
    const path = join(dir, 'postgres', 'postmaster.pid');
    const written = await readFile(path, 'utf8');
    await writeFile(path, '');
    expect(await serverOf(join(dir, 'postgres'))).toBe('about to start');
    const starting = start();
    while (!lines.some((line) => line.includes('Taking over'))) await new Promise(setImmediate);
    await writeFile(path, written);
    expect((await starting).pid()).toBe(pid);
  });

  it('one that was killed before it had written its number is no obstacle', async () => {
    const path = join(dir, 'postgres', 'postmaster.pid');
    await writeFile(path, '');
    await utimes(path, 1, 1);
    expect(await query(await start(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('one that was taken over is stopped like any other', async () => {
    const owner = own();
    const { pid = 0 } = await owner.next('ready');
    await owner.signal('SIGKILL');
    const postgres = await start();
    await postgres.close();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(dir, 'postgres', 'postmaster.pid'))).toBe(false);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
  });

  it('one with settings of another version is started anew', async () => {
    const owner = own();
    const { pid } = await owner.next('ready');
    await owner.signal('SIGKILL');
    const postgres = await start({ settings: { work_mem: '5MB' } });
    expect(postgres.pid()).not.toBe(pid);
    expect(await query(postgres, 'SHOW work_mem')).toEqual([{ work_mem: '5MB' }]);
  });

  it.each([
    ['another process', 'exec sleep 600'],
    // Its parent has become a program that does not ask for its end, as in many containers.
    ['a dead process that nobody has reaped', 'sleep 0 & echo $!; exec sleep 600'],
  ])('a pid that is now that of %s is not taken for a server', async (_, script) => {
    const first = await start();
    const pidFile = await readFile(join(dir, 'postgres', 'postmaster.pid'), 'utf8');
    await first.close();
    const { uid, gid } = statSync(join(dir, 'postgres'));
    const other = spawn('/bin/sh', ['-c', script], { uid, gid, cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] });
    others.add(other);
    const pid = script.includes('echo') ? Number(String((await once(other.stdout, 'data'))[0])) : other.pid;
    await writeFile(join(dir, 'postgres', 'postmaster.pid'), pidFile.replace(/^\d+/, String(pid)));
    const postgres = await start();
    expect(postgres.pid()).not.toBe(pid);
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('when PostgreSQL is killed', () => {
  beforeEach(madeBefore);

  it('it comes back at the same address without a hand', async () => {
    const postgres = await start();
    await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer');
    for (let round = 0; round < 2; round += 1) {
      const pid = postgres.pid();
      const client = await connect(postgres.connectionString);
      const cut = lastError(client);
      process.kill(pid, 'SIGKILL');
      await cut;
      const again = await connectEventually(postgres.connectionString);
      expect((await again.query('SELECT answer FROM kept')).rows).toEqual([{ answer: 42 }]);
      await again.end();
      expect(postgres.pid()).not.toBe(pid);
    }
    expect(lines.filter((line) => /was ended by SIGKILL, unasked/.test(line))).toHaveLength(2);
  });

  it('it comes back as well when it was taken over', async () => {
    const owner = own();
    const { pid = 0 } = await owner.next('ready');
    await owner.signal('SIGKILL');
    const postgres = await start();
    const client = await connect(postgres.connectionString);
    const cut = lastError(client);
    process.kill(pid, 'SIGKILL');
    await cut;
    const again = await connectEventually(postgres.connectionString);
    await again.end();
    expect(postgres.pid()).not.toBe(pid);
  });

  it('and the gateway stops in that moment, both are gone', async () => {
    const postgres = await start();
    process.kill(postgres.pid(), 'SIGKILL');
    await postgres.close();
    expect(isAlive(postgres.pid())).toBe(false);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
  });

  it('its socket returns when somebody cleans the temporary directory', async () => {
    const postgres = await start();
    await rm(postgres.connection.host, { recursive: true });
    const client = await connectEventually(postgres.connectionString);
    await client.end();
    expect(lines).toContainEqual(expect.stringMatching(/^warn: .*socket .*was removed/));
  });
});

it('does not die of the Ctrl-C that is meant for the gateway', async () => {
  const owner = own();
  const { pid = 0, connectionString = '' } = await owner.next('ready');
  owner.interruptGroup();
  await owner.next('interrupted');
  const client = await connect(connectionString);
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await client.end();
  await owner.signal('SIGTERM');
  expect(isAlive(pid)).toBe(false);
});

describe('a second process', () => {
  beforeEach(madeBefore);

  it('is refused with a sentence that names the first, and the first does not notice', async () => {
    const owner = own();
    await owner.next('ready');
    await expect(start()).rejects.toMatchObject({
      name: 'StoreStartError',
      code: 'locked',
      message: expect.stringMatching(
        new RegExp(`^The data directory .* is in use by process ${owner.pid} \\(since \\d{4}-.*\\). Stop that one`),
      ),
    });
    const { connectionString = '' } = await owner.next('ready');
    await (await connect(connectionString)).end();
    await owner.signal('SIGTERM');
    expect(await query(await start(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is refused as well when it is the same one', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('this very process'),
    });
  });
});

describe('what cannot be started', () => {
  it('for want of programs names DATABASE_URL and leaves the directory free', async () => {
    await expect(start({ binariesDir: join(dir, 'nothing') })).rejects.toMatchObject({
      name: 'StoreStartError',
      code: 'no_binary',
      message: expect.stringMatching(/^No PostgreSQL for this platform .*DATABASE_URL/),
    });
    expect(existsSync(join(dir, 'lock'))).toBe(false);
  });

  it('for programs that do not run here names DATABASE_URL', async () => {
    const binariesDir = join(dir, 'native');
    await mkdir(join(binariesDir, 'bin'), { recursive: true });
    for (const name of ['initdb', 'postgres']) {
      await writeFile(join(binariesDir, 'bin', name), '#!/no/such/loader\n', { mode: 0o755 });
    }
    await expect(start({ binariesDir })).rejects.toMatchObject({
      code: 'no_binary',
      message: expect.stringMatching(/does not run on this system .*DATABASE_URL/),
    });
  });

  describe('because it is damaged', () => {
    const cluster = () => join(dir, 'postgres');

    beforeEach(madeBefore);

    it.each([
      ['has no PG_VERSION', () => rm(join(cluster(), 'PG_VERSION')), /the file PG_VERSION is missing/],
      ['is of another major version', () => writeFile(join(cluster(), 'PG_VERSION'), '15\n'), /made by PostgreSQL 15/],
      [
        'has a broken control file',
        () => writeFile(join(cluster(), 'global', 'pg_control'), Buffer.alloc(8192)),
        /It wrote: .*incompatible with server/,
      ],
      ['has lost its write-ahead log', () => rm(join(cluster(), 'pg_wal'), { recursive: true }), /It wrote: .*pg_wal/],
    ])('says so when it %s', async (_, damage, quoted) => {
      await damage();
      const failure = await start().catch((error) => error);
      expect(failure).toMatchObject({ code: 'damaged', message: expect.stringMatching(quoted) });
      expect(failure.message).toMatch(/^The database in .* is damaged or not one of ours: .*Restore the directory/);
      expect(existsSync(join(dir, 'lock'))).toBe(false);
    });

    it('says so when it is a link to nowhere', async () => {
      await rm(cluster(), { recursive: true });
      await symlink(join(dirname(dir), 'gone'), cluster());
      await expect(start()).rejects.toMatchObject({ code: 'damaged', message: expect.stringContaining('is gone') });
    });
  });
});
