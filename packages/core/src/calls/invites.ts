/** Asking somebody into a conversation's call, whether one runs or not. A pending invite is a deadline and nothing else. */
import type { Calls } from '../calls.ts';
import type { CoreContext } from '../context.ts';
import type { Deadlines } from '../deadlines.ts';
import { DomainError } from '../errors.ts';
import type { InviteId } from '../ids.ts';
import type { CallInvite } from '../model/call.ts';
import type { JsonValue } from '../model/user.ts';
import type { Tx } from '../ports/store.ts';
import { INVITE, toData, toInvite } from './ending.ts';
import { requireActive } from './participation.ts';

const INVITE_MS = 40_000;

export function createInvites(
  { change, ids }: CoreContext,
  deadlines: Pick<Deadlines, 'on'>,
): Pick<Calls, 'invite' | 'answerInvite'> {
  deadlines.on(INVITE, async (tx, deadline) => tellAnswer(tx, toInvite(deadline), null));

  return {
    async invite(actor, { conversationId, userId, message, answerNeeded, timeoutMs = INVITE_MS }) {
      if (userId === actor.userId) throw unfit('own');
      return change(actor, async (tx) => {
        await requireActive(tx, conversationId, actor.userId);
        const [recipient] = await tx.conversations.participants(conversationId, [userId]);
        if (!recipient?.active) throw unfit('no_participant');
        const [live] = await tx.calls.liveIn([conversationId]);
        if (live?.legs.some((leg) => leg.userId === userId)) return null;
        const [pending] = await tx.deadlines.waiting(INVITE, [{ conversationId, userId }]);
        if (pending) return toInvite(pending);
        const invite: CallInvite = {
          id: ids.uuid() as InviteId,
          conversationId,
          userId,
          fromId: actor.userId,
          message,
          answerNeeded,
          createdAt: tx.at,
          expiresAt: tx.at + timeoutMs,
        };
        if (answerNeeded) {
          const subject = `${conversationId}:${userId}`;
          await tx.deadlines.set({ kind: INVITE, subject, dueAt: invite.expiresAt, data: toData(invite) });
        }
        tx.append('call.invited', { conversationId, userIds: [userId], data: toData({ invite }) }, { invite });
        return invite;
      });
    },

    async answerInvite(actor, { inviteId, response }) {
      await change(actor, async (tx) => {
        const [pending] = await tx.deadlines.waiting(INVITE, [{ id: inviteId, userId: actor.userId }]);
        if (!pending) throw new DomainError('not_found', `No pending invite ${inviteId}`, { subject: 'invite' });
        await tx.deadlines.clear(INVITE, pending.subject);
        tellAnswer(tx, toInvite(pending), response);
      });
    },
  };
}

function tellAnswer(tx: Tx, invite: CallInvite, response: JsonValue | null): void {
  const { conversationId, fromId } = invite;
  const data = toData({ invite, response });
  tx.append('call.invite_answered', { conversationId, userIds: [fromId], data }, { invite, response });
}

function unfit(reason: string): DomainError {
  return new DomainError('invalid', 'This user cannot be invited', { field: 'userId', subject: 'user', reason });
}
