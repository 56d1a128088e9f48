/** What the store keeps of calls. Reads stand in `CallStore`, changes (under the log's lock) in `CallTx`. */

export type CallStore = Record<never, never>;

export type CallTx = Record<never, never>;
