/** Durable readers of the log: at least once, in order. */
export type Consumers = Record<never, never>;
