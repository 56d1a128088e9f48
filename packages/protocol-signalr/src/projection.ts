/** Domain events on this wire. Wire: PROTOCOL.md, "Events". */
import type { Directory, DomainEvent, LogEvent, Lookup, UserId } from '@switchboard/core';
import { type Connection, dropped, type Projection, shared, variants } from '@switchboard/protocol';
import type { ReadMessages } from './read-messages.ts';
import { countSeenOf } from './seen.ts';
import type { SignalrSession } from './session.ts';
import type { Views } from './views.ts';
import { EVENT, event, IDENTITY_STATUS, type ServerMessage } from './wire.ts';

const NO_EVENT = 'this wire has no event for it; lists show it';
const NO_TYPING = 'no event carries it (PROTOCOL.md, open question 1)';
const NO_CALLS = 'this wire has no calls; what the store writes down of one is a message';
const NO_SPACES = 'this wire has no spaces';

export interface ProjectionContext {
  readonly views: Views;
  readonly readMessages: Pick<ReadMessages, 'of'>;
}

type ConversationEvent = LogEvent<
  | 'conversation.created'
  | 'conversation.updated'
  | 'conversation.deleted'
  | 'participant.joined'
  | 'participant.left'
  | 'participant.changed'
>;

export function createProjection({
  views,
  readMessages,
}: ProjectionContext): Projection<ServerMessage, SignalrSession> {
  /** All alike but a direct conversation, which bears the other's name. */
  const conversationUpdate = variants<ConversationEvent, ServerMessage, SignalrSession>(
    ({ viewer }, { conversation }) => (conversation.kind === 'direct' ? (viewer?.userId ?? null) : 'all'),
    ({ conversation }, lookup, key) => {
      const view = lookup.conversation(conversation.id);
      const participants = [...(view?.participants.values() ?? [])];
      const viewerId = (typeof key === 'number' ? key : 0) as UserId;
      const shown = view?.conversation ?? conversation;
      return [event(EVENT.conversationUpdate, views.toConversationUpdate(shown, participants, { lookup, viewerId }))];
    },
  );

  function messageUpdate(
    message: { readonly id: number; readonly seq: number; readonly senderId: UserId },
    conversationId: LogEvent<'message.sent'>['message']['conversationId'],
    lookup: Lookup,
  ): ServerMessage {
    const participants = lookup.conversation(conversationId)?.participants.values() ?? [];
    const count = countSeenOf(message, participants);
    return event(EVENT.messageUpdate, views.toMessageUpdate({ id: message.id as never, conversationId }, count));
  }

  return {
    'message.sent': shared(({ message }, lookup) => [event(EVENT.newMessage, views.toNewMessage(message, lookup))]),
    'message.edited': shared(({ message }, lookup) => [messageUpdate(message, message.conversationId, lookup)]),
    'message.deleted': dropped(NO_EVENT),
    'message.hidden': dropped(NO_EVENT),
    'message.updated': dropped(NO_EVENT),
    'receipts.advanced': shared((advanced, lookup) => {
      const { conversationId } = advanced;
      if (conversationId === null) return [];
      return readMessages.of(advanced).map((message) => messageUpdate(message, conversationId, lookup));
    }),
    'file.updated': dropped(NO_EVENT),

    'conversation.created': conversationUpdate,
    'conversation.updated': conversationUpdate,
    'conversation.deleted': conversationUpdate,
    'conversation.opened': dropped(NO_EVENT),
    'conversation.closed': dropped(NO_EVENT),
    'conversation.assigned': dropped(NO_EVENT),
    'conversation.unassigned': dropped(NO_EVENT),
    'participant.joined': conversationUpdate,
    'participant.left': conversationUpdate,
    'participant.changed': conversationUpdate,
    'participant.preferences_changed': dropped(NO_EVENT),

    'user.created': dropped(NO_EVENT),
    'user.updated': dropped(NO_EVENT),
    'user.deleted': dropped('the hub closes the connections'),
    'session.revoked': dropped('the hub closes the connections'),
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
    'log.jumped': dropped('the hub closes the connections'),

    // Each watcher is told by the name that it asked for.
    'presence.changed': variants(
      ({ session }, { userId }) => session.watched?.get(userId)?.identity ?? null,
      ({ status }, _lookup, identityId) => [
        event(EVENT.identityStatus, { status: toIdentityStatus(status), identityId }),
      ],
    ),
    'typing.changed': dropped(NO_TYPING),
    'call.media_changed': dropped(NO_CALLS),
    'call.signal': dropped(NO_CALLS),
    'wire.signal': dropped('meant for one other wire'),
  };
}

/** Idle elsewhere is online here. */
export function toIdentityStatus(status: 'online' | 'idle' | 'offline'): number {
  return status === 'offline' ? IDENTITY_STATUS.offline : IDENTITY_STATUS.online;
}

export interface WantingContext {
  readonly directory: Pick<Directory, 'isTakingPart'>;
  readonly echoNewMessageToCaller: boolean;
}

/** What a connection asked for. Whether it may see an event is said elsewhere. No allocation, no I/O. */
export function wants(
  happened: DomainEvent,
  connection: Connection<SignalrSession>,
  { directory, echoNewMessageToCaller }: WantingContext,
): boolean {
  const { session, viewer } = connection;
  switch (happened.type) {
    case 'message.sent':
      return isForAll(happened.message) && (echoNewMessageToCaller || happened.origin !== connection.id);
    case 'message.edited':
      return isForAll(happened.message);
    case 'receipts.advanced':
      return happened.marks.some(isReading);
    case 'conversation.created':
    case 'conversation.deleted':
    case 'participant.joined':
    case 'participant.left':
      return session.receivesUpdates;
    case 'conversation.updated':
      return session.receivesUpdates && (happened.changed.includes('title') || happened.changed.includes('typeLabel'));
    case 'participant.changed':
      return session.receivesUpdates && happened.changed.includes('groups');
    case 'presence.changed':
      return viewer !== null && isTransition(happened, session, { directory, viewerId: viewer.userId });
    default:
      return false;
  }
}

function isForAll({ visibility, deletedAt }: LogEvent<'message.sent'>['message']): boolean {
  return visibility === 'all' && deletedAt === null;
}

function isReading({ kind }: LogEvent<'receipts.advanced'>['marks'][number]): boolean {
  return kind === 'read';
}

/** A change for this watcher, of somebody with whom it shares a conversation now. Notes what it is told: it hears nothing twice. */
function isTransition(
  { userId, previous, status, conversationIds }: Extract<DomainEvent, { type: 'presence.changed' }>,
  { watched }: SignalrSession,
  { directory, viewerId }: { readonly directory: WantingContext['directory']; readonly viewerId: UserId },
): boolean {
  const watch = watched?.get(userId);
  const now = toIdentityStatus(status);
  if (!watch || watch.told === now || toIdentityStatus(previous) === now) return false;
  if (userId !== viewerId && !conversationIds.some((id) => directory.isTakingPart(viewerId, id))) return false;
  watch.told = now;
  return true;
}
