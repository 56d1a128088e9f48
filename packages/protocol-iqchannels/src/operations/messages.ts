/** Messages by the chat's id: lists, sending, typing, marks; for operators, and for clients in their own chats. Wire: PROTOCOL.md, "Operator API". */
import type { MessageId } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { type IqSession, readerOf, type SignedInSession, signedInAny } from '../session.ts';
import { toMessage } from '../views/messages.ts';
import { type MessageForm, OP, schemas, toLimit } from '../wire.ts';
import type { Access, OperationsContext } from './access.ts';
import { type Answer, built, NOTHING, plain } from './answer.ts';
import { toContent } from './sending.ts';

type Names =
  | typeof OP.messagesByChat
  | typeof OP.chatsSend
  | typeof OP.chatsTyping
  | typeof OP.received
  | typeof OP.read;

export function createMessages(context: OperationsContext, access: Access): Pick<Operations<Names, IqSession>, Names> {
  const { core, views, facts, repeat } = context;

  const mark = (kind: 'received' | 'read') =>
    operation({
      guard: signedInAny,
      args: schemas.ids,
      run: async (_core, session, { body }) => {
        await core.receipts.mark(session.actor, { kind, messageIds: body as MessageId[] });
        return NOTHING;
      },
      answers: 'after',
    });

  async function sendAsClient(
    session: SignedInSession,
    chatId: string | undefined,
    form: MessageForm,
  ): Promise<Answer> {
    const conversation = await access.clientChat(session, chatId);
    const content = await toContent(core, session.actor, { form, isTolerant: true });
    if (!content) return NOTHING;
    const { message, repeated } = await core.messages.send(session.actor, {
      conversationId: conversation.id,
      truncate: true,
      ...content,
    });
    if (repeated) await repeat(session.actor, message);
    return plain(message.id);
  }

  async function sendAsOperator(
    session: SignedInSession,
    chatId: string | undefined,
    form: MessageForm,
  ): Promise<Answer> {
    const { actor } = session;
    const { conversation, participant } = await access.operatorChat(session, chatId);
    const content = await toContent(core, actor, { form, isTolerant: false });
    if (!content) return NOTHING;
    // Whoever left with the last closing is no member until it joins again.
    const isAway = conversation.kind === 'support' && participant?.active === true && !participant.present;
    if (isAway) {
      if (!conversation.open) await core.conversations.open(actor, conversation.id);
      await core.conversations.join(actor, conversation.id, { side: 'staff' });
    }
    const { message } = await core.messages.send(actor, {
      conversationId: conversation.id,
      joinFirst: conversation.kind === 'support',
      ...content,
    });
    return plain(message.id);
  }

  return {
    [OP.messagesByChat]: operation({
      guard: signedInAny,
      args: schemas.messagesByChat,
      run: async (_core, session, { params, body }) => {
        const isClient = session.part === 'client';
        const conversation = isClient
          ? await access.clientChat(session, params.chatId)
          : (await access.operatorChat(session, params.chatId)).conversation;
        const { maxid = 0 } = body;
        const messages = await core.messages.list(session.actor, {
          conversationId: conversation.id,
          from: 'newest',
          limit: toLimit(body.limit),
          ...(maxid > 0 && { beforeId: (maxid + 1) as MessageId }),
        });
        const shown = messages.filter(({ visibility }) => !isClient || visibility === 'all').reverse();
        facts.learn(shown);
        return built(views, readerOf(session), (builder) => shown.map((message) => toMessage(builder, message)));
      },
    }),

    [OP.chatsSend]: operation({
      guard: signedInAny,
      args: schemas.messageForm,
      run: (_core, session, { params, body }) =>
        session.part === 'client'
          ? sendAsClient(session, params.chatId, body)
          : sendAsOperator(session, params.chatId, body),
      answers: 'after',
    }),

    [OP.chatsTyping]: operation({
      guard: signedInAny,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const conversation =
          session.part === 'client'
            ? await access.clientChat(session, params.chatId)
            : (await access.operatorChat(session, params.chatId)).conversation;
        await core.presence.setTyping(session.actor, conversation.id, true);
        return NOTHING;
      },
    }),

    [OP.received]: mark('received'),
    [OP.read]: mark('read'),
  };
}
