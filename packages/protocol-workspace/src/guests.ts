/**
 * Temporary accounts: whoever came by an invite into one channel goes with its last connection. What it said stays. Any node may do it,
 * and all that hear of it try: the store does it once.
 */
import { type Actor, type Clock, type Core, isDomainError, type Log, type UserId } from '@switchboard/core';
import type { Views } from './views.ts';

export interface GuestsContext {
  readonly core: Core;
  readonly clock: Clock;
  readonly log: Log;
  readonly views: Views;
  readonly system: () => Actor;
}

export interface Guests {
  close(): void;
}

export function createGuests({ core, log, views, system }: GuestsContext): Guests {
  const leaving = new Set<UserId>();

  /** First out of its workspaces, which is told, and then away. */
  async function remove(userId: UserId): Promise<void> {
    const user = await core.users.find(userId);
    if (user?.kind !== 'guest' || !views.attributesOf(user).temporary) return;
    if ((await core.presence.connections({ userId })).length > 0) return;
    const actor = system();
    for (const { space } of await core.spaces.listFor(userId)) {
      await core.spaces.removeMember(actor, space.id, userId).catch(ignoreGone);
    }
    await core.events.delivered(actor.lastPosition);
    await core.users.erase(actor, userId).catch(ignoreGone);
  }

  const stop = core.events.subscribe({
    onEvents(batch) {
      for (const { event } of batch) {
        if (event.type !== 'presence.changed' || event.status !== 'offline' || leaving.has(event.userId)) continue;
        const { userId } = event;
        leaving.add(userId);
        remove(userId)
          .catch((error: unknown) => log('warn', 'a guest could not be taken away', { userId, error: String(error) }))
          .finally(() => leaving.delete(userId));
      }
    },
    onReset: () => undefined,
  });

  return { close: stop };
}

/** Another node was quicker. */
function ignoreGone(error: unknown): void {
  if (!isDomainError(error) || error.code !== 'not_found') throw error;
}
