/**
 * Workspaces and queues, and who belongs to them: what every wire may ask for. The parts stand in `spaces/`. Knows no wire.
 */
import type { Actor, UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import type { Namespace, SpaceId, UserId } from './ids.ts';
import type { Space, SpaceKind, SpaceMember, SpaceRole } from './model/space.ts';
import type { JsonObject } from './model/user.ts';
import { createSpaceLife } from './spaces/life.ts';
import { createSpaceMembership } from './spaces/membership.ts';
import { createSpaceReads } from './spaces/reads.ts';

export interface CreateSpace {
  readonly kind: SpaceKind;
  /** Unique per kind; made up when absent. */
  readonly name?: string;
  readonly title?: string;
  readonly description?: string;
  readonly avatar?: string | null;
  readonly settings?: JsonObject;
  readonly externalIds?: Readonly<Record<Namespace, string>>;
  readonly members?: readonly { readonly userId: UserId; readonly role: SpaceRole }[];
}

export interface Spaces {
  /** `already_exists` when the name is taken. The creator of a workspace becomes its admin. */
  create(
    actor: Actor,
    command: CreateSpace,
  ): Promise<{ readonly space: Space; readonly members: readonly SpaceMember[] }>;
  /** The space of that kind and name, made when missing (event's queue). */
  ensure(
    actor: Actor,
    space: { readonly kind: SpaceKind; readonly name: string; readonly title?: string },
  ): Promise<Space>;
  find(id: SpaceId): Promise<Space | null>;
  findByName(kind: SpaceKind, name: string): Promise<Space | null>;
  findByExternalId(namespace: Namespace, externalId: string): Promise<Space | null>;
  listFor(
    userId: UserId,
    query?: { readonly kind?: SpaceKind },
  ): Promise<readonly { readonly space: Space; readonly member: SpaceMember }[]>;
  list(
    actor: Actor,
    query: { readonly kind?: SpaceKind; readonly limit: number; readonly offset?: number },
  ): Promise<readonly Space[]>;
  members(id: SpaceId, query?: { readonly limit?: number; readonly offset?: number }): Promise<readonly SpaceMember[]>;
  membership(userId: UserId, id: SpaceId): Promise<SpaceMember | null>;
  update(
    actor: Actor,
    id: SpaceId,
    change: {
      readonly name?: string;
      readonly title?: string;
      readonly description?: string;
      readonly avatar?: string | null;
      readonly settings?: JsonObject;
      readonly externalIds?: Readonly<Record<Namespace, string | null>>;
    },
  ): Promise<Space>;
  /** Its conversations go with it. Rights: its admins. */
  remove(actor: Actor, id: SpaceId): Promise<void>;
  /**
   * Adds or changes the role. Somebody added to a workspace as other than guest joins its public channels. Rights: admins and moderators
   * of the space (moderators make no admins); users of a workspace may bring in users and guests while `canUsersInvite` is not false.
   * `conflict`, reason `last_admin`, `creator`, when an admin would lose its role.
   */
  setMember(
    actor: Actor,
    id: SpaceId,
    member: { readonly userId: UserId; readonly role: SpaceRole },
  ): Promise<SpaceMember>;
  /** Becomes a member by itself: the caller has checked an invitation. A member stays what it is; a guest may rise. */
  join(actor: UserActor, id: SpaceId, role: SpaceRole): Promise<SpaceMember>;
  /** Makes the actor staff of a queue when it is not (event's moderators at sign-in). */
  ensureStaff(actor: UserActor, id: SpaceId): Promise<SpaceMember>;
  /**
   * Leaves its conversations too. Rights: oneself; admins and moderators of a workspace, admins of a queue. `conflict`, reason
   * `last_admin`, `creator` (the administration may).
   */
  removeMember(actor: Actor, id: SpaceId, userId: UserId): Promise<void>;
}
export function createSpaces(context: CoreContext): Spaces {
  return { ...createSpaceReads(context), ...createSpaceLife(context), ...createSpaceMembership(context) };
}
