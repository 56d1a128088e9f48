/** What the store keeps of deadlines. Reads stand in `DeadlineStore`, changes (under the log's lock) in `DeadlineTx`. */

export type DeadlineStore = Record<never, never>;

export type DeadlineTx = Record<never, never>;
