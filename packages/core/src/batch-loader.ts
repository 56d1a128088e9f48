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
}

interface Question<V> {
  readonly answer: Promise<V | undefined>;
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export function createBatchLoader<K extends string | number, V>(
  options: BatchLoaderOptions<K, V>,
): (key: K) => Promise<V | undefined> {
  const { load, batchSize = 500, concurrency = 2 } = options;
  let waiting = new Map<K, Question<V>>();
  let running = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || running >= concurrency || waiting.size === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void run(take());
      schedule();
    });
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
    const asked = waiting.get(key);
    if (asked) return asked.answer;
    const question = newQuestion<V>();
    waiting.set(key, question);
    schedule();
    return question.answer;
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
