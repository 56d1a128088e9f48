/** The times that all presence stores keep to, and the forms of a user's state that they share. */
import type { ConnectionRecord, ManualStatus, PresenceChange, UserId, UserPresence } from '@switchboard/core';

/** How often a node says that it lives. */
export const NODE_REFRESH_MS = 5_000;
/**
 * A node is dead so long after it last said that it lives: two refreshes missed, and room for the sweeps that find it dead and its grace
 * over. So whoever was on it is told offline within 15 s of its death, plus the grace.
 */
export const NODE_DEAD_MS = 12_500;

export function toUserPresence(
  userId: UserId,
  manual: ManualStatus | null,
  connections: readonly ConnectionRecord[],
): UserPresence {
  const inOrder = [...connections].sort((a, b) => a.connectedAt - b.connectedAt || (a.id < b.id ? -1 : 1));
  return { userId, manual: connections.length === 0 ? null : manual, connections: inOrder };
}

/** Whether anything that decides an effective status is different. */
export function isSamePresence({ before, after }: PresenceChange): boolean {
  if (before.manual !== after.manual || before.connections.length !== after.connections.length) return false;
  const asleep = new Map(before.connections.map((connection) => [connection.id, connection.asleep]));
  return after.connections.every((connection) => asleep.get(connection.id) === connection.asleep);
}
