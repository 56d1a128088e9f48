/** The only door of the SignalR hub. */
export { createSignalrAdapter } from './adapter.ts';
export type { ConversationTypeOptions, SignalrAdapterOptions } from './options.ts';
