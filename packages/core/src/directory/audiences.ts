/** The audience of each event, from who was in when it happened. */
import type { Audience } from '../audience.ts';
import type { LogEvent } from '../events.ts';
import type { Namespace, SpaceId, UserId } from '../ids.ts';
import type { Conversation } from '../model/conversation.ts';

const NO_USERS: readonly UserId[] = [];

/** Of events that concern no one on this node. */
export const NOBODY: Audience = {
  participants: null,
  staffOf: null,
  membersOf: null,
  users: NO_USERS,
  staffOnly: false,
  namespace: null,
  noticeTo: null,
};

export function userAudience(users: readonly UserId[], namespace: Namespace | null = null): Audience {
  return { ...NOBODY, users, namespace };
}

/** Who was in a conversation when something happened there. */
export interface Present {
  readonly activeIds: ReadonlySet<UserId>;
  /** Those of them on the staff side. */
  readonly staffIds: ReadonlySet<UserId>;
  readonly conversation: Pick<Conversation, 'kind' | 'spaceId'>;
}

/** Of an event in a conversation. */
export function conversationAudience(event: LogEvent, present: Present): Audience {
  const users = namedUsers(event);
  if (isPersonal(event)) return userAudience(users);
  const { kind, spaceId } = present.conversation;
  const staffOnly = event.visibility === 'staff';
  return {
    participants: staffOnly ? present.staffIds : present.activeIds,
    staffOf: kind === 'support' ? spaceId : null,
    membersOf: null,
    users,
    staffOnly,
    namespace: event.visibility.startsWith('namespace:') ? event.visibility.slice('namespace:'.length) : null,
    noticeTo: null,
  };
}

/** That a conversation of a workspace came or went is no secret there. */
export function noticeSpace(event: LogEvent): SpaceId | null {
  if (event.type !== 'conversation.created' && event.type !== 'conversation.deleted') return null;
  return event.conversation.kind === 'support' ? null : event.conversation.spaceId;
}

export function spaceAudience(event: LogEvent, spaceId: SpaceId): Audience {
  return { ...NOBODY, membersOf: spaceId, users: namedUsers(event) };
}

/** Told to the users it names and to nobody else in the conversation. */
function isPersonal(event: LogEvent): boolean {
  switch (event.type) {
    case 'message.hidden':
    case 'participant.preferences_changed':
    case 'call.invited':
    case 'call.invite_answered':
    case 'call.invite_cancelled':
      return true;
    default:
      return false;
  }
}

/** Who sees an event whatever they belong to: whom it is about, and whom it took out. */
function namedUsers(event: LogEvent): readonly UserId[] {
  switch (event.type) {
    case 'message.sent':
    case 'receipts.advanced':
      return event.userIds;
    case 'message.hidden':
    case 'space.member_left':
      return withUser(event.userIds, event.userId);
    case 'participant.preferences_changed':
    case 'participant.left':
      return withUser(event.userIds, event.participant.userId);
    case 'space.member_joined':
    case 'space.member_changed':
      return withUser(event.userIds, event.member.userId);
    case 'call.invited':
    case 'call.invite_cancelled':
      return withUser(event.userIds, event.invite.userId);
    case 'call.invite_answered':
      return withUser(event.userIds, event.invite.fromId);
    default:
      return event.userIds;
  }
}

function withUser(users: readonly UserId[], user: UserId): readonly UserId[] {
  return users.includes(user) ? users : [...users, user];
}
