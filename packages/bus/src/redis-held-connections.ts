/**
 * What this node holds in Redis: its connections, their claims and attendances. Redis may have lost it, may not have heard of it, or may
 * have taken the node for dead; `catchUp` makes both agree again and keeps what changed by it for the next sweep to answer.
 */
import type {
  Attendance,
  Clock,
  ConnectionId,
  ConnectionRecord,
  ConversationId,
  NodeId,
  PresenceChange,
  PresenceStatus,
  UserId,
} from '@switchboard/core';
import type { PresenceCalls } from './redis-presence-calls.ts';

interface Held {
  record: ConnectionRecord;
  readonly initial: PresenceStatus | undefined;
  ended: { readonly at: number; readonly graceMs: number | undefined } | null;
  /** The caller of the last operation, or a sweep, has heard what changed by it. */
  told: boolean;
  /** Operations on their way. */
  busy: number;
}

/** What Redis knows of the node: everything, nothing any more (it has restarted), or that it was dead. */
export type Standing = 'kept' | 'lost' | 'declared dead';

/** Entries that are made up for at a time. */
const AT_ONCE = 500;

export interface HeldConnectionsOptions {
  readonly nodeId: NodeId;
  readonly calls: PresenceCalls;
  readonly clock: Clock;
}

export function createHeldConnections({ nodeId, calls, clock }: HeldConnectionsOptions) {
  const held = new Map<ConnectionId, Held>();
  const claims = new Map<ConnectionId, Set<string>>();
  const attends = new Map<ConnectionId, Set<ConversationId>>();
  let unanswered: PresenceChange[] = [];

  function registering(entry: Held, how: { fresh: boolean; endedAt?: number }): Promise<PresenceChange> {
    const { record, initial } = entry;
    const { id, userId, graceMs, asleep } = record;
    const flags = [initial ?? '', how.fresh ? 1 : 0, asleep ? 1 : 0, how.endedAt ?? '', graceMs];
    return calls.change(userId, ['register', userId, id, nodeId, ...flags, JSON.stringify(record)], (change) => {
      answerLater(change);
      entry.told = true;
    });
  }

  function ending(id: ConnectionId, userId: UserId, graceMs?: number): Promise<PresenceChange> {
    const entry = held.get(id);
    const keys = [...(claims.get(id) ?? [])];
    const released = [nodeId, keys.length, ...keys, ...(attends.get(id) ?? [])];
    return calls.change(userId, ['end', userId, id, graceMs ?? '', ...released], (change) => {
      answerLater(change);
      if (entry) settle(entry);
    });
  }

  function settle(entry: Held): void {
    entry.told = true;
    if (!entry.ended) return;
    claims.delete(entry.record.id);
    attends.delete(entry.record.id);
    if (graceOf(entry) <= 0) held.delete(entry.record.id);
  }

  /** What fails stays untold and is made up for; what is late is answered by the next sweep. */
  async function attempt(entry: Held, run: () => Promise<PresenceChange>): Promise<PresenceChange> {
    entry.told = false;
    entry.busy += 1;
    try {
      const change = await run();
      settle(entry);
      return change;
    } finally {
      entry.busy -= 1;
    }
  }

  function answerLater(...changes: PresenceChange[]): void {
    unanswered.push(...changes);
  }

  async function catchUpWith(entry: Held, standing: Standing): Promise<void> {
    const { record, ended } = entry;
    if (entry.busy > 0) return;
    if (ended && entry.told) {
      if (ended.at + graceOf(entry) <= clock.now()) held.delete(record.id);
      else if (standing === 'lost') await registering(entry, { fresh: false, endedAt: ended.at });
    } else if (ended) {
      // Whether it had been registered or ended is unknown: both are done, and what the ending changed is told.
      await registering(entry, { fresh: false });
      answerLater(await attempt(entry, () => ending(record.id, record.userId, ended.graceMs)));
    } else if (!entry.told) {
      answerLater(await attempt(entry, () => registering(entry, { fresh: true })));
    } else if (standing !== 'kept') {
      const change = await registering(entry, { fresh: false });
      // Nobody was told that it had gone when Redis forgot it.
      if (standing === 'declared dead') answerLater(change);
    }
    if (standing === 'kept' || ended) return;
    for (const key of claims.get(record.id) ?? []) await calls.run(['claim', key, nodeId, record.id, 1]);
    for (const id of attends.get(record.id) ?? [])
      await calls.run(['attend', id, nodeId, record.id, record.userId, '']);
  }

  return {
    answerLater,

    takeUnanswered(): PresenceChange[] {
      const taken = unanswered;
      unanswered = [];
      return taken;
    },

    async catchUp(standing: Standing): Promise<void> {
      const entries = [...held.values()];
      for (let from = 0; from < entries.length; from += AT_ONCE) {
        await Promise.all(entries.slice(from, from + AT_ONCE).map((entry) => catchUpWith(entry, standing)));
      }
    },

    register(record: ConnectionRecord, initial?: PresenceStatus): Promise<PresenceChange> {
      const entry: Held = { record, initial, ended: null, told: false, busy: 0 };
      held.set(record.id, entry);
      return attempt(entry, () => registering(entry, { fresh: false }));
    },

    end(id: ConnectionId, userId: UserId, graceMs?: number): Promise<PresenceChange> {
      const entry = held.get(id);
      if (!entry) return ending(id, userId, graceMs);
      entry.ended = { at: entry.ended?.at ?? clock.now(), graceMs };
      return attempt(entry, () => ending(id, userId, graceMs));
    },

    async setAsleep(id: ConnectionId, userId: UserId, asleep: boolean): Promise<PresenceChange> {
      const change = await calls.change(userId, ['asleep', userId, id, asleep ? 1 : 0], answerLater);
      const entry = held.get(id);
      if (entry) entry.record = { ...entry.record, asleep };
      return change;
    },

    async claim(key: string, id: ConnectionId): Promise<ConnectionId | null> {
      note(claims, id, key);
      return (await calls.run(['claim', key, nodeId, id, 0])) as ConnectionId | null;
    },

    async unclaim(key: string, id: ConnectionId): Promise<void> {
      forget(claims, id, key);
      await calls.run(['unclaim', key, nodeId, id]);
    },

    async attend(conversationId: ConversationId, attendance: Attendance, limit?: number): Promise<boolean> {
      const { connection, userId } = attendance;
      const taken = await calls.run(['attend', conversationId, nodeId, connection, userId, limit ?? '']);
      if (taken === 1) note(attends, connection, conversationId);
      return taken === 1;
    },

    async unattend(conversationId: ConversationId, id: ConnectionId): Promise<void> {
      forget(attends, id, conversationId);
      await calls.run(['unattend', conversationId, nodeId, id]);
    },
  };
}

function note<T>(sets: Map<ConnectionId, Set<T>>, id: ConnectionId, value: T): void {
  const set = sets.get(id) ?? new Set();
  sets.set(id, set.add(value));
}

function forget<T>(sets: Map<ConnectionId, Set<T>>, id: ConnectionId, value: T): void {
  const set = sets.get(id);
  set?.delete(value);
  if (set?.size === 0) sets.delete(id);
}

function graceOf({ record, ended }: Held): number {
  return ended?.graceMs ?? record.graceMs;
}
