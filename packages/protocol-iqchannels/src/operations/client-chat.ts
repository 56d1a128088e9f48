/** A client in its conversation: history, sending, typing, marks, push tokens. Wire: PROTOCOL.md, "Client API". */
import type { Conversation, MessageId, Space } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { client, type IqSession, readerOf, type SignedInSession } from '../session.ts';
import { settingsOf } from '../settings.ts';
import { toChat } from '../views/chats.ts';
import { toMessage } from '../views/messages.ts';
import { type ChatType, OP, schemas, toLimit } from '../wire.ts';
import { type Access, type OperationsContext, toChatType } from './access.ts';
import { built, data, NOTHING, plain } from './answer.ts';
import { toContent } from './sending.ts';

type Names =
  | typeof OP.lastMessages
  | typeof OP.channelMessages
  | typeof OP.channelSend
  | typeof OP.channelTyping
  | typeof OP.channelChat
  | typeof OP.chatSettings
  | typeof OP.systemChat
  | typeof OP.existingTickets
  | typeof OP.listen
  | typeof OP.product
  | typeof OP.deleteTransfer
  | typeof OP.pushApns
  | typeof OP.pushFcm
  | typeof OP.pushHcm;

export function createClientChat(
  context: OperationsContext,
  access: Access,
): Pick<Operations<Names, IqSession>, Names> {
  const { core, options, views, facts, repeat } = context;

  const push = (platform: string) =>
    operation({
      guard: client,
      args: schemas.push,
      run: async (_core, session, { params, body }) => {
        const queue = await access.queue(params.channel ?? '');
        if (!body.token) return NOTHING;
        await core.users.addPushTarget(session.actor, {
          userId: session.actor.userId,
          namespace: options.namespace,
          scope: String(queue.id),
          platform,
          token: body.token.slice(0, 1_024),
          device: null,
        });
        return NOTHING;
      },
    });

  /** Text, file and time of the newest message, in the lower-case form of the mobile clients. */
  async function lastMessageOf(session: SignedInSession, conversation: Conversation) {
    const [message] = await core.messages.list(session.actor, {
      conversationId: conversation.id,
      from: 'newest',
      limit: 1,
    });
    if (!message) return null;
    facts.learn([message]);
    const { value } = await views.build(readerOf(session), (builder) => toMessage(builder, message));
    return {
      text: value.Text,
      fileId: value.FileId,
      isSurvey: value.RatingId !== null,
      date: new Date(value.CreatedAt).toISOString(),
    };
  }

  async function summaryOf(session: SignedInSession, queue: Space) {
    const types: readonly ChatType[] = ['regular', 'personal_manager', 'info'];
    const found = await Promise.all(types.map((type) => access.findChat(session, queue.id, type)));
    const rows = found.flatMap((conversation, at) =>
      conversation ? [{ conversation, chatType: types[at] as ChatType }] : [],
    );
    return Promise.all(
      rows.map(async ({ conversation, chatType }) => ({
        name: queue.name,
        chatType,
        lastMessage: await lastMessageOf(session, conversation),
        unreadCount: conversation.customerUnread,
      })),
    );
  }

  return {
    [OP.lastMessages]: operation({
      guard: client,
      args: schemas.lastMessages,
      run: async (_core, session, { body }) => {
        const queues = await Promise.all((body.channelnames ?? []).slice(0, 100).map((name) => access.findQueue(name)));
        const known = queues.filter((queue) => queue !== null);
        const rows = await Promise.all(known.map((queue) => summaryOf(session, queue)));
        return plain({ channels: rows.flat() });
      },
    }),

    [OP.channelMessages]: operation({
      guard: client,
      args: schemas.clientMessages,
      run: async (_core, session, { params, body }) => {
        const queue = await access.queue(params.channel ?? '');
        const conversation = await access.findChat(session, queue.id, toChatType(body.chattype));
        if (!conversation) return plain([]);
        const { maxid = 0, toid = 0, fromid = 0, q } = body;
        const ends = [maxid, toid].filter((id) => id > 0);
        const messages = await core.messages.list(session.actor, {
          conversationId: conversation.id,
          from: fromid > 0 ? 'oldest' : 'newest',
          limit: toLimit(body.limit),
          ...(ends.length > 0 && { beforeId: Math.min(...ends) as MessageId }),
          ...(fromid > 0 && { afterId: (fromid - 1) as MessageId }),
          ...(q && { search: q }),
        });
        const shown = messages.filter(({ visibility }) => visibility === 'all');
        if (fromid <= 0) shown.reverse();
        facts.learn(shown);
        return built(views, readerOf(session), (builder) => shown.map((message) => toMessage(builder, message)));
      },
    }),

    // An empty form, or one whose file nobody knows, is taken and dropped: a refusal would block the widget's queue.
    [OP.channelSend]: operation({
      guard: client,
      args: schemas.messageForm,
      run: async (_core, session, { params, body }) => {
        const queue = await access.queue(params.channel ?? '');
        const content = await toContent(core, session.actor, { form: body, isTolerant: true });
        if (!content) return NOTHING;
        const conversation = await access.ensureChat(session, queue.id, toChatType(body.chattype));
        const { message, repeated } = await core.messages.send(session.actor, {
          conversationId: conversation.id,
          truncate: true,
          ...content,
        });
        if (repeated) await repeat(session.actor, message);
        return plain(message.id);
      },
      answers: 'after',
    }),

    [OP.channelTyping]: operation({
      guard: client,
      args: schemas.chatType,
      run: async (_core, session, { params, body }) => {
        const queue = await access.queue(params.channel ?? '');
        const conversation = await access.findChat(session, queue.id, toChatType(body.chattype));
        if (conversation) await core.presence.setTyping(session.actor, conversation.id, true);
        return NOTHING;
      },
    }),

    [OP.channelChat]: operation({
      guard: client,
      args: schemas.chatType,
      run: async (_core, session, { params, body }) => {
        const queue = await access.queue(params.channel ?? '');
        const { id } = await access.ensureChat(session, queue.id, toChatType(body.chattype));
        await context.caughtUp(session.actor);
        return built(views, readerOf(session), (builder) => {
          const view = builder.view(id);
          return view ? toChat(builder, view, false) : null;
        });
      },
    }),

    [OP.chatSettings]: operation({
      guard: client,
      args: schemas.chatType,
      run: async (_core, session, { params }) => {
        const queue = await access.queue(params.channel ?? '');
        const { greeting } = settingsOf(queue, options.namespace);
        if (!greeting) return data(null);
        const conversation = await access.findChat(session, queue.id, 'regular');
        return data({
          Id: queue.id,
          Message: greeting.text,
          Enabled: true,
          GreetFrom: greeting.from,
          Lifetime: greeting.lifetimeSeconds,
          Pseudonym: greeting.operatorName,
          OperatorName: greeting.operatorName,
          AvatarId: greeting.avatarFileId,
          TotalOpenedTickets: conversation?.open ? 1 : 0,
          ChatTitle: greeting.chatTitle || queue.title,
        });
      },
    }),

    // The greeting of a bot is the bot's own doing: it hears of the chat like any operator.
    [OP.systemChat]: operation({
      guard: client,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const queue = await access.queue(params.channel ?? '');
        await access.ensureChat(session, queue.id, 'regular');
        return NOTHING;
      },
    }),

    [OP.existingTickets]: operation({ guard: client, args: schemas.none, run: () => plain([]) }),

    [OP.listen]: operation({
      guard: client,
      args: schemas.messageId,
      run: async (_core, session, { body }) => {
        const id = typeof body === 'number' ? body : (body.messageid ?? body.id ?? 0);
        const [message] = await core.messages.find(session.actor, [id as MessageId]);
        if (message && message.senderId !== session.actor.userId) {
          await core.messages.update(session.actor, { messageId: message.id, what: 'heard' });
        }
        return NOTHING;
      },
    }),

    // No products are sold here: there is nothing to accept, and nothing that a client could do about a refusal.
    [OP.product]: operation({ guard: client, args: schemas.none, run: () => NOTHING }),
    [OP.deleteTransfer]: operation({ guard: client, args: schemas.none, run: () => NOTHING }),

    [OP.pushApns]: push('apns'),
    [OP.pushFcm]: push('fcm'),
    [OP.pushHcm]: push('hcm'),
  };
}
