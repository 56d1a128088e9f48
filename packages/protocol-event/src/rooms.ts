/**
 * What this wire calls a room: a conversation that a connection joins by its application id. Finds it, lets in, keeps attendance, and reads
 * its history page by page. Decides what a connection wants to hear, never what it may.
 */
import {
  type Conversation,
  type ConversationId,
  type Core,
  DomainError,
  hasRead,
  isDomainError,
  type Message,
  type Participant,
  type SendMessage,
  type SpaceId,
} from '@switchboard/core';
import { REASON } from './errors.ts';
import type { EventOptions } from './options.ts';
import { type EventSession, join, leave } from './session.ts';
import { isShown, type Views } from './views.ts';
import { MAX_NUMBER, type MessageObject } from './wire.ts';

export interface RoomsContext {
  readonly core: Core;
  readonly options: EventOptions;
  readonly views: Views;
  readonly queue: () => Promise<SpaceId>;
}

export type RoomContent = Pick<SendMessage, 'text' | 'kind' | 'parts'>;

export interface Rooms {
  /** Opens or creates, takes part, joins the connection. Wire: PROTOCOL.md, `Event.AddConversation`. */
  enter(session: EventSession, applicationId: number): Promise<Conversation>;
  send(session: EventSession, applicationId: number, content: RoomContent): Promise<Message>;
  /** All messages, oldest first; a participant's call joins the connection. */
  history(session: EventSession, applicationId: number): Promise<AsyncIterable<readonly MessageObject[]>>;
  /** What `Event.GetUnreadInfo` counts. */
  unread(session: EventSession): AsyncIterable<readonly MessageObject[]>;
}

export function createRooms({ core, options, views, queue }: RoomsContext): Rooms {
  const { namespace, syntheticApplications, roomLimit } = options;

  /** A synthetic number names only what has no number of its own. */
  async function find(applicationId: number): Promise<Conversation> {
    const known = await core.conversations.findByExternalId(namespace, String(applicationId));
    if (known) return known;
    const coreId = syntheticApplications.toCore(String(applicationId));
    const named = coreId === null ? null : await core.conversations.find(coreId as ConversationId);
    if (!named || named.externalIds[namespace] !== undefined) throw notFound();
    return named;
  }

  function attend(session: EventSession, conversationId: ConversationId): Promise<void> {
    return core.presence.attend(session.actor, conversationId, roomLimit);
  }

  /** A full room lets its participants write and read all the same: they only hear nothing. */
  async function joinIfRoom(session: EventSession, conversationId: ConversationId, applicationId: number) {
    if (session.joined?.has(conversationId)) return;
    try {
      await attend(session, conversationId);
    } catch (error) {
      if (isDomainError(error)) return;
      throw error;
    }
    join(session, conversationId, applicationId);
  }

  async function enterOwn(session: EventSession, applicationId: number): Promise<Conversation> {
    const externalId = String(applicationId);
    const known = await core.conversations.findByExternalId(namespace, externalId);
    // A full room refuses before anybody is made a participant.
    if (known) await attend(session, known.id);
    const spaceId = await queue();
    try {
      const { conversation } = await core.conversations.enterByExternalId(session.actor, {
        namespace,
        externalId,
        side: session.isModerator ? 'staff' : 'customer',
        create: {
          kind: 'support',
          key: `${namespace}:${externalId}`,
          spaceId,
          title: `#${externalId}`,
          participants: [],
        },
      });
      if (!known) await attend(session, conversation.id);
      return conversation;
    } catch (error) {
      if (known) await core.presence.unattend(session.actor.connectionId, known.id);
      throw withReason(error, known ? REASON.joining : REASON.creating);
    }
  }

  async function enterSynthetic(session: EventSession, applicationId: number): Promise<Conversation> {
    const conversation = await find(applicationId);
    if (!(await core.conversations.participation(session.actor.userId, conversation.id))) throw notFound();
    await attend(session, conversation.id);
    return conversation;
  }

  function requireAllowed(session: EventSession, applicationId: number): void {
    if (applicationId < 1 || applicationId > MAX_NUMBER) {
      throw new DomainError('invalid', 'no application id', { field: 'application_id' });
    }
    const isBound = options.restrictCustomersToRequest && !session.isModerator && !isSynthetic(applicationId);
    if (isBound && session.requestId !== applicationId) throw notFound();
  }

  function isSynthetic(applicationId: number): boolean {
    return syntheticApplications.toCore(String(applicationId)) !== null;
  }

  async function read(session: EventSession, conversation: Conversation): Promise<Participant | null> {
    const participant = await core.conversations.participation(session.actor.userId, conversation.id);
    const isOfQueue = session.isModerator && conversation.spaceId === (await queue());
    if (!participant && !isOfQueue) throw notFound();
    return participant;
  }

  async function ensure(messages: readonly Message[]): Promise<void> {
    await Promise.all([
      core.directory.ensureUsers([...new Set(messages.map(({ senderId }) => senderId))]),
      core.directory.ensureConversations([...new Set(messages.map(({ conversationId }) => conversationId))]),
    ]);
  }

  /** Of another's message, whether the caller has read it; of one's own, whether anybody else has. */
  function isRead(session: EventSession, message: Message): boolean {
    const { userId } = session.actor;
    const participants = core.directory.conversation(message.conversationId)?.participants;
    if (message.senderId !== userId) {
      const own = participants?.get(userId);
      return own ? hasRead(own, message.seq) : message.firstReadAt !== null;
    }
    if (message.firstReadAt !== null) return true;
    for (const participant of participants?.values() ?? []) {
      if (participant.userId !== userId && hasRead(participant, message.seq)) return true;
    }
    return false;
  }

  async function* toPages(
    pages: AsyncIterable<readonly Message[]>,
    read: (message: Message) => boolean,
  ): AsyncGenerator<readonly MessageObject[]> {
    for await (const page of pages) {
      await ensure(page);
      yield page.filter(isShown).map((message) => views.toMessage(message, core.directory, read(message)));
    }
  }

  return {
    async enter(session, applicationId) {
      requireAllowed(session, applicationId);
      const conversation = await (isSynthetic(applicationId) ? enterSynthetic : enterOwn)(session, applicationId);
      join(session, conversation.id, applicationId);
      return conversation;
    },

    async send(session, applicationId, content) {
      // What the connection has joined it need not look up again: whether it may still write is judged by the store.
      const joined = session.channels?.get(applicationId);
      const conversationId = joined ?? (await find(applicationId)).id;
      try {
        const { message } = await core.messages.send(session.actor, { conversationId, ...content });
        if (joined === undefined) await joinIfRoom(session, conversationId, applicationId);
        return message;
      } catch (error) {
        if (isDomainError(error) && (error.code === 'not_found' || error.code === 'forbidden')) {
          leave(session, conversationId);
          if (error.code === 'not_found' && joined !== undefined)
            await core.presence.unattend(session.actor.connectionId, joined);
        }
        await requireParticipation(core, session, { conversationId, error });
        throw error;
      }
    },

    async history(session, applicationId) {
      const conversation = await find(applicationId);
      const participant = await read(session, conversation);
      if (participant) await joinIfRoom(session, conversation.id, applicationId);
      return toPages(core.messages.pages(session.actor, conversation.id), (message) => isRead(session, message));
    },

    unread: (session) => toPages(core.receipts.unreadPages(session.actor, { includeWaiting: true }), () => false),
  };
}

/** Whether somebody may write at all is told before what is wrong with the text. */
async function requireParticipation(
  core: Core,
  session: EventSession,
  { conversationId, error }: { readonly conversationId: ConversationId; readonly error: unknown },
): Promise<void> {
  if (!isDomainError(error) || (error.code !== 'invalid' && error.code !== 'too_large')) return;
  if (await core.conversations.participation(session.actor.userId, conversationId)) return;
  throw new DomainError('forbidden', 'takes no part', { subject: 'conversation', reason: 'no_participant' });
}

function notFound(): DomainError {
  return new DomainError('not_found', 'no such conversation for the caller', { subject: 'conversation' });
}

function withReason(error: unknown, reason: string): unknown {
  if (!isDomainError(error) || (error.code !== 'unavailable' && error.code !== 'internal')) return error;
  return new DomainError(error.code, error.message, { ...error.details, reason }, { cause: error });
}
