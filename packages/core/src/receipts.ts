/** Read and received marks, and what is unread. One row per participant, never one per message. */
import type { Actor, UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import {
  type ConversationId,
  isId,
  type MessageId,
  type Namespace,
  type Seq,
  type SpaceId,
  type UserId,
} from './ids.ts';
import type { Message } from './model/message.ts';
import type { MarkCommand } from './ports/committer.ts';

/** Counting stops here. */
export const UNREAD_CAP = 10_000;

/** What else counts as unread, and what does not. */
export interface UnreadQuery {
  /** The messages that wait for the staff of the actor's queues, too. */
  readonly includeWaiting?: boolean;
  /** With `includeWaiting`: of this queue alone. */
  readonly waitingIn?: SpaceId;
  /** Leave out what only staff, or only the users of one namespace, can see. */
  readonly publicOnly?: boolean;
}

export interface Receipts {
  /**
   * Marks each message for itself. Unknown ids, foreign and own messages are passed over; repeating changes nothing and tells nobody.
   * Staff of a queue may mark without taking part. Errors: `unavailable` only. Answers how many messages were newly covered.
   */
  mark(
    actor: UserActor,
    command: { readonly kind: 'received' | 'read'; readonly messageIds: readonly MessageId[] },
  ): Promise<number>;
  /** Marks everything up to and with the message (or seq). Marks only advance. `not_found` unless the actor takes part. */
  markUpTo(
    actor: UserActor,
    command: {
      readonly kind: 'received' | 'read';
      readonly conversationId: ConversationId;
      readonly messageId?: MessageId;
      readonly seq?: Seq;
    },
  ): Promise<number>;
  /**
   * Unread messages of others per conversation, counted from the floor (event, SignalR) or from the watermark alone (Netalo: earlier
   * history of a new participant is unread), each capped.
   */
  unreadCounts(
    userId: UserId,
    query: {
      readonly since: 'floor' | 'watermark';
      readonly conversationIds: readonly ConversationId[];
      /** Whose own messages count as well. */
      readonly namespace?: Namespace;
    },
  ): Promise<ReadonlyMap<ConversationId, number>>;
  /** Over all conversations, since the floors, each message once, capped. */
  unreadTotal(actor: UserActor, query?: UnreadQuery): Promise<number>;
  /** The messages that `unreadTotal` counts, ascending ids, the oldest `UNREAD_CAP`, in pages of 500. */
  unreadPages(actor: UserActor, query?: UnreadQuery): AsyncIterable<readonly Message[]>;
  /** Who else has read these messages of one conversation: users by message, without its sender, most recent reader first where that is known. */
  readersOf(
    actor: Actor,
    conversationId: ConversationId,
    seqs: readonly Seq[],
  ): Promise<ReadonlyMap<Seq, readonly UserId[]>>;
}

const PAGE = 500;
/** Ids in one command: what falls into one batch together. */
const MARKS_AT_ONCE = 200;

export function createReceipts({ store, committer }: CoreContext): Receipts {
  async function submit(actor: UserActor, what: Pick<MarkCommand, 'mark' | 'messageIds' | 'upTo'>): Promise<number> {
    const verdict = await committer.submit({
      kind: 'mark',
      actorId: actor.userId,
      via: actor.via,
      origin: actor.connectionId,
      asStaff: actor.capacity === 'staff',
      ...what,
    });
    if (!verdict.ok) {
      throw new DomainError('not_found', 'No such conversation or message for the reader', { subject: 'conversation' });
    }
    if (verdict.position > actor.lastPosition) actor.lastPosition = verdict.position;
    return verdict.advanced;
  }

  const readerOf = ({ userId, namespace }: Actor) => ({ userId, namespace });

  return {
    async mark(actor, { kind, messageIds }) {
      const ids = [...new Set(messageIds)].filter(isId);
      const parts: MessageId[][] = [];
      for (let start = 0; start < ids.length; start += MARKS_AT_ONCE)
        parts.push(ids.slice(start, start + MARKS_AT_ONCE));
      const counts = await Promise.all(
        parts.map((part) => submit(actor, { mark: kind, messageIds: part, upTo: null })),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },

    async markUpTo(actor, { kind, conversationId, messageId, seq }) {
      const target = messageId ?? seq;
      if (!isId(conversationId) || !isId(target)) {
        throw new DomainError('not_found', 'No such conversation or message', { subject: 'conversation' });
      }
      const place = messageId === undefined ? { seq: target } : { messageId };
      return submit(actor, { mark: kind, messageIds: [], upTo: { conversationId, ...place } });
    },

    async unreadCounts(userId, { since, conversationIds, namespace = '' }) {
      const rows = await store.messages.unreadCounts(
        { userId, namespace },
        { since, conversationIds, cap: UNREAD_CAP },
      );
      return new Map(rows.map(({ conversationId, count }) => [conversationId, count]));
    },

    unreadTotal: (actor, query = {}) =>
      store.messages.unreadTotal(readerOf(actor), { includeWaiting: false, ...query, cap: UNREAD_CAP }),

    async *unreadPages(actor, query = {}) {
      let afterId = 0;
      for (let left = UNREAD_CAP; left > 0; left -= PAGE) {
        const limit = Math.min(left, PAGE);
        const page = await store.messages.unread(readerOf(actor), {
          includeWaiting: false,
          ...query,
          afterId,
          limit,
        });
        if (page.length > 0) yield page;
        if (page.length < limit) return;
        afterId = page.at(-1)?.id ?? afterId;
      }
    },

    async readersOf(actor, conversationId, seqs) {
      const rows = isId(conversationId) ? await store.messages.readersOf(readerOf(actor), conversationId, seqs) : null;
      if (!rows) throw new DomainError('not_found', 'No such conversation for the reader', { subject: 'conversation' });
      const readers = new Map<Seq, UserId[]>(seqs.map((seq) => [seq, []]));
      for (const { seq, userId } of rows) readers.get(seq)?.push(userId);
      return readers;
    },
  };
}
