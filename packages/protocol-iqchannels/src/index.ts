/** The only door of the IQChannels wire. */
export { createIqchannelsAdapter } from './adapter.ts';
export type { IqchannelsAdapterOptions, KnownClient } from './options.ts';
