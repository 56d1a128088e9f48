/**
 * What this node knows by heart: conversations, spaces, people, and what the people here belong to. Loaded in batches, kept exact by
 * applying events in order; decides who hears, never who may.
 */
import type { Audience } from './audience.ts';
import type { CorePorts } from './context.ts';
import {
  conversationAudience,
  NOBODY,
  noticeSpace,
  type Present,
  spaceAudience,
  userAudience,
} from './directory/audiences.ts';
import { createMembers } from './directory/members.ts';
import { createPeople } from './directory/people.ts';
import { createRecorder } from './directory/recorder.ts';
import { createSpaceCache } from './directory/spaces.ts';
import { presentAt } from './directory/spans.ts';
import type { View } from './directory/view.ts';
import { applyToViews, createViews } from './directory/views.ts';
import type { LogEvent, Signal } from './events.ts';
import type { ConversationId, LogPosition, SpaceId, UserId } from './ids.ts';
import type { Directory } from './lookup.ts';

/** What the follower alone may do with the directory. */
export interface NodeDirectory extends Directory {
  /** Newest position applied. */
  position: LogPosition;
  /**
   * What must be loaded before these events can be applied and handed on; null = nothing. `through`: they were read back from the
   * store, so whatever they concern must be known as of this position at least, and is not changed by them.
   */
  missing(events: readonly LogEvent[], through?: LogPosition): Missing | null;
  missingForSignal(signal: Signal): Missing | null;
  load(missing: Missing): Promise<void>;
  /** Changes what is known here, and answers who may see the event, as of its position. */
  apply(event: LogEvent): Audience;
  audienceOfSignal(signal: Signal): Audience;
  /** Gives memory back; called now and then. */
  sweep(): void;
  /** The log went backwards: everything that is known here may be wrong. */
  reset(): void;
}

export interface Missing {
  readonly conversations: Set<ConversationId>;
  /** Known, but too old. */
  readonly stale: Set<ConversationId>;
  readonly spaces: Set<SpaceId>;
  readonly users: Set<UserId>;
  /** Users whose memberships say who hears. */
  readonly memberships: Set<UserId>;
}

/** Conversations and participants kept at most (about 300 bytes each). */
const MOST_VIEWS = 400_000;
const MOST_PEOPLE = 200_000;
const MOST_SPACES = 20_000;

export function createDirectory(ports: Pick<CorePorts, 'store'>): NodeDirectory {
  const { store } = ports;
  const recorder = createRecorder();
  let applied: LogPosition = 0;
  const position = () => applied;
  const views = createViews({ store: store.conversations, log: store.log, recorder, position });
  const spaces = createSpaceCache({ store: store.spaces, recorder, position });
  const people = createPeople({ store: store.users, recorder, position });
  const members = createMembers({
    store: store.conversations,
    recorder,
    position,
    spaceView: spaces.get,
    ensureSpaces: spaces.ensure,
  });
  /** Memberships of people who are not here, for the events that tell their acquaintances: good for one event each. */
  const acquainted = new Map<UserId, UserId[]>();
  let mostPeople = MOST_PEOPLE;

  /** The people of a conversation, or of a space, are known as long as it is. */
  async function ensureConversations(ids: readonly ConversationId[]): Promise<void> {
    await views.ensure(ids);
    await complete(ids);
  }

  async function complete(ids: Iterable<ConversationId>): Promise<void> {
    const users = new Set<UserId>();
    const spaceIds = new Set<SpaceId>();
    for (const id of ids) {
      const view = views.peek(id);
      if (!view) continue;
      addPeopleOf(view, users);
      if (view.conversation.spaceId !== null) spaceIds.add(view.conversation.spaceId);
    }
    await Promise.all([people.ensure(users), ensureSpaces([...spaceIds])]);
  }

  async function ensureSpaces(ids: readonly SpaceId[]): Promise<void> {
    await spaces.ensure(ids);
    const users = new Set<UserId>();
    for (const id of ids) for (const user of spaces.get(id)?.members.keys() ?? []) users.add(user);
    await people.ensure(users);
  }

  function addPeopleOf(view: View, users: Set<UserId>): void {
    for (const user of view.participants.keys()) users.add(user);
    if (view.lastMessage) users.add(view.lastMessage.senderId);
  }

  function presentFor(event: LogEvent, view: View): Present {
    if (event.position > view.asOf) return view;
    return { ...presentAt(view.past, event.position), conversation: view.conversation };
  }

  function acquaintances(userId: UserId): readonly UserId[] {
    const users = acquainted.get(userId) ?? [];
    acquainted.delete(userId);
    return users.includes(userId) ? users : [...users, userId];
  }

  function audienceOf(event: LogEvent, view: View | null | undefined): Audience {
    if (event.conversationId !== null) {
      const audience = view ? conversationAudience(event, presentFor(event, view)) : NOBODY;
      const noticeTo = noticeSpace(event);
      return noticeTo === null ? audience : { ...audience, noticeTo };
    }
    if (event.spaceId !== null) return spaceAudience(event, event.spaceId);
    switch (event.type) {
      case 'user.updated':
        return userAudience(acquaintances(event.user.id));
      case 'user.deleted':
        return userAudience(acquaintances(event.userId));
      case 'user.created':
        return userAudience([event.user.id]);
      case 'session.revoked':
        return userAudience([event.userId]);
      default:
        return userAudience(event.userIds);
    }
  }

  return {
    conversation: views.get,
    space: spaces.get,
    user: people.get,
    ensureConversations,
    ensureSpaces,
    ensureUsers: people.ensure,
    membershipsOf: members.of,
    isTakingPart: (userId, id) => members.watchersOf(id)?.has(userId) === true,
    release: members.release,
    forget: views.forget,

    get position() {
      return applied;
    },
    set position(value) {
      applied = value;
    },

    missing(events, through = 0) {
      const missing = nothing();
      for (const event of events) {
        if (event.type === 'user.updated' || event.type === 'user.deleted') {
          const id = event.type === 'user.updated' ? event.user.id : event.userId;
          if (!acquainted.has(id)) missing.memberships.add(id);
        }
        if (!members.concerns(event)) {
          // Told late, it cannot be applied: whoever needs it next reads it again.
          if (through > 0 && event.conversationId !== null) views.forget(event.conversationId);
          continue;
        }
        if (event.conversationId !== null) missConversation(event.conversationId, { through, missing });
        else if (event.spaceId !== null) missSpace(event.spaceId, missing);
        missPeople(event, missing.users);
      }
      return isNothing(missing) ? null : missing;
    },

    missingForSignal(signal) {
      const { conversationId: id, actorId } = signal;
      const missing = nothing();
      const need = (user: UserId | null) => {
        if (user !== null && !people.has(user)) missing.users.add(user);
      };
      if (signal.type === 'presence.changed') {
        if (!people.has(signal.userId) && members.sharing(signal).length > 0) need(signal.userId);
      } else if (id !== null && (members.watchersOf(id) !== undefined || (isTyping(signal) && isStaffedHere()))) {
        missConversation(id, { through: 0, missing });
        need(actorId);
      } else if ('to' in signal && signal.to.some(members.isHere)) {
        need(actorId);
      }
      return isNothing(missing) ? null : missing;
    },

    async load(missing) {
      await Promise.all([
        ensureConversations([...missing.conversations]),
        missing.stale.size > 0 ? views.reload(missing.stale).then(() => complete(missing.stale)) : null,
        ensureSpaces([...missing.spaces]),
        people.ensure(missing.users),
        missing.memberships.size > 0 ? loadAcquaintances([...missing.memberships]) : null,
      ]);
    },

    apply(event) {
      applied = event.position;
      recorder.note(event);
      const id = event.conversationId;
      const concerned = members.concerns(event);
      const view = id === null ? undefined : views.peek(id);
      // Who was in when it ended is nobody afterwards.
      const before = concerned && event.type === 'conversation.deleted' ? audienceOf(event, view) : null;
      applyToViews(views, event);
      const audience = before ?? (concerned ? audienceOf(event, view) : NOBODY);
      if (isAboutPeople(event)) {
        spaces.apply(event);
        members.apply(event);
        people.apply(event);
        if (event.type === 'user.deleted') for (const view of views.all()) forgetText(view, event.userId);
      }
      return audience;
    },

    audienceOfSignal(signal) {
      if (signal.type === 'presence.changed') {
        return userAudience([signal.userId, ...members.sharing(signal)].filter(isFirst));
      }
      const namespace = signal.type === 'wire.signal' ? signal.namespace : null;
      if ((signal.type === 'wire.signal' || signal.type === 'call.signal') && signal.to.length > 0) {
        return userAudience(signal.to, namespace);
      }
      const view = signal.conversationId === null ? undefined : views.get(signal.conversationId);
      if (!view) return NOBODY;
      const { kind, spaceId } = view.conversation;
      // The staff of a queue look at what nobody has taken on yet.
      const staffOf = isTyping(signal) && kind === 'support' ? spaceId : null;
      return { ...NOBODY, participants: view.activeIds, staffOf, namespace };
    },

    sweep() {
      views.sweep(MOST_VIEWS);
      if (spaces.size > MOST_SPACES) spaces.keepOnly(new Set(members.spaceIds()));
      if (people.size <= mostPeople) return;
      const inUse = new Set<UserId>();
      for (const view of views.all()) addPeopleOf(view, inUse);
      for (const space of spaces.views()) for (const user of space.members.keys()) inUse.add(user);
      people.keepOnly(inUse);
      mostPeople = Math.max(MOST_PEOPLE, 2 * people.size);
    },

    reset() {
      views.clear();
      spaces.clear();
      people.clear();
      members.clear();
      acquainted.clear();
    },
  };

  /** Somebody here is staff of some queue. */
  function isStaffedHere(): boolean {
    for (const id of members.spaceIds()) if (spaces.get(id)?.space.kind === 'queue') return true;
    return false;
  }

  async function loadAcquaintances(ids: readonly UserId[]): Promise<void> {
    const { memberships } = await store.conversations.membershipsOf(ids);
    for (const id of ids) {
      const found = memberships.get(id);
      acquainted.set(
        id,
        found ? members.sharing({ conversationIds: found.conversationIds, spaceIds: found.spaces.keys() }) : [],
      );
    }
  }

  function missConversation(
    id: ConversationId,
    need: { readonly through: LogPosition; readonly missing: Missing },
  ): void {
    const { through, missing } = need;
    const view = views.peek(id);
    if (view === undefined) {
      missing.conversations.add(id);
      return;
    }
    if (view === null) return;
    view.used = true;
    if (view.asOf < through) missing.stale.add(id);
    if (view.conversation.spaceId !== null) missSpace(view.conversation.spaceId, missing);
  }

  function missSpace(id: SpaceId, missing: Missing): void {
    if (!spaces.has(id)) missing.spaces.add(id);
  }

  function missPeople(event: LogEvent, missing: Set<UserId>): void {
    const need = (id: UserId) => {
      if (!people.has(id)) missing.add(id);
    };
    if (event.actorId !== null) need(event.actorId);
    switch (event.type) {
      case 'message.sent':
      case 'message.edited':
      case 'message.deleted':
      case 'message.updated':
        need(event.message.senderId);
        return;
      case 'receipts.advanced':
        if (event.first) need(event.first.message.senderId);
        return;
      case 'conversation.created':
        for (const { userId } of event.participants) need(userId);
        return;
      case 'participant.joined':
      case 'participant.left':
      case 'participant.changed':
        need(event.participant.userId);
        return;
      case 'space.created':
        for (const { userId } of event.members) need(userId);
        return;
      case 'space.member_joined':
      case 'space.member_changed':
        need(event.member.userId);
        return;
      default:
        if ('invite' in event) {
          need(event.invite.userId);
          need(event.invite.fromId);
        }
        if ('call' in event) {
          for (const { userId } of event.call.participants) need(userId);
          for (const { userId } of event.call.legs) need(userId);
        }
    }
  }
}

function isTyping(signal: Signal): boolean {
  return signal.type === 'typing.changed';
}

function nothing(): Missing {
  return { conversations: new Set(), stale: new Set(), spaces: new Set(), users: new Set(), memberships: new Set() };
}

function isNothing(missing: Missing): boolean {
  const { conversations, stale, spaces, users, memberships } = missing;
  return conversations.size + stale.size + spaces.size + users.size + memberships.size === 0;
}

/** Messages, marks and calls change neither who somebody is nor what anybody belongs to. */
/** Erased with its sender: the store empties it piece by piece, here it goes at once. */
function forgetText(view: View, userId: UserId): void {
  const { lastMessage } = view;
  if (lastMessage?.senderId !== userId) return;
  view.lastMessage = { ...lastMessage, text: '', parts: [], prompt: null, meta: {} };
}

function isAboutPeople(event: LogEvent): boolean {
  return !(event.type.startsWith('message.') || event.type.startsWith('receipts.') || event.type.startsWith('call.'));
}

function isFirst(value: UserId, index: number, all: readonly UserId[]): boolean {
  return all.indexOf(value) === index;
}
