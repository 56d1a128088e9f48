/**
 * Presence of all nodes that share a medium in one process. Every call is one step of plain code, so answers of before and after are
 * exact. A store that is closed without having ended its connections is what a killed process is on Redis: dead 12.5 s later.
 */
import type {
  Clock,
  ConnectionId,
  ConnectionRecord,
  NodeId,
  PresenceChange,
  PresenceStatus,
  PresenceStore,
  UserId,
  UserPresence,
} from '@switchboard/core';
import type { MemoryMedium, PresentUser } from './memory-medium.ts';
import { isSamePresence, NODE_DEAD_MS, NODE_REFRESH_MS, toUserPresence } from './presence-terms.ts';

export interface MemoryPresenceOptions {
  readonly medium: MemoryMedium;
  readonly nodeId: NodeId;
  readonly clock: Clock;
}

export function createMemoryPresenceStore({ medium, nodeId, clock }: MemoryPresenceOptions): PresenceStore {
  /** What this node holds, to be registered again when the others took the node for dead. */
  const held = new Map<ConnectionId, ConnectionRecord>();
  /** Changes that no call of ours made; the next sweep answers them. */
  const unanswered: PresenceChange[] = [];

  const isAlive = (id: NodeId) => clock.now() - (medium.nodes.get(id) ?? Number.NEGATIVE_INFINITY) < NODE_DEAD_MS;

  function refresh(): void {
    const wasDead = !medium.nodes.has(nodeId);
    medium.nodes.set(nodeId, clock.now());
    if (!wasDead) return;
    for (const record of held.values()) {
      unanswered.push(change(medium, record.userId, (user) => user.connections.set(record.id, record)));
    }
  }

  function leave(connection: ConnectionId): void {
    for (const [key, holder] of medium.claims) if (holder.connection === connection) medium.claims.delete(key);
    for (const attendances of medium.attendances.values()) attendances.delete(connection);
  }

  function update(id: ConnectionId, userId: UserId, next: (record: ConnectionRecord) => ConnectionRecord | null) {
    return change(medium, userId, (user) => {
      const known = user.connections.get(id);
      if (!known) return;
      const record = next(known);
      if (record) user.connections.set(id, record);
      else user.connections.delete(id);
      if (held.has(id) && record && record.endedAt === null) held.set(id, record);
    });
  }

  refresh();
  const stopRefreshing = clock.every(NODE_REFRESH_MS, refresh);

  return {
    register: async (record, initial) =>
      change(medium, record.userId, (user) => {
        const known = enter(user, record, initial);
        held.set(known.id, known);
      }),

    end: async (id, userId, graceMs) => {
      held.delete(id);
      leave(id);
      return update(id, userId, (record) => {
        if (record.endedAt !== null && graceMs === undefined) return record;
        const grace = graceMs ?? record.graceMs;
        return grace > 0 ? { ...record, graceMs: grace, endedAt: record.endedAt ?? clock.now() } : null;
      });
    },

    setAsleep: async (id, userId, asleep) => update(id, userId, (record) => ({ ...record, asleep })),

    setManual: async (userId, status, by) =>
      change(medium, userId, (user) => {
        user.manual = status === 'online' ? null : status;
        if (status !== 'online') return;
        const wake = (record: ConnectionRecord) => user.connections.set(record.id, { ...record, asleep: false });
        const acting = by && user.connections.get(by);
        if (acting) wake(acting);
        if (isAsleep(user)) for (const record of user.connections.values()) wake(record);
      }),

    get: async (userIds) => new Map(userIds.map((userId) => [userId, snapshot(medium, userId)])),

    sweep: async () => {
      refresh();
      const now = clock.now();
      const deadSince = new Map<NodeId, number>();
      for (const [id, at] of medium.nodes) if (!isAlive(id)) deadSince.set(id, at + NODE_DEAD_MS);
      for (const id of deadSince.keys()) medium.nodes.delete(id);
      const changes = unanswered.splice(0);
      for (const userId of [...medium.users.keys()]) {
        changes.push(change(medium, userId, (user) => expire(user, { now, deadSince })));
      }
      for (const [key, { nodeId: holder }] of medium.claims) if (deadSince.has(holder)) medium.claims.delete(key);
      for (const attendances of medium.attendances.values())
        for (const [id, { nodeId: holder }] of attendances) if (deadSince.has(holder)) attendances.delete(id);
      return changes.filter((one) => !isSamePresence(one));
    },

    list: async ({ namespace, userId } = {}) =>
      [...medium.users.values()]
        .flatMap((user) => [...user.connections.values()])
        .filter((record) => namespace === undefined || record.namespace === namespace)
        .filter((record) => userId === undefined || record.userId === userId),

    claim: async (key, connection) => {
      const previous = medium.claims.get(key);
      medium.claims.set(key, { connection, nodeId });
      return previous && previous.connection !== connection && isAlive(previous.nodeId) ? previous.connection : null;
    },

    unclaim: async (key, connection) => {
      if (medium.claims.get(key)?.connection === connection) medium.claims.delete(key);
    },

    attend: async (conversationId, attendance, limit = Number.POSITIVE_INFINITY) => {
      const attendances = medium.attendances.get(conversationId) ?? new Map();
      const others = [...attendances.values()].filter((other) => isAlive(other.nodeId));
      if (!attendances.has(attendance.connection) && others.length >= limit) return false;
      medium.attendances.set(conversationId, attendances.set(attendance.connection, { ...attendance, nodeId }));
      return true;
    },

    unattend: async (conversationId, connection) => {
      const attendances = medium.attendances.get(conversationId);
      attendances?.delete(connection);
      if (attendances?.size === 0) medium.attendances.delete(conversationId);
    },

    attending: async (conversationId) =>
      [...(medium.attendances.get(conversationId)?.values() ?? [])]
        .filter((attendance) => isAlive(attendance.nodeId))
        .map(({ connection, userId }) => ({ connection, userId })),

    close: async () => stopRefreshing(),
  };
}

/** A further connection that names a status of its own does not change the user's. */
function enter(user: PresentUser, record: ConnectionRecord, initial: PresenceStatus | undefined): ConnectionRecord {
  const first = user.connections.size === 0;
  if (first && initial && initial !== 'online') user.manual = initial;
  const known = !first && initial && isAsleep(user) ? { ...record, asleep: true } : record;
  user.connections.set(known.id, known);
  return known;
}

function isAsleep(user: PresentUser): boolean {
  return [...user.connections.values()].every(({ asleep }) => asleep);
}

/** Takes out what no longer counts. Connections of a dead node end at the moment of its death, and have their grace from there. */
function expire(user: PresentUser, { now, deadSince }: { now: number; deadSince: ReadonlyMap<NodeId, number> }): void {
  for (const record of [...user.connections.values()]) {
    const endedAt = record.endedAt ?? deadSince.get(record.nodeId) ?? null;
    if (endedAt === null) continue;
    if (endedAt + record.graceMs <= now) user.connections.delete(record.id);
    else user.connections.set(record.id, { ...record, endedAt });
  }
}

function change(medium: MemoryMedium, userId: UserId, work: (user: PresentUser) => void): PresenceChange {
  const before = snapshot(medium, userId);
  const user = medium.users.get(userId) ?? { manual: null, connections: new Map() };
  work(user);
  if (user.connections.size > 0) medium.users.set(userId, user);
  else medium.users.delete(userId);
  return { before, after: snapshot(medium, userId) };
}

function snapshot(medium: MemoryMedium, userId: UserId): UserPresence {
  const user = medium.users.get(userId);
  return toUserPresence(userId, user?.manual ?? null, user ? [...user.connections.values()] : []);
}
