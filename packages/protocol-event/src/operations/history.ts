/**
 * Messages as this wire lists them: page by page, without what other wires show to some alone, each with whether it has been read.
 * Judges nobody's right to read; core's pages do.
 */
import { type Core, hasRead, type Message } from '@switchboard/core';
import type { EventSession } from '../session.ts';
import { isShown, type Views } from '../views.ts';
import type { MessageObject } from '../wire.ts';

type Pages<T> = AsyncIterable<readonly T[]>;

export interface History {
  /** `status` and `read` as section 5.2 says. */
  ofConversation(session: EventSession, pages: Pages<Message>): Pages<MessageObject>;
  unread(pages: Pages<Message>): Pages<MessageObject>;
}

export function createHistory({ core, views }: { readonly core: Core; readonly views: Views }): History {
  const { directory } = core;

  /** What views and marks are read from: at most one statement per kind and page, none for what this node knows. */
  async function ensure(messages: readonly Message[]): Promise<void> {
    await Promise.all([
      directory.ensureUsers([...new Set(messages.map(({ senderId }) => senderId))]),
      directory.ensureConversations([...new Set(messages.map(({ conversationId }) => conversationId))]),
    ]);
  }

  /** Of one's own, whether anybody else has read it; of another's, whether the caller has. */
  function isRead({ actor }: EventSession, message: Message): boolean {
    const { userId } = actor;
    const participants = directory.conversation(message.conversationId)?.participants;
    if (message.senderId === userId) {
      if (message.firstReadAt !== null) return true;
      for (const participant of participants?.values() ?? []) {
        if (participant.userId !== userId && hasRead(participant, message.seq)) return true;
      }
      return false;
    }
    const own = participants?.get(userId);
    if (own && hasRead(own, message.seq)) return true;
    // A moderator who takes no part has no marks: what staff have read of the customer's counts as read by all of them.
    return !own?.active && message.firstReadAt !== null && participants?.get(message.senderId)?.side !== 'staff';
  }

  async function* toObjects(
    pages: Pages<Message>,
    read: (message: Message) => boolean,
  ): AsyncGenerator<MessageObject[]> {
    for await (const page of pages) {
      await ensure(page);
      yield page.filter(isShown).map((message) => views.toMessage(message, directory, read(message)));
    }
  }

  return {
    ofConversation: (session, pages) => toObjects(pages, (message) => isRead(session, message)),
    unread: (pages) => toObjects(pages, () => false),
  };
}
