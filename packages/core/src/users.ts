/** People and what they are called, their sign-in accounts and push targets. Outside ids stand in identities.ts. */
import type { Actor } from './actor.ts';
import { createBatchLoader } from './batch-loader.ts';
import type { CoreContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import { createErasure } from './erasure.ts';
import { DomainError } from './errors.ts';
import { checkedJson, checkedKey, checkedText, isSameJson } from './field-checks.ts';
import {
  appendCreated,
  appendUpdated,
  claimIdentities,
  EXTERNAL_ID_LENGTH,
  NAMESPACE_LENGTH,
} from './identity-claims.ts';
import type { Namespace, UserId } from './ids.ts';
import type { PushTarget } from './model/file.ts';
import type { Account, JsonObject, JsonValue, User, UserKind } from './model/user.ts';
import { createPasswords, type PasswordCost } from './passwords.ts';
import type { NewUser } from './ports/user-store.ts';
import { requireOwn } from './rights.ts';
import type { SyntheticForms } from './synthetic-ids.ts';

export interface UserChange {
  readonly displayName?: string;
  readonly avatar?: string | null;
  readonly language?: string | null;
  readonly timeZone?: string | null;
  readonly statusText?: string;
  /** Each namespace's members are merged over what it has; null takes the namespace away. */
  readonly attributes?: JsonObject;
  readonly kind?: UserKind;
}

export interface Users {
  /** Judges no right: a sign-up, or the administration. `conflict` when an identity is held by more than a bare placeholder. */
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
  /** Live, by id. Many at once are one statement. */
  find(id: UserId): Promise<User | null>;
  findMany(ids: readonly UserId[]): Promise<readonly User[]>;
  /** Live ones, by ascending id, at most 1000: the next page starts after the last id. For the administration: rights are not judged. */
  list(
    actor: Actor,
    query: {
      readonly limit: number;
      readonly afterId?: UserId;
      readonly namespace?: Namespace;
      readonly externalId?: string;
      /** No index: for what is done once. */
      readonly kind?: UserKind;
    },
  ): Promise<readonly User[]>;
  /** The user's own doing, or the administration's. What changes nothing is told to nobody. */
  update(actor: Actor, id: UserId, change: UserChange): Promise<User>;
  /**
   * Erases names, identities, account, sessions, files and message texts, and leaves ids. Carries on where it stopped when it is
   * repeated. The user's own doing, or the administration's.
   */
  erase(actor: Actor, id: UserId): Promise<void>;

  /** `already_exists` when the address is somebody else's. No password: the old one stays, or none can be used. */
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
  /** Unknown tokens and those of others change nothing. */
  removePushTarget(
    actor: Actor,
    target: { readonly userId: UserId; readonly namespace: Namespace; readonly token: string },
  ): Promise<void>;
  pushTargets(userIds: readonly UserId[]): Promise<readonly PushTarget[]>;
}

const LONGEST_LIST = 1_000;
const ATTRIBUTE_BYTES = 64 * 1_024;
const SHORT_TEXTS = { displayName: 1_024, avatar: 4_096, language: 64, timeZone: 64, statusText: 1_024 } as const;

export interface UsersOptions {
  readonly deadlines: Pick<Deadlines, 'on'>;
  readonly forms: SyntheticForms;
  readonly passwordCost?: PasswordCost;
}

export function createUsers(context: CoreContext, { deadlines, forms, passwordCost }: UsersOptions): Users {
  const { store, change, clock, ids } = context;
  const passwords = createPasswords(ids, passwordCost);
  const byId = createBatchLoader<UserId, User>({
    async load(wanted) {
      const users = await store.users.findMany(wanted);
      return new Map(users.filter((user) => user.deletedAt === null).map((user) => [user.id, user]));
    },
  });

  return {
    erase: createErasure(context, deadlines),

    async create(actor, command) {
      const identities = command.identities ?? [];
      for (const { namespace, externalId } of identities) {
        checkedKey(namespace, { subject: 'identity', field: 'namespace', maxLength: NAMESPACE_LENGTH });
        checkedKey(externalId, { subject: 'identity', field: 'externalId', maxLength: EXTERNAL_ID_LENGTH });
        forms.refuse(namespace, externalId);
      }
      const profile = checkedChange(command);
      const news: NewUser = {
        kind: command.kind ?? 'person',
        displayName: profile.displayName ?? '',
        avatar: profile.avatar ?? null,
        language: profile.language ?? null,
        attributes: profile.attributes ?? {},
        identities: Object.fromEntries(identities.map((one) => [one.namespace, one.externalId])),
      };
      return change(actor, async (tx) => {
        await claimIdentities(tx, identities, null);
        const [user] = (await tx.users.insert([news])) as [User];
        appendCreated(tx, user);
        return user;
      });
    },

    find: async (id) => (await byId(id)) ?? null,

    async findMany(wanted) {
      const users = await store.users.findMany(wanted);
      return users.filter((user) => user.deletedAt === null);
    },

    list: (_actor, query) => store.users.list({ ...query, limit: Math.min(Math.max(query.limit, 1), LONGEST_LIST) }),

    async update(actor, id, wanted) {
      requireOwn(actor, id, 'user');
      const checked = checkedChange(wanted);
      return change(actor, async (tx) => {
        const user = await tx.users.find(id);
        if (!user) throw notFound(id);
        const next: User = {
          ...user,
          ...checked,
          attributes: mergedAttributes(user.attributes, checked.attributes ?? {}),
        };
        const changed = (Object.keys(checked) as (keyof UserChange)[]).filter(
          (field) => !isSameJson(next[field], user[field]),
        );
        if (changed.length === 0) return user;
        checkedJson(next.attributes, { subject: 'user', field: 'attributes', maxBytes: ATTRIBUTE_BYTES });
        const updated = { ...next, updatedAt: tx.at };
        await tx.users.save(updated);
        appendUpdated(tx, updated, changed);
        return updated;
      });
    },

    async setAccount(actor, userId, wanted) {
      requireOwn(actor, userId, 'account');
      const email = toEmail(wanted.email);
      const passwordHash = wanted.password === undefined ? null : await passwords.hash(wanted.password);
      return change(actor, async (tx) => {
        const user = await tx.users.find(userId);
        if (!user) throw notFound(userId);
        const before = await tx.users.account(userId);
        const stays = before?.email === email ? before.verifiedAt : null;
        const verifiedAt = wanted.verified === undefined ? stays : wanted.verified ? (stays ?? tx.at) : null;
        const account: Account = { userId, email, verifiedAt };
        if (!(await tx.users.setAccount({ ...account, passwordHash }))) {
          throw new DomainError('already_exists', 'The address is taken', { subject: 'account', field: 'email' });
        }
        if (!before || before.email !== email || before.verifiedAt !== verifiedAt) {
          appendUpdated(tx, { ...user, account: { email, verifiedAt } }, ['account']);
        }
        return account;
      });
    },

    async checkPassword(given, password) {
      const credentials = await store.users.credentials(given.trim().toLowerCase().replaceAll('\0', ''));
      const matches = await passwords.matches(password, credentials?.passwordHash ?? null);
      const user = matches && credentials ? await byId(credentials.userId) : undefined;
      if (!user) throw new DomainError('unauthenticated', 'Unknown address or wrong password', { subject: 'account' });
      return user;
    },

    findAccount: (userId) => store.users.account(userId),

    async findByEmail(given) {
      const account = await store.users.accountByEmail(given.trim().toLowerCase().replaceAll('\0', ''));
      return account ? ((await byId(account.userId)) ?? null) : null;
    },

    async addPushTarget(actor, target) {
      requireOwn(actor, target.userId, 'push_target');
      const subject = 'push_target';
      checkedKey(target.token, { subject, field: 'token', maxLength: 1_024 });
      checkedKey(target.platform, { subject, field: 'platform', maxLength: 64 });
      const device =
        target.device === null ? null : checkedText(target.device, { subject, field: 'device', maxLength: 256 });
      if (!(await store.users.putPushTarget({ ...target, device }, clock.now()))) throw notFound(target.userId);
    },

    async removePushTarget(actor, { userId, namespace, token }) {
      requireOwn(actor, userId, 'push_target');
      await store.users.removePushTarget(userId, namespace, token.replaceAll('\0', ''));
    },

    pushTargets: (userIds) => store.users.pushTargets(userIds),
  };
}

/** The members that a change names, and nothing else that the caller's object may hold. */
function checkedChange(wanted: UserChange): UserChange {
  const checked: Record<string, unknown> = {};
  for (const [field, maxLength] of Object.entries(SHORT_TEXTS)) {
    const value = wanted[field as keyof typeof SHORT_TEXTS];
    if (value === undefined) continue;
    checked[field] = value === null ? null : checkedText(value, { subject: 'user', field, maxLength });
  }
  if (wanted.kind !== undefined) checked.kind = wanted.kind;
  if (wanted.attributes !== undefined) {
    checked.attributes = checkedJson(wanted.attributes, {
      subject: 'user',
      field: 'attributes',
      maxBytes: ATTRIBUTE_BYTES,
    });
  }
  return checked;
}

function mergedAttributes(before: JsonObject, change: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...before };
  for (const [namespace, value] of Object.entries(change)) {
    const old = merged[namespace];
    if (value === null) delete merged[namespace];
    else merged[namespace] = isObject(old) && isObject(value) ? { ...old, ...value } : value;
  }
  return merged;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lower case; `invalid` unless it has the shape of an address. */
function toEmail(given: string): string {
  const email = given.trim().toLowerCase();
  const rule = { subject: 'account', field: 'email', maxLength: 254 } as const;
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new DomainError('invalid', 'Not an address', rule);
  return checkedKey(email, rule);
}

function notFound(id: UserId): DomainError {
  return new DomainError('not_found', `No live user ${id}`, { subject: 'user', id });
}
