/**
 * What the store keeps of users, their outside ids, accounts and push targets. Reads stand in `UserStore`, together with the few
 * writes that make no entry; changes (under the log's lock) in `UserTx`.
 */
import type { FileId, Namespace, UnixMs, UserId } from '../ids.ts';
import type { PushTarget } from '../model/file.ts';
import type { Account, JsonObject, User, UserKind } from '../model/user.ts';

export interface ExternalId {
  readonly namespace: Namespace;
  readonly externalId: string;
}

export interface NewUser {
  readonly kind: UserKind;
  readonly displayName: string;
  readonly avatar: string | null;
  readonly language: string | null;
  readonly attributes: JsonObject;
  /** One per namespace. */
  readonly identities: Readonly<Record<Namespace, string>>;
}

export interface UserStore {
  /** All that ever were, erased ones too, by ascending id. */
  findMany(ids: readonly UserId[]): Promise<readonly User[]>;
  /** Live ones, by outside id. One statement for all. */
  findByIdentities(wanted: readonly ExternalId[]): Promise<readonly (ExternalId & { readonly user: User })[]>;
  /** Live ones, by ascending id. */
  list(query: {
    readonly limit: number;
    readonly afterId?: UserId;
    readonly namespace?: Namespace;
    readonly externalId?: string;
    readonly kind?: UserKind;
  }): Promise<readonly User[]>;
  account(userId: UserId): Promise<Account | null>;
  accountByEmail(email: string): Promise<Account | null>;
  /** Empty hash: an account that has no password. */
  credentials(email: string): Promise<{ readonly userId: UserId; readonly passwordHash: string } | null>;
  /** Forward only. Outside the log, one statement. */
  touchLastSeen(seen: readonly { readonly userId: UserId; readonly at: UnixMs }[]): Promise<void>;

  pushTargets(userIds: readonly UserId[]): Promise<readonly PushTarget[]>;
  /** A token known for another user moves. False when the user is not live. */
  putPushTarget(target: PushTarget, at: UnixMs): Promise<boolean>;
  removePushTarget(userId: UserId, namespace: Namespace, token: string): Promise<void>;
}

export interface UserTx {
  /** Live, by id. */
  find(id: UserId): Promise<User | null>;
  findByIdentities(wanted: readonly ExternalId[]): Promise<readonly (ExternalId & { readonly user: User })[]>;
  /** In the order given, two statements. The outside ids must be free. */
  insert(users: readonly NewUser[]): Promise<readonly User[]>;
  /** Everything but identities and `lastSeenAt`. */
  save(user: User): Promise<void>;
  /** Replaces the one that the user had in the namespace. The outside id must be free. */
  setIdentity(userId: UserId, namespace: Namespace, externalId: string): Promise<void>;
  removeIdentity(userId: UserId, namespace: Namespace): Promise<void>;
  /**
   * Whether anything hangs on the user besides one outside id: participations, memberships, messages, sessions, an account, push
   * targets, files, other outside ids.
   */
  hasTraces(userId: UserId): Promise<boolean>;
  /** False when the address is another user's. A null hash leaves the password as it is. */
  setAccount(account: Account & { readonly passwordHash: string | null }): Promise<boolean>;
  account(userId: UserId): Promise<Account | null>;
  /**
   * Takes names, outside ids, account, push targets and codes away, ends the sessions, marks the files as deleted and answers their
   * ids. A fixed number of statements; message texts are `blankMessages`.
   */
  erase(userId: UserId): Promise<readonly FileId[]>;
  /** Empties at most `limit` messages of the user: text, parts, prompt, meta. Answers how many; fewer than `limit` = no more. */
  blankMessages(userId: UserId, limit: number): Promise<number>;
}
