/**
 * A bounded map that is loaded on demand and changed by events meanwhile: what changes while it is being loaded is loaded again, or
 * changed in what was loaded. Knows nothing of what it keeps.
 */

export interface Memory<Key, Value> {
  get(key: Key): Value | undefined;
  put(key: Key, value: Value): void;
  /** Changes what is here; what is being loaded is changed when it comes. */
  change(key: Key, to: (known: Value | undefined) => Value): void;
  drop(key: Key): void;
  /** What is being loaded under such keys is loaded once more. */
  dropLoading(matches: (key: Key) => boolean): void;
  keys(): Iterable<Key>;
  entries(): Iterable<readonly [Key, Value]>;
  clear(): void;
  /** Resolves when all of them are here. */
  load(
    keys: ReadonlySet<Key>,
    read: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
    merge?: (changed: Value, read: Value) => Value,
  ): Promise<void>;
}

/** Entries kept; a tenth goes, oldest first, when there are more. */
const MOST = 50_000;
const TRIES = 3;

interface Loading<Value> {
  /** Must be read again. */
  isStale: boolean;
  changed: Value | undefined;
}

export function createMemory<Key, Value>(): Memory<Key, Value> {
  const known = new Map<Key, Value>();
  /** One for each load under way. */
  const loading = new Set<Map<Key, Loading<Value>>>();

  function put(key: Key, value: Value): void {
    known.set(key, value);
    if (known.size <= MOST) return;
    let surplus = MOST / 10;
    for (const oldest of known.keys()) {
      if (surplus === 0) break;
      known.delete(oldest);
      surplus -= 1;
    }
  }

  function* coming(matches: (key: Key) => boolean): Generator<Loading<Value>> {
    for (const load of loading) for (const [key, state] of load) if (matches(key)) yield state;
  }

  return {
    get: (key) => known.get(key),
    put,
    change(key, to) {
      const here = known.get(key);
      if (here !== undefined) known.set(key, to(here));
      for (const load of loading) {
        const state = load.get(key);
        if (state) state.changed = to(state.changed);
      }
    },
    drop(key) {
      known.delete(key);
      for (const state of coming((other) => other === key)) state.isStale = true;
    },
    dropLoading(matches) {
      for (const state of coming(matches)) state.isStale = true;
    },
    keys: () => known.keys(),
    entries: () => known.entries(),
    clear() {
      known.clear();
      for (const state of coming(() => true)) state.isStale = true;
    },
    async load(keys, read, merge = (changed) => changed) {
      let wanted = [...keys];
      for (let tries = 1; wanted.length > 0; tries += 1) {
        const mine = new Map(wanted.map((key): [Key, Loading<Value>] => [key, { isStale: false, changed: undefined }]));
        loading.add(mine);
        try {
          for (const [key, value] of await read(wanted)) {
            const changed = mine.get(key)?.changed;
            put(key, changed === undefined ? value : merge(changed, value));
          }
        } finally {
          loading.delete(mine);
        }
        wanted = tries < TRIES ? wanted.filter((key) => mine.get(key)?.isStale) : [];
      }
    },
  };
}
