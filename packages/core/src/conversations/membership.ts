/** Who takes part: joining, leaving, adding and taking out others, and several such changes at once. Rights are judged under the lock. */
import type { Actor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import type { Conversation, Participant, ParticipantSide } from '../model/conversation.ts';
import type { ConversationAccess } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import { checkedGroups } from './create.ts';
import { addNotice, type NoticeType } from './notices.ts';
import { bringIn, type Newcomer, takeOut } from './people.ts';
import {
  accessOf,
  forbidden,
  isManager,
  isQueueStaff,
  isStaff,
  notFound,
  requireManager,
  requirePart,
  requireStaff,
} from './rights.ts';
import { requireStaffUser } from './support.ts';

type Membership = Pick<Conversations, 'join' | 'leave' | 'addParticipants' | 'removeParticipants'>;

export function createMembership({ change, limits }: CoreContext): Membership {
  return {
    join: (actor, id, options) =>
      change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        const newcomers = [{ userId: actor.userId, side: sideOfJoiner(actor, access, options) }];
        const { conversation, participants, joined } = await bringIn(tx, access.conversation, {
          newcomers,
          how: 'joined',
          limit: limits.participants,
        });
        await addNotices(tx, conversation, { type: 'joined', actor, members: joined });
        const [participant] = participants;
        if (!participant) throw notFound(id);
        return participant;
      }),

    async leave(actor, id) {
      await change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        if (!access.participant?.active) {
          if (isStaff(actor, access)) return;
          throw notFound(id);
        }
        await removeIn(tx, actor, { conversation: access.conversation, userIds: [actor.userId] });
      });
    },

    addParticipants: (actor, id, participants) =>
      change(actor, async (tx) => {
        const how = isAdministration(actor) ? 'joined' : 'invited';
        const access = await accessOf(tx, actor, id);
        requireAdder(actor, access);
        const named = participants.map(checkedGroups);
        const newcomers = await sidesOf(tx, actor, { conversation: access.conversation, participants: named });
        const limit = isAdministration(actor) ? null : limits.participants;
        const result = await bringIn(tx, access.conversation, { newcomers, how, limit });
        await addNotices(tx, result.conversation, { type: how, actor, members: result.joined });
        return result.participants;
      }),

    async removeParticipants(actor, id, userIds) {
      await change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        const { conversation } = access;
        const leavesAlone = userIds.every((userId) => userId === actor.userId);
        if (leavesAlone) requireSome(access);
        else requireManager(actor, access);
        if (!leavesAlone) requireNotOwner(actor, conversation, userIds);
        const known = await tx.conversations.participants(id, userIds);
        const active = known.filter((participant) => participant.active).map(({ userId }) => userId);
        await removeIn(tx, actor, { conversation, userIds: active });
      });
    },
  };
}

/** Takes them out, and leaves a notice for each who was staff. They must be in. */
export async function removeIn(
  tx: Tx,
  actor: Actor,
  { conversation, userIds }: { readonly conversation: Conversation; readonly userIds: readonly UserId[] },
): Promise<void> {
  const { id } = conversation;
  if (userIds.length === 0) return;
  const leavings = userIds.map((userId) => ({ conversationId: id, userId, removed: userId !== actor.userId }));
  const { left, conversations } = await takeOut(tx, leavings);
  const current = conversations.get(id);
  const members = left.map(({ participant }) => participant);
  if (current) await addNotices(tx, current, { type: 'left', actor, members });
}

/** Only for staff: customers and members come and go without one. */
async function addNotices(
  tx: Tx,
  conversation: Conversation,
  { type, actor, members }: { type: NoticeType; actor: Actor; members: readonly Participant[] },
): Promise<void> {
  for (const member of members) {
    if (member.side === 'staff') await addNotice(tx, conversation, { type, actor, member });
  }
}

/** Throws unless somebody may come in by itself: staff of the queue, members into public channels, and whoever was let in. */
function sideOfJoiner(
  actor: Actor,
  access: ConversationAccess,
  { side, allow = false }: { readonly side?: ParticipantSide; readonly allow?: boolean } = {},
): ParticipantSide {
  const { conversation, participant, spaceRole } = access;
  const { kind, visibility } = conversation;
  if (kind === 'support') {
    const staff = isQueueStaff(spaceRole);
    if (side === 'staff' && !staff && !allow) throw forbidden('not_staff');
    if (staff || allow || isAdministration(actor)) return side ?? (staff ? 'staff' : 'member');
    if (participant?.active) return participant.side;
  } else {
    const isOpen = visibility === 'public' && spaceRole !== null && spaceRole !== 'guest';
    if (allow || isOpen || participant?.active || isAdministration(actor)) return 'member';
  }
  if (kind === 'support' && spaceRole !== null) throw forbidden('not_staff');
  throw notFound(conversation.id);
}

/** In support staff; elsewhere whoever takes part or manages the conversation. */
function requireAdder(actor: Actor, access: ConversationAccess): void {
  if (access.conversation.kind === 'support') requireStaff(actor, access);
  else if (!(isManager(actor, access) && !access.participant?.active)) requirePart(actor, access);
}

/** Whom staff call into a support conversation must be staff; the administration may bring anybody. */
export async function sidesOf(
  tx: Tx,
  actor: Actor,
  { conversation, participants }: { readonly conversation: Conversation; readonly participants: readonly Newcomer[] },
): Promise<readonly Newcomer[]> {
  if (conversation.kind !== 'support') return participants;
  if (!isAdministration(actor)) {
    for (const { userId } of participants) await requireStaffUser(tx, conversation, userId);
    return participants.map((newcomer) => ({ ...newcomer, side: 'staff' }));
  }
  const userIds = participants.map(({ userId }) => userId);
  const members = conversation.spaceId === null ? [] : await tx.spaces.members(conversation.spaceId, userIds);
  const staff = new Set(members.filter(({ role }) => isQueueStaff(role)).map(({ userId }) => userId));
  return participants.map((newcomer) =>
    newcomer.side === undefined && staff.has(newcomer.userId) ? { ...newcomer, side: 'staff' } : newcomer,
  );
}

function requireSome({ conversation, participant }: ConversationAccess): void {
  if (!participant) throw notFound(conversation.id);
}

/** The owner goes by itself, or not at all. */
export function requireNotOwner(actor: Actor, { ownerId }: Conversation, userIds: readonly UserId[]): void {
  if (isAdministration(actor) || ownerId === null || ownerId === actor.userId || !userIds.includes(ownerId)) return;
  throw new DomainError('forbidden', 'Nobody else takes the owner out', { subject: 'participant', reason: 'owner' });
}
