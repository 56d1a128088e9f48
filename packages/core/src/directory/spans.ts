/** Who was in when, from the stretches of time that each participant was. */
import type { ConversationId, LogPosition, UserId } from '../ids.ts';
import type { Span } from '../ports/log-store.ts';

export function groupSpans(spans: readonly Span[]): Map<ConversationId, Span[]> {
  const groups = new Map<ConversationId, Span[]>();
  for (const span of spans) {
    const group = groups.get(span.conversationId);
    if (group) group.push(span);
    else groups.set(span.conversationId, [span]);
  }
  return groups;
}

/** Who was in when `position` was written, a joining and a leaving at it included. */
export function presentAt(
  spans: Iterable<Span>,
  position: LogPosition,
): { activeIds: Set<UserId>; staffIds: Set<UserId> } {
  const activeIds = new Set<UserId>();
  const staffIds = new Set<UserId>();
  for (const span of spans) {
    if (span.fromPosition > position || (span.toPosition !== null && span.toPosition < position)) continue;
    activeIds.add(span.userId);
    if (span.side === 'staff') staffIds.add(span.userId);
  }
  return { activeIds, staffIds };
}
