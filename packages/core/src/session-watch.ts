/**
 * Tells when sessions of live connections have run out: one timer for all, one statement for all that may be due. Revocations come as
 * events and are not its matter; nor are sessions that never end.
 */
import type { Log } from './context.ts';
import type { SessionId, UnixMs } from './ids.ts';
import type { Session } from './model/user.ts';
import type { Clock } from './ports/clock.ts';
import { type Sessions, sessionEndsAt } from './sessions.ts';

export interface SessionWatch {
  /** A connection of the session began. Sessions without an end are not watched. */
  hold(session: Session): void;
  /** One of its connections ended. */
  release(id: SessionId): void;
  /** `listener` hears of each held session once, within 2 s of its end. A live connection counts as use: it is touched before it idles out. */
  onEnded(listener: (id: SessionId) => void): () => void;
  close(): void;
}

const LOOK_EVERY_MS = 2_000;

interface Held {
  connections: number;
  session: Session;
  /** When to look at it again. */
  lookAt: UnixMs;
}

export function createSessionWatch(options: {
  readonly sessions: Pick<Sessions, 'find' | 'touch'>;
  readonly clock: Clock;
  readonly log: Log;
}): SessionWatch {
  const { sessions, clock, log } = options;
  const held = new Map<SessionId, Held>();
  const listeners = new Set<(id: SessionId) => void>();
  let looking = false;

  /** A use in time keeps an idle timeout from running out; everything else is looked at when it ends. */
  function nextLook(session: Session): UnixMs {
    const usedUp = session.idleTimeoutMs === null ? Infinity : session.lastUsedAt + session.idleTimeoutMs / 2;
    return Math.min(usedUp, session.expiresAt ?? Infinity);
  }

  async function lookAt(id: SessionId, entry: Held): Promise<void> {
    if (entry.session.idleTimeoutMs !== null && (sessionEndsAt(entry.session) ?? Infinity) > clock.now()) {
      await sessions.touch(id);
    }
    const session = await sessions.find(id);
    if (held.get(id) !== entry) return;
    if (session) {
      entry.session = session;
      // Never at every tick, whatever the timeouts are.
      entry.lookAt = Math.max(
        nextLook(session),
        Math.min(clock.now() + LOOK_EVERY_MS, sessionEndsAt(session) ?? Infinity),
      );
      return;
    }
    held.delete(id);
    for (const listener of listeners) listener(id);
  }

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      const now = clock.now();
      const due = [...held].filter(([, entry]) => entry.lookAt <= now);
      await Promise.all(due.map(([id, entry]) => lookAt(id, entry)));
    } catch (error) {
      // The store is away, most likely: the next look asks again.
      log('warn', 'sessions of live connections could not be looked at', { reason: String(error) });
    } finally {
      looking = false;
    }
  }

  const stop = clock.every(LOOK_EVERY_MS, () => void look());

  return {
    hold(session) {
      if (sessionEndsAt(session) === null) return;
      const entry = held.get(session.id);
      if (entry) entry.connections += 1;
      else held.set(session.id, { connections: 1, session, lookAt: nextLook(session) });
    },
    release(id) {
      const entry = held.get(id);
      if (!entry) return;
      entry.connections -= 1;
      if (entry.connections === 0) held.delete(id);
    },
    onEnded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      stop();
      held.clear();
      listeners.clear();
    },
  };
}
