/** Outside ids of people, and the synthetic ids by which they are named where they have none. */
import { type Actor, systemActor } from './actor.ts';
import { createBatchLoader, GATHER_CROWDS } from './batch-loader.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import { checkedKey, checkedText } from './field-checks.ts';
import {
  appendCreated,
  appendUpdated,
  claimIdentities,
  EXTERNAL_ID_LENGTH,
  NAMESPACE_LENGTH,
  withIdentity,
} from './identity-claims.ts';
import type { Namespace, UserId } from './ids.ts';
import type { User } from './model/user.ts';
import type { Tx } from './ports/store.ts';
import type { ExternalId } from './ports/user-store.ts';
import { requireOwn } from './rights.ts';
import type { OwnIds, SyntheticForms, SyntheticIds } from './synthetic-ids.ts';

export interface ProvisionOptions {
  readonly synthetic?: SyntheticIds;
  /**
   * Default `placeholder`: somebody named, or seen with a credential from outside, of whom nothing is kept yet. Given `person` or
   * `guest`, a placeholder that holds the id becomes that.
   */
  readonly kind?: 'person' | 'placeholder' | 'guest';
  /** Of a new user. Default: the outside id. */
  readonly displayName?: string;
}

/** Where a call names no synthetic form, the one declared for the namespace counts. */
export interface Identities {
  /** Says how the namespace's adapter computes ids, and which ids of its own it can show. Once, before its first connection. */
  declare(namespace: Namespace, synthetic: SyntheticIds, own?: OwnIds): void;
  /** The id by which the user is shown in the namespace: its own there, else the synthetic one, else null. */
  nameOf(user: User, namespace: Namespace): string | null;
  /**
   * The live user behind an outside id, or null. A synthetic id resolves only while its user exists and has no identity of the
   * namespace. Many at once are one statement.
   */
  resolve(namespace: Namespace, externalId: string, synthetic?: SyntheticIds): Promise<User | null>;
  resolveMany(
    namespace: Namespace,
    externalIds: readonly string[],
    synthetic?: SyntheticIds,
  ): Promise<ReadonlyMap<string, User>>;
  /** As `resolve`, and makes a user when the id is new. Synthetic ids are never provisioned: `not_found`. Atomic over nodes. */
  provision(actor: Actor, id: ExternalId, options?: ProvisionOptions): Promise<User>;
  /** As `provision` for all, in one transaction; synthetic ids that name nobody are left out of the answer. */
  provisionMany(
    actor: Actor,
    ids: { readonly namespace: Namespace; readonly externalIds: readonly string[] },
    options?: ProvisionOptions,
  ): Promise<ReadonlyMap<string, User>>;
  /**
   * The user's own or the administration's doing. Takes the place of the id that the user had in the namespace. Replaces a bare
   * placeholder that holds the id; `conflict` when its holder is more than that. `invalid` with reason `synthetic` for a synthetic id, with
   * reason `form` and what is `expected` for one that the namespace's adapter cannot show.
   */
  link(actor: Actor, userId: UserId, id: ExternalId & { readonly synthetic?: SyntheticIds }): Promise<User>;
  /** Repeating is fine. */
  unlink(actor: Actor, userId: UserId, namespace: Namespace): Promise<User>;
}

export function createIdentities(context: CoreContext, forms: SyntheticForms): Identities {
  const { store, change } = context;
  async function findByIdentities(keys: readonly string[]): Promise<ReadonlyMap<string, User>> {
    const found = await store.users.findByIdentities(keys.map(fromKey));
    return new Map(found.map((one) => [toKey(one.namespace, one.externalId), one.user]));
  }

  const byIdentity = createBatchLoader({ load: findByIdentities });
  /** What signs in with a credential from outside comes here, in crowds after an outage. */
  const bySignIn = createBatchLoader({ load: findByIdentities, gather: GATHER_CROWDS });
  const byCoreId = createBatchLoader<number, User>({
    async load(ids) {
      const users = await store.users.findMany(ids as UserId[]);
      return new Map(users.filter((user) => user.deletedAt === null).map((user) => [user.id, user]));
    },
  });

  async function resolveBy(
    find: typeof byIdentity,
    { namespace, externalId }: ExternalId,
    synthetic = forms.of(namespace),
  ): Promise<User | null> {
    // What cannot be stored was never given to anybody.
    if (externalId === '' || externalId.length > EXTERNAL_ID_LENGTH || externalId.includes('\0')) return null;
    const coreId = synthetic?.toCore(externalId) ?? null;
    const [named, computed] = await Promise.all([
      find(toKey(namespace, externalId)),
      coreId === null ? undefined : byCoreId(coreId),
    ]);
    if (named) return named;
    return computed && computed.identities[namespace] === undefined ? computed : null;
  }

  async function resolveMany(namespace: Namespace, externalIds: readonly string[], synthetic?: SyntheticIds) {
    const wanted = [...new Set(externalIds)];
    const find = (externalId: string) => resolveBy(byIdentity, { namespace, externalId }, synthetic);
    const users = await Promise.all(wanted.map(find));
    const found = new Map<string, User>();
    for (const [index, user] of users.entries()) {
      if (user) found.set(wanted[index] as string, user);
    }
    return found;
  }

  /** In one transaction; each outside id once. Another node may have been quicker. */
  function make(actor: Actor, wanted: readonly Newcomer[]): Promise<ReadonlyMap<string, User>> {
    return change(actor, async (tx) => {
      // Made anew by every run of the work: the first one may have been rolled back.
      const made = new Map<string, User>();
      const newcomerOf = new Map(wanted.map((one) => [keyOf(one), one]));
      for (const one of await tx.users.findByIdentities(wanted)) {
        const { kind, displayName } = newcomerOf.get(keyOf(one)) ?? {};
        made.set(
          keyOf(one),
          kind && isPromoted(one.user, kind) ? await promoteIn(tx, one.user, { kind, displayName }) : one.user,
        );
      }
      const news = wanted.filter((one) => !made.has(keyOf(one)));
      const users = await tx.users.insert(
        news.map(({ namespace, externalId, kind, displayName }) => ({
          kind: kind ?? 'placeholder',
          displayName: displayName || externalId,
          avatar: null,
          language: null,
          attributes: {},
          identities: { [namespace]: externalId },
        })),
      );
      for (const [index, user] of users.entries()) {
        appendCreated(tx, user);
        made.set(keyOf(news[index] as Newcomer), user);
      }
      return made;
    });
  }

  /** Crowds come for the first time, too: what signs in while a transaction is under way is made together in the next. */
  const newcomers = createBatchLoader<string, User>({
    concurrency: 1,
    batchSize: 200,
    async load(keys) {
      const byId = new Map<string, Newcomer>();
      const newcomerOf = new Map(keys.map((key) => [key, JSON.parse(key) as Newcomer]));
      for (const newcomer of newcomerOf.values()) {
        const other = byId.get(keyOf(newcomer));
        byId.set(keyOf(newcomer), isPromotion(newcomer.kind) ? { ...other, ...newcomer } : { ...newcomer, ...other });
      }
      const made = await make(systemActor(), [...byId.values()]);
      return new Map(
        [...newcomerOf].flatMap(([key, newcomer]) => {
          const user = made.get(keyOf(newcomer));
          return user ? [[key, user] as const] : [];
        }),
      );
    },
  });

  async function provisionMany(
    actor: Actor,
    { namespace, externalIds }: Parameters<Identities['provisionMany']>[1],
    options: ProvisionOptions = {},
  ): Promise<ReadonlyMap<string, User>> {
    const { synthetic = forms.of(namespace), kind } = options;
    const found = new Map(await resolveMany(namespace, externalIds, synthetic));
    const missing = [...new Set(externalIds)].filter(
      (one) => !found.has(one) && (synthetic?.toCore(one) ?? null) === null,
    );
    const promoted = [...found].filter(([, user]) => isPromoted(user, kind)).map(([externalId]) => externalId);
    if (missing.length + promoted.length === 0) return found;
    checkedKey(namespace, { subject: 'identity', field: 'namespace', maxLength: NAMESPACE_LENGTH });
    for (const one of missing) {
      checkedKey(one, { subject: 'identity', field: 'externalId', maxLength: EXTERNAL_ID_LENGTH });
    }
    const displayName =
      options.displayName &&
      checkedText(options.displayName, { subject: 'user', field: 'displayName', maxLength: 1_024 });
    const fields = { namespace, ...(kind && { kind }), ...(displayName && { displayName }) };
    const wanted = [...missing, ...promoted].map((externalId): Newcomer => ({ ...fields, externalId }));
    // What nobody in particular does can be done together with what others ask for.
    const isSignIn = actor.via === 'system' && wanted.length === 1;
    const made = isSignIn ? null : await make(actor, wanted);
    for (const one of wanted) {
      const user = made ? made.get(keyOf(one)) : await newcomers(JSON.stringify(one));
      if (user) found.set(one.externalId, user);
    }
    return found;
  }

  return {
    declare: forms.declare,
    nameOf: (user, namespace) => user.identities[namespace] ?? forms.of(namespace)?.toExternal(user.id) ?? null,
    resolve: (namespace, externalId, synthetic) => resolveBy(byIdentity, { namespace, externalId }, synthetic),
    resolveMany,
    provisionMany,

    async provision(actor, { namespace, externalId }, options) {
      const known = await resolveBy(bySignIn, { namespace, externalId }, options?.synthetic);
      if (known && !isPromoted(known, options?.kind)) return known;
      const user = (await provisionMany(actor, { namespace, externalIds: [externalId] }, options)).get(externalId);
      if (!user) throw notFound(`No user is named ${externalId} in ${namespace}`);
      return user;
    },

    async link(actor, userId, { namespace, externalId, synthetic }) {
      requireOwn(actor, userId, 'identity');
      checkedKey(namespace, { subject: 'identity', field: 'namespace', maxLength: NAMESPACE_LENGTH });
      checkedKey(externalId, { subject: 'identity', field: 'externalId', maxLength: EXTERNAL_ID_LENGTH });
      forms.refuse(namespace, externalId, synthetic);
      return change(actor, async (tx) => {
        const user = await tx.users.find(userId);
        if (!user) throw notFound(`No live user ${userId}`);
        if (user.identities[namespace] === externalId) return user;
        await claimIdentities(tx, [{ namespace, externalId }], userId);
        await tx.users.setIdentity(userId, namespace, externalId);
        const linked = { ...user, identities: withIdentity(user, namespace, externalId) };
        appendUpdated(tx, linked, ['identities']);
        return linked;
      });
    },

    async unlink(actor, userId, namespace) {
      requireOwn(actor, userId, 'identity');
      return change(actor, async (tx) => {
        const user = await tx.users.find(userId);
        if (!user) throw notFound(`No live user ${userId}`);
        if (user.identities[namespace] === undefined) return user;
        await tx.users.removeIdentity(userId, namespace);
        const unlinked = { ...user, identities: withIdentity(user, namespace, null) };
        appendUpdated(tx, unlinked, ['identities']);
        return unlinked;
      });
    },
  };
}

/** Somebody to be made, or to become more than a placeholder. */
interface Newcomer extends ExternalId {
  readonly kind?: NonNullable<ProvisionOptions['kind']>;
  readonly displayName?: string | undefined;
}

function isPromotion(kind: ProvisionOptions['kind']): boolean {
  return kind === 'person' || kind === 'guest';
}

function isPromoted(user: User, kind: ProvisionOptions['kind']): boolean {
  return user.kind === 'placeholder' && isPromotion(kind);
}

async function promoteIn(
  tx: Tx,
  user: User,
  { kind, displayName }: { readonly kind: User['kind']; readonly displayName: string | undefined },
): Promise<User> {
  const named = { ...user, kind, displayName: displayName || user.displayName, updatedAt: tx.at };
  await tx.users.save(named);
  appendUpdated(tx, named, named.displayName === user.displayName ? ['kind'] : ['kind', 'displayName']);
  return named;
}

function notFound(message: string): DomainError {
  return new DomainError('not_found', message, { subject: 'user' });
}

function toKey(namespace: Namespace, externalId: string): string {
  return `${namespace}\0${externalId}`;
}

function keyOf({ namespace, externalId }: ExternalId): string {
  return toKey(namespace, externalId);
}

function fromKey(key: string) {
  const end = key.indexOf('\0');
  return { namespace: key.slice(0, end), externalId: key.slice(end + 1) };
}
