/** Issued sessions: secrets computed from a key, never stored; rotation, revocation, one-time codes. */
import type { Actor } from './actor.ts';
import type { ConversationId, Namespace, SessionId, SpaceId, UnixMs, UserId } from './ids.ts';
import type { JsonObject, Session, SessionKind } from './model/user.ts';

export interface IssueSession {
  readonly userId: UserId;
  readonly namespace: Namespace;
  readonly kind: SessionKind;
  readonly spaceId?: SpaceId | null;
  readonly device?: string | null;
  readonly claims?: JsonObject;
  /** From now; absent = never. */
  readonly ttlMs?: number;
  /** Ends so long after its last use. */
  readonly idleTimeoutMs?: number;
  /** Of the access secret (kind pair). */
  readonly accessTtlMs?: number;
}

/** What only the owner may learn, once: it is computed, not kept. */
export interface IssuedSession {
  readonly session: Session;
  /** Empty for kind jwt: whoever signs the token puts `jti` = session id into it. */
  readonly secret: string;
  readonly refreshSecret: string | null;
}

export interface OneTimeCode {
  readonly id: string;
  readonly purpose: string;
  readonly userId: UserId | null;
  readonly spaceId: SpaceId | null;
  readonly conversationId: ConversationId | null;
  readonly email: string | null;
  readonly data: JsonObject;
  readonly createdBy: UserId | null;
  readonly expiresAt: UnixMs | null;
}

export interface Sessions {
  issue(actor: Actor, command: IssueSession): Promise<IssuedSession>;
  /** By its secret (opaque), or the access secret of a pair, the previous one included. `unauthenticated`; `expired` for a pair whose access time is over. */
  authenticate(namespace: Namespace, secret: string): Promise<Session>;
  /** Live by id: not revoked, not run out; null otherwise. */
  find(id: SessionId): Promise<Session | null>;
  list(userId: UserId): Promise<readonly Session[]>;
  /** The secret again, for the one wire that must know it (signed stream tokens). */
  secretOf(session: Session): string;
  /** Rotates a pair. Accepts the current or the previous pair; `unauthenticated`, `expired`. */
  refresh(namespace: Namespace, access: string, refresh: string): Promise<IssuedSession>;
  /** Moves "last used"; at most one write a minute and session. */
  touch(id: SessionId): Promise<void>;
  /** Open connections of the session fall within 5 s on every node. Repeating is fine. */
  revoke(actor: Actor, id: SessionId): Promise<void>;
  revokeAll(actor: Actor, userId: UserId, namespace?: Namespace): Promise<number>;

  createCode(
    actor: Actor,
    command: {
      readonly purpose: string;
      /** Characters of the code and their number; default 32 of base64url. */
      readonly length?: number;
      readonly alphabet?: string;
      readonly userId?: UserId;
      readonly spaceId?: SpaceId;
      readonly conversationId?: ConversationId;
      readonly email?: string;
      readonly data?: JsonObject;
      readonly ttlMs?: number;
      /** Null = any number of times. Default 1. */
      readonly uses?: number | null;
    },
  ): Promise<{ readonly code: string; readonly oneTimeCode: OneTimeCode }>;
  /** Looks without using it up. `not_found`, `expired`. */
  peekCode(purpose: string, code: string): Promise<OneTimeCode>;
  /** Uses it up, atomically. `not_found`, `expired`. */
  useCode(purpose: string, code: string): Promise<OneTimeCode>;
  listCodes(query: {
    readonly purpose: string;
    readonly spaceId?: SpaceId;
    readonly conversationId?: ConversationId;
  }): Promise<readonly OneTimeCode[]>;
  removeCode(actor: Actor, id: string): Promise<void>;
}
