/** Who may be in calls: judged under the lock, by the store's own rows. */
import { DomainError } from '../errors.ts';
import type { ConversationId, UserId } from '../ids.ts';
import type { Conversation } from '../model/conversation.ts';
import type { Tx } from '../ports/store.ts';

/** `not_found` for a conversation that is not there, `forbidden` with reason `no_participant` or `blocked`. */
export async function requireActive(tx: Tx, id: ConversationId, userId: UserId): Promise<Conversation> {
  const access = await tx.conversations.access(id, userId);
  if (!access) throw new DomainError('not_found', `No conversation ${id}`, { subject: 'conversation' });
  const { conversation, participant } = access;
  const reason = !participant?.active ? 'no_participant' : participant.blockedAt !== null ? 'blocked' : null;
  if (reason === null) return conversation;
  throw new DomainError('forbidden', `User ${userId} may not be in calls of conversation ${id}`, {
    subject: 'conversation',
    reason,
  });
}
