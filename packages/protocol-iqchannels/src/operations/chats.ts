/**
 * Operators at work: channels, chats and their members, inboxes. What a client session may call here shows its own chats through its own
 * eyes. Wire: PROTOCOL.md, "Operator API".
 */
import { type ConversationId, type ConversationWithParticipants, DomainError, type UserId } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { decodeId } from '../codec.ts';
import { type IqSession, readerOf, type SignedInSession, signedInAny, user } from '../session.ts';
import { isChat, isPresent, toChannel, toChannelMember, toChat, toInbox, toMember, toThread } from '../views/chats.ts';
import type { Builder } from '../views.ts';
import { DEFAULT_LIMIT, OP, schemas, toLimit, toOffset } from '../wire.ts';
import { type Access, type ChatAccess, forbidden, notSupport, type OperationsContext } from './access.ts';
import { type Answer, built, NOTHING } from './answer.ts';

type Names =
  | typeof OP.channelsQuery
  | typeof OP.channelsGet
  | typeof OP.channelMembers
  | typeof OP.chatsGet
  | typeof OP.chatsByChannel
  | typeof OP.chatsOpen
  | typeof OP.chatsClose
  | typeof OP.chatsJoin
  | typeof OP.chatsLeave
  | typeof OP.chatsInvite
  | typeof OP.chatsAssign
  | typeof OP.chatsTransfer
  | typeof OP.chatMembers
  | typeof OP.inbox
  | typeof OP.threads;

export function createChats(context: OperationsContext, access: Access): Pick<Operations<Names, IqSession>, Names> {
  const { core, views } = context;

  async function chatAnswer(session: SignedInSession, id: ConversationId): Promise<Answer> {
    await context.caughtUp(session.actor);
    return built(views, readerOf(session), (builder) => {
      const view = builder.view(id);
      return view ? toChat(builder, view, false) : null;
    });
  }

  async function memberAnswer(session: SignedInSession, id: ConversationId, userId: UserId): Promise<Answer> {
    await context.caughtUp(session.actor);
    return built(views, readerOf(session), (builder) => {
      const participant = builder.view(id)?.participants.get(userId);
      return participant ? toMember(builder, participant) : null;
    });
  }

  async function supportChat(session: SignedInSession, chatId: string | undefined): Promise<ChatAccess> {
    const found = await access.operatorChat(session, chatId);
    if (found.conversation.kind !== 'support') throw notSupport();
    return found;
  }

  function required(userId: number | undefined): UserId {
    if (userId === undefined) throw new DomainError('invalid', 'no user', { field: 'UserId' });
    return userId as UserId;
  }

  /** Workspaces with a chat without a client in which the user takes part. */
  async function workspacesOf(userId: UserId): Promise<ReadonlySet<number>> {
    const kinds = ['group', 'channel', 'direct'] as const;
    const list = await core.conversations.listFor(userId, { order: 'id', direction: 'ascending', kinds });
    return new Set(list.map(({ conversation: { spaceId } }) => spaceId ?? 0).filter((id) => id > 0));
  }

  async function visibleChannel(session: SignedInSession, idOrName: string) {
    const space = await access.space(idOrName);
    const { userId } = session.actor;
    const isVisible =
      space.kind === 'queue' ? await access.isStaffOf(userId, space.id) : (await workspacesOf(userId)).has(space.id);
    if (!isVisible) throw forbidden('space');
    return space;
  }

  function chatsOf(builder: Builder, list: readonly ConversationWithParticipants[]) {
    return list.flatMap(({ conversation }) => {
      const view = builder.view(conversation.id);
      return view ? [toChat(builder, view, false)] : [];
    });
  }

  /** Whose inbox may be looked at: one's own, or as an admin what of it belongs to the channels where one is one. */
  async function inboxReader(session: SignedInSession, userId: string | undefined) {
    const id = decodeId(userId ?? '') as UserId | null;
    const found = id === null ? null : await core.users.find(id);
    if (!found) throw new DomainError('not_found', 'no such user', { subject: 'user' });
    if (found.id === session.actor.userId) return { userId: found.id, spaceIds: null };
    const spaceIds = await access.adminSpaces(session.actor.userId);
    if (spaceIds.size === 0) throw forbidden('user');
    return { userId: found.id, spaceIds };
  }

  return {
    [OP.channelsQuery]: operation({
      guard: user,
      args: schemas.page,
      run: async (_core, session, { body }) => {
        const { userId } = session.actor;
        const queues = await core.spaces.listFor(userId, { kind: 'queue' });
        const own = queues.filter(({ member: { role } }) => role === 'staff' || role === 'admin');
        const ids = [...own.map(({ space }) => space.id), ...(await workspacesOf(userId))].sort((a, b) => a - b);
        const offset = toOffset(body.offset);
        const page = ids.slice(offset, offset + toLimit(body.limit)) as (typeof own)[number]['space']['id'][];
        return built(views, readerOf(session), (builder) =>
          page.flatMap((id) => {
            const view = builder.lookup.space(id);
            if (!view) builder.needs.spaces.add(id);
            return view ? [toChannel(builder, view)] : [];
          }),
        );
      },
    }),

    [OP.channelsGet]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const { id } = await visibleChannel(session, params.channelId ?? '');
        return built(views, readerOf(session), (builder) => {
          const view = builder.lookup.space(id);
          if (!view) builder.needs.spaces.add(id);
          return view ? toChannel(builder, view) : null;
        });
      },
    }),

    [OP.channelMembers]: operation({
      guard: user,
      args: schemas.page,
      run: async (_core, session, { params, body }) => {
        const { id, kind } = await visibleChannel(session, params.channelId ?? '');
        const everybody = await core.spaces.members(id);
        const offset = toOffset(body.offset);
        const members = everybody
          .filter(({ role }) => kind !== 'queue' || role === 'staff' || role === 'admin')
          .sort((a, b) => a.id - b.id)
          .slice(offset, offset + toLimit(body.limit));
        return built(views, readerOf(session), (builder) => members.map((one) => toChannelMember(builder, one)));
      },
    }),

    [OP.chatsGet]: operation({
      guard: signedInAny,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const conversation =
          session.part === 'client'
            ? await access.clientChat(session, params.chatId)
            : (await access.operatorChat(session, params.chatId)).conversation;
        return chatAnswer(session, conversation.id);
      },
    }),

    [OP.chatsByChannel]: operation({
      guard: signedInAny,
      args: schemas.page,
      run: async (_core, session, { params, body }) => {
        const isClient = session.part === 'client';
        const space = isClient
          ? await access.queue(params.channelId ?? '')
          : await visibleChannel(session, params.channelId ?? '');
        // A client written from the documents learns here the id that it sends to.
        if (isClient) await access.ensureChat(session, space.id, 'regular');
        await context.caughtUp(session.actor);
        const list = await core.conversations.listOfSpace(session.actor, {
          spaceId: space.id,
          limit: toLimit(body.limit),
          offset: toOffset(body.offset),
          withCustomer: space.kind === 'queue',
          ...(body.open !== undefined && { open: body.open }),
          ...(isClient && { customerId: session.actor.userId }),
        });
        const shown = list.filter(({ conversation }) => isChat(conversation));
        return built(views, readerOf(session), (builder) => chatsOf(builder, shown));
      },
    }),

    [OP.chatsOpen]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const { conversation } = await supportChat(session, params.chatId);
        await core.conversations.open(session.actor, conversation.id);
        return chatAnswer(session, conversation.id);
      },
    }),

    [OP.chatsClose]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const { conversation } = await supportChat(session, params.chatId);
        await core.conversations.close(session.actor, conversation.id);
        return chatAnswer(session, conversation.id);
      },
    }),

    [OP.chatsJoin]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const { conversation } = await supportChat(session, params.chatId);
        await core.conversations.join(session.actor, conversation.id, { side: 'staff' });
        return memberAnswer(session, conversation.id, session.actor.userId);
      },
    }),

    // Whoever is not at work there has left already.
    [OP.chatsLeave]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const { conversation, participant } = await supportChat(session, params.chatId);
        if (participant?.present && participant.side === 'staff') {
          await core.conversations.leave(session.actor, conversation.id);
        }
        return NOTHING;
      },
      answers: 'after',
    }),

    [OP.chatsInvite]: operation({
      guard: user,
      args: schemas.userId,
      run: async (_core, session, { params, body }) => {
        const { conversation } = await supportChat(session, params.chatId);
        const userId = required(body.userid);
        await core.conversations.addParticipants(session.actor, conversation.id, [{ userId, side: 'staff' }]);
        return memberAnswer(session, conversation.id, userId);
      },
    }),

    [OP.chatsAssign]: operation({
      guard: user,
      args: schemas.userId,
      run: async (_core, session, { params, body }) => {
        const { conversation } = await supportChat(session, params.chatId);
        await core.conversations.assign(session.actor, conversation.id, required(body.userid));
        return chatAnswer(session, conversation.id);
      },
    }),

    [OP.chatsTransfer]: operation({
      guard: user,
      args: schemas.userId,
      run: async (_core, session, { params, body }) => {
        const { conversation } = await supportChat(session, params.chatId);
        await core.conversations.transfer(session.actor, conversation.id, required(body.userid));
        return chatAnswer(session, conversation.id);
      },
    }),

    [OP.chatMembers]: operation({
      guard: user,
      args: schemas.page,
      run: async (_core, session, { params, body }) => {
        const { conversation } = await access.operatorChat(session, params.chatId);
        const offset = toOffset(body.offset);
        return built(views, readerOf(session), (builder) => {
          const view = builder.view(conversation.id);
          if (!view) return [];
          const isSupport = conversation.kind === 'support';
          return [...view.participants.values()]
            .filter((one) => (isSupport ? one.side === 'staff' : isPresent(view, one)))
            .sort((a, b) => a.id - b.id)
            .slice(offset, offset + toLimit(body.limit ?? DEFAULT_LIMIT))
            .map((one) => toMember(builder, one));
        });
      },
    }),

    [OP.inbox]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const { userId, spaceIds } = await inboxReader(session, params.userId);
        return built(views, { ...readerOf(session), spaceIds }, (builder) => toInbox(builder, userId));
      },
    }),

    [OP.threads]: operation({
      guard: user,
      args: schemas.page,
      run: async (_core, session, { params, body }) => {
        const { userId, spaceIds } = await inboxReader(session, params.userId);
        const list = await core.conversations.listWork({
          userId,
          limit: toLimit(body.limit),
          offset: toOffset(body.offset),
          ...(body.open !== undefined && { open: body.open }),
          ...(spaceIds && { spaceIds: [...spaceIds] }),
        });
        return built(views, { ...readerOf(session), spaceIds }, (builder) =>
          list.flatMap(({ conversation }) => {
            const participant = builder.view(conversation.id)?.participants.get(userId);
            return participant ? [toThread(builder, participant)] : [];
          }),
        );
      },
    }),
  };
}
