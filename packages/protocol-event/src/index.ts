/** The only door of the Event wire. */
export { createEventAdapter } from './adapter.ts';
export type { EventAdapterOptions } from './options.ts';
