/**
 * Many askers, few statements: what is asked for in one turn of the event loop, or while earlier loads are under way, is loaded
 * together. Keeps nothing: an answer is never older than its question.
 */

export interface BatchLoaderOptions<K, V> {
  /** Keys that have no value are left out of the answer. */
  readonly load: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>;
  readonly batchSize?: number;
  /** Loads under way at once; what waits meanwhile gathers into the next one. */
  readonly concurrency?: number;
  /**
   * For what a crowd that comes back asks: while more than `aboveRate` keys a second come in, a load waits until nobody has come for
   * `quietMs` or `size` of them are there, at most `forMs`. Absent: never waits longer than a turn.
   */
  readonly gather?: {
    readonly aboveRate: number;
    readonly size: number;
    readonly quietMs: number;
    readonly forMs: number;
  };
}

/**
 * Signing in. Where thousands come at once a tenth of a second is little; those who come by and by, or in groups that wait for their
 * answers, leave pauses and are not kept.
 */
export const GATHER_CROWDS = { aboveRate: 500, size: 200, quietMs: 2, forMs: 100 } as const;

interface Question<V> {
  readonly answer: Promise<V | undefined>;
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatchLoader<K extends string | number, V>(
  options: BatchLoaderOptions<K, V>,
): (key: K) => Promise<V | undefined> {
  const { load, batchSize = 500, concurrency = 2, gather } = options;
  const rate = createRate();
  let waiting = new Map<K, Question<V>>();
  let running = 0;
  let scheduled = false;
  let asked = 0;
  let gathering: { timer?: NodeJS.Timeout } | null = null;

  function schedule(): void {
    if (scheduled || running >= concurrency || waiting.size === 0) return;
    if (gather && waiting.size < gather.size && rate.perSecond() > gather.aboveRate) {
      if (!gathering) keepGathering(gather);
      return;
    }
    if (gathering) clearTimeout(gathering.timer);
    gathering = null;
    scheduled = true;
    setImmediate(begin);
  }

  /** Not the domain's time: how the work of this process is cut. */
  function keepGathering({ quietMs, forMs }: NonNullable<typeof gather>): void {
    const since = performance.now();
    const crowd: NonNullable<typeof gathering> = {};
    gathering = crowd;
    const listen = () => {
      const before = asked;
      const remaining = forMs - (performance.now() - since);
      if (remaining <= 0) return begin();
      crowd.timer = setTimeout(
        () => {
          // Timers come before sockets in a turn: who came while the process was busy is heard first.
          setImmediate(() => {
            if (gathering !== crowd) return;
            if (asked === before) begin();
            else listen();
          });
        },
        Math.min(quietMs, remaining),
      );
    };
    listen();
  }

  function begin(): void {
    gathering = null;
    scheduled = false;
    if (running >= concurrency || waiting.size === 0) return;
    void run(take());
    schedule();
  }

  function take(): Map<K, Question<V>> {
    if (waiting.size <= batchSize) {
      const all = waiting;
      waiting = new Map();
      return all;
    }
    const part = new Map([...waiting].slice(0, batchSize));
    for (const key of part.keys()) waiting.delete(key);
    return part;
  }

  async function run(questions: Map<K, Question<V>>): Promise<void> {
    running += 1;
    try {
      const found = await load([...questions.keys()]);
      for (const [key, question] of questions) question.resolve(found.get(key));
    } catch (error) {
      for (const question of questions.values()) question.reject(error);
    } finally {
      running -= 1;
      schedule();
    }
  }

  return (key) => {
    const known = waiting.get(key);
    if (known) return known.answer;
    const question = newQuestion<V>();
    waiting.set(key, question);
    asked += 1;
    if (gather) rate.count();
    schedule();
    return question.answer;
  };
}

const RATE_WINDOW_MS = 200;

/** Of the busier of two windows: the one that runs, and the one before it. */
function createRate() {
  let startedAt = 0;
  let current = 0;
  let previous = 0;

  function turnOver(): void {
    const age = performance.now() - startedAt;
    if (age < RATE_WINDOW_MS) return;
    previous = age < 2 * RATE_WINDOW_MS ? current : 0;
    current = 0;
    startedAt = performance.now();
  }

  return {
    count() {
      turnOver();
      current += 1;
    },
    perSecond() {
      turnOver();
      return Math.max(current, previous) * (1_000 / RATE_WINDOW_MS);
    },
  };
}

function newQuestion<V>(): Question<V> {
  let resolve: Question<V>['resolve'] = () => undefined;
  let reject: Question<V>['reject'] = () => undefined;
  const answer = new Promise<V | undefined>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { answer, resolve, reject };
}
