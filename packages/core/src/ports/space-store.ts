/** What the store keeps of spaces and their members. Reads stand in `SpaceStore`, changes (under the log's lock) in `SpaceTx`. */
import type { LogPosition, Namespace, SpaceId, UnixMs, UserId } from '../ids.ts';
import type { Space, SpaceKind, SpaceMember, SpaceRole } from '../model/space.ts';
import type { JsonObject } from '../model/user.ts';
import type { Positions } from './conversation-store.ts';

export interface SpaceWithMembers {
  readonly space: Space;
  /** Who belongs to it now, ascending ids of membership. */
  readonly members: readonly SpaceMember[];
}

export interface SpaceStore {
  /** Live, by id. */
  find(id: SpaceId): Promise<Space | null>;
  findByName(kind: SpaceKind, name: string): Promise<Space | null>;
  findByExternalId(namespace: Namespace, externalId: string): Promise<Space | null>;
  /** Live spaces to which the user belongs, ascending ids. */
  listFor(
    userId: UserId,
    kind: SpaceKind | null,
  ): Promise<readonly { readonly space: Space; readonly member: SpaceMember }[]>;
  /** Live spaces, ascending ids. */
  list(query: {
    readonly kind: SpaceKind | null;
    readonly limit: number;
    readonly offset: number;
  }): Promise<readonly Space[]>;
  /** Who belongs to it now, ascending ids of membership; without a limit, all. */
  members(
    id: SpaceId,
    query: { readonly limit: number | null; readonly offset: number },
  ): Promise<readonly SpaceMember[]>;
  /** Of a live space; null when the user does not belong to it now. */
  membership(userId: UserId, id: SpaceId): Promise<SpaceMember | null>;
  /** The same for many; those who do not belong are left out. */
  memberships(
    wanted: readonly { readonly userId: UserId; readonly spaceId: SpaceId }[],
  ): Promise<readonly SpaceMember[]>;
  /** One statement, one snapshot as of `head`. Removed spaces are included (`deletedAt` is set), unknown ids left out. */
  loadSpaces(
    ids: readonly SpaceId[],
  ): Promise<{ readonly head: LogPosition; readonly spaces: readonly SpaceWithMembers[] }>;
}

export interface NewSpace {
  readonly kind: SpaceKind;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly avatar: string | null;
  readonly createdBy: UserId | null;
  readonly settings: JsonObject;
}

/** Absent = unchanged. */
export interface SpacePatch {
  readonly name?: string;
  readonly title?: string;
  readonly description?: string;
  readonly avatar?: string | null;
  /** Merged by key. */
  readonly settings?: JsonObject;
  readonly updatedAt?: UnixMs;
  readonly changedPosition?: LogPosition;
}

export interface MemberChange {
  readonly member: SpaceMember;
  /** Null when it did not belong to the space before. */
  readonly previousRole: SpaceRole | null;
}

export interface SpaceTx {
  /** Live, by id. */
  find(id: SpaceId): Promise<Space | null>;
  findByName(kind: SpaceKind, name: string): Promise<Space | null>;
  /** Who belongs to it now; `userIds` narrows them. Ascending ids of membership. */
  members(id: SpaceId, userIds?: readonly UserId[]): Promise<readonly SpaceMember[]>;
  /** Its `changedPosition` is the next position. */
  insert(space: NewSpace): Promise<Space>;
  update(id: SpaceId, patch: SpacePatch): Promise<Space>;
  /** Null removes. The ids of live spaces are in the way (`already_exists`), those of removed ones give way. */
  setExternalIds(id: SpaceId, externalIds: Readonly<Record<Namespace, string | null>>): Promise<void>;
  /** Makes each a member with that role, or changes the role. Also moves the space's `changedPosition`. In the order given. */
  setMembers(
    id: SpaceId,
    members: readonly { readonly userId: UserId; readonly role: SpaceRole }[],
    positions: Positions,
  ): Promise<readonly MemberChange[]>;
  /** Ends the membership at the next position. Also moves the space's `changedPosition`. */
  removeMember(id: SpaceId, userId: UserId): Promise<SpaceMember>;
  /** Marks as removed at the next position; nobody belongs to it any more, external ids are free. */
  remove(id: SpaceId): Promise<Space>;
}
