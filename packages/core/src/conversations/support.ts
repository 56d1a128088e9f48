/**
 * The life of support conversations: opened, closed, assigned, handed over. Repeating changes nothing and tells nobody. Each change
 * leaves a notice for staff behind it, whatever wire it came from.
 */
import type { Actor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import type { ConversationId, UserId } from '../ids.ts';
import type { Conversation, Participant } from '../model/conversation.ts';
import type { Tx } from '../ports/store.ts';
import { tellAssigned, tellClosed, tellOpened, tellUnassigned } from './entries.ts';
import { addClosingPrompt, addNotice } from './notices.ts';
import { bringIn, takeOut } from './people.ts';
import { accessOf, fresh, isQueueStaff, requireStaff } from './rights.ts';

type Support = Pick<Conversations, 'open' | 'close' | 'assign' | 'unassign' | 'transfer'>;

export function createSupport({ change }: CoreContext): Support {
  return {
    open: (actor, id) =>
      change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireStaff(actor, access);
        return openIn(tx, actor, access.conversation);
      }),

    close: (actor, id) =>
      change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireStaff(actor, access);
        return access.conversation.open ? closeIn(tx, actor, access.conversation) : access.conversation;
      }),

    assign: (actor, id, userId) =>
      change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireStaff(actor, access);
        const { assigned, member } = await assignIn(tx, access.conversation, userId);
        if (!assigned) return fresh(tx, id);
        await addNotice(tx, assigned, { type: 'assigned', actor, member });
        return fresh(tx, id);
      }),

    unassign: (actor, id) =>
      change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireStaff(actor, access);
        const { assigneeId } = access.conversation;
        if (assigneeId === null) return access.conversation;
        const position = { changedPosition: tx.nextPosition, lastActivityAt: tx.at };
        const conversation = await tx.conversations.update(id, { assigneeId: null, ...position });
        tellUnassigned(tx, conversation, { previousId: assigneeId });
        return conversation;
      }),

    transfer: (actor, id, userId) =>
      change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireStaff(actor, access);
        const { assigned, member } = await assignIn(tx, access.conversation, userId);
        const leaves = access.participant?.active === true && userId !== actor.userId;
        if (leaves) await takeOut(tx, [{ conversationId: id, userId: actor.userId, removed: false }]);
        if (assigned || leaves) {
          await addNotice(tx, assigned ?? access.conversation, { type: 'assigned', actor, member });
        }
        return fresh(tx, id);
      }),
  };
}

/**
 * What a send does when the fast lane refuses with `closed`: opens the conversation, so that the message can be sent again. Somebody
 * else may have opened it meanwhile: then nothing happens. Judges no right, the send does.
 */
export async function openForMessage(tx: Tx, actor: Actor, id: ConversationId): Promise<Conversation> {
  const { conversation } = await accessOf(tx, actor, id);
  return openIn(tx, actor, conversation);
}

async function openIn(tx: Tx, actor: Actor, conversation: Conversation): Promise<Conversation> {
  if (conversation.open) return conversation;
  const opened = await tx.conversations.update(conversation.id, {
    open: true,
    episode: conversation.episode + 1,
    openedAt: tx.at,
    lastActivityAt: tx.at,
    changedPosition: tx.nextPosition,
  });
  tellOpened(tx, opened);
  await addNotice(tx, opened, { type: 'opened', actor });
  return fresh(tx, conversation.id);
}

async function closeIn(tx: Tx, actor: Actor, { id }: Conversation): Promise<Conversation> {
  const everybody = await tx.conversations.participants(id);
  const present = everybody.filter(({ active, side, present }) => active && present && side === 'staff');
  const presentIds = present.map(({ userId }) => userId);
  await tx.conversations.updateParticipants(id, presentIds, { present: false });
  const closed = await tx.conversations.update(id, {
    open: false,
    closedAt: tx.at,
    assigneeId: null,
    lastActivityAt: tx.at,
    changedPosition: tx.nextPosition,
  });
  tellClosed(tx, closed, present);
  await addNotice(tx, closed, { type: 'closed', actor });
  await addClosingPrompt(tx, closed);
  return fresh(tx, id);
}

/** Brings the assignee in first when it is not at work there. `assigned`: null when it was assigned already. */
async function assignIn(
  tx: Tx,
  conversation: Conversation,
  userId: UserId,
): Promise<{ assigned: Conversation | null; member: Participant }> {
  const { id, assigneeId } = conversation;
  await requireStaffUser(tx, conversation, userId);
  const newcomers = [{ userId, side: 'staff' as const }];
  const { participants, joined } = await bringIn(tx, conversation, { newcomers, how: 'implied', limit: null });
  const [member] = participants;
  if (!member) throw new Error('whoever was brought in takes part');
  if (assigneeId === userId && joined.length === 0) return { assigned: null, member };
  const [updated] = await tx.conversations.updateParticipants(id, [userId], { assignedAt: tx.at });
  const position = { changedPosition: tx.nextPosition, lastActivityAt: tx.at };
  const assigned = await tx.conversations.update(id, { assigneeId: userId, ...position });
  tellAssigned(tx, assigned, { assigneeId: userId, previousId: assigneeId });
  return { assigned, member: updated ?? member };
}

/** Staff of the queue, or already on the staff side of the conversation. */
export async function requireStaffUser(tx: Tx, { id, spaceId }: Conversation, userId: UserId): Promise<void> {
  const [member] = spaceId === null ? [] : await tx.spaces.members(spaceId, [userId]);
  if (isQueueStaff(member?.role ?? null)) return;
  const [participant] = await tx.conversations.participants(id, [userId]);
  if (participant?.active && participant.side === 'staff') return;
  throw new DomainError('invalid', `User ${userId} is no staff of the queue`, {
    subject: 'user',
    field: 'userId',
    reason: 'not_staff',
  });
}
