import { StoreStartError } from '../store-start-error.ts';
import { diagnose, fsFault, startFault } from './faults.ts';

it.each(['EEXIST', 'ENOTDIR', 'EACCES', 'EROFS'])(
  'names the setting of a directory that cannot be used (%s)',
  (code) => {
    const error = Object.assign(new Error(code), { code });
    expect(String(fsFault(error, '/a/b'))).toMatch(/\/a\/b .*DATA_DIR/);
    expect(String(fsFault(error, '/a/b', 'FILES_DIR'))).toMatch(/\/a\/b .*FILES_DIR/);
  },
);

describe('diagnose', () => {
  it.each([
    ['FATAL:  could not write to file "pg_wal/xlogtemp.45": No space left on device', 'disk_full'],
    ['FATAL:  could not write lock file "postmaster.pid": Disk quota exceeded', 'disk_full'],
    ['FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes at block 3', 'disk_full'],
    ['FATAL:  data directory "/data/postgres" has wrong ownership', 'wrong_owner'],
    ['FATAL:  data directory "/data/postgres" has invalid permissions', 'wrong_owner'],
    ['LOG:  could not open configuration file "/data/postgres/postgresql.conf": Permission denied', 'wrong_owner'],
    ['FATAL:  lock file "postmaster.pid" already exists', 'locked'],
    ['PANIC:  could not locate a valid checkpoint record at 0/1800028', 'damaged'],
    ['FATAL:  control file contains invalid data', 'damaged'],
    ['postgres: could not find the database system\nExpected to find it in the directory', 'start_failed'],
    ['FATAL:  could not open file "global/pg_filenode.map": No such file or directory', 'damaged'],
    ['initdb: error: could not look up effective user ID 12345: user does not exist', 'no_unprivileged_user'],
    ['FATAL:  could not map anonymous shared memory: Cannot allocate memory', 'start_failed'],
    ['', 'start_failed'],
  ])('%s', (output, code) => {
    expect(diagnose(output)).toEqual({ code });
  });

  it.each([
    ['the children of a killed server to leave', 'pre-existing shared memory block (key 1, ID 2) is still in use'],
    ['a server that is just being started', 'lock file "postmaster.pid" is empty'],
  ])('waits for %s', (_, output) => {
    expect(diagnose(`FATAL:  ${output}`)).toBe('retry');
  });
});

describe('startFault', () => {
  const failed = { program: 'PostgreSQL', clusterDir: '/data/postgres', how: 'ended with code 1', freeBytes: 1e12 };

  it('quotes what hurt, without times and process numbers', () => {
    const output = [
      '2026-01-02 03:04:05.678 UTC [12] LOG:  starting PostgreSQL 18.4',
      '2026-01-02 03:04:05.700 UTC [12] FATAL:  control file contains invalid data',
      '2026-01-02 03:04:05.710 UTC [12] LOG:  database system is shut down',
    ].join('\n');
    expect(startFault({ ...failed, output }).message).toContain(
      'It wrote: FATAL:  control file contains invalid data.',
    );
  });

  it('names the full disk before whatever else PostgreSQL says of it', () => {
    const output = 'PANIC:  cannot abort transaction 1, it was already committed';
    expect(startFault({ ...failed, output }).code).toBe('damaged');
    expect(startFault({ ...failed, output, freeBytes: 4096 }).code).toBe('disk_full');
  });

  it('says how it ended and where to go when it knows nothing better', () => {
    expect(startFault({ ...failed, output: '' })).toMatchObject({
      code: 'start_failed',
      message: expect.stringMatching(/^PostgreSQL ended with code 1\. .*DATABASE_URL.* It wrote nothing\.$/),
    });
  });
});

describe('fsFault', () => {
  const fsError = (code: string) => Object.assign(new Error(code), { code });

  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EACCES', 'wrong_owner'],
    ['EPERM', 'wrong_owner'],
    ['EROFS', 'wrong_owner'],
  ])('%s is %s, with the path and what to do', (code, expected) => {
    expect(fsFault(fsError(code), '/data')).toMatchObject({
      name: 'StoreStartError',
      code: expected,
      message: expect.stringMatching(/\/data.*\. (?:Free|Give|Set) /),
    });
  });

  it('leaves alone what it does not know and what is a sentence already', () => {
    const unknown = fsError('EIO');
    const sentence = new StoreStartError('damaged', 'A sentence.');
    expect(fsFault(unknown, '/data')).toBe(unknown);
    expect(fsFault(sentence, '/data')).toBe(sentence);
  });
});
