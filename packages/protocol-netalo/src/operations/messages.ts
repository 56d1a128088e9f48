/** Messages: sending once per nonce, editing, marking, deleting, listing. Wire: PROTOCOL.md §6.10 to §6.13. */
import {
  type ConversationId,
  type Core,
  DomainError,
  type JsonObject,
  type Message,
  type MessageId,
} from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { toAttachments, unescapeText } from '../codec.ts';
import type { NetaloSession } from '../session.ts';
import type { MessageBag } from '../views/message.ts';
import {
  type CreateMessageArgs,
  createMessageArgs,
  type DeleteMessageArgs,
  deleteMessageArgs,
  groupArgs,
  type ListMessageArgs,
  listMessageArgs,
  MESSAGE_STATUS,
  type MessageObject,
  NONE,
  OP,
  type OperationName,
  RESULT,
  type UpdateMessageArgs,
  updateMessageArgs,
  type WireId,
} from '../wire.ts';
import { toContent } from './content.ts';
import { type Caller, type OperationContext, placeAfter, signedIn, toId } from './context.ts';

type Names =
  | typeof OP.createMessage
  | typeof OP.updateMessage
  | typeof OP.deleteMessage
  | typeof OP.listMessage
  | typeof OP.listPinnedMessage;

const LONGEST_ATTACHMENTS = 256 * 1024;

export function createMessageOperations(
  context: OperationContext,
): Pick<Operations<OperationName, NetaloSession>, Names> {
  const { options, views } = context;
  const { namespace } = options;
  const row = { answers: 'first', guard: signedIn } as const;

  async function viewOf(session: Caller, message: Message): Promise<MessageObject> {
    const [place, hidden] = await Promise.all([
      placeAfter(context, session.actor, message.conversationId),
      context.core.messages.hiddenBy([message.id]),
    ]);
    if (!place) throw notFound();
    return views.toMessage(message, place, hidden.get(message.id));
  }

  async function create(core: Core, session: Caller, args: CreateMessageArgs) {
    const { type, nonce } = args;
    const attachments = checkedAttachments(args.attachments);
    const message = unescapeText(args.message);
    if (message === '' && attachments === '') throw empty();
    const content = toContent(namespace, { type, message, attachments });
    const sent = await core.messages.send(session.actor, {
      conversationId: toId<ConversationId>(args.group_id),
      ...content,
      clientRef: nonce,
      meta: { [namespace]: toBag(args, { message, attachments, text: content.text }) },
    });
    if (!sent.repeated) {
      const place = await placeAfter(context, session.actor, sent.message.conversationId);
      if (!place) throw notFound();
      return { result: RESULT.ok, message: views.toNewMessage(sent.message, place) };
    }
    const original = views.contentOf(sent.message);
    const isSame = original.type === type && original.message === message && original.attachments === attachments;
    return { result: isSame ? RESULT.ok : RESULT.duplicate, message: await viewOf(session, sent.message) };
  }

  /** The message, if the caller may see it and it is where the client says. */
  async function find(core: Core, { actor }: Caller, { id, group }: { id: WireId; group: WireId }): Promise<Message> {
    const [message] = await core.messages.find(actor, [toId<MessageId>(id)]);
    if (!message || (group !== NONE && String(message.conversationId) !== group)) throw notFound();
    return message;
  }

  async function mark(core: Core, session: Caller, args: UpdateMessageArgs) {
    // The placeholder of a group without messages is marked as well.
    if (args.message_id === NONE) return { result: RESULT.ok };
    const { id: messageId, conversationId } = await find(core, session, { id: args.message_id, group: args.group_id });
    const kind = args.status === MESSAGE_STATUS.seen ? ('read' as const) : ('received' as const);
    await core.receipts.markUpTo(session.actor, { kind, conversationId, messageId });
    const [message] = await core.messages.find(session.actor, [messageId]);
    if (!message) throw notFound();
    return { result: RESULT.ok, message: await viewOf(session, message) };
  }

  async function edit(core: Core, session: Caller, args: UpdateMessageArgs) {
    if (args.message_id === NONE) throw empty();
    const attachments = args.attachments === undefined ? undefined : checkedAttachments(args.attachments);
    const message = args.message === undefined ? undefined : unescapeText(args.message);
    if (!message && !attachments) throw empty();
    const old = await find(core, session, { id: args.message_id, group: args.group_id });
    if (old.deletedAt !== null) throw notFound();
    const before = views.contentOf(old);
    const next = {
      type: before.type,
      // An empty one beside attachments has not been changed: clients send it with everything.
      message: message || before.message,
      attachments: attachments || before.attachments,
    };
    const { text, parts } = toContent(namespace, next);
    const { message: _message, attachments: _attachments, ...names } = views.bag(old.meta) as MessageBag;
    const meta = { ...names, ...contentBag({ ...next, text, version: before.version }) } as JsonObject;
    const edited = await core.messages.edit(session.actor, {
      messageId: old.id,
      conversationId: old.conversationId,
      text,
      parts,
      meta: { [namespace]: meta },
    });
    return { result: RESULT.ok, message: await viewOf(session, edited) };
  }

  async function remove(core: Core, session: Caller, args: DeleteMessageArgs): Promise<Message> {
    const { message } = await core.messages.remove(session.actor, {
      messageId: toId<MessageId>(args.message_id),
      ...(args.group_id !== NONE && { conversationId: toId<ConversationId>(args.group_id) }),
      scope: args.delete_all ? 'all' : 'self',
    });
    return message;
  }

  async function list(core: Core, { actor }: Caller, args: ListMessageArgs) {
    const conversationId = toId<ConversationId>(args.group_id);
    const { pindex, psize } = args;
    const messages = await core.messages.list(actor, {
      conversationId,
      ...(args.last_message_id !== NONE && { beforeId: bound(args.last_message_id) }),
      ...(args.last_seen_message_id !== NONE && { afterId: bound(args.last_seen_message_id) }),
      from: 'newest',
      limit: psize,
      offset: pindex * psize,
      tombstones: true,
    });
    const [latest, hidden, place] = await Promise.all([
      core.messages.latestVisible(actor.userId, [conversationId], namespace),
      core.messages.hiddenBy(messages.map(({ id }) => id)),
      placeAfter(context, actor, conversationId),
    ]);
    if (!place) throw notFound();
    return {
      result: RESULT.ok,
      group_id: views.id(conversationId),
      pindex,
      psize,
      last_message_id: views.id(latest.get(conversationId)?.id ?? null),
      messages: messages.map((message) => views.toMessage(message, place, hidden.get(message.id))),
    };
  }

  return {
    [OP.createMessage]: operation({ ...row, args: createMessageArgs, run: create }),

    [OP.updateMessage]: operation({
      ...row,
      args: updateMessageArgs,
      async run(core, session, args) {
        const { status } = args;
        if (status === MESSAGE_STATUS.received || status === MESSAGE_STATUS.seen) return mark(core, session, args);
        if (status !== MESSAGE_STATUS.deleted) return edit(core, session, args);
        if (args.message_id === NONE) throw empty();
        const message = await remove(core, session, { ...args, delete_all: true });
        return { result: RESULT.ok, message: await viewOf(session, message) };
      },
    }),

    [OP.deleteMessage]: operation({
      ...row,
      args: deleteMessageArgs,
      async run(core, session, args) {
        const { id, conversationId } = await remove(core, session, args);
        return { result: RESULT.ok, group_id: views.id(conversationId), message_id: views.id(id) };
      },
    }),

    [OP.listMessage]: operation({ ...row, args: listMessageArgs, run: list }),

    [OP.listPinnedMessage]: operation({
      ...row,
      args: groupArgs,
      async run(core, { actor }, { group_id }) {
        await core.conversations.get(actor, toId<ConversationId>(group_id));
        return { result: RESULT.ok, messages: [] };
      },
    }),
  };
}

function toBag(args: CreateMessageArgs, content: { message: string; attachments: string; text: string }): JsonObject {
  const names = {
    group_name: unescapeText(args.group_name),
    group_avatar: args.group_avatar,
    sender_name: unescapeText(args.sender_name),
    sender_avatar: args.sender_avatar,
  };
  return {
    ...contentBag({ ...content, type: args.type, version: args.version }),
    ...Object.fromEntries(Object.entries(names).filter(([, value]) => value !== '')),
    ...(args.is_encrypted && { is_encrypted: true }),
    ...(args.mentioned_all && { mentioned_all: true }),
    ...(args.mentioned_uins.length > 0 && { mentioned_uins: [...args.mentioned_uins] }),
  };
}

/** The type always: by it a message is known as one of this wire's. The rest where it is not what it is without. */
function contentBag(content: {
  readonly type: number;
  readonly version: number;
  readonly message: string;
  readonly attachments: string;
  readonly text: string;
}): JsonObject {
  const { type, version, message, attachments, text } = content;
  return {
    type,
    ...(version !== 0 && { version }),
    ...(attachments !== '' && { attachments }),
    ...(message !== text && { message }),
  };
}

function checkedAttachments(value: unknown): string {
  const attachments = toAttachments(value);
  if (attachments.length > LONGEST_ATTACHMENTS) {
    throw new DomainError('too_large', 'attachments are too long', { subject: 'message', field: 'attachments' });
  }
  return attachments;
}

/** Bounds need not be ids of anything, nor as small as one. */
function bound(digits: WireId): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

function empty(): DomainError {
  return new DomainError('invalid', 'neither message nor attachments', { subject: 'message', field: 'message' });
}

function notFound(): DomainError {
  return new DomainError('not_found', 'no such message for the caller', { subject: 'message' });
}
