/** Spaces: workspaces and queues, and who belongs to them. Readonly data only. */
import type { Namespace, SpaceId, SpaceMemberId, UnixMs, UserId } from '../ids.ts';
import type { JsonObject } from './user.ts';

export type SpaceKind = 'workspace' | 'queue';
/** `staff` only in queues; `moderator`, `user`, `guest` only in workspaces. */
export type SpaceRole = 'admin' | 'moderator' | 'user' | 'guest' | 'staff';

export interface Space {
  readonly id: SpaceId;
  readonly kind: SpaceKind;
  /** Unique key per kind. What people call it is the title. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly avatar: string | null;
  readonly createdBy: UserId | null;
  readonly settings: JsonObject;
  readonly externalIds: Readonly<Record<Namespace, string>>;
  readonly createdAt: UnixMs;
  readonly updatedAt: UnixMs;
  readonly changedPosition: number;
  readonly deletedAt: UnixMs | null;
}

export interface SpaceMember {
  readonly id: SpaceMemberId;
  readonly spaceId: SpaceId;
  readonly userId: UserId;
  readonly role: SpaceRole;
  readonly joinedAt: UnixMs;
  readonly leftAt: UnixMs | null;
  readonly callsCount: number;
  readonly latestCallAt: UnixMs | null;
  readonly createdAt: UnixMs;
  readonly changedPosition: number;
}
