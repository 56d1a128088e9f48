/** What the store keeps of sessions. Reads stand in `SessionStore`, changes (under the log's lock) in `SessionTx`. */

export type SessionStore = Record<never, never>;

export type SessionTx = Record<never, never>;
