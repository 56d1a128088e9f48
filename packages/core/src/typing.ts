/** Who types where: ends 6 s after the last renewal, on sending, and with the connection. Kept by the node that heard of it. */
import type { UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import type { ConnectionId, ConversationId, UserId } from './ids.ts';

export interface Typing {
  /**
   * Every renewal is told again: some wires show it for a moment only. `forbidden`, reason `no_participant`, unless taking part or, as
   * staff, working on the queue.
   */
  set(actor: UserActor, conversationId: ConversationId, typing: boolean): Promise<void>;
  stop(userId: UserId, conversationId: ConversationId): void;
  stopAllOf(connection: ConnectionId): void;
  close(): void;
}

const TYPING_MS = 6_000;

interface Typist {
  readonly actor: UserActor;
  readonly conversationId: ConversationId;
  cancel: () => void;
}

export function createTyping({ store, bus, clock }: CoreContext): Typing {
  const typists = new Map<string, Typist>();
  const keyOf = (userId: UserId, conversationId: ConversationId) => `${userId}:${conversationId}`;

  function tell({ actor, conversationId }: Omit<Typist, 'cancel'>, typing: boolean): void {
    bus.publishSignals([
      {
        type: 'typing.changed',
        transient: true,
        at: clock.now(),
        conversationId,
        actorId: actor.userId,
        via: actor.via,
        origin: actor.connectionId,
        userId: actor.userId,
        typing,
      },
    ]);
  }

  function stop(userId: UserId, conversationId: ConversationId): void {
    const typist = typists.get(keyOf(userId, conversationId));
    if (!typist) return;
    typist.cancel();
    typists.delete(keyOf(userId, conversationId));
    tell(typist, false);
  }

  async function mayType({ userId, capacity }: UserActor, conversationId: ConversationId): Promise<boolean> {
    if (await store.conversations.participation(userId, conversationId)) return true;
    if (capacity !== 'staff') return false;
    const conversation = await store.conversations.find(conversationId);
    if (conversation?.kind !== 'support' || conversation.spaceId === null) return false;
    const member = await store.spaces.membership(userId, conversation.spaceId);
    return member?.role === 'staff' || member?.role === 'admin';
  }

  return {
    stop,
    async set(actor, conversationId, typing) {
      if (!(await mayType(actor, conversationId))) {
        throw new DomainError('forbidden', `User ${actor.userId} takes no part in conversation ${conversationId}`, {
          subject: 'conversation',
          reason: 'no_participant',
        });
      }
      const { userId } = actor;
      const key = keyOf(userId, conversationId);
      typists.get(key)?.cancel();
      typists.delete(key);
      if (typing) {
        typists.set(key, { actor, conversationId, cancel: clock.after(TYPING_MS, () => stop(userId, conversationId)) });
      }
      tell({ actor, conversationId }, typing);
    },
    stopAllOf(connection) {
      for (const { actor, conversationId } of [...typists.values()]) {
        if (actor.connectionId === connection) stop(actor.userId, conversationId);
      }
    },
    close() {
      for (const { cancel } of typists.values()) cancel();
      typists.clear();
    },
  };
}
