/** Whatever must happen later, once, on any node. */
export type Deadlines = Record<never, never>;
