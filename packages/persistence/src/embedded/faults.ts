/**
 * Why the embedded PostgreSQL does not start, in sentences: from errors of the file system, from what initdb prints and
 * from what postgres logs. Pure: reads texts, touches nothing.
 */
import { type StoreStartCode, StoreStartError } from '../store-start-error.ts';

/** An error of the file system at `path` as a sentence that names the setting; a StoreStartError and anything unknown pass unchanged. */
export function fsFault(error: unknown, path: string, setting = 'DATA_DIR'): unknown {
  if (error instanceof StoreStartError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, error);
  if (code === 'EROFS') {
    return new StoreStartError(
      'wrong_owner',
      `${path} is on a file system that cannot be written. Set ${setting} to a directory that can.`,
      error,
    );
  }
  if (code === 'EACCES' || code === 'EPERM') return notAllowed(path, error, setting);
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return new StoreStartError(
      'wrong_owner',
      `${path} is no directory, or stands below a file. Set ${setting} to a directory, or to one that can be made.`,
      error,
    );
  }
  return error;
}

function diskFull(path: string, cause?: unknown): StoreStartError {
  return new StoreStartError(
    'disk_full',
    `There is no space left on the disk that holds ${path}. Free some space (or raise the quota) and start again; nothing that was acknowledged is lost.`,
    cause,
  );
}

export function notAllowed(path: string, cause?: unknown, setting = 'DATA_DIR'): StoreStartError {
  return new StoreStartError(
    'wrong_owner',
    `${path} may not be used by ${whoAmI()}. Give it to that user (chown -R), run Switchboard as its owner, or set ${setting} to another directory.`,
    cause,
  );
}

/** What initdb or postgres wrote before it gave up. `retry` asks to be tried again shortly, it passes by itself. */
export type Diagnosis = { code: StoreStartCode } | 'retry';

/** First match wins. Messages are PostgreSQL's English ones: the child runs with lc_messages=C. */
const SYMPTOMS: readonly (readonly [RegExp, Diagnosis])[] = [
  [/No space left on device|Disk quota exceeded|Check free disk space/i, { code: 'disk_full' }],
  [/could not extend file|wrote only \d+ of \d+ bytes/i, { code: 'disk_full' }],
  // Left over from a postmaster that was killed: its last children are about to notice and leave, or it had just begun.
  [/pre-existing shared memory block .* is still in use/i, 'retry'],
  [/could not bind .*Address already in use/i, 'retry'],
  [/lock file ".*" is empty/i, 'retry'],
  [/lock file ".*" already exists/i, { code: 'locked' }],
  [/could not look up effective user ID/i, { code: 'no_unprivileged_user' }],
  [/has wrong ownership|has invalid permissions|Permission denied|Operation not permitted/i, { code: 'wrong_owner' }],
  [/database files are incompatible with server/i, { code: 'damaged' }],
  [/is not a valid data directory|not a database cluster directory|exists but is not empty/i, { code: 'damaged' }],
  [/control file|checkpoint record|WAL (?:file|segment|record)|pg_wal|pg_xact|global\/pg_/i, { code: 'damaged' }],
  [/invalid page|checksum|PANIC:|could not (?:open|read|access|stat) (?:file|directory)/i, { code: 'damaged' }],
];

/** One segment of PostgreSQL's write-ahead log, which it may have to make at any moment. */
const NEEDED_BYTES = 16 * 1024 * 1024;

export function diagnose(output: string): Diagnosis {
  return SYMPTOMS.find(([symptom]) => symptom.test(output))?.[1] ?? { code: 'start_failed' };
}

export interface FailedStart {
  /** `initdb` or `PostgreSQL`, for the sentence. */
  program: string;
  clusterDir: string;
  /** The part of the log or of the output that belongs to this attempt. */
  output: string;
  /** "ended with code 1" */
  how: string;
  /** What the disk that holds the cluster had left afterwards. */
  freeBytes: number;
}

/** The sentence for a start that failed; what cannot be worded better quotes the last lines. */
export function startFault({ program, clusterDir, output, how, freeBytes }: FailedStart): StoreStartError {
  const diagnosis = diagnose(output);
  // Whatever it complains of on a disk without room, the room comes first.
  const code = freeBytes < NEEDED_BYTES ? 'disk_full' : diagnosis === 'retry' ? 'start_failed' : diagnosis.code;
  const quote = quoteFrom(output);
  switch (code) {
    case 'disk_full':
      return diskFull(clusterDir);
    case 'locked':
      return alreadyRuns(clusterDir, quote);
    case 'no_unprivileged_user':
      return new StoreStartError(
        'no_unprivileged_user',
        `The uid Switchboard runs as has no name on this system, and PostgreSQL creates databases for users with a name only. Run Switchboard as a user that /etc/passwd knows (docker run --user node), or set DATABASE_URL. ${quote}`,
      );
    case 'wrong_owner':
      return new StoreStartError(
        'wrong_owner',
        `PostgreSQL may not use its own directory ${clusterDir}. Give all of it to one user (chown -R) and start again. ${quote}`,
      );
    case 'damaged':
      return damaged(clusterDir, `PostgreSQL does not start in it. ${quote}`);
    default:
      return new StoreStartError(
        'start_failed',
        `${program} ${how}. Read the lines it wrote, or set DATABASE_URL to a PostgreSQL of your own. ${quote}`,
      );
  }
}

export function alreadyRuns(clusterDir: string, quote = ''): StoreStartError {
  return new StoreStartError(
    'locked',
    `Another PostgreSQL runs in ${clusterDir}. Stop it and start again. ${quote}`.trimEnd(),
  );
}

/** `what` is a sentence. */
export function damaged(clusterDir: string, what: string): StoreStartError {
  return new StoreStartError(
    'damaged',
    `The database in ${clusterDir} is damaged or not one of ours: ${what} Restore the directory from a backup, or move it away to start with an empty one.`,
  );
}

/** What hurt, when the log says so; the last lines otherwise. Times and process numbers help nobody here. */
function quoteFrom(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^[\d-]+ [\d:.]+ \S+ \[\d+\] /, '').trim())
    .filter((line) => line !== '');
  const severe = lines.filter((line) => /^(?:FATAL|PANIC|initdb: error):/.test(line));
  const quoted = (severe.length > 0 ? severe : lines).slice(-3);
  return quoted.length === 0 ? 'It wrote nothing.' : `It wrote: ${quoted.join(' | ')}.`;
}

function whoAmI(): string {
  const uid = process.getuid?.();
  return uid === undefined ? 'this user' : `the user with uid ${uid}`;
}
