/** People and what they are called, their outside identities, their sign-in accounts and push targets. */
import type { Actor } from './actor.ts';
import type { Namespace, UserId } from './ids.ts';
import type { PushTarget } from './model/file.ts';
import type { Account, JsonObject, User, UserKind } from './model/user.ts';

export interface Users {
  create(
    actor: Actor,
    command: {
      readonly displayName: string;
      readonly kind?: UserKind;
      readonly avatar?: string | null;
      readonly language?: string | null;
      readonly attributes?: JsonObject;
      readonly identities?: readonly { readonly namespace: Namespace; readonly externalId: string }[];
    },
  ): Promise<User>;
  /** Live, by id. */
  find(id: UserId): Promise<User | null>;
  findMany(ids: readonly UserId[]): Promise<readonly User[]>;
  list(
    actor: Actor,
    query: {
      readonly limit: number;
      readonly afterId?: UserId;
      readonly namespace?: Namespace;
      readonly externalId?: string;
    },
  ): Promise<readonly User[]>;
  update(
    actor: Actor,
    id: UserId,
    change: {
      readonly displayName?: string;
      readonly avatar?: string | null;
      readonly language?: string | null;
      readonly timeZone?: string | null;
      readonly statusText?: string;
      /** Merged by namespace. */
      readonly attributes?: JsonObject;
      readonly kind?: UserKind;
    },
  ): Promise<User>;
  /** Erases names, identities, sessions, files and message texts, and leaves ids. */
  erase(actor: Actor, id: UserId): Promise<void>;

  setAccount(
    actor: Actor,
    userId: UserId,
    account: { readonly email: string; readonly password?: string; readonly verified?: boolean },
  ): Promise<Account>;
  /** `unauthenticated` for an unknown address and for a wrong password alike; takes the same time for both. */
  checkPassword(email: string, password: string): Promise<User>;
  findAccount(userId: UserId): Promise<Account | null>;
  findByEmail(email: string): Promise<User | null>;

  /** A token known for another user moves. */
  addPushTarget(actor: Actor, target: PushTarget): Promise<void>;
  removePushTarget(
    actor: Actor,
    target: { readonly userId: UserId; readonly namespace: Namespace; readonly token: string },
  ): Promise<void>;
  pushTargets(userIds: readonly UserId[]): Promise<readonly PushTarget[]>;
}
