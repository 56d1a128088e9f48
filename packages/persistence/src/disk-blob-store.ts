/**
 * Bytes of files on a disk: `<two digits>/<two digits>/<id>`, derived forms beside it as `<id>.<form>`. What has a name there is
 * complete and has reached the disk; unfinished writes stand in `tmp`. Knows ids and bytes, no rights.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BlobStore, DomainError, type FileId, type NodeId } from '@switchboard/core';

export interface DiskBlobStore extends BlobStore {
  /** Leaves this node's sign in the directory, for `missing` on others. Also clears away signs and unfinished writes older than a day. */
  sign(nodeId: NodeId): Promise<void>;
  /** Of these running nodes the ones without a sign here: they write into another directory. */
  missing(nodeIds: readonly NodeId[]): Promise<readonly NodeId[]>;
  /** Takes this node's sign away. */
  unsign(nodeId: NodeId): Promise<void>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FORM = /^[A-Za-z0-9]{1,32}$/;
const NODE = /^[A-Za-z0-9_-]{1,128}$/;
const STALE_MS = 86_400_000;

export function createDiskBlobStore(options: { readonly directory: string }): DiskBlobStore {
  const { directory } = options;
  const temporary = join(directory, 'tmp');
  const signs = join(directory, 'nodes');

  function place(id: FileId, form?: string): string {
    // The id comes from a client: nothing but a UUID may become a path.
    if (!UUID.test(id) || (form !== undefined && !FORM.test(form))) throw notFound(id);
    return join(directory, id.slice(0, 2), id.slice(2, 4), form === undefined ? id : `${id}.${form}`);
  }

  /** `fill` writes to the path it is given; afterwards the content stands at `target`, complete, or nothing does. */
  async function settle<T>(target: string, fill: (path: string) => Promise<T>): Promise<T> {
    const path = join(temporary, randomUUID());
    try {
      await mkdir(temporary, { recursive: true });
      const result = await fill(path);
      await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      await flushDirectory(dirname(target));
      return result;
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      throw toDomainError(error);
    }
  }

  return {
    async write(id, content, maxBytes) {
      // Heard from the first moment on: a stream that breaks off with nobody listening ends the process.
      content.on('error', () => undefined);
      return settle(place(id), async (path) => {
        let size = 0;
        const count = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            size += chunk.length;
            if (size <= maxBytes) done(null, chunk);
            else
              done(new DomainError('too_large', `More than ${maxBytes} bytes`, { subject: 'file', field: 'content' }));
          },
        });
        if (content.errored) throw content.errored;
        await pipeline(content, count, createWriteStream(path, { flags: 'wx', flush: true }));
        return size;
      });
    },

    async read(id, range) {
      const handle = await openFor(place(id), id);
      return handle.createReadStream(range ? { start: range.start, end: range.end } : {});
    },

    async writeDerived(id, form, content) {
      const target = place(id, form);
      await settle(target, (path) => writeFile(path, content, { flag: 'wx', flush: true }));
    },

    async readDerived(id, form) {
      try {
        return (await openFor(place(id, form), id)).createReadStream();
      } catch (error) {
        if (error instanceof DomainError && error.code === 'not_found') return null;
        throw error;
      }
    },

    async head(id, length) {
      const handle = await openFor(place(id), id);
      try {
        const head = Buffer.alloc(Math.min(length, (await handle.stat()).size));
        const { bytesRead } = await handle.read(head, 0, head.length, 0);
        return head.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },

    async remove(id) {
      const folder = dirname(place(id));
      const names = await readdir(folder).catch(noneWhenMissing);
      for (const name of names) {
        if (name === id || name.startsWith(`${id}.`)) await rm(join(folder, name), { force: true });
      }
    },

    async sign(nodeId) {
      await mkdir(signs, { recursive: true });
      await writeFile(join(signs, checkedNode(nodeId)), '');
      for (const folder of [temporary, signs]) {
        for (const name of await readdir(folder).catch(noneWhenMissing)) {
          const age = await stat(join(folder, name)).then(
            ({ mtimeMs }) => Date.now() - mtimeMs,
            () => 0,
          );
          if (age > STALE_MS && name !== nodeId) await rm(join(folder, name), { force: true });
        }
      }
    },

    async missing(nodeIds) {
      const signed = new Set(await readdir(signs).catch(noneWhenMissing));
      return nodeIds.filter((nodeId) => !signed.has(nodeId));
    },

    async unsign(nodeId) {
      await rm(join(signs, checkedNode(nodeId)), { force: true });
    },
  };
}

async function openFor(path: string, id: FileId): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? notFound(id) : toDomainError(error);
  }
}

/** Without it a name may be gone after a power cut. Some systems cannot: there the content alone is safe. */
async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => null);
  try {
    await handle?.sync();
  } catch {
    // Windows.
  } finally {
    await handle?.close();
  }
}

function checkedNode(nodeId: NodeId): string {
  if (!NODE.test(nodeId)) throw new Error(`Not an id of a node: ${nodeId}`);
  return nodeId;
}

function noneWhenMissing(error: unknown): string[] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}

const DISK_CODES = new Set('ENOSPC EDQUOT EROFS EIO EACCES EPERM EMFILE ENFILE ENOENT ENOTDIR EEXIST'.split(' '));

/** A disk that is full or broken is a store that is away; a client that went away is its own matter. */
function toDomainError(error: unknown): unknown {
  if (!DISK_CODES.has(codeOf(error) ?? '')) return error;
  return new DomainError('unavailable', 'The directory of files cannot be used', { subject: 'file' }, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

function notFound(id: string): DomainError {
  return new DomainError('not_found', `No bytes of file ${id}`, { subject: 'file', id });
}
