/** The end of conversations: asked for, or because their time has come. */
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import type { ConversationId } from '../ids.ts';
import type { Conversation } from '../model/conversation.ts';
import type { Deadline } from '../ports/deadline-store.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import { EXPIRY } from './expiry.ts';
import { removeAll } from './people.ts';
import { accessOf, forbidden, isManager, isOwner, notFound } from './rights.ts';

/** Sets, moves or clears the deadline of a conversation that ends by itself. */
export async function scheduleEnd(
  tx: Tx,
  { id, expiresAt }: Conversation,
  before: number | null = null,
): Promise<void> {
  if (expiresAt === before) return;
  if (expiresAt === null) return tx.deadlines.clear(EXPIRY, String(id));
  await tx.deadlines.set({ kind: EXPIRY, subject: String(id), dueAt: expiresAt, data: {} });
}

/** What the deadline of an expiring conversation does. A temporary one waits for the end of its call, which sets the deadline again. */
export async function expireConversation(tx: Tx, { subject }: Deadline): Promise<void> {
  const id = Number(subject) as ConversationId;
  const access = await tx.conversations.access(id, null);
  if (access?.conversation.temporary && (await tx.calls.liveIn([id])).length > 0) return;
  await removeAll(tx, [id]);
}

export function createRemoval({ change }: CoreContext): Pick<Conversations, 'remove'> {
  return {
    async remove(actor, id) {
      await change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        const { conversation, participant, spaceRole } = access;
        const may =
          isAdministration(actor) ||
          (conversation.kind === 'support'
            ? spaceRole === 'admin'
            : isOwner(actor, access) || (conversation.spaceId !== null && isManager(actor, access)));
        if (!may) throw participant?.active || spaceRole !== null ? forbidden('not_owner') : notFound(id);
        await removeAll(tx, [id]);
      });
    },
  };
}
