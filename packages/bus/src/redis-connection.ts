/**
 * A connection to Redis that comes back by itself, and calls on it that never hang: while Redis is away or silent they reject with
 * `unavailable` within a second. Knows no key and no channel.
 */
import { DomainError, type Log } from '@switchboard/core';
import { Redis } from 'ioredis';

/** How long a call may take before its caller is told that Redis is away. */
const CALL_TIMEOUT_MS = 1_000;
const LONGEST_RETRY_MS = 1_000;

export interface RedisConnection {
  readonly redis: Redis;
  /**
   * The answer of a call, or `unavailable`. An answer that comes too late for its caller goes to `late`: Redis has done it all the same.
   */
  call<T>(run: (redis: Redis) => Promise<T>, late?: (answer: T) => void): Promise<T>;
  /** Connected, and the last call was answered in time. */
  isUp(): boolean;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly url: string;
  /** Shown by Redis' CLIENT LIST. */
  readonly name: string;
  readonly log: Log;
  /** After every (re)connect, before `isUp`. Rejecting closes the connection for another try. */
  readonly onReady: (redis: Redis) => Promise<void>;
}

export function connectRedis({ url, name, log, onReady }: ConnectOptions): RedisConnection {
  const redis = new Redis(url, {
    connectionName: name,
    // Nothing is queued while Redis is away: callers are told at once, and whoever must makes up for it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: 2_000,
    keepAlive: 5_000,
    retryStrategy: (times) => Math.min(LONGEST_RETRY_MS, 50 * 2 ** Math.min(times, 5)) * (0.5 + Math.random() / 2),
  });
  let ready = false;
  let silent = false;
  let complained = false;
  /** Nobody is turned away before the first connect has come to something. */
  let starting: Promise<void> | null = new Promise((resolve) => {
    redis.once('ready', resolve);
    redis.once('error', resolve);
    redis.once('end', resolve);
  }).then(() => {
    starting = null;
  });

  redis.on('ready', () => {
    onReady(redis).then(
      () => {
        if (complained) log('info', 'Redis is back', { connection: name });
        ready = true;
        silent = false;
        complained = false;
      },
      (error: unknown) => {
        log('warn', 'Redis took the connection but not what was to be said on it', { connection: name, error });
        redis.disconnect(true);
      },
    );
  });
  redis.on('close', () => {
    ready = false;
  });
  redis.on('error', (error) => {
    if (complained) return;
    complained = true;
    log('warn', 'Redis is away; trying again until it is back', { connection: name, error });
  });

  return {
    redis,
    async call(run, late = () => {}) {
      if (starting) await starting;
      if (redis.status !== 'ready') throw away();
      return new Promise((resolve, reject) => {
        let expired = false;
        const timer = setTimeout(() => {
          expired = true;
          silent = true;
          reject(away());
        }, CALL_TIMEOUT_MS);
        run(redis).then(
          (answer) => {
            clearTimeout(timer);
            silent = false;
            if (expired) late(answer);
            else resolve(answer);
          },
          (error: unknown) => {
            clearTimeout(timer);
            if (!expired) reject(isReply(error) ? error : away(error));
          },
        );
      });
    },
    isUp: () => ready && !silent && redis.status === 'ready',
    async close() {
      // Between two tries there is nothing to end, and nothing will be heard of it.
      if (!['connecting', 'connect', 'ready'].includes(redis.status)) {
        redis.disconnect();
        return;
      }
      const ended = new Promise((resolve) => redis.once('end', resolve));
      redis.disconnect();
      await ended;
    },
  };
}

/** Redis has answered, with an error: a fault of ours. Loading and read-only servers are away, though. */
function isReply(error: unknown): boolean {
  return (
    error instanceof Error && error.name === 'ReplyError' && !/^(?:LOADING|READONLY|MASTERDOWN|OOM)/.test(error.message)
  );
}

function away(cause?: unknown): DomainError {
  return new DomainError('unavailable', 'Redis is away', {}, { cause });
}
