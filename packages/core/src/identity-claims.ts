/** Making an outside id free for whoever is to have it, under the log's lock. A bare placeholder gives way, anybody else does not. */
import { DomainError } from './errors.ts';
import type { Namespace, UserId } from './ids.ts';
import type { User } from './model/user.ts';
import type { Tx } from './ports/store.ts';
import type { ExternalId } from './ports/user-store.ts';

/** Longest outside id: what an index of PostgreSQL takes, with room. */
export const EXTERNAL_ID_LENGTH = 1_024;
export const NAMESPACE_LENGTH = 64;

/** `conflict` when another than a bare placeholder, or than the owner to be, holds one of them. */
export async function claimIdentities(tx: Tx, wanted: readonly ExternalId[], ownerId: UserId | null): Promise<void> {
  for (const { namespace, externalId, user } of await tx.users.findByIdentities(wanted)) {
    if (user.id === ownerId) continue;
    if (user.kind !== 'placeholder' || (await tx.users.hasTraces(user.id))) {
      throw new DomainError('conflict', `${namespace} id ${externalId} is held by user ${user.id}`, {
        subject: 'identity',
        field: 'externalId',
        reason: 'taken',
        id: user.id,
      });
    }
    await tx.users.erase(user.id);
    appendDeleted(tx, user);
  }
}

export function appendDeleted(tx: Tx, user: User): void {
  const payload = { userId: user.id };
  tx.append('user.deleted', { userIds: [user.id], subjectId: user.id, data: payload }, payload);
}

export function appendCreated(tx: Tx, user: User): void {
  tx.append('user.created', { userIds: [user.id], subjectId: user.id }, { user });
}

export function appendUpdated(tx: Tx, user: User, changed: readonly string[]): void {
  tx.append('user.updated', { userIds: [user.id], subjectId: user.id, data: { changed } }, { user, changed });
}

export function withIdentity(user: User, namespace: Namespace, externalId: string | null): User['identities'] {
  const { [namespace]: _previous, ...others } = user.identities;
  return externalId === null ? others : { ...others, [namespace]: externalId };
}
