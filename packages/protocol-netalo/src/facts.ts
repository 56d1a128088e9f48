/**
 * What lists and pushes of groups need besides the lookup, read for many groups at once: newest messages, what is unread, the messages at
 * the marks, and who is online. A fixed number of statements. Decides nothing.
 */
import type { ConversationId, Core, Message, MessageId, Namespace, Seq, UserId } from '@switchboard/core';
import { occupantsOf, type Place, type Status } from './views/basic.ts';
import { type GroupFacts, receivedUpTo } from './views/group.ts';

export interface Facts {
  /** Of these groups, as this user sees them. People are in the lookup when it resolves. */
  ofGroups(userId: UserId, places: readonly Place[]): Promise<ReadonlyMap<ConversationId, GroupFacts>>;
  /** Of a group without messages, as everybody sees it. */
  ofNewGroup(place: Place): Promise<GroupFacts>;
  statuses(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Status>>;
}

export function createFacts(core: Core, namespace: Namespace): Facts {
  async function statuses(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Status>> {
    const known = await core.presence.statuses(userIds);
    // Idle is online here; unknown is offline.
    const isOnline = (userId: UserId) => (known.get(userId) ?? 'offline') !== 'offline';
    const gone = await core.users.findMany(userIds.filter((userId) => !isOnline(userId)));
    const lastSeen = new Map(gone.map(({ id, lastSeenAt }) => [id, lastSeenAt]));
    return new Map(
      userIds.map((userId) => [userId, { online: isOnline(userId), lastSeenAt: lastSeen.get(userId) ?? null }]),
    );
  }

  function everybodyIn(places: readonly Place[]): UserId[] {
    return [...new Set(places.flatMap((place) => occupantsOf(place).map(({ userId }) => userId)))];
  }

  return {
    statuses,

    async ofNewGroup(place) {
      const everybody = everybodyIn([place]);
      await core.directory.ensureUsers(everybody);
      return { latest: null, latestHiddenBy: [], unread: 0, markIds: new Map(), statuses: await statuses(everybody) };
    },

    async ofGroups(userId, places) {
      if (places.length === 0) return new Map();
      const ids = places.map(({ conversation }) => conversation.id);
      const marks = places.flatMap(marksOf);
      const people = [...new Set(places.flatMap(({ participants }) => [...participants.keys()]))];
      const [latest, unread, markIds, online] = await Promise.all([
        core.messages.latestVisible(userId, ids, namespace),
        core.receipts.unreadCounts(userId, { since: 'watermark', conversationIds: ids, namespace }),
        core.messages.idsAt(marks),
        statuses(everybodyIn(places)),
        core.directory.ensureUsers(people),
      ]);
      const hidden = await core.messages.hiddenBy([...latest.values()].map(({ id }) => id));
      const byPlace = new Map<ConversationId, Map<Seq, MessageId>>(ids.map((id) => [id, new Map()]));
      for (const [index, { conversationId, seq }] of marks.entries()) {
        const messageId = markIds[index];
        if (messageId) byPlace.get(conversationId)?.set(seq, messageId);
      }
      const factsOf = (id: ConversationId, newest: Message | null): GroupFacts => ({
        latest: newest,
        latestHiddenBy: newest ? (hidden.get(newest.id) ?? []) : [],
        unread: unread.get(id) ?? 0,
        markIds: byPlace.get(id) ?? new Map(),
        statuses: online,
      });
      return new Map(ids.map((id) => [id, factsOf(id, latest.get(id) ?? null)]));
    },
  };
}

/** Every seq at which somebody's mark stands, once. */
function marksOf(place: Place): { readonly conversationId: ConversationId; readonly seq: Seq }[] {
  const seqs = new Set(occupantsOf(place).flatMap((one) => [one.readSeq, receivedUpTo(one)]));
  seqs.delete(0);
  return [...seqs].map((seq) => ({ conversationId: place.conversation.id, seq }));
}
