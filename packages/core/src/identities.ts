/** Outside ids of people, and the synthetic ids by which they are named where they have none. */
import type { Actor } from './actor.ts';
import type { Namespace, UserId } from './ids.ts';
import type { User } from './model/user.ts';

/** How one wire computes ids for whoever has none there. Knows the form, not the wire. */
export interface SyntheticIds {
  /** The id that names the core object. */
  toExternal(coreId: number): string;
  /** The core id inside a synthetic id; null when the text is not of that form. */
  toCore(externalId: string): number | null;
}

/** `base` + core id, in decimal. */
export function numericSyntheticIds(base: number): SyntheticIds {
  return {
    toExternal: (coreId) => String(base + coreId),
    toCore(externalId) {
      if (!/^[0-9]{1,16}$/.test(externalId)) return null;
      const coreId = Number(externalId) - base;
      return coreId >= 1 && coreId <= 1_294_967_295 ? coreId : null;
    },
  };
}

export interface Identities {
  /** The user behind an outside id, or null. A synthetic id resolves only while its user exists and has no identity of the namespace. */
  resolve(namespace: Namespace, externalId: string, synthetic?: SyntheticIds): Promise<User | null>;
  resolveMany(
    namespace: Namespace,
    externalIds: readonly string[],
    synthetic?: SyntheticIds,
  ): Promise<ReadonlyMap<string, User>>;
  /** As `resolve`, and makes a user when the id is new. Synthetic ids are never provisioned: `not_found`. Atomic over nodes. */
  provision(
    actor: Actor,
    namespace: Namespace,
    externalId: string,
    options?: {
      readonly synthetic?: SyntheticIds;
      readonly kind?: 'person' | 'placeholder' | 'guest';
      readonly displayName?: string;
    },
  ): Promise<User>;
  /** Replaces a bare placeholder that holds the id; `conflict` when its holder has messages, participations or sessions. */
  link(actor: Actor, userId: UserId, namespace: Namespace, externalId: string, synthetic?: SyntheticIds): Promise<User>;
  unlink(actor: Actor, userId: UserId, namespace: Namespace): Promise<User>;
}
