/**
 * What a caller may look at, in this wire's terms: channels by name or id, chats of the own channels, a client's own chats. Each answer comes
 * from the store, never from a cache; what a use case judges it judges again.
 */
import {
  type Clock,
  type Conversation,
  type ConversationId,
  type Core,
  DomainError,
  type Log,
  type Message,
  type Participant,
  type Space,
  type SpaceId,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import type { Viewer } from '@switchboard/protocol';
import { decodeId } from '../codec.ts';
import type { Facts } from '../facts.ts';
import type { IqchannelsOptions } from '../options.ts';
import type { Sessions, SignedInSession } from '../session.ts';
import { isChat } from '../views/chats.ts';
import type { Views } from '../views.ts';
import { CHAT_TYPES, type ChatType } from '../wire.ts';

export interface OperationsContext {
  readonly core: Core;
  readonly clock: Clock;
  readonly log: Log;
  readonly options: IqchannelsOptions;
  readonly production: boolean;
  readonly views: Views;
  readonly facts: Facts;
  readonly sessions: Sessions;
  /** Resolves when this node shows what the actor has changed. */
  caughtUp(actor: UserActor): Promise<void>;
  /** Tells a client's own streams once more of a message that it sent again: clients go by the event. */
  repeat(actor: UserActor, message: Message): Promise<void>;
  /** Counts a caller as online. */
  seen(viewer: Viewer): void;
}

/** A chat with the caller's part in it. */
export interface ChatAccess {
  readonly conversation: Conversation;
  /** The caller takes part in it now. */
  readonly participant: Participant | null;
}

export function notFound(subject: 'conversation' | 'space' | 'user' | 'file' | 'message'): DomainError {
  return new DomainError('not_found', `no such ${subject}`, { subject });
}

export function forbidden(subject: 'conversation' | 'space' | 'user'): DomainError {
  return new DomainError('forbidden', `not for this caller: ${subject}`, { subject });
}

export function notSupport(): DomainError {
  return new DomainError('invalid', 'not a support chat', { subject: 'conversation', reason: 'not_support' });
}

export function createAccess({ core, options }: Pick<OperationsContext, 'core' | 'options'>) {
  /** A queue by its name, or by its id. */
  async function findQueue(nameOrId: string): Promise<Space | null> {
    const named = nameOrId === '' ? null : await core.spaces.findByName('queue', nameOrId);
    if (named) return named;
    const id = decodeId(nameOrId);
    const space = id === null ? null : await core.spaces.find(id as SpaceId);
    return space?.kind === 'queue' ? space : null;
  }

  async function queue(nameOrId: string): Promise<Space> {
    const found = await findQueue(nameOrId);
    if (!found) throw notFound('space');
    return found;
  }

  /** By id, or a queue by its name. */
  async function space(idOrName: string): Promise<Space> {
    const id = decodeId(idOrName);
    const found = (id === null ? null : await core.spaces.find(id as SpaceId)) ?? (await findQueue(idOrName));
    if (!found) throw notFound('space');
    return found;
  }

  async function isStaffOf(userId: UserId, spaceId: SpaceId | null): Promise<boolean> {
    if (spaceId === null) return false;
    const member = await core.spaces.membership(userId, spaceId);
    return member?.role === 'staff' || member?.role === 'admin';
  }

  function chatKey(spaceId: SpaceId, userId: UserId, chatType: ChatType): string {
    return `${options.namespace}:${spaceId}:${userId}:${chatType}`;
  }

  return {
    findQueue,
    queue,
    space,
    isStaffOf,
    chatKey,

    /** A chat that the operator may see; `not_found`, `forbidden`. */
    async operatorChat(session: SignedInSession, chatId: string | undefined): Promise<ChatAccess> {
      const id = decodeId(chatId ?? '');
      const conversation = id === null ? null : await core.conversations.find(id as ConversationId);
      if (!conversation || !isChat(conversation)) throw notFound('conversation');
      const { userId } = session.actor;
      const participant = await core.conversations.participation(userId, conversation.id);
      if (conversation.kind !== 'support') {
        if (!participant) throw forbidden('conversation');
      } else if (participant?.side !== 'staff' && !(await isStaffOf(userId, conversation.spaceId))) {
        throw forbidden('conversation');
      }
      return { conversation, participant };
    },

    /** One of the client's own. */
    async clientChat(session: SignedInSession, chatId: string | undefined): Promise<Conversation> {
      const id = decodeId(chatId ?? '');
      const conversation = id === null ? null : await core.conversations.find(id as ConversationId);
      if (!conversation || !isChat(conversation)) throw notFound('conversation');
      if (conversation.kind !== 'support' || conversation.customerId !== session.actor.userId) {
        throw forbidden('conversation');
      }
      return conversation;
    },

    /** The client's chat of this type in a queue, if there is one yet. */
    findChat(session: SignedInSession, queueId: SpaceId, chatType: ChatType): Promise<Conversation | null> {
      return core.conversations.findByKey(chatKey(queueId, session.actor.userId, chatType));
    },

    /** The same, made when missing: closed. */
    async ensureChat(session: SignedInSession, queueId: SpaceId, chatType: ChatType): Promise<Conversation> {
      const key = chatKey(queueId, session.actor.userId, chatType);
      const known = await core.conversations.findByKey(key);
      if (known) return known;
      const customerId = session.actor.userId;
      const made = await core.conversations.create(session.actor, {
        kind: 'support',
        key,
        spaceId: queueId,
        typeLabel: chatType,
        customerId,
        open: false,
        participants: [{ userId: customerId, side: 'customer' }],
      });
      return made.conversation;
    },

    /** The queues in which the operator has the role `admin`. */
    async adminSpaces(userId: UserId): Promise<ReadonlySet<SpaceId>> {
      const list = await core.spaces.listFor(userId, { kind: 'queue' });
      return new Set(list.filter(({ member }) => member.role === 'admin').map(({ space: { id } }) => id));
    },
  };
}

export type Access = ReturnType<typeof createAccess>;

export function toChatType(value: string | undefined): ChatType {
  return CHAT_TYPES.find((type) => type === value) ?? 'regular';
}
