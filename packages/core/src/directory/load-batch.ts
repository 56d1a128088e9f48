/** Joins everything that is asked for in one turn of the event loop into one load. Knows neither what is loaded nor where it is kept. */

/** Largest number of ids in one statement. */
const MOST = 2_000;

/** Resolves when all of these ids have been loaded; ids on their way are not asked for again. Rejects as the load did. */
export type LoadBatch<Id> = (ids: Iterable<Id>) => Promise<void>;

export function createLoadBatch<Id>(load: (ids: readonly Id[]) => Promise<void>): LoadBatch<Id> {
  const inFlight = new Map<Id, Promise<void>>();
  let waiting: { readonly ids: Set<Id>; readonly done: Promise<void> } | null = null;

  function nextTurn(): { readonly ids: Set<Id>; readonly done: Promise<void> } {
    const ids = new Set<Id>();
    const done = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      waiting = null;
      const all = [...ids];
      try {
        for (let start = 0; start < all.length; start += MOST) await load(all.slice(start, start + MOST));
      } finally {
        for (const id of all) inFlight.delete(id);
      }
    });
    return { ids, done };
  }

  return async (ids) => {
    const loads = new Set<Promise<void>>();
    for (const id of ids) {
      const known = inFlight.get(id);
      if (known) {
        loads.add(known);
        continue;
      }
      waiting ??= nextTurn();
      waiting.ids.add(id);
      inFlight.set(id, waiting.done);
      loads.add(waiting.done);
    }
    await Promise.all(loads);
  };
}
