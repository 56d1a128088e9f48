/** What the store keeps of users. Reads stand in `UserStore`, changes (under the log's lock) in `UserTx`. */

export type UserStore = Record<never, never>;

export type UserTx = Record<never, never>;
