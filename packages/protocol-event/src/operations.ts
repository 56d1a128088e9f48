/**
 * The seven operations as a table: guard, arguments, use case, reply. Checks stand in the order in which the wire makes them.
 * Wire: PROTOCOL.md §4.
 */
import {
  type Conversation,
  type Core,
  DomainError,
  type MessageId,
  type UnreadQuery,
  type UserId,
} from '@switchboard/core';
import { isAnybody, type Operations, operation } from '@switchboard/protocol';
import type { List } from './codec.ts';
import { REASON } from './errors.ts';
import { createHistory } from './operations/history.ts';
import type { RoomContent, Rooms } from './operations/rooms.ts';
import type { EventOptions } from './options.ts';
import type { Queue } from './queue.ts';
import type { EventSession } from './session.ts';
import type { Views } from './views.ts';
import {
  addConversationArgs,
  CONTENT_TYPE,
  executorArgs,
  getMessageListArgs,
  MAX_NUMBER,
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

export interface OperationsContext {
  readonly core: Core;
  readonly options: EventOptions;
  readonly views: Views;
  readonly rooms: Rooms;
  readonly queue: Queue;
}

export function createOperations(context: OperationsContext): Operations<OperationName, EventSession> {
  const { core, options, views, rooms, queue } = context;
  const history = createHistory({ core, views });

  /** A moderator's count includes what waits in this wire's queue; in others it is somebody else's work. */
  async function unreadQuery({ isModerator }: EventSession): Promise<UnreadQuery> {
    return { publicOnly: true, ...(isModerator && { includeWaiting: true, waitingIn: await queue.id() }) };
  }

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
      run: (_core, session, args) => {
        requireSelf(session, args.user_id);
        return pagesOfConversations(core, session.actor.userId);
      },
      reply: (pages): List => ({ member: 'conversations', pages: eachPage(pages, views.toConversation) }),
    }),

    [OP.getMessageList]: operation({
      guard: anybody,
      args: getMessageListArgs,
      run: async (_core, session, args) => {
        const applicationId = parseChannel(args.session_channel);
        requireSelf(session, args.executor_id);
        return core.messages.pages(session.actor, await rooms.look(session, applicationId));
      },
      reply: (pages, { session }): List => ({ member: 'Messages', pages: history.ofConversation(session, pages) }),
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
      run: async (_core, session, args) => {
        requireSelf(session, args.executor_id);
        await core.receipts.mark(session.actor, { kind: 'read', messageIds: [args.message_id as MessageId] });
        return options.readMessageResult === 'ids' ? args : null;
      },
      answers: 'after',
    }),

    [OP.getUnreadInfo]: operation({
      guard: anybody,
      args: userArgs,
      run: async (_core, session, args) => {
        requireSelf(session, args.user_id);
        return core.receipts.unreadTotal(session.actor, await unreadQuery(session));
      },
      reply: (count, { args }) => ({ user_id: args.user_id, unread_count: count }),
    }),

    [OP.getUnreadMessages]: operation({
      guard: moderator,
      args: executorArgs,
      run: async (_core, session, args) => {
        requireSelf(session, args.executor_id);
        return core.receipts.unreadPages(session.actor, await unreadQuery(session));
      },
      reply: (pages): List => ({ member: 'Messages', pages: history.unread(pages) }),
    }),
  };
}

/** A non-empty decimal string of at most 32 bits. */
function parseChannel(channel: string): number {
  const applicationId = /^[0-9]+$/.test(channel) ? Number(channel) : -1;
  if (applicationId < 0 || applicationId > MAX_NUMBER) {
    throw new DomainError('invalid', 'no channel', { field: 'session_channel', reason: REASON.channel });
  }
  return applicationId;
}

const CONVERSATIONS_PER_PAGE = 500;

/** Ascending ids: who joins while it is read comes at the end. */
async function* pagesOfConversations(core: Core, userId: UserId): AsyncGenerator<readonly Conversation[]> {
  for (let offset = 0; ; offset += CONVERSATIONS_PER_PAGE) {
    const query = { order: 'id', direction: 'ascending', limit: CONVERSATIONS_PER_PAGE, offset } as const;
    const page = await core.conversations.listFor(userId, query);
    yield page.map(({ conversation }) => conversation);
    if (page.length < CONVERSATIONS_PER_PAGE) return;
  }
}

async function* eachPage<T, View>(
  pages: AsyncIterable<readonly T[]>,
  toView: (item: T) => View,
): AsyncGenerator<View[]> {
  for await (const page of pages) yield page.map(toView);
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
