/** The two lists without end: a user's conversations and a conversation's messages, read page by page as they are written. */
import {
  type Conversation,
  type ConversationId,
  type Core,
  DomainError,
  type Message,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { countSeen } from './seen.ts';
import { isShown, type Views } from './views.ts';
import type { ClientConversation, ClientMessage } from './wire.ts';

export interface Chats {
  /** Most recent activity first. */
  list(userId: UserId): AsyncIterable<readonly ClientConversation[]>;
  /** Oldest first, from before the caller joined too. `not_found` unless the caller takes part. */
  history(actor: UserActor, conversationId: ConversationId): Promise<AsyncIterable<readonly ClientMessage[]>>;
}

const PAGE = 500;

export function createChats({ core, views }: { readonly core: Core; readonly views: Views }): Chats {
  const { directory } = core;

  async function* list(userId: UserId): AsyncGenerator<readonly ClientConversation[]> {
    // Activity moves conversations between pages: none is shown twice.
    const shown = new Set<Conversation['id']>();
    for (let offset = 0; ; offset += PAGE) {
      const query = { order: 'activity', direction: 'descending', limit: PAGE, offset } as const;
      const found = await core.conversations.listFor(userId, query);
      const page = found.filter(({ conversation }) => !shown.has(conversation.id));
      await directory.ensureUsers([
        ...new Set(page.flatMap(({ participants }) => participants.map((one) => one.userId))),
      ]);
      for (const { conversation } of page) shown.add(conversation.id);
      yield page.map(({ conversation, participants }) =>
        views.toConversation(conversation, participants, { lookup: directory, viewerId: userId }),
      );
      if (found.length < PAGE) return;
    }
  }

  async function* history(
    actor: UserActor,
    conversationId: ConversationId,
    participants: Parameters<typeof countSeen>[1],
  ): AsyncGenerator<readonly ClientMessage[]> {
    for await (const page of core.messages.pages(actor, conversationId)) {
      const messages = page.filter(isShown);
      await directory.ensureUsers([...new Set(messages.map(({ senderId }: Message) => senderId))]);
      const seen = countSeen(messages, participants, actor.userId);
      yield messages.map((message, at) =>
        views.toMessage(message, directory, seen[at] ?? { seenCount: 0, isSeenByYou: false }),
      );
    }
  }

  return {
    list,
    async history(actor, conversationId) {
      const { participants } = await core.conversations.get(actor, conversationId);
      // Staff of a queue may look into what this wire shows to its participants alone.
      if (!participants.some(({ userId, active }) => active && userId === actor.userId)) {
        throw new DomainError('not_found', 'the caller takes no part', { subject: 'conversation' });
      }
      return history(actor, conversationId, participants);
    },
  };
}
