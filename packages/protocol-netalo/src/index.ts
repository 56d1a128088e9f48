/** The only door of the Netalo wire. */
export { createNetaloAdapter } from './adapter.ts';
export type { NetaloAdapterOptions } from './options.ts';
