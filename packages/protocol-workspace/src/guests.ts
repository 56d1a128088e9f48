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

/** Time for everybody who is coming back after a start. */
const LOOK_AFTER_MS = 120_000;
const PAGE = 500;

export function createGuests({ core, clock, log, views, system }: GuestsContext): Guests {
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

  function tryToRemove(userId: UserId): Promise<void> {
    leaving.add(userId);
    return remove(userId)
      .catch((error: unknown) => log('warn', 'a guest could not be taken away', { userId, error: String(error) }))
      .finally(() => leaving.delete(userId));
  }

  /** Those whose last connection ended while no node was there to hear of it. */
  async function lookForLost(): Promise<void> {
    for (let afterId = 0 as UserId; ; ) {
      const page = await core.users.list(system(), { kind: 'guest', limit: PAGE, afterId });
      for (const { id } of page) await tryToRemove(id);
      const last = page.at(-1);
      if (page.length < PAGE || !last) return;
      afterId = last.id;
    }
  }

  const stopWaiting = clock.after(LOOK_AFTER_MS, () => {
    lookForLost().catch((error: unknown) => log('warn', 'lost guests were not looked for', { error: String(error) }));
  });
  const stop = core.events.subscribe({
    onEvents(batch) {
      for (const { event } of batch) {
        if (event.type !== 'presence.changed' || event.status !== 'offline' || leaving.has(event.userId)) continue;
        const { userId } = event;
        void tryToRemove(userId);
      }
    },
    onReset: () => undefined,
  });

  return {
    close() {
      stop();
      stopWaiting();
    },
  };
}

/** Another node was quicker. */
function ignoreGone(error: unknown): void {
  if (!isDomainError(error) || error.code !== 'not_found') throw error;
}
