/** Files of a test, kept in memory. Promises what the disk's store promises. */
import { Readable } from 'node:stream';
import { type BlobStore, DomainError, type FileId } from '@switchboard/core';

export function createMemoryBlobStore(): BlobStore {
  const blobs = new Map<string, Buffer>();

  function find(id: FileId): Buffer {
    const blob = blobs.get(id);
    if (!blob) throw new DomainError('not_found', 'no such file', { subject: 'file' });
    return blob;
  }

  return {
    async write(id, content, maxBytes) {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of content) {
        chunks.push(Buffer.from(chunk));
        size += chunk.length;
        if (size > maxBytes)
          throw new DomainError('too_large', 'the file is too large', { subject: 'file', field: 'file' });
      }
      blobs.set(id, Buffer.concat(chunks));
      return size;
    },
    async read(id, range) {
      const blob = find(id);
      return Readable.from([range ? blob.subarray(range.start, range.end + 1) : blob]);
    },
    async writeDerived(id, form, content) {
      blobs.set(`${id}/${form}`, content);
    },
    async readDerived(id, form) {
      const blob = blobs.get(`${id}/${form}`);
      return blob ? Readable.from([blob]) : null;
    },
    head: async (id, length) => find(id).subarray(0, length),
    async remove(id) {
      for (const key of blobs.keys()) if (key === id || key.startsWith(`${id}/`)) blobs.delete(key);
    },
  };
}
