/**
 * One open listener: whose it is, what it asked for, and what it shows of an event. Plain data and pure functions. Wire: PROTOCOL.md, "Event
 * streams".
 */
import type { ConversationId, DomainEvent, LogPosition, Lookup, SpaceId, UserActor, UserId } from '@switchboard/core';
import type { Connection } from '@switchboard/protocol';
import type { Said } from '../projection.ts';
import { isPresent } from '../views/chats.ts';
import type { Reader } from '../views.ts';
import type { EventName } from '../wire/objects.ts';

export type StreamTarget =
  /** One chat; a client's own has a key, and may not be there yet. */
  | { readonly kind: 'chat'; conversationId: ConversationId | null; readonly key: string | null }
  | { readonly kind: 'channel'; readonly spaceId: SpaceId }
  /** Of an operator's inbox, and of the chats in which it is at work. */
  | { readonly kind: 'user'; readonly userId: UserId; readonly present: Set<ConversationId> }
  /** How much the client has not read, in one channel or in all. */
  | { readonly kind: 'unread'; conversationId: ConversationId | null; readonly key: string }
  | { readonly kind: 'unreadAll' };

export interface StreamSession {
  readonly actor: UserActor;
  readonly reader: Reader;
  readonly target: StreamTarget;
  /** Most events in one frame, as the client asked; null: it did not. */
  readonly limit: number | null;
  /** Shows what comes after it; null: not ready yet. */
  after: LogPosition | null;
}

export type StreamConnection = Connection<StreamSession>;

/** What clients are told. The other types they would report as unknown. */
const FOR_CLIENTS: ReadonlySet<EventName> = new Set([
  'chat_closed',
  'typing',
  'message_created',
  'message_received',
  'message_read',
  'message_listened',
  'message_edited',
  'delete-messages',
  'close-system-chat',
  'file_updated',
  'client_changed',
  'rating_ignored',
]);

/** Whether the event may concern what the stream asked for. Called for every event: no allocation, no I/O. */
export function isWanted(event: DomainEvent, { target, reader, after }: StreamSession, lookup: Lookup): boolean {
  const { conversationId } = event;
  if ('key' in target && target.conversationId === null && event.type === 'conversation.created') {
    if (event.conversation.key === target.key && target.key !== null) target.conversationId = event.conversation.id;
  }
  if (after === null || (!event.transient && event.position <= after)) return false;
  if (event.type === 'user.updated') {
    if (reader.part === 'client') return event.user.id === reader.userId;
    return target.kind === 'chat' && isCustomer(event.user.id, target.conversationId, lookup);
  }
  if (conversationId === null) return false;
  switch (target.kind) {
    case 'chat':
    case 'unread':
      return conversationId === target.conversationId;
    case 'channel':
      return lookup.conversation(conversationId)?.conversation.spaceId === target.spaceId;
    case 'user':
    case 'unreadAll':
      return true;
  }
}

export function isCustomer(userId: UserId, conversationId: ConversationId | null, lookup: Lookup): boolean {
  return conversationId !== null && lookup.conversation(conversationId)?.conversation.customerId === userId;
}

/**
 * Follows who is at work where: answers whether the user was, before or after the event. `present` is changed in passing, and is as of the
 * event, whatever the lookup knows by now.
 */
export function followPresence(event: DomainEvent, userId: UserId, present: Set<ConversationId>): boolean {
  const id = event.conversationId;
  if (id === null) return false;
  const before = present.has(id);
  switch (event.type) {
    case 'participant.joined':
      if (event.participant.userId === userId && isWork(event.conversation.kind, event.participant.side))
        present.add(id);
      break;
    case 'conversation.created':
      if (event.participants.some((one) => one.userId === userId && isWork(event.conversation.kind, one.side))) {
        present.add(id);
      }
      break;
    case 'participant.left':
      if (event.participant.userId === userId) present.delete(id);
      break;
    case 'conversation.closed':
      present.delete(id);
      break;
    default:
  }
  return before || present.has(id);
}

function isWork(kind: string, side: string): boolean {
  return kind !== 'support' || side === 'staff';
}

/** Whether the user was at work before this event, where the event tells it; null where it does not. */
export function wasAtWork(event: DomainEvent, userId: UserId): boolean | null {
  switch (event.type) {
    case 'participant.joined':
      return event.participant.userId === userId ? false : null;
    case 'conversation.created':
      return false;
    case 'participant.left':
      if (event.participant.userId !== userId) return null;
      return event.conversation.kind === 'support' ? event.wasPresent && event.side === 'staff' : true;
    case 'conversation.closed':
      return event.presentIds.includes(userId);
    default:
      return null;
  }
}

/** In which conversations the user is at work now. */
export function presentNow(ids: Iterable<ConversationId>, userId: UserId, lookup: Lookup): Set<ConversationId> {
  const present = new Set<ConversationId>();
  for (const id of ids) {
    const view = lookup.conversation(id);
    const participant = view?.participants.get(userId);
    if (view && participant && isPresent(view, participant)) present.add(id);
  }
  return present;
}

/** What of an entry this stream shows. `isAtWork`: of a user's stream, whether the user was at work there. */
export function selectSaid(list: readonly Said[], session: StreamSession, isAtWork: boolean): readonly Said[] {
  const { reader, target } = session;
  if (reader.part === 'client') return list.filter((one) => isForClient(one, reader.userId));
  const shown = list.filter(({ name, actorId }) => name !== 'typing' || actorId !== reader.userId);
  if (target.kind !== 'user') return shown.filter(({ ownerId, isOfPresent }) => ownerId === null && !isOfPresent);
  const { userId } = target;
  return shown.flatMap((one) => {
    const spaceId = one.view?.conversation.spaceId ?? null;
    if (reader.spaceIds !== null && (spaceId === null || !reader.spaceIds.has(spaceId))) return [];
    if (one.isOfPresent) return isAtWork ? [{ ...one, ownerId: userId, memberId: userId }] : [];
    const isShown = one.ownerId === null ? isAtWork : one.ownerId === userId;
    return isShown ? [one] : [];
  });
}

function isForClient({ name, ownerId, isOfPresent, message, actorId }: Said, userId: UserId | null): boolean {
  if (ownerId !== null || isOfPresent || !FOR_CLIENTS.has(name)) return false;
  if (name === 'typing') return actorId !== userId;
  return message === null || message.visibility === 'all';
}
