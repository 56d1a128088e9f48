/** Whose status a connection asked for. Whom it may see is whoever shares a conversation with it; all others are unknown, existing or not. */
import { type Core, DomainError, type UserId } from '@switchboard/core';
import { FIELD_IDENTITIES } from './errors.ts';
import type { SignalrOptions } from './options.ts';
import { toIdentityStatus } from './projection.ts';
import type { SignalrSession, Watched } from './session.ts';
import { IDENTITY_STATUS } from './wire.ts';

export interface IdentityStatusUpdate {
  readonly status: number;
  readonly identityId: string;
}

export interface Watching {
  /** Tells the present status of each at once. */
  add(
    session: SignalrSession,
    identities: readonly string[],
    tell: (update: IdentityStatusUpdate) => void,
  ): Promise<void>;
  remove(session: SignalrSession, identities: readonly string[]): void;
}

/** Of one connection. */
const MOST_WATCHED = 10_000;

export interface WatchingContext {
  readonly core: Core;
  readonly options: SignalrOptions;
}

export function createWatching({ core, options }: WatchingContext): Watching {
  return {
    async add(session, identities, tell) {
      const { actor } = session;
      if (!actor) return;
      const found = await core.identities.resolveMany(options.namespace, identities);
      const watched = session.watched ?? new Map<UserId, Watched>();
      if (watched.size + found.size > MOST_WATCHED) {
        throw new DomainError('too_large', `more than ${MOST_WATCHED} watched`, { field: FIELD_IDENTITIES });
      }
      // Before the statuses are asked for: a change in between is told instead of them.
      for (const [identity, { id }] of found) watched.set(id, { identity, told: null });
      session.watched = watched;
      const userIds = [...found.values()].map(({ id }) => id);
      const [sharing, statuses] = await Promise.all([
        core.conversations.sharing(actor.userId, userIds),
        core.presence.statuses(userIds),
      ]);
      for (const identityId of identities) {
        const userId = found.get(identityId)?.id;
        const watch = userId === undefined ? undefined : watched.get(userId);
        if (watch && watch.told !== null) continue;
        const isKnown = userId !== undefined && (userId === actor.userId || sharing.has(userId));
        const status = isKnown ? toIdentityStatus(statuses.get(userId) ?? 'offline') : IDENTITY_STATUS.unknown;
        if (watch) watch.told = status;
        tell({ status, identityId });
      }
    },

    remove({ watched }, identities) {
      if (!watched) return;
      const gone = new Set(identities);
      for (const [userId, { identity }] of watched) if (gone.has(identity)) watched.delete(userId);
    },
  };
}
