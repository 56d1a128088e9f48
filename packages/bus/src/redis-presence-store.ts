/**
 * Presence on Redis. Each operation is one atomic step there (redis-presence-script.ts); what this node holds is kept here as well, to be
 * registered again when Redis has lost it or has taken the node for dead.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, ConnectionId, Log, NodeId, PresenceChange, PresenceStore, UserId } from '@switchboard/core';
import { isSamePresence, NODE_REFRESH_MS } from './presence-terms.ts';
import { connectRedis } from './redis-connection.ts';
import { createHeldConnections, type Standing } from './redis-held-connections.ts';
import { createPresenceCalls, type Snapshot, toChange, toPresence } from './redis-presence-calls.ts';
import { SWEEP_LIMIT } from './redis-presence-script.ts';

export interface RedisPresenceOptions {
  readonly url: string;
  readonly nodeId: NodeId;
  /** As of the bus. Default `switchboard`. */
  readonly prefix?: string;
  /** For the timer of refreshes. */
  readonly clock: Clock;
  /** Whose time decides on graces and dead nodes: Redis' own, the same for all nodes (default), or the clock's, which a test can move. */
  readonly time?: 'redis' | 'clock';
  readonly log: Log;
}

const USERS_AT_ONCE = 500;

export function createRedisPresenceStore(options: RedisPresenceOptions): PresenceStore {
  const { url, nodeId, prefix = 'switchboard', clock, time = 'redis', log } = options;
  let epoch: string | null = null;
  /** What has not been made up for yet. */
  let owed: Standing = 'kept';
  let refreshing: Promise<void> | null = null;

  const connection = connectRedis({
    url,
    name: `${prefix}-presence-${nodeId}`,
    log,
    // Not awaited: the connection is good for others before all that this node holds is registered again.
    onReady: async () => void refresh().catch(complain),
  });
  const calls = createPresenceCalls(connection, `{${prefix}}:presence:`, () => (time === 'clock' ? clock.now() : 0));
  const held = createHeldConnections({ nodeId, calls, clock });
  const stopRefreshing = clock.every(NODE_REFRESH_MS, () => void refresh().catch(complain));

  /** Says that the node lives, and makes up for what Redis does not know. */
  function refresh(): Promise<void> {
    refreshing ??= calls
      // A node that was stopped itself gets the answer too late, and must not miss that it was declared dead.
      .run(['refresh', nodeId, randomUUID()], (late) => learn(late as [string, number]))
      .then(async (answer) => {
        learn(answer as [string, number]);
        await held.catchUp(owed);
        owed = 'kept';
      })
      .finally(() => {
        refreshing = null;
      });
    return refreshing;
  }

  function learn([current, known]: [string, number]): void {
    if (epoch !== null && epoch !== current) owed = 'lost';
    else if (epoch !== null && known === 0 && owed === 'kept') owed = 'declared dead';
    epoch = current;
  }

  function complain(error: unknown): void {
    if (connection.isUp()) log('warn', 'presence could not be refreshed', { error });
  }

  async function snapshots(userIds: readonly UserId[]): Promise<Snapshot[]> {
    const pages: Promise<unknown>[] = [];
    for (let from = 0; from < userIds.length; from += USERS_AT_ONCE) {
      pages.push(calls.run(['get', ...userIds.slice(from, from + USERS_AT_ONCE)]));
    }
    return (await Promise.all(pages)).flat() as Snapshot[];
  }

  async function sweepOnce(): Promise<{ more: boolean; changes: PresenceChange[] }> {
    const parse = (answer: unknown) => {
      const [count, ...flat] = answer as [number, ...(string | Snapshot)[]];
      const changes: PresenceChange[] = [];
      for (let i = 0; i < flat.length; i += 3) {
        const userId = Number(flat[i]) as UserId;
        changes.push(toChange(userId, [flat[i + 1], flat[i + 2]] as [Snapshot, Snapshot]));
      }
      return { more: count >= SWEEP_LIMIT, changes };
    };
    // An answer that comes late still tells what only this node will ever hear.
    const answer = await calls.run(['sweep', SWEEP_LIMIT], (late) => held.answerLater(...parse(late).changes));
    return parse(answer);
  }

  return {
    register: (record, initial) => held.register(record, initial),
    end: (id, userId, graceMs) => held.end(id, userId, graceMs),
    setAsleep: (id, userId, asleep) => held.setAsleep(id, userId, asleep),
    setManual: (userId, status, by = '' as ConnectionId) => calls.change(userId, ['manual', userId, status, by]),

    async get(userIds) {
      const found = await snapshots(userIds);
      return new Map(userIds.map((userId, i) => [userId, toPresence(userId, found[i] ?? [])]));
    },

    async sweep() {
      await refresh();
      const changes: PresenceChange[] = [];
      for (let more = true; more; ) {
        const swept = await sweepOnce();
        changes.push(...swept.changes);
        more = swept.more;
      }
      changes.unshift(...held.takeUnanswered());
      return changes.filter((change) => !isSamePresence(change));
    },

    async list({ namespace, userId } = {}) {
      const flat = (await calls.run(['list', userId ?? ''])) as (string | Snapshot)[];
      const records = [];
      for (let i = 0; i < flat.length; i += 2) {
        records.push(...toPresence(Number(flat[i]) as UserId, flat[i + 1] as Snapshot).connections);
      }
      return records.filter((record) => namespace === undefined || record.namespace === namespace);
    },

    claim: (key, id) => held.claim(key, id),
    unclaim: (key, id) => held.unclaim(key, id),
    attend: (conversationId, attendance, limit) => held.attend(conversationId, attendance, limit),
    unattend: (conversationId, id) => held.unattend(conversationId, id),

    async attending(conversationId) {
      const flat = (await calls.run(['attending', conversationId])) as string[];
      const found = [];
      for (let i = 0; i < flat.length; i += 2) {
        found.push({ connection: flat[i] as ConnectionId, userId: Number(flat[i + 1]) as UserId });
      }
      return found;
    },

    async close() {
      stopRefreshing();
      await connection.close();
    },
  };
}
