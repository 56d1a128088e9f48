/**
 * Messages that were sent or asked about lately, as they are now, with who deleted them for themselves: what pushes about older messages
 * show and no event carries. Bounded; what it does not know must be read first.
 */
import {
  type ConversationId,
  type Core,
  type DomainEvent,
  type LogEvent,
  type Message,
  type MessageId,
  type Seq,
  systemActor,
  type UserId,
} from '@switchboard/core';

export interface Recent {
  /** To be told of every event before it is shown. Knowing it already is fine. */
  note(event: DomainEvent): void;
  at(conversationId: ConversationId, seq: Seq): RecentMessage | undefined;
  /** What pushes about this event need and is not known yet. */
  isMissing(event: DomainEvent): boolean;
  /** Resolves when it is known, as far as it exists. */
  load(event: DomainEvent): Promise<void>;
  close(): void;
}

export interface RecentMessage {
  message: Message;
  hiddenBy: readonly UserId[];
}

const MOST = 2_000;

export function createRecent(core: Core): Recent {
  /** In the order of coming in. */
  const known = new Map<string, RecentMessage>();
  const keyOf = (conversationId: ConversationId, seq: Seq) => `${conversationId}:${seq}`;

  function put(message: Message, hiddenBy: readonly UserId[]): void {
    const key = keyOf(message.conversationId, message.seq);
    known.delete(key);
    known.set(key, { message, hiddenBy });
    if (known.size <= MOST) return;
    const [oldest] = known.keys();
    if (oldest !== undefined) known.delete(oldest);
  }

  function find({ conversationId, seq }: Message): RecentMessage | undefined {
    return known.get(keyOf(conversationId, seq));
  }

  function note(event: DomainEvent): void {
    switch (event.type) {
      case 'message.sent':
        // Nobody has hidden what has only just been sent.
        if (!find(event.message)) put(event.message, []);
        return;
      case 'message.edited':
      case 'message.deleted':
      case 'message.updated': {
        const entry = find(event.message);
        if (entry) entry.message = event.message;
        return;
      }
      case 'message.hidden': {
        const entry = find(event.message);
        if (entry && !entry.hiddenBy.includes(event.userId)) entry.hiddenBy = [...entry.hiddenBy, event.userId];
        return;
      }
      default:
    }
  }

  const unsubscribe = core.events.subscribe({
    onEvents: (batch) => {
      for (const { event } of batch) note(event);
    },
    onReset: () => known.clear(),
  });

  async function loadMessages(messages: readonly Message[]): Promise<void> {
    const hidden = await core.messages.hiddenBy(messages.map(({ id }) => id));
    for (const message of messages) put(message, hidden.get(message.id) ?? []);
  }

  return {
    note,
    at: (conversationId, seq) => known.get(keyOf(conversationId, seq)),

    isMissing(event) {
      if (event.type === 'receipts.advanced') {
        const { conversationId } = event;
        return conversationId !== null && seqsOf(event).some((seq) => !known.has(keyOf(conversationId, seq)));
      }
      const isAbout =
        event.type === 'message.edited' || event.type === 'message.deleted' || event.type === 'message.hidden';
      return isAbout && !find(event.message);
    },

    async load(event) {
      if (event.type === 'receipts.advanced') {
        const { conversationId } = event;
        if (conversationId === null) return;
        const places = seqsOf(event).map((seq) => ({ conversationId, seq }));
        const ids = (await core.messages.idsAt(places)).filter((id): id is MessageId => id !== null);
        await loadMessages(await core.messages.find(systemActor(), ids));
      } else if ('message' in event) await loadMessages([event.message]);
    },

    close() {
      unsubscribe();
      known.clear();
    },
  };
}

/** Where the marks of an event have got to: the newest message that each of them covers now. */
export function seqsOf({ marks }: LogEvent<'receipts.advanced'>): Seq[] {
  return [...new Set(marks.map(({ added, seq }) => added[0]?.[1] ?? seq))];
}
