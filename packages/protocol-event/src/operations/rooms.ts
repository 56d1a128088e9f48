/**
 * What this wire calls a room: a conversation that a connection joins by its application id. Finds it, lets in, keeps attendance. Decides
 * what a connection wants to hear, never what it may. Wire: PROTOCOL.md §4.1, §4.3, §4.4.
 */
import {
  type Conversation,
  type ConversationId,
  type Core,
  DomainError,
  isDomainError,
  type Message,
  type SendMessage,
} from '@switchboard/core';
import { REASON } from '../errors.ts';
import type { EventOptions } from '../options.ts';
import type { Queue } from '../queue.ts';
import { type EventSession, noteJoined, noteLeft } from '../session.ts';
import type { Views } from '../views.ts';
import { MAX_NUMBER } from '../wire.ts';

export type RoomContent = Pick<SendMessage, 'text' | 'kind' | 'parts'>;

export interface Rooms {
  /** Opens or creates, takes part, joins the connection. */
  enter(session: EventSession, applicationId: number): Promise<Conversation>;
  send(session: EventSession, applicationId: number, content: RoomContent): Promise<Message>;
  /** The conversation, if the caller may read it; a participant's call joins the connection. */
  look(session: EventSession, applicationId: number): Promise<ConversationId>;
  /** The connection has joined it no longer. */
  letGo(session: EventSession, conversationId: ConversationId): void;
}

export interface RoomsContext {
  readonly core: Core;
  readonly options: EventOptions;
  readonly views: Views;
  readonly queue: Queue;
}

interface Room {
  readonly conversationId: ConversationId;
  readonly applicationId: number;
}

export function createRooms({ core, options, views, queue }: RoomsContext): Rooms {
  const { namespace, syntheticApplications, roomLimit } = options;
  const { conversations, presence } = core;

  const isSynthetic = (applicationId: number) => syntheticApplications.toCore(String(applicationId)) !== null;

  /** By its own number, else by the computed one, which names only what has no other. */
  async function find(applicationId: number): Promise<Conversation> {
    const known = await conversations.findByExternalId(namespace, String(applicationId));
    if (known) return known;
    const coreId = syntheticApplications.toCore(String(applicationId));
    const named = coreId === null ? null : await conversations.find(coreId as ConversationId);
    if (!named || views.applicationIdOf(named) !== applicationId) throw notFound();
    return named;
  }

  /**
   * Joins the connection of somebody who takes part. Throws `conflict` when the room is full. Whoever is taken out at the same time is
   * let go by that event, when it comes after this, or by the look at the end.
   */
  async function join(session: EventSession, { conversationId, applicationId }: Room): Promise<void> {
    await presence.attend(session.actor, conversationId, roomLimit);
    noteJoined(session, conversationId, applicationId);
    const isIn = await conversations.participation(session.actor.userId, conversationId);
    if (!isIn || session.isOver) letGo(session, conversationId);
  }

  /** A full room lets its participants write and read all the same: they only hear nothing. */
  async function joinIfRoom(session: EventSession, room: Room): Promise<void> {
    try {
      await join(session, room);
    } catch (error) {
      if (!isDomainError(error)) throw error;
    }
  }

  function letGo(session: EventSession, conversationId: ConversationId): void {
    if (noteLeft(session, conversationId)) void unattend(session, conversationId);
  }

  /** What cannot be taken back now ends with the connection. */
  async function unattend({ actor }: EventSession, conversationId: ConversationId): Promise<void> {
    await presence.unattend(actor.connectionId, conversationId).catch(() => undefined);
  }

  /** A known room that is full refuses before anybody is made a participant; a new one has room. */
  async function enterOwn(session: EventSession, applicationId: number): Promise<Conversation> {
    const externalId = String(applicationId);
    const known = await conversations.findByExternalId(namespace, externalId);
    if (known) await reasoned(presence.attend(session.actor, known.id, roomLimit), REASON.joining);
    try {
      // Whoever comes back changes nothing: a thousand clients that were cut off must not queue for the log's lock.
      if (known && (await isAtHome(session, known.id))) return known;
      const { conversation } = await queue.use((spaceId) =>
        conversations.enterByExternalId(session.actor, {
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
        }),
      );
      return conversation;
    } catch (error) {
      if (known) await unattend(session, known.id);
      throw withReason(error, known ? REASON.joining : REASON.creating);
    }
  }

  /** Whether entering would find nothing to do. Staff may have to come back to work, and members to become staff. */
  async function isAtHome({ actor, isModerator }: EventSession, id: ConversationId): Promise<boolean> {
    const participant = await conversations.participation(actor.userId, id);
    if (!participant) return false;
    const { side, present } = participant;
    return side === 'staff' ? present : side === 'customer' || !isModerator;
  }

  async function enterSynthetic(session: EventSession, applicationId: number): Promise<Conversation> {
    const conversation = await find(applicationId);
    if (!(await conversations.participation(session.actor.userId, conversation.id))) throw notFound();
    return conversation;
  }

  function requireAllowed({ isModerator, requestId }: EventSession, applicationId: number): void {
    if (applicationId < 1 || applicationId > MAX_NUMBER) {
      throw new DomainError('invalid', 'no application id', { field: 'application_id' });
    }
    const isBound = options.restrictCustomersToRequest && !isModerator && !isSynthetic(applicationId);
    if (isBound && requestId !== applicationId) throw notFound();
  }

  /**
   * Whether somebody may write at all is told before what is wrong with the text, and whether there is a conversation before that: the store
   * judges the text first, and does not tell strangers what it has.
   */
  async function refusalOf(session: EventSession, room: Room, error: unknown): Promise<unknown> {
    if (!isDomainError(error) || !['not_found', 'invalid', 'too_large'].includes(error.code)) return error;
    const { id } = await find(room.applicationId);
    const isIn = id === room.conversationId && (await conversations.participation(session.actor.userId, id));
    return isIn ? error : notIn();
  }

  /** The answer's numbers come from the lookup, which has them already unless this node is behind. */
  async function show({ conversationId, senderId }: Message): Promise<void> {
    const { directory } = core;
    if (directory.conversation(conversationId) && directory.user(senderId)) return;
    await Promise.all([directory.ensureConversations([conversationId]), directory.ensureUsers([senderId])]);
  }

  return {
    letGo,

    async enter(session, applicationId) {
      requireAllowed(session, applicationId);
      if (session.channels?.has(applicationId)) return find(applicationId);
      const conversation = await (isSynthetic(applicationId) ? enterSynthetic : enterOwn)(session, applicationId);
      await reasoned(join(session, { conversationId: conversation.id, applicationId }), REASON.joining);
      return conversation;
    },

    async send(session, applicationId, content) {
      // What the connection has joined need not be looked up again: whether it may still write is judged by the store.
      const joined = session.channels?.get(applicationId);
      const conversationId = joined ?? (await find(applicationId)).id;
      const room = { conversationId, applicationId };
      if (joined === undefined) {
        if (!(await conversations.participation(session.actor.userId, conversationId))) throw notIn();
        await joinIfRoom(session, room);
      }
      try {
        const { message } = await core.messages.send(session.actor, { conversationId, ...content });
        await show(message);
        return message;
      } catch (error) {
        throw await refusalOf(session, room, error);
      }
    },

    async look(session, applicationId) {
      const { id: conversationId, spaceId } = await find(applicationId);
      if (session.joined?.has(conversationId)) return conversationId;
      if (await conversations.participation(session.actor.userId, conversationId)) {
        await joinIfRoom(session, { conversationId, applicationId });
      } else if (!session.isModerator || spaceId !== (await queue.id())) throw notFound();
      return conversationId;
    },
  };
}

function notFound(): DomainError {
  return new DomainError('not_found', 'no such conversation for the caller', { subject: 'conversation' });
}

function notIn(): DomainError {
  return new DomainError('forbidden', 'takes no part', { subject: 'conversation', reason: 'no_participant' });
}

async function reasoned<T>(work: Promise<T>, reason: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw withReason(error, reason);
  }
}

/** What was being done when it failed: the wire has a text for each. Refusals keep their own. */
function withReason(error: unknown, reason: string): unknown {
  if (!isDomainError(error)) return new DomainError('internal', 'a fault of ours', { reason }, { cause: error });
  if (error.code !== 'unavailable' && error.code !== 'internal') return error;
  return new DomainError(error.code, error.message, { ...error.details, reason }, { cause: error.cause ?? error });
}
