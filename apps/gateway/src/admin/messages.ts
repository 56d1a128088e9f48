/** What was said in a conversation, page by page. */
import type { ConversationId, Message } from '@switchboard/core';
import { z } from 'zod';
import { countText, idText, type Route, route, timeSchema } from './route.ts';

const messageSchema = z
  .object({
    id: z.int(),
    seq: z.int(),
    senderId: z.int(),
    text: z.string(),
    kind: z.enum(['text', 'image', 'file', 'audio', 'video', 'call', 'notice']),
    clientRef: z.string().nullable().describe('The client key, with the namespace of its protocol in front.'),
    via: z.string(),
    parts: z.array(z.record(z.string(), z.unknown())),
    replyToId: z.int().nullable(),
    visibility: z.string(),
    waitingForStaff: z.boolean(),
    createdAt: timeSchema,
    editedAt: timeSchema.nullable(),
    deletedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Message' });

function toMessage(message: Message): z.infer<typeof messageSchema> {
  const { id, seq, senderId, text, kind, clientRef, via, replyToId, visibility, waitingForStaff } = message;
  const { createdAt, editedAt, deletedAt } = message;
  const parts = message.parts.map((part) => ({ ...part }));
  return {
    id,
    seq,
    senderId,
    text,
    kind,
    clientRef,
    via,
    parts,
    replyToId,
    visibility,
    waitingForStaff,
    createdAt,
    editedAt,
    deletedAt,
  };
}

export const messageRoutes: readonly Route[] = [
  route('GET /conversations/{id}/messages', {
    summary: 'The messages of a conversation, oldest first. Deleted ones are listed without their text.',
    params: z.strictObject({ id: idText<ConversationId>() }),
    query: z.strictObject({
      afterSeq: countText(0, Number.MAX_SAFE_INTEGER).optional(),
      limit: countText(1, 500).optional(),
    }),
    answer: z.object({
      messages: z.array(messageSchema),
      next: z.int().nullable().describe('The `afterSeq` of the next page; null = this was the last.'),
    }),
    refusals: [404],
    async run({ core, actor }, { params: { id }, query: { afterSeq = 0, limit = 100 } }) {
      const messages = await core.messages.list(actor(), {
        conversationId: id,
        afterSeq,
        from: 'oldest',
        limit: limit + 1,
        tombstones: true,
      });
      const page = messages.slice(0, limit);
      return { messages: page.map(toMessage), next: messages.length > limit ? (page.at(-1)?.seq ?? null) : null };
    },
  }),
];
