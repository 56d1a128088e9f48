/** What the store keeps of files. Reads and writes without an entry stand in `FileStore`, changes (under the log's lock) in `FileTx`. */
import type { ConversationId, FileId, MessageId, Namespace, UnixMs, UserId } from '../ids.ts';
import type { FileKind, FileState, StoredFile } from '../model/file.ts';

/** What only the content tells. */
export interface FileContent {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly width: number | null;
  readonly height: number | null;
}

export interface FileStore {
  insert(file: StoredFile): Promise<void>;
  /** From `uploading` to `ready`; null when it is not uploading (any more). */
  finish(id: FileId, content: FileContent): Promise<StoredFile | null>;
  /** Whatever became of them. */
  findMany(ids: readonly FileId[]): Promise<readonly StoredFile[]>;
  /**
   * Which of these are carried by a message that the user may see: it takes part in the conversation or is staff of its queue, and the
   * message is neither deleted, hidden, cleared nor of another's visibility. One statement.
   */
  seenInMessages(
    viewer: { userId: UserId; namespace: Namespace },
    ids: readonly FileId[],
  ): Promise<ReadonlySet<FileId>>;
  /** Begun before and never finished. */
  abandoned(before: UnixMs, limit: number): Promise<readonly FileId[]>;
  /** Deleted within the range: their bytes may have been left behind. */
  deletedBetween(from: UnixMs, to: UnixMs, limit: number): Promise<readonly FileId[]>;
  /** Takes rows away that are still `uploading`. */
  forget(ids: readonly FileId[]): Promise<void>;
}

export interface FileTx {
  find(id: FileId): Promise<StoredFile | null>;
  setState(id: FileId, state: FileState): Promise<void>;
  /** Messages that carry it, by conversation. */
  messagesWith(id: FileId): Promise<ReadonlyMap<ConversationId, readonly MessageId[]>>;
}
