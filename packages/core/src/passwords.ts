/**
 * Passwords as scrypt hashes that carry their own parameters. Hashing is work for the thread pool, which others need too: few run at
 * once, and beyond a short queue it is refused.
 */
import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { DomainError } from './errors.ts';
import type { Ids } from './ports/clock.ts';

export interface PasswordCost {
  /** Binary logarithm of scrypt's N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** About 0.1 s and 16 MiB. */
const DEFAULT_COST: PasswordCost = { logN: 14, r: 8, p: 5 };
const HASH_BYTES = 32;
const MAX_LENGTH = 1_024;
const RUNNING = 2;
const WAITING = 100;

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Does the same work whatever `hash` is; false for a null or empty one. */
  matches(password: string, hash: string | null): Promise<boolean>;
}

export function createPasswords(ids: Ids, cost: PasswordCost = DEFAULT_COST): Passwords {
  const turns = createTurns();
  /** Of no password: what an unknown address is compared with. */
  const nobody = format(cost, 'A'.repeat(22), Buffer.alloc(HASH_BYTES));

  async function derive(password: string, salt: string, { logN, r, p }: PasswordCost): Promise<Buffer> {
    const N = 2 ** logN;
    const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
    return turns(
      () =>
        new Promise((resolve, reject) => {
          scrypt(password, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
        }),
    );
  }

  return {
    async hash(password) {
      if (password === '')
        throw new DomainError('invalid', 'Empty password', { subject: 'account', field: 'password' });
      if (password.length > MAX_LENGTH) {
        throw new DomainError('too_large', 'Password too long', { subject: 'account', field: 'password' });
      }
      const salt = ids.token(16);
      return format(cost, salt, await derive(password, salt, cost));
    },

    async matches(password, hash) {
      const parsed = parse(hash || nobody) ?? parse(nobody);
      if (!parsed || password.length > MAX_LENGTH) return false;
      const derived = await derive(password, parsed.salt, parsed.cost);
      const equal = timingSafeEqual(derived, parsed.key);
      return equal && Boolean(hash);
    },
  };
}

function format({ logN, r, p }: PasswordCost, salt: string, key: Buffer): string {
  return `scrypt$${logN}$${r}$${p}$${salt}$${key.toString('base64url')}`;
}

function parse(hash: string): { readonly cost: PasswordCost; readonly salt: string; readonly key: Buffer } | null {
  const [name, logN, r, p, salt = '', key = ''] = hash.split('$');
  const bytes = Buffer.from(key, 'base64url');
  if (name !== 'scrypt' || bytes.length !== HASH_BYTES) return null;
  return { cost: { logN: Number(logN), r: Number(r), p: Number(p) }, salt, key: bytes };
}

/** Runs a few at a time, in order; `rate_limited` when too many wait. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= RUNNING) {
      if (waiting.length >= WAITING) {
        throw new DomainError('rate_limited', 'Too many sign-ins at once', { subject: 'account', retryAfterMs: 1_000 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      // The turn is handed over, not given back: nobody can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
