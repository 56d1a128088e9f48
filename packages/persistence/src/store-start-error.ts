/**
 * The one error of a store that cannot be opened: the embedded PostgreSQL, the data directory, the migrations.
 * Every message is a sentence for the person at the terminal and says what to do next. Knows no caller: who prints it
 * and which exit code follows is the gateway's affair.
 */

/** Closed list; one line of meaning each. */
export const STORE_START_CODES = {
  /** There is no PostgreSQL binary for this platform, or the package that holds it is not installed. */
  no_binary: 'no_binary',
  /** A live process holds the data directory. */
  locked: 'locked',
  /** The data directory belongs to another user, or may not be written. */
  wrong_owner: 'wrong_owner',
  /** The disk (or the quota) is full. */
  disk_full: 'disk_full',
  /** The cluster in the data directory is incomplete, of another major version, or does not start. */
  damaged: 'damaged',
  /** We are root and there is no ordinary user to run PostgreSQL as, or the user we are has no name. */
  no_unprivileged_user: 'no_unprivileged_user',
  /** PostgreSQL could not be started for a reason that is none of the above. */
  start_failed: 'start_failed',
  /** The PostgreSQL at DATABASE_URL does not answer or refuses us. */
  unreachable: 'unreachable',
  /** The server is older than we support, or the database has an encoding other than UTF8. */
  unsupported_server: 'unsupported_server',
  /** A migration cannot be applied, was changed after it was applied, or was left unfinished. */
  migration: 'migration',
} as const;

export type StoreStartCode = keyof typeof STORE_START_CODES;

export class StoreStartError extends Error {
  override readonly name = 'StoreStartError';
  readonly code: StoreStartCode;

  constructor(code: StoreStartCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Where this package writes what a person should see; levels are those of the gateway's logger. */
export type StoreLog = (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
