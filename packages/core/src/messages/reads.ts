/** Reading messages: what one may see of them is judged by the store, in the same statement. */
import type { Actor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import { isId, type MessageId, type UserId } from '../ids.ts';
import type { Messages } from '../messages.ts';
import { refusalOf } from './refusals.ts';

const PAGE = 500;
const MOST_LISTED = 1000;

type Reads = Pick<Messages, 'list' | 'pages' | 'findBySeq' | 'find' | 'latestVisible' | 'idsAt' | 'hiddenBy'>;

export function createMessageReads({ store }: CoreContext): Reads {
  const readerOf = ({ userId, namespace }: Actor) => ({ userId, namespace });

  const list: Reads['list'] = async (actor, query) => {
    if (!isId(query.conversationId)) throw refusalOf('not_found');
    const limit = Math.max(0, Math.min(MOST_LISTED, Math.trunc(query.limit)));
    const messages = await store.messages.list(readerOf(actor), { ...query, limit });
    if (!messages) throw refusalOf('not_found');
    return messages;
  };

  return {
    list,

    async *pages(actor, conversationId) {
      let afterSeq = 0;
      for (;;) {
        const page = await list(actor, { conversationId, afterSeq, from: 'oldest', limit: PAGE });
        if (page.length > 0) yield page;
        if (page.length < PAGE) return;
        afterSeq = page.at(-1)?.seq ?? afterSeq;
      }
    },

    async findBySeq(actor, conversationId, { ranges, limit, exceptSenderId }) {
      if (!isId(conversationId)) throw refusalOf('not_found');
      const capped = Math.max(0, Math.min(MOST_LISTED, Math.trunc(limit)));
      const messages = await store.messages.findBySeq(readerOf(actor), {
        conversationId,
        ranges,
        limit: capped,
        exceptSenderId: exceptSenderId ?? null,
      });
      if (!messages) throw refusalOf('not_found');
      return messages;
    },

    find: (actor, messageIds) => store.messages.find(readerOf(actor), messageIds.filter(isId)),

    async latestVisible(userId, conversationIds, namespace = '') {
      const messages = await store.messages.latestVisible({ userId, namespace }, conversationIds);
      return new Map(messages.map((message) => [message.conversationId, message]));
    },

    idsAt: (places) => store.messages.idsAt(places),

    async hiddenBy(messageIds) {
      const hidden = new Map<MessageId, UserId[]>(messageIds.map((id) => [id, []]));
      for (const { messageId, userId } of await store.messages.hiddenBy(messageIds))
        hidden.get(messageId)?.push(userId);
      return hidden;
    },
  };
}
