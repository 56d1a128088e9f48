/** The machine's own time and randomness: what a running gateway gives to core. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Ids } from './ports/clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every(periodMs, run) {
    const timer = setInterval(run, periodMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};

export const systemIds: Ids = {
  // Node puts it together from twenty pieces, which the engine would keep as long as the id: a copy is one string of 36 bytes.
  uuid: () => Buffer.from(randomUUID(), 'latin1').toString('latin1'),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
};
