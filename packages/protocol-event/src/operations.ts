/**
 * The seven operations as a table: guard, arguments, use case, reply. Checks stand in the order in which the wire makes them.
 * Wire: PROTOCOL.md, "Operations".
 */
import { DomainError, type MessageId } from '@switchboard/core';
import { isAnybody, type Operations, operation } from '@switchboard/protocol';
import { REASON } from './errors.ts';
import type { EventOptions } from './options.ts';
import { createRooms, type RoomContent, type RoomsContext } from './rooms.ts';
import type { EventSession } from './session.ts';
import type { Views } from './views.ts';
import {
  addConversationArgs,
  CONTENT_TYPE,
  executorArgs,
  getMessageListArgs,
  OP,
  type OperationName,
  readMessageArgs,
  sendMessageArgs,
  userArgs,
} from './wire.ts';

const anybody = isAnybody<EventSession>;

/** Before anything else is looked at. */
function moderator(session: EventSession): EventSession {
  if (!session.isModerator) throw notSelf();
  return session;
}

function notSelf(): DomainError {
  return new DomainError('forbidden', 'the arguments name somebody else', { reason: REASON.notSelf });
}

/** "Own id": the wire names the acting user in every call, and it must be the connection's. */
function requireSelf(session: EventSession, sid: number): void {
  if (sid !== session.sid) throw notSelf();
}

export interface OperationsContext extends RoomsContext {
  readonly options: EventOptions;
  readonly views: Views;
}

export function createOperations(context: OperationsContext): Operations<OperationName, EventSession> {
  const { options, views } = context;
  const rooms = createRooms(context);

  return {
    [OP.addConversation]: operation({
      guard: anybody,
      args: addConversationArgs,
      run: (_core, session, args) => {
        requireSelf(session, args.user_id);
        return rooms.enter(session, args.application_id);
      },
      reply: (conversation) => views.toConversation(conversation),
    }),

    [OP.getConversationList]: operation({
      guard: anybody,
      args: userArgs,
      run: (core, session, args) => {
        requireSelf(session, args.user_id);
        return core.conversations.listFor(session.actor.userId, { order: 'id', direction: 'ascending' });
      },
      reply: (list) => ({ conversations: list.map(({ conversation }) => views.toConversation(conversation)) }),
    }),

    [OP.getMessageList]: operation({
      guard: anybody,
      args: getMessageListArgs,
      run: (_core, session, args) => {
        const applicationId = parseChannel(args.session_channel);
        requireSelf(session, args.executor_id);
        return rooms.history(session, applicationId);
      },
    }),

    [OP.sendMessage]: operation({
      guard: anybody,
      args: sendMessageArgs,
      run: (_core, session, args) => {
        requireSelf(session, args.sender_id);
        const applicationId = parseChannel(args.session_channel);
        return rooms.send(session, applicationId, toContent(args.content, args.content_type));
      },
      reply: (message, { lookup }) => ({ message: views.toMessage(message, lookup, false) }),
      answers: 'after',
    }),

    // `after`: a list that follows shows the mark.
    [OP.readMessage]: operation({
      guard: anybody,
      args: readMessageArgs,
      run: async (core, session, args) => {
        requireSelf(session, args.executor_id);
        await core.receipts.mark(session.actor, { kind: 'read', messageIds: [args.message_id as MessageId] });
        return options.readMessageResult === 'ids' ? args : null;
      },
      answers: 'after',
    }),

    [OP.getUnreadInfo]: operation({
      guard: anybody,
      args: userArgs,
      run: (core, session, args) => {
        requireSelf(session, args.user_id);
        return core.receipts.unreadTotal(session.actor, { includeWaiting: session.isModerator });
      },
      reply: (count, { args }) => ({ user_id: args.user_id, unread_count: count }),
    }),

    [OP.getUnreadMessages]: operation({
      guard: moderator,
      args: executorArgs,
      run: (_core, session, args) => {
        requireSelf(session, args.executor_id);
        return rooms.unread(session);
      },
    }),
  };
}

/** A non-empty decimal string of at most 32 bits. */
function parseChannel(channel: string): number {
  const applicationId = /^[0-9]+$/.test(channel) ? Number(channel) : -1;
  if (applicationId < 0 || applicationId > 4_294_967_295) {
    throw new DomainError('invalid', 'no channel', { field: 'session_channel', reason: REASON.channel });
  }
  return applicationId;
}

/**
 * An image's content passes unchanged: an address is kept as what the message carries, so that other wires can show the picture; anything
 * else (data, a name) as its text.
 */
function toContent(content: string, contentType: number): RoomContent {
  if (contentType !== CONTENT_TYPE.image) return { text: content };
  if (content.length > LONGEST_ADDRESS || !/^https?:\/\//i.test(content)) return { text: content, kind: 'image' };
  return { text: '', kind: 'image', parts: [{ kind: 'image', url: content }] };
}

const LONGEST_ADDRESS = 2_048;
