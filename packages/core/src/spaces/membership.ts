/**
 * Who belongs to a space, and what follows for its conversations: members of a workspace, guests excepted, are in its public channels;
 * whoever goes leaves all conversations first, and then the space.
 */
import type { Actor } from '../actor.ts';
import { createBatchLoader, GATHER_CROWDS } from '../batch-loader.ts';
import type { CoreContext } from '../context.ts';
import { addNotice } from '../conversations/notices.ts';
import { bringIntoAll, requireUsers, takeOut } from '../conversations/people.ts';
import { DomainError } from '../errors.ts';
import type { SpaceId, UserId } from '../ids.ts';
import type { Space, SpaceMember, SpaceRole } from '../model/space.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import type { Spaces } from '../spaces.ts';
import { tellMember, tellMemberLeft } from './entries.ts';
import { forbiddenSpace, noSpace, requireRole, requireRoleOf, type SpaceAccess, spaceAccess } from './rights.ts';

type Membership = Pick<Spaces, 'setMember' | 'join' | 'ensureStaff' | 'removeMember'>;

export function createSpaceMembership({ change, store }: CoreContext): Membership {
  /** Staff sign in in crowds, too, after an outage. */
  const memberOf = createBatchLoader<string, SpaceMember>({
    gather: GATHER_CROWDS,
    async load(keys) {
      const wanted = keys.map((key) => {
        const [userId, spaceId] = key.split(' ').map(Number);
        return { userId: userId as UserId, spaceId: spaceId as SpaceId };
      });
      const members = await store.spaces.memberships(wanted);
      return new Map(members.map((member) => [toKey(member.userId, member.spaceId), member]));
    },
  });

  return {
    setMember: (actor, id, { userId, role }) =>
      change(actor, async (tx) => {
        const access = await spaceAccess(tx, actor, id);
        requireRoleOf(access.space, role);
        const [before = null] = await tx.spaces.members(id, [userId]);
        if (before?.role === role) return before;
        requireSetter(actor, access, { before, role });
        if (before?.role === 'admin') await requireSpare(tx, actor, { space: access.space, member: before });
        return setMemberIn(tx, access.space, { userId, role });
      }),

    join: (actor, id, role) =>
      change(actor, async (tx) => {
        const { space, member } = await spaceAccess(tx, actor, id);
        requireRoleOf(space, role);
        if (member && (member.role !== 'guest' || role === 'guest')) return member;
        return setMemberIn(tx, space, { userId: actor.userId, role });
      }),

    async ensureStaff(actor, id) {
      const known = await memberOf(toKey(actor.userId, id));
      if (known) return known;
      return change(actor, async (tx) => {
        const { space, member } = await spaceAccess(tx, actor, id);
        requireRoleOf(space, 'staff');
        return member ?? setMemberIn(tx, space, { userId: actor.userId, role: 'staff' });
      });
    },

    async removeMember(actor, id, userId) {
      await change(actor, async (tx) => {
        const access = await spaceAccess(tx, actor, id);
        const isOwnDoing = userId === actor.userId;
        if (isOwnDoing && !access.member) throw noSpace(id);
        if (!isOwnDoing)
          requireRole(actor, access, access.space.kind === 'workspace' ? ['admin', 'moderator'] : ['admin']);
        const [member] = await tx.spaces.members(id, [userId]);
        if (!member) throw new DomainError('not_found', 'Not a member of the space', { subject: 'user' });
        await requireSpare(tx, actor, { space: access.space, member });
        const removed = !isOwnDoing;
        const conversationIds = await tx.conversations.idsOfSpace(id, userId);
        const leavings = conversationIds.map((conversationId) => ({ conversationId, userId, removed }));
        const { left, conversations } = await takeOut(tx, leavings);
        // Staff still belong to what they once worked in; only where they were at work others must know.
        for (const { participant: member, wasPresent } of left) {
          const conversation = conversations.get(member.conversationId);
          if (conversation && wasPresent && member.side === 'staff') {
            await addNotice(tx, conversation, { type: 'left', actor, member });
          }
        }
        tellMemberLeft(tx, await tx.spaces.removeMember(id, userId), removed);
      });
    },
  };
}

function toKey(userId: UserId, spaceId: SpaceId): string {
  return `${userId} ${spaceId}`;
}

async function setMemberIn(
  tx: Tx,
  space: Space,
  { userId, role }: { readonly userId: UserId; readonly role: SpaceRole },
): Promise<SpaceMember> {
  await requireUsers(tx, [userId]);
  const [change] = await tx.spaces.setMembers(space.id, [{ userId, role }], 'each');
  if (!change) throw noSpace(space.id);
  tellMember(tx, (await tx.spaces.find(space.id)) ?? space, change);
  const opens = change.previousRole === null || change.previousRole === 'guest';
  if (space.kind === 'workspace' && role !== 'guest' && opens) {
    await bringIntoAll(tx, userId, await tx.conversations.publicChannelsWithout(space.id, userId));
  }
  return change.member;
}

/** Admins everybody; moderators everybody but admins; users bring in users and guests, where the workspace lets them. */
function requireSetter(
  actor: Actor,
  access: SpaceAccess,
  { before, role }: { readonly before: SpaceMember | null; readonly role: SpaceRole },
): void {
  if (isAdministration(actor)) return;
  const { space, member } = access;
  if (!member) throw noSpace(space.id);
  if (member.role === 'admin') return;
  if (space.kind === 'queue' || role === 'admin' || before?.role === 'admin') throw forbiddenSpace('role');
  if (member.role === 'moderator') return;
  const bringsIn = before === null && (role === 'user' || role === 'guest');
  if (member.role === 'user' && bringsIn && space.settings.canUsersInvite !== false) return;
  throw forbiddenSpace('role');
}

/** A workspace keeps its creator and at least one admin. */
async function requireSpare(
  tx: Tx,
  actor: Actor,
  { space, member }: { readonly space: Space; readonly member: SpaceMember },
): Promise<void> {
  if (isAdministration(actor) || space.kind !== 'workspace') return;
  const conflict = (reason: string) =>
    new DomainError('conflict', `The space keeps this member: ${reason}`, { subject: 'space', reason });
  if (space.createdBy === member.userId) throw conflict('creator');
  if (member.role !== 'admin') return;
  const members = await tx.spaces.members(space.id);
  if (!members.some(({ userId, role }) => role === 'admin' && userId !== member.userId)) throw conflict('last_admin');
}
