/** Calls of the presence script, and its answers in the domain's words. Holds no state. */
import { createHash } from 'node:crypto';
import type { ConnectionRecord, ManualStatus, PresenceChange, UserId, UserPresence } from '@switchboard/core';
import { toUserPresence } from './presence-terms.ts';
import type { RedisConnection } from './redis-connection.ts';
import { PRESENCE_SCRIPT } from './redis-presence-script.ts';

export type Operation = readonly [name: string, ...args: (string | number)[]];
/** A hash of Redis as it comes: field, value, field, value … */
export type Snapshot = readonly string[];

export interface PresenceCalls {
  /** `late`: see `RedisConnection.call`. */
  run(operation: Operation, late?: (answer: unknown) => void): Promise<unknown>;
  /** An operation that answers a user's state before and after. */
  change(userId: UserId, operation: Operation, late?: (change: PresenceChange) => void): Promise<PresenceChange>;
}

const SHA = createHash('sha1').update(PRESENCE_SCRIPT).digest('hex');

export function createPresenceCalls(connection: RedisConnection, prefix: string, now: () => number): PresenceCalls {
  function run([name, ...args]: Operation, late?: (answer: unknown) => void): Promise<unknown> {
    const given = [prefix, name, now(), ...args];
    return connection.call(
      (redis) =>
        redis.evalsha(SHA, 1, ...given).catch((error: unknown) => {
          // Not there yet, or lost with a restart.
          if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
            return redis.eval(PRESENCE_SCRIPT, 1, ...given);
          }
          throw error;
        }),
      late,
    );
  }

  return {
    run,
    async change(userId, operation, late) {
      const answer = await run(operation, late && ((answer) => late(toChange(userId, answer as [Snapshot, Snapshot]))));
      return toChange(userId, answer as [Snapshot, Snapshot]);
    },
  };
}

export function toChange(userId: UserId, [before, after]: readonly [Snapshot, Snapshot]): PresenceChange {
  return { before: toPresence(userId, before), after: toPresence(userId, after) };
}

export function toPresence(userId: UserId, snapshot: Snapshot): UserPresence {
  let manual: ManualStatus | null = null;
  const connections: ConnectionRecord[] = [];
  for (let i = 0; i < snapshot.length; i += 2) {
    if (snapshot[i] === 'manual') manual = snapshot[i + 1] as ManualStatus;
    else connections.push(toRecord(snapshot[i + 1] as string));
  }
  return toUserPresence(userId, manual, connections);
}

/** What changes stands in front of what does not, so that the script need not read JSON. */
function toRecord(value: string): ConnectionRecord {
  const [asleep = '', endedAt = '', graceMs = '', node = ''] = value.split('|', 4);
  const json = value.slice(asleep.length + endedAt.length + graceMs.length + node.length + 4);
  return {
    ...(JSON.parse(json) as ConnectionRecord),
    asleep: asleep === '1',
    endedAt: endedAt === '' ? null : Number(endedAt),
    graceMs: Number(graceMs),
  };
}
