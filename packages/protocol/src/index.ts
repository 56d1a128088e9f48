/** The only door of the kit: what the five adapters share. Knows no protocol. */
export * from './adapter.ts';
export * from './connection.ts';
export * from './error-table.ts';
export * from './hub.ts';
export * from './metrics.ts';
export * from './operations.ts';
export * from './outbox.ts';
export * from './projection.ts';
export * from './rope.ts';
export * from './transport.ts';
