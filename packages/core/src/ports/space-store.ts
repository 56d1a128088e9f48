/** What the store keeps of spaces. Reads stand in `SpaceStore`, changes (under the log's lock) in `SpaceTx`. */

export type SpaceStore = Record<never, never>;

export type SpaceTx = Record<never, never>;
