/**
 * Domain events on this wire: what each says, to whom, in the order of its slots. What a stream then shows of it, and as whose objects, is
 * the streams' business. Wire: PROTOCOL.md, "Events".
 */
import type { ConversationView, DomainEventType, Lookup, Message, UserId } from '@switchboard/core';
import { type DroppedRow, dropped, type EventOf } from '@switchboard/protocol';
import { isChat } from './views/chats.ts';
import type { EventName } from './wire/objects.ts';

/** One event of this wire, before it is written for a reader. */
export interface Said {
  readonly name: EventName;
  /** Of whose inbox it tells; null: of the chat. */
  readonly ownerId: UserId | null;
  /** Of the inbox of whoever is at work there. */
  readonly isOfPresent: boolean;
  readonly view: ConversationView | null;
  readonly message: Message | null;
  /** Whose membership it tells of. */
  readonly memberId: UserId | null;
  /** Who acted; null: the gateway or its administration. */
  readonly actorId: UserId | null;
}

export interface SayingRow<E> {
  readonly made: 'said';
  readonly say: (event: E, lookup: Lookup) => readonly Said[];
}

export type Projection = { readonly [T in DomainEventType]: SayingRow<EventOf<T>> | DroppedRow };

function said<E>(say: (event: E, lookup: Lookup) => readonly Said[]): SayingRow<E> {
  return { made: 'said', say };
}

type About = Partial<Omit<Said, 'name' | 'view'>>;

/** The chat that an event concerns, if it was one then: what came before its customer stands in its history alone. */
function chatOf(
  event: { readonly conversationId: ConversationView['conversation']['id'] | null; readonly at: number },
  lookup: Lookup,
) {
  const view = event.conversationId === null ? undefined : lookup.conversation(event.conversationId);
  if (!view || !isChat(view.conversation)) return null;
  const { customerId } = view.conversation;
  const customer = customerId === null ? undefined : view.participants.get(customerId);
  return customer && customer.createdAt > event.at ? null : view;
}

/** Collects what one entry says about one chat. */
function sayer(view: ConversationView, actorId: UserId | null) {
  const list: Said[] = [];
  const say = (name: EventName, about: About = {}): void => {
    list.push({ name, ownerId: null, isOfPresent: false, view, message: null, memberId: null, actorId, ...about });
  };
  return { list, say };
}

/** Of everybody who is at work in the chat then: who that is, each stream knows of its own user. */
function threadsOfPresent(view: ConversationView, say: (name: EventName, about: About) => void): void {
  if (view.conversation.kind === 'support') say('thread_changed', { isOfPresent: true });
}

/** Of one message: told to whoever may see it. */
function aboutMessage(
  event: EventOf<'message.edited' | 'message.updated'>,
  lookup: Lookup,
  name: EventName,
): readonly Said[] {
  const view = chatOf(event, lookup);
  if (!view) return [];
  const { list, say } = sayer(view, event.actorId);
  say(name, { message: event.message });
  return list;
}

const NO_EVENT = 'this wire has no event for it';
const NO_CALLS = 'this wire has no calls; their records are messages';
const NO_SPACES = 'this wire tells nothing of channels themselves';

export const projection: Projection = {
  'conversation.created': said((event, lookup) => {
    const view = chatOf(event, lookup);
    const { customerId, kind } = event.conversation;
    const hasCustomer = event.participants.some(({ userId }) => userId === customerId);
    if (!view || (kind === 'support' && !hasCustomer)) return [];
    const { list, say } = sayer(view, event.actorId);
    say('chat_created');
    return list;
  }),
  'conversation.opened': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { list, say } = sayer(view, event.actorId);
    say('chat_opened');
    say('chat_changed');
    return list;
  }),
  'conversation.closed': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { list, say } = sayer(view, event.actorId);
    say('chat_closed');
    say('chat_changed');
    for (const ownerId of event.presentIds) {
      say('thread_closed', { ownerId, memberId: ownerId });
      say('inbox_changed', { ownerId });
    }
    return list;
  }),
  'conversation.assigned': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { list, say } = sayer(view, event.actorId);
    say('chat_assigned', { memberId: event.assigneeId });
    say('chat_changed');
    for (const ownerId of new Set([event.assigneeId, event.previousId])) {
      if (ownerId === null) continue;
      say('thread_changed', { ownerId, memberId: ownerId });
      say('inbox_changed', { ownerId });
    }
    return list;
  }),
  'conversation.unassigned': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { list, say } = sayer(view, event.actorId);
    const ownerId = event.previousId;
    say('chat_unassigned', { memberId: ownerId });
    say('chat_changed');
    say('thread_changed', { ownerId, memberId: ownerId });
    say('inbox_changed', { ownerId });
    return list;
  }),
  'participant.joined': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { participant, first, actorId } = event;
    const { list, say } = sayer(view, actorId);
    const { userId, side } = participant;
    const isSupport = view.conversation.kind === 'support';
    if (isSupport && side === 'customer') {
      if (first) say('chat_created');
      return list;
    }
    if (isSupport && side !== 'staff') return list;
    if (first) say('member_created', { memberId: userId });
    say('member_added', { memberId: userId });
    say('chat_changed');
    if (!isSupport) return list;
    say(first ? 'thread_created' : 'thread_opened', { ownerId: userId, memberId: userId });
    say('inbox_changed', { ownerId: userId });
    return list;
  }),
  'participant.left': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { participant, wasPresent, wasAssigned, side, actorId } = event;
    const { list, say } = sayer(view, actorId);
    const { userId } = participant;
    const isSupport = view.conversation.kind === 'support';
    // Who left with the last closing is told of already.
    if (isSupport && (side !== 'staff' || !wasPresent)) return list;
    say('member_removed', { memberId: userId });
    if (isSupport && wasAssigned) say('chat_unassigned', { memberId: userId });
    say('chat_changed');
    if (!isSupport) return list;
    say('thread_closed', { ownerId: userId, memberId: userId });
    say('inbox_changed', { ownerId: userId });
    return list;
  }),

  'message.sent': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { message } = event;
    const isNotice = message.kind === 'notice';
    const { list, say } = sayer(view, isNotice ? event.actorId : message.senderId);
    say(isNotice ? 'system_message_created' : 'message_created', { message });
    say('chat_changed');
    threadsOfPresent(view, say);
    return list;
  }),
  'message.edited': said((event, lookup) => aboutMessage(event, lookup, 'message_edited')),
  'message.deleted': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view) return [];
    const { list, say } = sayer(view, event.actorId);
    say('delete-messages', { message: event.message });
    say('chat_changed');
    threadsOfPresent(view, say);
    return list;
  }),
  'message.hidden': dropped('for one person alone; lists leave it out'),
  'message.updated': said((event, lookup) => {
    switch (event.what) {
      case 'heard':
        return aboutMessage(event, lookup, 'message_listened');
      case 'file':
        return aboutMessage(event, lookup, 'file_updated');
      case 'prompt':
        return event.message.prompt?.kind === 'rating' && event.message.prompt.state === 'ignored'
          ? aboutMessage(event, lookup, 'rating_ignored')
          : [];
      case 'pushed':
        return [];
    }
  }),
  'receipts.advanced': said((event, lookup) => {
    const view = chatOf(event, lookup);
    if (!view || !event.first || view.conversation.kind !== 'support') return [];
    const { message, kind, by } = event.first;
    const { list, say } = sayer(view, by);
    say(kind === 'read' ? 'message_read' : 'message_received', { message });
    if (kind === 'received') return list;
    say('chat_changed');
    threadsOfPresent(view, say);
    return list;
  }),
  'file.updated': dropped('its bytes are gone; whoever asks for them is told'),

  'user.updated': said((event) => [
    {
      name: 'client_changed',
      ownerId: null,
      isOfPresent: false,
      view: null,
      message: null,
      memberId: event.user.id,
      actorId: event.actorId,
    },
  ]),
  'user.created': dropped(NO_EVENT),
  'user.deleted': dropped('the hub closes the connections'),
  'session.revoked': dropped('the hub closes the connections'),
  'log.jumped': dropped('the hub closes the connections'),
  'conversation.updated': dropped('chats have no title here'),
  'conversation.deleted': dropped(NO_EVENT),
  'participant.changed': dropped(NO_EVENT),
  'participant.preferences_changed': dropped(NO_EVENT),
  'space.created': dropped(NO_SPACES),
  'space.updated': dropped(NO_SPACES),
  'space.deleted': dropped(NO_SPACES),
  'space.member_joined': dropped(NO_SPACES),
  'space.member_changed': dropped(NO_SPACES),
  'space.member_left': dropped(NO_SPACES),

  'call.started': dropped(NO_CALLS),
  'call.invited': dropped(NO_CALLS),
  'call.invite_answered': dropped(NO_CALLS),
  'call.invite_cancelled': dropped(NO_CALLS),
  'call.answered': dropped(NO_CALLS),
  'call.connected': dropped(NO_CALLS),
  'call.leg_joined': dropped(NO_CALLS),
  'call.leg_moved': dropped(NO_CALLS),
  'call.leg_dropped': dropped(NO_CALLS),
  'call.leg_resumed': dropped(NO_CALLS),
  'call.leg_left': dropped(NO_CALLS),
  'call.ended': dropped(NO_CALLS),
  'call.media_changed': dropped(NO_CALLS),
  'call.signal': dropped(NO_CALLS),

  'typing.changed': said((event, lookup) => {
    const view = event.typing ? chatOf(event, lookup) : null;
    if (!view) return [];
    const { list, say } = sayer(view, event.userId);
    say('typing');
    return list;
  }),
  'presence.changed': dropped('no event tells it; objects show it'),
  'wire.signal': dropped('meant for the adapter itself: a message that was sent again (streams/repeats.ts)'),
};
