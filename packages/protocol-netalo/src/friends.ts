/**
 * Who hears of whose coming and going: those who share a group, unless the only thing they share is a talk in which one has blocked the
 * other. Knows no wire object. Wire: PROTOCOL.md §10.
 */
import type { ConversationId, Core, DomainEvent, UserId } from '@switchboard/core';
import { isPair } from './views/basic.ts';

export interface Friends {
  /** Whether somebody in these conversations is a friend of a user who is connected here. Synchronous. */
  isFriend(userId: UserId, conversationIds: readonly ConversationId[]): boolean;
  /** Everybody who is. */
  of(userId: UserId): Promise<UserId[]>;
  /** To be told of blocks. */
  note(event: DomainEvent): void;
}

export function createFriends({ directory }: Pick<Core, 'directory'>): Friends {
  /** Pairs of people connected here in which somebody is blocked. */
  const blockedPairs = new Set<ConversationId>();

  function look(id: ConversationId): void {
    const view = directory.conversation(id);
    if (!view) return;
    const isBlocked = [...view.participants.values()].some(({ active, blockedAt }) => active && blockedAt !== null);
    if (isBlocked && isPair(view.conversation)) blockedPairs.add(id);
    else blockedPairs.delete(id);
  }

  return {
    isFriend: (userId, conversationIds) =>
      conversationIds.some((id) => directory.isTakingPart(userId, id) && !blockedPairs.has(id)),

    async of(userId) {
      const { conversationIds } = await directory.membershipsOf(userId);
      const ids = [...conversationIds];
      await directory.ensureConversations(ids);
      const friends = new Set<UserId>();
      for (const id of ids) {
        look(id);
        if (blockedPairs.has(id)) continue;
        for (const other of directory.conversation(id)?.activeIds ?? []) friends.add(other);
      }
      friends.delete(userId);
      return [...friends];
    },

    note(event) {
      if (event.type === 'participant.changed' || event.type === 'participant.left') look(event.conversation.id);
    },
  };
}
