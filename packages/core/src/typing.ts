/**
 * Who types where: ends 6 s after the last renewal, on sending, and with the connection. Kept by the node that heard of it last: what the
 * user does through another one comes to it as an event or a signal.
 */
import type { UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import type { DomainEvent } from './events.ts';
import type { EventStream } from './follower.ts';
import type { ConnectionId, ConversationId, UnixMs, UserId } from './ids.ts';

export interface Typing {
  /**
   * Every renewal is told again: some wires show it for a moment only. `forbidden`, reason `no_participant`, unless taking part or, as
   * staff, working on the queue.
   */
  set(actor: UserActor, conversationId: ConversationId, typing: boolean): Promise<void>;
  stopAllOf(connection: ConnectionId): void;
  close(): void;
}

const TYPING_MS = 6_000;

interface Typist {
  readonly actor: UserActor;
  readonly conversationId: ConversationId;
  /** Of the last renewal. */
  readonly at: UnixMs;
  cancel: () => void;
}

export function createTyping({ store, bus, clock }: CoreContext, events: Pick<EventStream, 'subscribe'>): Typing {
  const typists = new Map<string, Typist>();
  const keyOf = (userId: UserId, conversationId: ConversationId) => `${userId}:${conversationId}`;

  const unsubscribe = events.subscribe({
    onEvents(batch) {
      if (typists.size > 0) for (const { event } of batch) hear(event);
    },
    onReset: () => undefined,
  });

  function tell({ actor, conversationId, at }: Omit<Typist, 'cancel'>, typing: boolean): void {
    bus.publishSignals([
      {
        type: 'typing.changed',
        transient: true,
        at,
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
    tell({ ...typist, at: clock.now() }, false);
  }

  function hear(event: DomainEvent): void {
    if (event.type === 'message.sent') {
      const { senderId, conversationId, kind } = event.message;
      if (kind !== 'notice' && kind !== 'call') stop(senderId, conversationId);
    } else if (event.type === 'typing.changed' && event.conversationId !== null) {
      const key = keyOf(event.userId, event.conversationId);
      const typist = typists.get(key);
      if (!typist || typist.at >= event.at) return;
      // Later, so through another node, which keeps it from here on, or has told the end.
      typist.cancel();
      typists.delete(key);
    }
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
    async set(actor, conversationId, typing) {
      if (!(await mayType(actor, conversationId))) {
        throw new DomainError('forbidden', `User ${actor.userId} takes no part in conversation ${conversationId}`, {
          subject: 'conversation',
          reason: 'no_participant',
        });
      }
      const { userId } = actor;
      const key = keyOf(userId, conversationId);
      const at = clock.now();
      typists.get(key)?.cancel();
      typists.delete(key);
      if (typing) {
        const cancel = clock.after(TYPING_MS, () => stop(userId, conversationId));
        typists.set(key, { actor, conversationId, at, cancel });
      }
      tell({ actor, conversationId, at }, typing);
    },
    stopAllOf(connection) {
      for (const { actor, conversationId } of [...typists.values()]) {
        if (actor.connectionId === connection) stop(actor.userId, conversationId);
      }
    },
    close() {
      unsubscribe();
      for (const { cancel } of typists.values()) cancel();
      typists.clear();
    },
  };
}
