/** How much a client has not read, as its unread streams show it. Wire: PROTOCOL.md, "Several chats at once". */
import type { ConversationView, DomainEvent, Lookup } from '@switchboard/core';
import { toMessage } from '../views/messages.ts';
import type { Builder } from '../views.ts';
import type { UnreadValue } from './delivery.ts';
import type { StreamConnection } from './stream.ts';

/** Whether the event may have changed how much the customer has not read. */
function isCounted(event: DomainEvent): boolean {
  if (event.type === 'receipts.advanced') return event.first?.kind === 'read';
  return event.type === 'message.sent' || event.type === 'message.deleted';
}

export function unreadOf(lookup: Lookup, namespace: string) {
  return (event: DomainEvent, { session }: StreamConnection): UnreadValue | null => {
    const view = event.conversationId === null ? undefined : lookup.conversation(event.conversationId);
    if (!view || !isCounted(event)) return null;
    const { customerId, key } = view.conversation;
    if (customerId !== session.reader.userId) return null;
    // A count as of the event, whatever is loaded meanwhile.
    const count = view.conversation.customerUnread;
    if (session.target.kind === 'unread') return { key: String(view.conversation.id), make: () => count };
    if (!key?.startsWith(`${namespace}:`)) return null;
    return { key: `all:${view.conversation.id}`, make: (builder) => toSummary(builder, view) };
  };
}

/** In the lower-case form of the mobile clients. */
function toSummary(builder: Builder, { conversation }: ConversationView) {
  const space = conversation.spaceId === null ? undefined : builder.lookup.space(conversation.spaceId);
  const messageId = conversation.lastPublicMessageId;
  const message = messageId === null ? null : builder.facts.message(messageId);
  if (messageId !== null && message === undefined) builder.needs.messages.add(messageId);
  const shown = message ? toMessage(builder, message) : null;
  return {
    id: conversation.id,
    type: conversation.typeLabel ?? 'regular',
    name: space?.space.name ?? '',
    lastMessage: shown && {
      text: shown.Text,
      fileId: shown.FileId,
      isSurvey: shown.RatingId !== null,
      date: new Date(shown.CreatedAt).toISOString(),
    },
    unreadCount: conversation.customerUnread,
  };
}
