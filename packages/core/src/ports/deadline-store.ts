/** What must happen later. Reads stand in `DeadlineStore`, changes (under the log's lock) in `DeadlineTx`. Knows no kind. */
import type { UnixMs } from '../ids.ts';
import type { JsonObject } from '../model/user.ts';

/** At most one per kind and subject. */
export interface Deadline {
  readonly kind: string;
  readonly subject: string;
  readonly dueAt: UnixMs;
  readonly data: JsonObject;
}

export interface DeadlineStore {
  /** Those due before or at `until`, earliest first, at most `limit`. */
  due(until: UnixMs, limit: number): Promise<readonly Deadline[]>;
  /** Moves one that is still due, because its handler failed: another moment, another try. */
  postpone(deadline: Deadline, dueAt: UnixMs): Promise<void>;
}

export interface DeadlineTx {
  /** Sets or replaces. */
  set(deadline: Deadline): Promise<void>;
  clear(kind: string, subject: string): Promise<void>;
  /** Waiting ones of a kind whose data contain one of these, earliest first. For kinds of which few wait. */
  waiting(kind: string, matches: readonly JsonObject[]): Promise<readonly Deadline[]>;
  /** Removes it if it is due at the transaction's time; null when it is not there or not due any more. */
  take(kind: string, subject: string): Promise<Deadline | null>;
}
