/**
 * What a golden test needs besides its wire: queues of the frames that each person got, waited on by events, and one test per
 * transcript of a folder. A transcript driver is these queues, a way to send, and a way to connect.
 */
import {
  type Bindings,
  type Json,
  loadTranscripts,
  playTranscript,
  type Transcript,
  type TranscriptDriver,
} from './transcript.ts';

export interface FrameQueues {
  /** A frame came for this person. */
  push(person: string, frame: Json): void;
  /** The connection of this person ended, in the wire's words. */
  end(person: string, how: Json): void;
  receive(person: string): Promise<Json>;
  closed(person: string): Promise<Json>;
  /** What has come and was not received. The caller first lets everything under way arrive. */
  left(person: string): readonly Json[];
}

interface Queue {
  readonly frames: Json[];
  end: { readonly how: Json } | null;
  readonly waiting: Set<() => void>;
}

/** A frame that does not come is missed after this; frames that do come are never waited for by the clock. */
const GUARD_MS = 5_000;

export function createFrameQueues(): FrameQueues {
  const queues = new Map<string, Queue>();

  function queueOf(person: string): Queue {
    let queue = queues.get(person);
    if (!queue) {
      queue = { frames: [], end: null, waiting: new Set() };
      queues.set(person, queue);
    }
    return queue;
  }

  function wake(queue: Queue): void {
    for (const look of [...queue.waiting]) look();
  }

  /** Asks again whenever something comes for this person; undefined = not yet. */
  function until<T>(person: string, what: string, ask: (queue: Queue) => T | undefined): Promise<T> {
    const queue = queueOf(person);
    const now = ask(queue);
    if (now !== undefined) return Promise.resolve(now);
    return new Promise((resolve, reject) => {
      const guard = setTimeout(() => {
        queue.waiting.delete(look);
        reject(new Error(`${person} waited for ${what} in vain`));
      }, GUARD_MS);
      function look(): void {
        const answer = ask(queue);
        if (answer === undefined) return;
        clearTimeout(guard);
        queue.waiting.delete(look);
        resolve(answer);
      }
      queue.waiting.add(look);
    });
  }

  return {
    push(person, frame) {
      const queue = queueOf(person);
      queue.frames.push(frame);
      wake(queue);
    },
    end(person, how) {
      const queue = queueOf(person);
      queue.end = { how };
      wake(queue);
    },
    receive: (person) => until(person, 'a frame', ({ frames }) => frames.shift()),
    closed: async (person) => (await until(person, 'the end', ({ end }) => end ?? undefined)).how,
    left: (person) => queueOf(person).frames,
  };
}

/**
 * One test for each transcript of a folder. `setUp` makes a fresh driver (with preset bindings, and its own end) for each.
 */
export function describeTranscripts(
  title: string,
  folder: string,
  setUp: (
    transcript: Transcript,
  ) => Promise<{ readonly driver: TranscriptDriver; readonly bindings?: Bindings; close(): Promise<void> }>,
): void {
  describe(title, () => {
    for (const transcript of loadTranscripts(folder)) {
      it(transcript.title, async () => {
        const { driver, bindings, close } = await setUp(transcript);
        try {
          await playTranscript(transcript, driver, bindings);
        } finally {
          await close();
        }
      });
    }
  });
}
