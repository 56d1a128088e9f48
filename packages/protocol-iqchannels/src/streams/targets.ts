/** What a stream's address names, and whether the caller may listen to it. Wire: PROTOCOL.md, "Event streams". */
import type { UserId } from '@switchboard/core';
import { decodeId } from '../codec.ts';
import { type Access, forbidden, notFound, type OperationsContext, toChatType } from '../operations/access.ts';
import { client, type IqSession, readerOf, type SignedInSession, signedInAny, user } from '../session.ts';
import type { Reader } from '../views.ts';
import type { StreamTarget } from './stream.ts';

export type StreamName = 'clientEvents' | 'clientUnread' | 'clientUnreadMulti' | 'chat' | 'channel' | 'user';

export interface StreamRequest {
  readonly name: StreamName;
  /** The path's last part: a channel's name, or an id. */
  readonly param: string;
  readonly query: ReadonlyMap<string, string>;
}

export interface Opened {
  readonly session: SignedInSession;
  readonly reader: Reader;
  readonly target: StreamTarget;
}

export function createTargets({ core }: Pick<OperationsContext, 'core'>, access: Access) {
  async function ownChat(session: SignedInSession, { param, query }: StreamRequest) {
    const queue = await access.queue(param);
    const chatType = toChatType(query.get('chattype'));
    const conversation = await access.findChat(session, queue.id, chatType);
    if (conversation) await core.directory.ensureConversations([conversation.id]);
    return {
      conversationId: conversation?.id ?? null,
      key: access.chatKey(queue.id, session.actor.userId, chatType),
    };
  }

  /**
   * Called when the connection hears of everything already: a chat that is made meanwhile is noticed by its key. Throws what refuses the
   * stream.
   */
  return async function open(caller: IqSession, request: StreamRequest): Promise<Opened> {
    const { name, param } = request;
    switch (name) {
      case 'clientEvents': {
        const session = client(caller);
        return { session, reader: readerOf(session), target: { kind: 'chat', ...(await ownChat(session, request)) } };
      }
      case 'clientUnread': {
        const session = client(caller);
        return { session, reader: readerOf(session), target: { kind: 'unread', ...(await ownChat(session, request)) } };
      }
      case 'clientUnreadMulti': {
        const session = client(caller);
        return { session, reader: readerOf(session), target: { kind: 'unreadAll' } };
      }
      case 'chat': {
        const session = signedInAny(caller);
        const { id } =
          session.part === 'client'
            ? await access.clientChat(session, param)
            : (await access.operatorChat(session, param)).conversation;
        await core.directory.ensureConversations([id]);
        return { session, reader: readerOf(session), target: { kind: 'chat', conversationId: id, key: null } };
      }
      case 'channel': {
        const session = user(caller);
        const space = await access.space(param);
        const { userId } = session.actor;
        const member = await core.spaces.membership(userId, space.id);
        const isStaff = member?.role === 'staff' || member?.role === 'admin';
        if (space.kind === 'queue' ? !isStaff : !member) throw forbidden('space');
        await core.directory.ensureSpaces([space.id]);
        return { session, reader: readerOf(session), target: { kind: 'channel', spaceId: space.id } };
      }
      case 'user': {
        const session = user(caller);
        const id = decodeId(param) as UserId | null;
        const found = id === null ? null : await core.users.find(id);
        if (!found) throw notFound('user');
        const spaceIds = found.id === session.actor.userId ? null : await access.adminSpaces(session.actor.userId);
        if (spaceIds?.size === 0) throw forbidden('user');
        const reader = { ...readerOf(session), spaceIds };
        return { session, reader, target: { kind: 'user', userId: found.id, present: new Set() } };
      }
    }
  };
}

export type OpenTarget = ReturnType<typeof createTargets>;
