/** The log again, for a stream that comes back: who was in then is read from the spans, whatever happened since. */
import type { DeliveredEvent } from '../audience.ts';
import { conversationAudience, NOBODY, spaceAudience, userAudience } from '../directory/audiences.ts';
import { groupSpans, presentAt } from '../directory/spans.ts';
import type { NodeDirectory } from '../directory.ts';
import type { LogEvent } from '../events.ts';
import type { ConversationId, LogPosition, SpaceId, UserId } from '../ids.ts';
import type { LogScope, LogStore, Span } from '../ports/log-store.ts';

export type Replay = (
  scope: LogScope,
  after: LogPosition,
  limit?: number,
) => Promise<{ readonly events: readonly DeliveredEvent[]; readonly through: LogPosition }>;

export function createReplay(log: LogStore, directory: NodeDirectory): Replay {
  return async (scope, after, limit) => {
    const { events, through } = await log.readFor(scope, after, limit);
    const first = events[0];
    const last = events.at(-1);
    if (!first || !last) return { events: [], through };
    const conversationIds = new Set<ConversationId>();
    const spaceIds = new Set<SpaceId>();
    const userIds = new Set<UserId>();
    for (const { conversationId, spaceId, actorId } of events) {
      if (conversationId !== null) conversationIds.add(conversationId);
      else if (spaceId !== null) spaceIds.add(spaceId);
      if (actorId !== null) userIds.add(actorId);
    }
    const ids = [...conversationIds];
    const [spans] = await Promise.all([
      ids.length > 0 ? log.spansOf(ids, first.position, last.position) : [],
      directory.ensureConversations(ids),
      directory.ensureSpaces([...spaceIds]),
      directory.ensureUsers([...userIds]),
    ]);
    const byConversation = groupSpans(spans);
    return { events: events.map((event) => ({ event, audience: audienceThen(event, byConversation) })), through };
  };

  function audienceThen(
    event: LogEvent,
    spans: ReadonlyMap<ConversationId, readonly Span[]>,
  ): DeliveredEvent['audience'] {
    const { conversationId, spaceId } = event;
    if (conversationId !== null) {
      const view = directory.conversation(conversationId);
      if (!view) return NOBODY;
      const present = presentAt(spans.get(conversationId) ?? [], event.position);
      return conversationAudience(event, { ...present, conversation: view.conversation });
    }
    if (spaceId !== null) return spaceAudience(event, spaceId);
    switch (event.type) {
      case 'user.created':
      case 'user.updated':
        return userAudience([event.user.id]);
      case 'user.deleted':
      case 'session.revoked':
        return userAudience([event.userId]);
      default:
        return userAudience(event.userIds);
    }
  }
}
