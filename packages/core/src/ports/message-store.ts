/** What the store keeps of messages. Reads stand in `MessageStore`, changes (under the log's lock) in `MessageTx`. */

export type MessageStore = Record<never, never>;

export type MessageTx = Record<never, never>;
