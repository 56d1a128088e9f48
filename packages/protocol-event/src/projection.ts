/** Domain events on this wire: one frame for a new message, silence for everything else. Wire: PROTOCOL.md §5.1. */
import { dropped, type Projection, shared } from '@switchboard/protocol';
import type { EventSession } from './session.ts';
import type { Views } from './views.ts';
import { type Envelope, EVENT } from './wire.ts';

const NO_EVENT = 'this wire has no event for it; lists show it';
const NO_PRESENCE = 'this wire has no presence';
const NO_TYPING = 'this wire has no typing';
const NO_CALLS = 'this wire has no calls';
const NO_SPACES = 'this wire has no spaces';

export function createProjection(views: Views): Projection<Envelope, EventSession> {
  return {
    'message.sent': shared((event, lookup) => [
      { name: EVENT.receiveMessage, ok: true, result: { message: views.toMessage(event.message, lookup, false) } },
    ]),
    'message.edited': dropped(NO_EVENT),
    'message.deleted': dropped(NO_EVENT),
    'message.hidden': dropped(NO_EVENT),
    'message.updated': dropped(NO_EVENT),
    'receipts.advanced': dropped(NO_EVENT),
    'file.updated': dropped(NO_EVENT),

    'conversation.created': dropped(NO_EVENT),
    'conversation.updated': dropped(NO_EVENT),
    'conversation.deleted': dropped(NO_EVENT),
    'conversation.opened': dropped(NO_EVENT),
    'conversation.closed': dropped(NO_EVENT),
    'conversation.assigned': dropped(NO_EVENT),
    'conversation.unassigned': dropped(NO_EVENT),
    'participant.joined': dropped(NO_EVENT),
    'participant.left': dropped(NO_EVENT),
    'participant.changed': dropped(NO_EVENT),
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

    'presence.changed': dropped(NO_PRESENCE),
    'typing.changed': dropped(NO_TYPING),
    'call.media_changed': dropped(NO_CALLS),
    'call.signal': dropped(NO_CALLS),
    'wire.signal': dropped('meant for one other wire'),
  };
}
