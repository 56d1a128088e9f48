/** Users, how they are named outside, and what lets them speak. Readonly data only. */
import type { ConversationId, Namespace, SessionId, SpaceId, UnixMs, UserId } from '../ids.ts';

export type UserKind = 'person' | 'guest' | 'bot' | 'system' | 'placeholder';

/** JSON as stored in `attributes`, `meta`, `settings`. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export interface User {
  readonly id: UserId;
  readonly kind: UserKind;
  readonly displayName: string;
  readonly avatar: string | null;
  readonly language: string | null;
  readonly timeZone: string | null;
  readonly statusText: string;
  /** What only one wire knows, under that wire's namespace. */
  readonly attributes: JsonObject;
  /** Namespace → external id: one identity per user and namespace. */
  readonly identities: Readonly<Record<Namespace, string>>;
  /** The address that it signs in with, where it has one. */
  readonly account: Omit<Account, 'userId'> | null;
  readonly createdAt: UnixMs;
  readonly updatedAt: UnixMs;
  readonly lastSeenAt: UnixMs | null;
  readonly deletedAt: UnixMs | null;
}

export interface Account {
  readonly userId: UserId;
  /** Lower case. */
  readonly email: string;
  readonly verifiedAt: UnixMs | null;
}

export type SessionKind = 'opaque' | 'pair' | 'jwt';

/** A permission to speak as a user on one wire. Secrets are never part of it. */
export interface Session {
  readonly id: SessionId;
  readonly publicId: string;
  readonly userId: UserId;
  readonly namespace: Namespace;
  readonly spaceId: SpaceId | null;
  readonly device: string | null;
  readonly kind: SessionKind;
  readonly claims: JsonObject;
  readonly counter: number;
  readonly accessExpiresAt: UnixMs | null;
  readonly expiresAt: UnixMs | null;
  /** Ends so long after its last use; null = only at `expiresAt`. */
  readonly idleTimeoutMs: number | null;
  readonly createdAt: UnixMs;
  readonly lastUsedAt: UnixMs;
  readonly revokedAt: UnixMs | null;
}

/** Something that may be used once, or a few times: an invite, a sign-in link, an e-mail check. The code itself is computed, not kept. */
export interface OneTimeCode {
  readonly id: string;
  readonly purpose: string;
  readonly userId: UserId | null;
  readonly spaceId: SpaceId | null;
  readonly conversationId: ConversationId | null;
  readonly email: string | null;
  readonly data: JsonObject;
  readonly createdBy: UserId | null;
  readonly createdAt: UnixMs;
  readonly expiresAt: UnixMs | null;
  /** Null = any number of times. */
  readonly usesLeft: number | null;
}
