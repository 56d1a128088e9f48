/**
 * Public keys that somebody else publishes and rotates. The last good ones are kept while the publisher is away; an unknown key id
 * fetches anew, but not for every forger who makes one up.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type Clock, DomainError, type Log } from '@switchboard/core';

export interface JwksOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs?: number;
  /** Keys older than this are fetched again, behind the scenes. */
  readonly maxAgeMs?: number;
  /** Between two fetches for unknown key ids. */
  readonly minIntervalMs?: number;
}

export interface PublishedKey {
  readonly key: KeyObject;
  /** The one algorithm that the key is for, where the publisher says so. */
  readonly algorithm: string | null;
}

export interface Jwks {
  /** Null: no such key. Without an id: the only key there is. `unavailable` when no key was ever fetched. */
  find(keyId: string | undefined): Promise<PublishedKey | null>;
}

/** While there is no key at all. */
const RETRY_MS = 1_000;

export function createJwks(options: JwksOptions): Jwks {
  const { url, clock, log, timeoutMs = 5_000, maxAgeMs = 600_000, minIntervalMs = 30_000 } = options;
  let keys: ReadonlyMap<string, PublishedKey> = new Map();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | null = null;

  async function fetchKeys(): Promise<void> {
    triedAt = clock.now();
    try {
      const response = await fetch(url, {
        signal: AbortSignal.timeout(timeoutMs),
        headers: { accept: 'application/json' },
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const published = toKeys(await response.json());
      if (published.size === 0) throw new Error('no usable key');
      keys = published;
      fetchedAt = clock.now();
    } catch (error) {
      log('warn', 'public keys could not be fetched', { url, reason: String(error), kept: keys.size });
    }
  }

  function refresh(): Promise<void> {
    fetching ??= fetchKeys().finally(() => {
      fetching = null;
    });
    return fetching;
  }

  function pick(keyId: string | undefined): PublishedKey | null {
    if (keyId !== undefined) return keys.get(keyId) ?? null;
    return keys.size === 1 ? ([...keys.values()][0] ?? null) : null;
  }

  return {
    async find(keyId) {
      const sinceTry = clock.now() - triedAt;
      if (keys.size === 0) {
        if (sinceTry >= RETRY_MS || fetching) await refresh();
        if (keys.size === 0) throw new DomainError('unavailable', `No keys from ${url}`, { subject: 'session' });
        return pick(keyId);
      }
      const known = pick(keyId);
      const isOld = clock.now() - fetchedAt >= maxAgeMs;
      if (known) {
        if (isOld && sinceTry >= minIntervalMs) void refresh();
        return known;
      }
      if (fetching || sinceTry >= minIntervalMs) await refresh();
      return pick(keyId);
    },
  };
}

/** What can verify signatures; everything else that is published there is passed over. */
function toKeys(body: unknown): Map<string, PublishedKey> {
  const list = (body as { keys?: unknown } | null)?.keys;
  const keys = new Map<string, PublishedKey>();
  for (const [index, one] of (Array.isArray(list) ? list : []).entries()) {
    const jwk = one as JsonWebKey & { kid?: unknown; alg?: unknown; use?: unknown };
    if (typeof jwk !== 'object' || jwk === null || (jwk.kty !== 'RSA' && jwk.kty !== 'EC')) continue;
    if (jwk.use !== undefined && jwk.use !== 'sig') continue;
    try {
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      // Without an id a key is found only by being the only one.
      const id = typeof jwk.kid === 'string' ? jwk.kid : `\0${index}`;
      keys.set(id, { key, algorithm: typeof jwk.alg === 'string' ? jwk.alg : null });
    } catch {
      // A key of a kind that Node does not know.
    }
  }
  return keys;
}
