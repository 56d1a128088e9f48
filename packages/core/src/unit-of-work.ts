/**
 * Lock, change, append, commit: written once. Every lasting change that is not the fast lane's goes through here; what it appended
 * goes to the bus after the commit, and nowhere before.
 */
import type { Change } from './context.ts';
import type { Store } from './ports/store.ts';

export function createChange(store: Store): Change {
  return async (actor, work) => {
    const origin = { actorId: actor.userId, via: actor.via, connectionId: actor.connectionId };
    const { value, position } = await store.transaction(origin, work);
    if (position > actor.lastPosition) actor.lastPosition = position;
    return value;
  };
}
