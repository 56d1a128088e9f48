/** What the store keeps of files. Reads stand in `FileStore`, changes (under the log's lock) in `FileTx`. */

export type FileStore = Record<never, never>;

export type FileTx = Record<never, never>;
