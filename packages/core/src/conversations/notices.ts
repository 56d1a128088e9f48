/**
 * What staff are told inside a support conversation: who opened, closed, joined, left, invited or assigned, as messages that staff alone
 * see and nobody has unread. Whatever wire the change came from, they are written in its transaction. Knows no wording.
 */
import type { Actor } from '../actor.ts';
import type { ParticipantId, UserId } from '../ids.ts';
import type { Conversation, Participant } from '../model/conversation.ts';
import type { Message, MessagePrompt } from '../model/message.ts';
import type { Tx } from '../ports/store.ts';
import { systemUser } from '../system-user.ts';

export type NoticeType = 'opened' | 'closed' | 'assigned' | 'joined' | 'left' | 'invited';

/** Kept as `meta.notice` of a message of kind `notice`. */
export interface Notice {
  readonly type: NoticeType;
  /** Null: the administration or the gateway. */
  readonly actorId: UserId | null;
  /** The participant concerned, and its user. */
  readonly memberId: ParticipantId | null;
  readonly userId: UserId | null;
}

/** What a notice says; null for every other message. */
export function noticeOf(message: Message): Notice | null {
  if (message.kind !== 'notice') return null;
  return (message.meta.notice as unknown as Notice | undefined) ?? null;
}

/**
 * What a queue asks its customers when a conversation is closed, if it asks anything: `settings.closingPrompt`, a prompt without its state
 * (`{kind: "rating"}`). Opens nothing: it stands behind the closing.
 */
export async function addClosingPrompt(tx: Tx, conversation: Conversation): Promise<void> {
  const { id, spaceId, customerId } = conversation;
  const space = spaceId === null || customerId === null ? null : await tx.spaces.find(spaceId);
  const wanted = space?.settings.closingPrompt as Partial<MessagePrompt> | undefined;
  if (!wanted || typeof wanted !== 'object' || !PROMPT_KINDS.includes(wanted.kind as MessagePrompt['kind'])) return;
  const sender = await systemUser(tx);
  const prompt = { ...wanted, kind: wanted.kind as MessagePrompt['kind'], state: 'pending' as const };
  const message = await tx.messages.insert({
    conversationId: id,
    senderId: sender.id,
    via: 'system',
    kind: 'text',
    prompt,
    visibility: 'all',
  });
  tx.append('message.sent', { conversationId: id, spaceId, subjectId: message.id }, { message });
}

const PROMPT_KINDS: readonly MessagePrompt['kind'][] = ['rating', 'form', 'buttons'];

/** Only where there is a customer to work for; elsewhere it does nothing. */
export async function addNotice(
  tx: Tx,
  conversation: Conversation,
  notice: { readonly type: NoticeType; readonly actor: Actor; readonly member?: Participant },
): Promise<void> {
  if (conversation.kind !== 'support' || conversation.customerId === null) return;
  const { type, actor, member } = notice;
  const sender = await systemUser(tx);
  const meta = { type, actorId: actor.userId, memberId: member?.id ?? null, userId: member?.userId ?? null };
  const message = await tx.messages.insert({
    conversationId: conversation.id,
    senderId: sender.id,
    via: 'system',
    kind: 'notice',
    visibility: 'staff',
    meta: { notice: meta },
  });
  tx.append(
    'message.sent',
    {
      conversationId: conversation.id,
      spaceId: conversation.spaceId,
      subjectId: message.id,
      visibility: message.visibility,
    },
    { message },
  );
}
