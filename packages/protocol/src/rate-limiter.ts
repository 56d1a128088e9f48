/** How often one user may call one operation: token buckets in memory of this node. Words nothing. */
import { type Clock, DomainError, type UserId } from '@switchboard/core';

export interface Rate {
  /** Calls per second in the long run. */
  readonly perSecond: number;
  /** Calls at once after a pause. */
  readonly burst: number;
}

export interface RateLimits {
  /** For operations without a rate of their own; null = unlimited. */
  readonly fallback: Rate | null;
  /** By operation name; null = unlimited. */
  readonly operations: Readonly<Record<string, Rate | null>>;
}

export const NO_RATE_LIMITS: RateLimits = { fallback: null, operations: {} };

export interface RateLimiter {
  /** Takes one call. Throws `rate_limited` with `retryAfterMs`. */
  take(userId: UserId, operation: string): void;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Full buckets are forgotten this often. */
const SWEEP_MS = 60_000;

export function createRateLimiter(clock: Clock, limits: RateLimits): RateLimiter {
  const buckets = new Map<string, Map<UserId, Bucket>>();
  let sweptAt = clock.now();

  function rateOf(operation: string): Rate | null {
    const own = limits.operations[operation];
    return own === undefined ? limits.fallback : own;
  }

  function sweep(now: number): void {
    if (now - sweptAt < SWEEP_MS) return;
    sweptAt = now;
    for (const [operation, users] of buckets) {
      const rate = rateOf(operation);
      for (const [userId, bucket] of users) {
        if (!rate || level(bucket, rate, now) >= rate.burst) users.delete(userId);
      }
    }
  }

  return {
    take(userId, operation) {
      const rate = rateOf(operation);
      if (!rate) return;
      const now = clock.now();
      sweep(now);
      let users = buckets.get(operation);
      if (!users) {
        users = new Map();
        buckets.set(operation, users);
      }
      const bucket = users.get(userId) ?? { tokens: rate.burst, at: now };
      bucket.tokens = level(bucket, rate, now);
      bucket.at = now;
      users.set(userId, bucket);
      if (bucket.tokens < 1) {
        const retryAfterMs = Math.ceil(((1 - bucket.tokens) / rate.perSecond) * 1_000);
        throw new DomainError('rate_limited', `too many calls of ${operation}`, { retryAfterMs });
      }
      bucket.tokens -= 1;
    },
  };
}

function level(bucket: Bucket, rate: Rate, now: number): number {
  return Math.min(rate.burst, bucket.tokens + ((now - bucket.at) / 1_000) * rate.perSecond);
}
