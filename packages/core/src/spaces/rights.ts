/** Who may do what in a space. The administration may everything; to whoever does not belong to it a workspace does not exist. */
import type { Actor } from '../actor.ts';
import { DomainError } from '../errors.ts';
import type { SpaceId } from '../ids.ts';
import type { Space, SpaceMember, SpaceRole } from '../model/space.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';

/** A space under the lock, and what the actor is in it. */
export interface SpaceAccess {
  readonly space: Space;
  readonly member: SpaceMember | null;
}

export function noSpace(id: SpaceId): DomainError {
  return new DomainError('not_found', `No space ${id} for this actor`, { subject: 'space' });
}

export function forbiddenSpace(reason: string): DomainError {
  return new DomainError('forbidden', `Not allowed in this space: ${reason}`, { subject: 'space', reason });
}

export async function spaceAccess(tx: Tx, actor: Actor, id: SpaceId): Promise<SpaceAccess> {
  const space = await tx.spaces.find(id);
  if (!space) throw noSpace(id);
  const [member = null] = actor.userId === null ? [] : await tx.spaces.members(id, [actor.userId]);
  return { space, member };
}

/** Throws unless the actor has one of these roles. */
export function requireRole(actor: Actor, { space, member }: SpaceAccess, roles: readonly SpaceRole[]): void {
  if (isAdministration(actor)) return;
  if (!member) throw noSpace(space.id);
  if (!roles.includes(member.role)) throw forbiddenSpace('role');
}

const ROLES_OF = {
  workspace: ['admin', 'moderator', 'user', 'guest'],
  queue: ['admin', 'staff'],
} as const satisfies Record<Space['kind'], readonly SpaceRole[]>;

export function requireRoleOf(space: Space, role: SpaceRole): void {
  if ((ROLES_OF[space.kind] as readonly SpaceRole[]).includes(role)) return;
  throw new DomainError('invalid', `No role ${role} in a ${space.kind}`, { subject: 'space', field: 'role' });
}
