import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FileId, NodeId } from '@switchboard/core';
import { createDiskBlobStore } from '@switchboard/persistence';

let directory: string;
let blobs: ReturnType<typeof createDiskBlobStore>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-blobs-'));
  blobs = createDiskBlobStore({ directory });
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const newId = () => randomUUID() as FileId;
const bytesOf = async (id: FileId, range?: { start: number; end: number }) => buffer(await blobs.read(id, range));
const notFound = expect.objectContaining({ code: 'not_found' });

/** Every file below the directory. */
async function everything(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Many chunks that never stand in memory together. */
function* chunks(count: number, size: number) {
  for (let n = 0; n < count; n += 1) yield Buffer.alloc(size, n % 256);
}

describe('bytes on a disk', () => {
  it('come back as they were streamed in', async () => {
    const id = newId();
    const content = randomBytes(300_000);
    expect(await blobs.write(id, Readable.from([content.subarray(0, 1_000), content.subarray(1_000)]), 1e6)).toBe(
      300_000,
    );
    // By `equals`: the matchers look at every byte for itself.
    expect((await bytesOf(id)).equals(content)).toBe(true);
    expect((await blobs.head(id, 16)).equals(content.subarray(0, 16))).toBe(true);
    expect((await blobs.head(id, 1e6)).equals(content)).toBe(true);
    expect((await createDiskBlobStore({ directory }).head(id, 4)).equals(content.subarray(0, 4))).toBe(true);
  });

  it('may be nothing at all', async () => {
    const id = newId();
    expect(await blobs.write(id, Readable.from([]), 10)).toBe(0);
    expect(await bytesOf(id)).toHaveLength(0);
    expect(await blobs.head(id, 10)).toHaveLength(0);
  });

  it('come in ranges whose ends belong to them', async () => {
    const id = newId();
    await blobs.write(id, Readable.from([Buffer.from('0123456789')]), 10);
    expect((await bytesOf(id, { start: 0, end: 0 })).toString()).toBe('0');
    expect((await bytesOf(id, { start: 2, end: 5 })).toString()).toBe('2345');
    expect((await bytesOf(id, { start: 9, end: 9 })).toString()).toBe('9');
  });

  it('are spread over folders', async () => {
    const id = newId();
    await blobs.write(id, Readable.from([Buffer.from('x')]), 10);
    expect(await readFile(join(directory, id.slice(0, 2), id.slice(2, 4), id), 'utf8')).toBe('x');
  });

  it('are refused beyond the limit, and nothing is kept', async () => {
    const id = newId();
    const content = Readable.from(chunks(1_000, 65_536));
    await expect(blobs.write(id, content, 200_000)).rejects.toMatchObject({
      code: 'too_large',
      details: { subject: 'file' },
    });
    expect(content.destroyed).toBe(true);
    await expect(blobs.read(id)).rejects.toEqual(notFound);
    expect(await everything()).toEqual([]);
    expect(await blobs.write(id, Readable.from([Buffer.alloc(200_000)]), 200_000)).toBe(200_000);
  });

  it('are not kept when their stream breaks off', async () => {
    const id = newId();
    const content = new PassThrough();
    const writing = blobs.write(id, content, 1e6);
    content.write('half');
    content.destroy(new Error('the client went away'));
    await expect(writing).rejects.toThrow('the client went away');
    await expect(blobs.read(id)).rejects.toEqual(notFound);
    expect(await everything()).toEqual([]);
  });

  it('are not kept when their stream had broken off before', async () => {
    const content = new PassThrough();
    content.on('error', () => undefined);
    content.destroy(new Error('the client went away'));
    await new Promise((resolve) => content.once('close', resolve));
    await expect(blobs.write(newId(), content, 1e6)).rejects.toThrow('the client went away');
    expect(await everything()).toEqual([]);
  });

  it('go away with their derived forms, and may go twice', async () => {
    const [gone, stays] = [newId(), newId()];
    for (const id of [gone, stays]) {
      await blobs.write(id, Readable.from([Buffer.from('x')]), 10);
      await blobs.writeDerived(id, 'avatar', Buffer.from('small'));
    }
    await blobs.remove(gone);
    await blobs.remove(gone);
    await expect(blobs.read(gone)).rejects.toEqual(notFound);
    expect(await blobs.readDerived(gone, 'avatar')).toBeNull();
    expect((await bytesOf(stays)).toString()).toBe('x');
    expect((await everything()).sort()).toEqual([stays, `${stays}.avatar`]);
  });

  it('have derived forms, which may be made twice', async () => {
    const id = newId();
    expect(await blobs.readDerived(id, 'preview')).toBeNull();
    await Promise.all(['one', 'two'].map((text) => blobs.writeDerived(id, 'preview', Buffer.from(text))));
    const form = await blobs.readDerived(id, 'preview');
    expect(['one', 'two']).toContain((await buffer(form as Readable)).toString());
  });

  it.each([
    '../../etc/passwd',
    '',
    'nodes',
    '00000000-0000-4000-8000-00000000000G',
    `${randomUUID()}/../x`,
    randomUUID().toUpperCase(),
  ])('are under no other name than an id: %j', async (name) => {
    const id = name as FileId;
    await expect(blobs.read(id)).rejects.toEqual(notFound);
    await expect(blobs.head(id, 1)).rejects.toEqual(notFound);
    await expect(blobs.write(id, Readable.from(['x']), 10)).rejects.toEqual(notFound);
    await expect(blobs.remove(id)).rejects.toEqual(notFound);
    await expect(blobs.writeDerived(newId(), `../${name}`, Buffer.from('x'))).rejects.toEqual(notFound);
    expect(await everything()).toEqual([]);
  });

  it('are unavailable where the directory cannot be used', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    const broken = createDiskBlobStore({ directory: file });
    await expect(broken.write(newId(), Readable.from(['x']), 10)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('signs of nodes', () => {
  const nodes = ['one', 'two', 'three'] as NodeId[] as [NodeId, NodeId, NodeId];

  it('tell which nodes write into another directory', async () => {
    const [one, two, three] = nodes;
    const elsewhere = createDiskBlobStore({ directory: join(directory, 'elsewhere') });
    await blobs.sign(one);
    await createDiskBlobStore({ directory }).sign(two);
    await elsewhere.sign(three);

    expect(await blobs.missing(nodes)).toEqual([three]);
    expect(await elsewhere.missing(nodes)).toEqual([one, two]);
    await blobs.unsign(two);
    await blobs.unsign(two);
    expect(await blobs.missing(nodes)).toEqual([two, three]);
  });

  it('clear away what is older than a day', async () => {
    const [one, two] = nodes;
    await blobs.sign(two);
    await blobs.write(newId(), Readable.from(['x']), 10);
    await writeFile(join(directory, 'tmp', 'unfinished'), 'half');
    await writeFile(join(directory, 'tmp', 'under-way'), 'half');
    const old = new Date(Date.now() - 2 * 86_400_000);
    await utimes(join(directory, 'tmp', 'unfinished'), old, old);
    await utimes(join(directory, 'nodes', two), old, old);

    await blobs.sign(one);

    expect(await readdir(join(directory, 'tmp'))).toEqual(['under-way']);
    expect(await blobs.missing(nodes)).toEqual([two, 'three']);
  });
});
