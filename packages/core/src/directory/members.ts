/**
 * What the people of this node belong to, and the other way round: which conversations and spaces concern anybody here. Exact as of
 * the last event applied; answers with one map look-up for whatever concerns nobody.
 */
import type { LogEvent } from '../events.ts';
import type { ConversationId, LogPosition, SpaceId, UserId } from '../ids.ts';
import type { Memberships, SpaceView } from '../lookup.ts';
import type { SpaceRole } from '../model/space.ts';
import type { ConversationStore } from '../ports/conversation-store.ts';
import { noticeSpace } from './audiences.ts';
import { createLoadBatch } from './load-batch.ts';
import type { Recorder } from './recorder.ts';

interface Known extends Memberships {
  readonly conversationIds: Set<ConversationId>;
  readonly spaces: Map<SpaceId, SpaceRole>;
  readonly asOf: LogPosition;
}

export interface Members {
  of(userId: UserId): Promise<Memberships>;
  release(userId: UserId): void;
  isHere(userId: UserId): boolean;
  /** People of this node who take part. */
  watchersOf(conversationId: ConversationId): ReadonlySet<UserId> | undefined;
  watchersOfSpace(spaceId: SpaceId): ReadonlySet<UserId> | undefined;
  /** Whether an event may be for anybody here. */
  concerns(event: LogEvent): boolean;
  apply(event: LogEvent): void;
  /** People here who share a conversation or a space with somebody who belongs to these. */
  sharing(belonging: { conversationIds: Iterable<ConversationId>; spaceIds: Iterable<SpaceId> }): UserId[];
  spaceIds(): Iterable<SpaceId>;
  clear(): void;
}

export interface MembersOptions {
  readonly store: Pick<ConversationStore, 'membershipsOf'>;
  readonly recorder: Recorder;
  readonly position: () => LogPosition;
  readonly spaceView: (id: SpaceId) => SpaceView | undefined;
  readonly ensureSpaces: (ids: Iterable<SpaceId>) => Promise<void>;
}

/** More people than a node has connections for: whoever was asked for longest ago goes first. */
const MOST_KNOWN = 200_000;

export function createMembers(options: MembersOptions): Members {
  const { store, recorder, position, spaceView, ensureSpaces } = options;
  const known = new Map<UserId, Known>();
  const byConversation = new Map<ConversationId, Set<UserId>>();
  const bySpace = new Map<SpaceId, Set<UserId>>();
  let epoch = 0;

  const load = createLoadBatch<UserId>((ids) =>
    recorder.during(position(), async () => {
      const begun = epoch;
      const { head, memberships } = await store.membershipsOf(ids);
      const spaceIds = new Set<SpaceId>();
      for (const { spaces } of memberships.values()) for (const id of spaces.keys()) spaceIds.add(id);
      // Their kind says whose staff somebody is.
      await ensureSpaces(spaceIds);
      if (begun !== epoch) return;
      for (const id of ids) {
        if (known.has(id)) continue;
        const found = memberships.get(id);
        const entry: Known = {
          conversationIds: new Set(found?.conversationIds),
          spaces: new Map(found?.spaces),
          asOf: head,
        };
        known.set(id, entry);
        for (const conversationId of entry.conversationIds) addTo(byConversation, conversationId, id);
        for (const spaceId of entry.spaces.keys()) addTo(bySpace, spaceId, id);
      }
      const loaded = new Set(ids);
      for (const event of recorder.since(head)) applyFor(event, (id) => (loaded.has(id) ? known.get(id) : undefined));
      trim();
    }),
  );

  function trim(): void {
    for (const id of known.keys()) {
      if (known.size <= MOST_KNOWN) return;
      release(id);
    }
  }

  function release(userId: UserId): void {
    const entry = known.get(userId);
    if (!entry) return;
    known.delete(userId);
    for (const id of entry.conversationIds) removeFrom(byConversation, id, userId);
    for (const id of entry.spaces.keys()) removeFrom(bySpace, id, userId);
  }

  function enter(id: UserId, entry: Known | undefined, event: LogEvent): void {
    if (!entry || event.position <= entry.asOf || event.conversationId === null) return;
    entry.conversationIds.add(event.conversationId);
    addTo(byConversation, event.conversationId, id);
  }

  function exit(id: UserId, entry: Known | undefined, event: LogEvent): void {
    if (!entry || event.position <= entry.asOf || event.conversationId === null) return;
    entry.conversationIds.delete(event.conversationId);
    removeFrom(byConversation, event.conversationId, id);
  }

  function setRole(id: UserId, entry: Known | undefined, change: { event: LogEvent; role: SpaceRole | null }): void {
    const { event, role } = change;
    if (!entry || event.position <= entry.asOf || event.spaceId === null) return;
    if (role === null) {
      entry.spaces.delete(event.spaceId);
      removeFrom(bySpace, event.spaceId, id);
    } else {
      entry.spaces.set(event.spaceId, role);
      addTo(bySpace, event.spaceId, id);
    }
  }

  function applyFor(event: LogEvent, find: (id: UserId) => Known | undefined): void {
    switch (event.type) {
      case 'conversation.created':
        for (const { userId, active } of event.participants) if (active) enter(userId, find(userId), event);
        return;
      case 'participant.joined':
        enter(event.participant.userId, find(event.participant.userId), event);
        return;
      case 'participant.left':
        exit(event.participant.userId, find(event.participant.userId), event);
        return;
      case 'conversation.deleted':
        if (event.conversationId === null) return;
        for (const id of [...(byConversation.get(event.conversationId) ?? [])]) exit(id, find(id), event);
        return;
      case 'space.created':
        for (const { userId, role } of event.members) setRole(userId, find(userId), { event, role });
        return;
      case 'space.member_joined':
      case 'space.member_changed':
        setRole(event.member.userId, find(event.member.userId), { event, role: event.member.role });
        return;
      case 'space.member_left':
        setRole(event.userId, find(event.userId), { event, role: null });
        return;
      case 'space.deleted':
        if (event.spaceId === null) return;
        for (const id of [...(bySpace.get(event.spaceId) ?? [])]) setRole(id, find(id), { event, role: null });
        return;
      default:
    }
  }

  /** Somebody here is staff of the queue. */
  function isStaffed(spaceId: SpaceId): boolean {
    return bySpace.has(spaceId) && spaceView(spaceId)?.space.kind !== 'workspace';
  }

  function names(event: LogEvent): boolean {
    for (const id of event.userIds) if (known.has(id)) return true;
    switch (event.type) {
      case 'conversation.created':
        return event.participants.some(({ userId }) => known.has(userId));
      case 'participant.joined':
      case 'participant.left':
      case 'participant.preferences_changed':
        return known.has(event.participant.userId);
      case 'space.created':
        return event.members.some(({ userId }) => known.has(userId));
      case 'space.member_joined':
      case 'space.member_changed':
        return known.has(event.member.userId);
      case 'space.member_left':
      case 'message.hidden':
        return known.has(event.userId);
      case 'call.invited':
      case 'call.invite_answered':
      case 'call.invite_cancelled':
        return known.has(event.invite.userId) || known.has(event.invite.fromId);
      default:
        return false;
    }
  }

  return {
    async of(userId) {
      const entry = known.get(userId);
      if (entry) {
        // Most recently asked for.
        known.delete(userId);
        known.set(userId, entry);
        return entry;
      }
      // Again when the log was found to have gone backwards meanwhile.
      for (;;) {
        await load([userId]);
        const loaded = known.get(userId);
        if (loaded) return loaded;
      }
    },
    release,
    isHere: (userId) => known.has(userId),
    watchersOf: (id) => byConversation.get(id),
    watchersOfSpace: (id) => bySpace.get(id),
    concerns(event) {
      const { conversationId, spaceId } = event;
      if (conversationId !== null) {
        if (byConversation.has(conversationId)) return true;
        if (spaceId !== null && isStaffed(spaceId)) return true;
        const notice = noticeSpace(event);
        if (notice !== null && bySpace.has(notice)) return true;
        return event.type !== 'message.sent' && event.type !== 'receipts.advanced' && names(event);
      }
      if (spaceId !== null) return bySpace.has(spaceId) || names(event);
      return true;
    },
    apply: (event) => applyFor(event, (id) => known.get(id)),
    sharing({ conversationIds, spaceIds }) {
      const users = new Set<UserId>();
      for (const id of conversationIds) for (const user of byConversation.get(id) ?? []) users.add(user);
      for (const id of spaceIds) for (const user of bySpace.get(id) ?? []) users.add(user);
      return [...users];
    },
    spaceIds: () => bySpace.keys(),
    clear() {
      epoch += 1;
      known.clear();
      byConversation.clear();
      bySpace.clear();
    },
  };
}

function addTo<Key>(index: Map<Key, Set<UserId>>, key: Key, user: UserId): void {
  const users = index.get(key);
  if (users) users.add(user);
  else index.set(key, new Set([user]));
}

function removeFrom<Key>(index: Map<Key, Set<UserId>>, key: Key, user: UserId): void {
  const users = index.get(key);
  if (users?.delete(user) && users.size === 0) index.delete(key);
}
