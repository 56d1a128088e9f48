/** What the store keeps of conversations and participants. Reads stand in `ConversationStore`, changes (under the log's lock) in `ConversationTx`. */

export type ConversationStore = Record<never, never>;

export type ConversationTx = Record<never, never>;
