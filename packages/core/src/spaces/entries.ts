/** Entries of the log about spaces and their members: what each keeps, and what its event carries. Decides nothing. */
import type { LogPosition, UserId } from '../ids.ts';
import type { Space, SpaceMember } from '../model/space.ts';
import type { MemberChange } from '../ports/space-store.ts';
import type { Tx } from '../ports/store.ts';

export function tellSpaceCreated(tx: Tx, space: Space, members: readonly SpaceMember[]): LogPosition {
  return tx.append('space.created', { spaceId: space.id }, { space, members });
}

export function tellSpaceUpdated(tx: Tx, space: Space, changed: readonly string[]): LogPosition {
  return tx.append('space.updated', { spaceId: space.id, data: { changed } }, { space, changed });
}

/** `userIds`: who belonged to it until now. */
export function tellSpaceDeleted(tx: Tx, space: Space, userIds: readonly UserId[]): LogPosition {
  return tx.append('space.deleted', { spaceId: space.id, userIds }, { spaceId: space.id });
}

/** Joined, or changed its role. */
export function tellMember(tx: Tx, space: Space, { member, previousRole }: MemberChange): LogPosition {
  const fields = { spaceId: space.id, subjectId: member.id };
  if (previousRole === null) return tx.append('space.member_joined', fields, { space, member });
  return tx.append('space.member_changed', { ...fields, data: { previousRole } }, { space, member, previousRole });
}

export function tellMemberLeft(tx: Tx, member: SpaceMember, removed: boolean): LogPosition {
  const { id, spaceId, userId } = member;
  return tx.append(
    'space.member_left',
    { spaceId, userIds: [userId], subjectId: id, data: { userId, removed } },
    { spaceId, userId, removed },
  );
}
