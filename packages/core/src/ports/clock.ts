/** Time and randomness, so that tests own both. */
import type { UnixMs } from '../ids.ts';

export interface Clock {
  now(): UnixMs;
  /** Calls once after `delayMs`; the returned function cancels. Never keeps the process alive. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls every `periodMs` until cancelled. Never keeps the process alive. */
  every(periodMs: number, run: () => void): () => void;
}

export interface Ids {
  /** A random UUID, version 4. */
  uuid(): string;
  /** `bytes` random bytes in base64url. */
  token(bytes: number): string;
}
