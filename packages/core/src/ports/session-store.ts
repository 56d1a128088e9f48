/**
 * What the store keeps of sessions and one-time codes: hashes of secrets, never secrets. What makes no entry of the log is a single
 * statement in `SessionStore`; revocations (under the log's lock) stand in `SessionTx`.
 */
import type { ConversationId, Namespace, SessionId, SpaceId, UnixMs, UserId } from '../ids.ts';
import type { JsonObject, OneTimeCode, Session, SessionKind } from '../model/user.ts';

/** Hashes are SHA-256 in hex. */
export interface SessionHashes {
  readonly secretHash: string | null;
  readonly refreshHash: string | null;
}

export interface NewSession extends SessionHashes {
  readonly id: SessionId;
  readonly publicId: string;
  readonly userId: UserId;
  readonly namespace: Namespace;
  readonly spaceId: SpaceId | null;
  readonly device: string | null;
  readonly kind: SessionKind;
  readonly claims: JsonObject;
  readonly accessExpiresAt: UnixMs | null;
  readonly expiresAt: UnixMs | null;
  readonly ttlMs: number | null;
  readonly accessTtlMs: number | null;
  readonly idleTimeoutMs: number | null;
  readonly createdAt: UnixMs;
}

/** A pair as a rotation needs it. */
export interface StoredPair {
  readonly session: Session;
  readonly ttlMs: number | null;
  readonly accessTtlMs: number | null;
  /** Which of its two pairs was shown. */
  readonly shown: 'current' | 'previous';
}

export interface SessionStore {
  nextId(): Promise<SessionId>;
  /** False when the user is not live. */
  insert(session: NewSession): Promise<boolean>;
  /** Whatever became of them. */
  findMany(ids: readonly SessionId[]): Promise<readonly Session[]>;
  /** By current or previous secret, whatever became of them. One statement for all. */
  findBySecrets(hashes: readonly string[]): Promise<ReadonlyMap<string, Session>>;
  findPair(namespace: Namespace, secretHash: string, refreshHash: string): Promise<StoredPair | null>;
  /** Only while the counter is still the session's and nobody revoked it; null otherwise. The current pair becomes the previous one. */
  rotate(
    session: Session,
    next: SessionHashes & {
      readonly accessExpiresAt: UnixMs | null;
      readonly expiresAt: UnixMs | null;
      readonly at: UnixMs;
    },
  ): Promise<Session | null>;
  /** Not revoked, not run out at `at`, newest first. */
  listOf(userId: UserId, at: UnixMs): Promise<readonly Session[]>;
  /** Forward only. One statement for all. */
  touch(ids: readonly SessionId[], at: UnixMs): Promise<void>;
  /** Takes away at most `limit` that ended before: revoked, run out or long unused. Answers how many. */
  removeEnded(before: UnixMs, limit: number): Promise<number>;

  /** False when the hash is taken. */
  insertCode(code: OneTimeCode & { readonly codeHash: string }): Promise<boolean>;
  /** Whatever became of it. */
  findCode(purpose: string, codeHash: string): Promise<OneTimeCode | null>;
  /** Takes one use, atomically over all nodes; null when there is none left, or its time has passed. */
  useCode(purpose: string, codeHash: string, at: UnixMs): Promise<OneTimeCode | null>;
  /** That can still be used, newest first. */
  listCodes(
    query: { readonly purpose: string; readonly spaceId?: SpaceId; readonly conversationId?: ConversationId },
    at: UnixMs,
  ): Promise<readonly OneTimeCode[]>;
  /**
   * `by` null: whoever made it. Else only its maker, and the admins and moderators of its space or conversation. `removed` only when
   * it was there and the right was.
   */
  removeCode(id: string, by: UserId | null): Promise<'removed' | 'forbidden' | 'not_found'>;
  /** Takes away at most `limit` that were used up or ran out before. Answers how many. */
  removeSpentCodes(before: UnixMs, limit: number): Promise<number>;
}

export interface SessionTx {
  find(id: SessionId): Promise<Session | null>;
  /** False when it was revoked before. */
  revoke(id: SessionId): Promise<boolean>;
  /** Of all namespaces, or of one. Answers how many were not revoked yet. */
  revokeAll(userId: UserId, namespace: Namespace | null): Promise<number>;
}
