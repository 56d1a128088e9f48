/** Bytes of files, streamed. Knows ids and bytes, no rights. */
import type { Readable } from 'node:stream';
import type { FileId, NodeId } from '../ids.ts';

export interface BlobStore {
  /** Streams to the end; rejects with `too_large` beyond `maxBytes` and keeps nothing then. Answers the size. */
  write(id: FileId, content: Readable, maxBytes: number): Promise<number>;
  /** Inclusive byte range. Rejects with `not_found`. */
  read(id: FileId, range?: { start: number; end: number }): Promise<Readable>;
  /** Derived forms (scaled pictures) under a short name of letters and digits. */
  writeDerived(id: FileId, form: string, content: Buffer): Promise<void>;
  readDerived(id: FileId, form: string): Promise<Readable | null>;
  /** The first `length` bytes, to tell the type by content. */
  head(id: FileId, length: number): Promise<Buffer>;
  /** With its derived forms. Repeating is fine. */
  remove(id: FileId): Promise<void>;
  /** Where nodes might keep their bytes apart from each other by mistake: of these running nodes the ones that do. */
  missing?(nodeIds: readonly NodeId[]): Promise<readonly NodeId[]>;
}
