/** Durable readers of the log: at least once, in order. */
import type { CorePorts } from './context.ts';
import type { LogEvent } from './events.ts';
import type { EventStream } from './follower.ts';

export interface Consumers {
  /**
   * Hands every entry after the consumer's stored position to `handler`, in order, on one node at a time; what a handler rejects comes
   * again. Runs until the returned function is called.
   */
  run(name: string, handler: (events: readonly LogEvent[]) => Promise<void>): () => Promise<void>;
  close(): Promise<void>;
}

export function createConsumers(_ports: Pick<CorePorts, 'store'>, _stream: EventStream): Consumers {
  return { run: () => async () => undefined, close: async () => undefined };
}
