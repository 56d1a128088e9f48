import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  type Actor,
  adminActor,
  type ConversationId,
  type FileId,
  type MessageId,
  type NodeId,
  type StoredFile,
  systemActor,
  type UploadFile,
  type User,
  type UserId,
} from '@switchboard/core';
import { createMemoryBlobStore, createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
const blobs = createMemoryBlobStore();

beforeEach(async () => {
  test = await createTestCore({ blobs, limits: { fileBytes: 10_000 } });
  [alice, bob, carol] = (await test.people('Alice', 'Bob', 'Carol')) as [User, User, User];
});

afterEach(() => test.close());

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000' as FileId;

function upload(content: Buffer | string, command: Partial<UploadFile> = {}, actor: Actor = test.actor(alice)) {
  return test.core.files.upload(actor, { name: 'a.png', ...command }, Readable.from([Buffer.from(content)]));
}

/** Behind the log: a message that carries the file, in a new conversation of these people. */
async function carry(
  file: StoredFile,
  people: readonly UserId[],
  fields: { visibility?: string; kind?: string; spaceId?: number } = {},
): Promise<{ conversationId: ConversationId; messageId: MessageId }> {
  const [conversation] = await test.sql<{ id: string }>(
    'insert into conversations (kind, space_id) values ($1, $2) returning id',
    [fields.kind ?? 'group', fields.spaceId ?? null],
  );
  const conversationId = Number(conversation?.id) as ConversationId;
  const messageId = (1_000_000 + conversationId) as MessageId;
  await test.sql('insert into participants (conversation_id, user_id) select $1, unnest($2::bigint[])', [
    conversationId,
    people,
  ]);
  await test.sql(
    `insert into messages (id, conversation_id, seq, sender_id, via, created_at, changed_position, visibility)
     values ($1, $2, 1, $3, 'test', now(), 1, $4)`,
    [messageId, conversationId, alice.id, fields.visibility ?? 'all'],
  );
  await test.sql('insert into message_files (file_id, conversation_id, message_id) values ($1, $2, $3)', [
    file.id,
    conversationId,
    messageId,
  ]);
  return { conversationId, messageId };
}

const canRead = (who: User | Actor | null, file: StoredFile) =>
  test.core.files.canRead(who && 'displayName' in who ? test.actor(who) : who, file.id);

describe('uploading', () => {
  it('tells type and size by the content, whatever name and claim say', async () => {
    const file = await upload(PNG, { name: '../evil/pic.txt', kind: 'image' });
    expect(file).toMatchObject({
      ownerId: alice.id,
      kind: 'image',
      name: 'pic.txt',
      contentType: 'image/png',
      sizeBytes: PNG.length,
      width: 1,
      height: 1,
      access: 'conversation',
      state: 'ready',
      via: 'test',
      createdAt: test.clock.now(),
    });
    expect(await test.core.files.get(test.actor(alice), file.id)).toEqual(file);
    expect(await test.core.files.findMany([file.id, UNKNOWN_ID, 'no id' as FileId])).toEqual([file]);
    const bytes = await buffer(await test.core.files.open(file));
    expect(bytes.equals(PNG)).toBe(true);
    const part = await buffer(await test.core.files.open(file, { start: 1, end: 3 }));
    expect(part.toString()).toBe('PNG');
  });

  it.each([
    ['a picture that claims to be a file', PNG, 'file', 'file', 'image/png'],
    ['markup that claims to be a picture', '<svg/>', 'image', 'file', 'application/octet-stream'],
    ['noise that claims to be a recording', 'webm', 'audio', 'file', 'application/octet-stream'],
    ['a picture that claims nothing', PNG, undefined, 'image', 'image/png'],
    ['nothing at all', '', undefined, 'file', 'application/octet-stream'],
  ] as const)('keeps a claim where the content bears it out: %s', async (_what, content, claim, kind, contentType) => {
    expect(await upload(content, claim ? { kind: claim } : {})).toMatchObject({ kind, contentType });
  });

  it('takes a recording of sound for sound', async () => {
    const webm = Buffer.concat([Buffer.from('1a45dfa3', 'hex'), Buffer.from(' webm')]);
    expect(await upload(webm, { kind: 'audio', durationMs: 1_500 })).toMatchObject({
      kind: 'audio',
      contentType: 'audio/webm',
      durationMs: 1_500,
    });
    expect(await upload(webm, { kind: 'video' })).toMatchObject({ kind: 'video', contentType: 'video/webm' });
  });

  it('refuses what is too large and keeps nothing', async () => {
    const remove = jest.spyOn(blobs, 'remove');
    for (const [size, limits] of [
      [10_001, {}],
      [101, { maxBytes: 100 }],
      [10_001, { maxBytes: 1e9 }],
    ] as const) {
      await expect(upload(Buffer.alloc(size), limits)).rejects.toMatchObject({
        code: 'too_large',
        details: { subject: 'file' },
      });
    }
    expect(await test.sql('select id from files')).toEqual([]);
    expect(remove).toHaveBeenCalledTimes(3);
    remove.mockRestore();
  });

  it('keeps nothing of an upload that broke off', async () => {
    const content = new PassThrough();
    const uploading = test.core.files.upload(test.actor(alice), { name: 'a' }, content);
    content.write('half');
    content.destroy(new Error('reset'));
    await expect(uploading).rejects.toMatchObject({ code: 'invalid', details: { reason: 'aborted' } });
    expect(await test.sql('select id from files')).toEqual([]);
  });

  it('belongs to others only by the administration’s doing', async () => {
    expect((await upload(PNG, { ownerId: bob.id })).ownerId).toBe(alice.id);
    expect((await upload(PNG, { ownerId: bob.id }, adminActor())).ownerId).toBe(bob.id);
    expect((await upload(PNG, {}, systemActor())).ownerId).toBeNull();
  });
});

describe('seeing a file', () => {
  it('is for anyone when it is public', async () => {
    const file = await upload(PNG, { access: 'public' });
    expect(await Promise.all([alice, bob, null].map((who) => canRead(who, file)))).toEqual([true, true, true]);
  });

  it('is for the owner alone until a message carries it, and always where it says so', async () => {
    const [shared, own] = [await upload(PNG), await upload(PNG, { access: 'owner' })];
    for (const file of [shared, own]) {
      expect(await Promise.all([alice, bob, null, adminActor()].map((who) => canRead(who, file)))).toEqual([
        true,
        false,
        false,
        true,
      ]);
      await carry(file, [alice.id, bob.id]);
    }
    expect(await canRead(bob, shared)).toBe(true);
    expect(await canRead(carol, shared)).toBe(false);
    expect(await canRead(null, shared)).toBe(false);
    expect(await canRead(bob, own)).toBe(false);
    await expect(test.core.files.get(test.actor(carol), shared.id)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it.each([
    ['who has left', 'update participants set active = false where user_id = $1'],
    ['when the message is deleted', 'update messages set deleted_at = now() where $1 > 0'],
    [
      'who has hidden the message',
      'insert into messages_hidden (conversation_id, user_id, seq, message_id) select conversation_id, $1, seq, id from messages',
    ],
    ['who has cleared the history', 'update participants set cleared_to_seq = 1 where user_id = $1'],
    ['when the conversation is deleted', 'update conversations set deleted_at = now() where $1 > 0'],
  ])('ends for somebody %s', async (_who, change) => {
    const file = await upload(PNG);
    await carry(file, [alice.id, bob.id]);
    expect(await canRead(bob, file)).toBe(true);
    await test.sql(change, [bob.id]);
    expect(await canRead(bob, file)).toBe(false);
    expect(await canRead(alice, file)).toBe(true);
  });

  it('is as wide as the widest message that carries it', async () => {
    const file = await upload(PNG);
    await carry(file, [alice.id, bob.id], { visibility: 'staff' });
    expect(await canRead(bob, file)).toBe(false);
    await carry(file, [alice.id, bob.id], { visibility: 'namespace:netalo' });
    expect(await canRead(bob, file)).toBe(false);
    expect(await canRead(test.actor(bob, { namespace: 'netalo' }), file)).toBe(true);
    await carry(file, [alice.id, bob.id]);
    expect(await canRead(bob, file)).toBe(true);
  });

  it('is for the staff of the queue too', async () => {
    const [space] = await test.sql<{ id: string }>(
      `insert into spaces (kind, name) values ('queue', 'q') returning id`,
    );
    const spaceId = Number(space?.id);
    await test.sql(`insert into space_members (space_id, user_id, role) values ($1, $2, 'staff')`, [spaceId, carol.id]);
    const file = await upload(PNG);
    await carry(file, [alice.id], { visibility: 'staff', kind: 'support', spaceId });
    expect(await canRead(carol, file)).toBe(true);
    await test.sql('update space_members set left_at = now()');
    expect(await canRead(carol, file)).toBe(false);
  });

  it('tells a file that is not there from one that is not for them', async () => {
    for (const id of [UNKNOWN_ID, '../x' as FileId, '' as FileId]) {
      await expect(test.core.files.get(test.actor(alice), id)).rejects.toMatchObject({ code: 'not_found' });
      expect(await test.core.files.canRead(test.actor(alice), id)).toBe(false);
    }
  });
});

describe('file tokens', () => {
  it('open one file for a time, without a session', async () => {
    const file = await upload(PNG);
    const token = await test.core.files.token(test.actor(alice), file.id, 60_000);
    expect(token).toMatch(/^[\w.-]+$/);
    expect(await test.core.files.byToken(token)).toEqual(file);
    const other = await test.another();
    expect(await other.core.files.byToken(token)).toEqual(file);
    test.clock.skip(60_000);
    await expect(test.core.files.byToken(token)).rejects.toMatchObject({ code: 'expired' });
  });

  it('cannot be made by others, for other files, or for longer', async () => {
    const file = await upload(PNG);
    const second = await upload(PNG);
    const token = await test.core.files.token(test.actor(alice), file.id, 60_000);
    const [id = '', expires = '', signature = ''] = token.split('.');
    for (const forged of [
      `${second.id}.${expires}.${signature}`,
      `${id}.${(test.clock.now() + 1e9).toString(36)}.${signature}`,
      `${id}.${expires}.${signature.slice(1)}`,
      `${id}.${expires}`,
      '',
      'x'.repeat(10_000),
    ]) {
      await expect(test.core.files.byToken(forged)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
    await expect(test.core.files.token(test.actor(bob), file.id, 60_000)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('derived forms', () => {
  it('are made once', async () => {
    const file = await upload(PNG);
    const make = jest.fn(async () => Buffer.from('small'));
    for (let n = 0; n < 2; n += 1) {
      expect((await buffer(await test.core.files.derived(file, 'avatar', make))).toString()).toBe('small');
    }
    expect(make).toHaveBeenCalledTimes(1);
  });
});

describe('removing', () => {
  it('takes the bytes away and tells the conversations that have it', async () => {
    const file = await upload(PNG);
    const first = await carry(file, [alice.id, bob.id]);
    const second = await carry(file, [alice.id, carol.id]);
    await expect(test.core.files.remove(test.actor(bob), file.id)).rejects.toMatchObject({ code: 'forbidden' });

    await test.core.files.remove(test.actor(alice), file.id);
    await test.core.files.remove(test.actor(alice), file.id);

    expect(await canRead(alice, file)).toBe(false);
    await expect(blobs.head(file.id, 1)).rejects.toMatchObject({ code: 'not_found' });
    expect(await test.events('file.updated')).toMatchObject(
      [first, second].map(({ conversationId, messageId }) => ({
        fileId: file.id,
        conversationId,
        messageIds: [messageId],
      })),
    );
    await expect(test.core.files.remove(adminActor(), UNKNOWN_ID)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('goes with the owner', async () => {
    const file = await upload(PNG, { access: 'public' });
    await test.core.users.erase(adminActor(), alice.id);
    expect(await canRead(bob, file)).toBe(false);
    await expect(blobs.head(file.id, 1)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is made up for later when the disk was away, and unfinished uploads go after a day', async () => {
    const deleted = await upload(PNG);
    const kept = await upload(PNG);
    const remove = jest.spyOn(blobs, 'remove').mockRejectedValueOnce(new Error('disk away'));
    await test.core.files.remove(test.actor(alice), deleted.id);
    remove.mockRestore();
    await test.store.files.insert({ ...kept, id: UNKNOWN_ID, state: 'uploading' });
    await blobs.write(UNKNOWN_ID, Readable.from([Buffer.from('half')]), 10);
    expect(await test.core.files.sweep()).toBe(0);

    test.clock.skip(25 * 3_600_000);
    await test.core.files.sweep();

    for (const id of [deleted.id, UNKNOWN_ID])
      await expect(blobs.head(id, 1)).rejects.toMatchObject({ code: 'not_found' });
    expect(await test.store.files.findMany([UNKNOWN_ID])).toEqual([]);
    expect((await blobs.head(kept.id, 4)).toString('latin1')).toBe('\x89PNG');
  });
});

it('warns of nodes that keep their files elsewhere', async () => {
  const apart = { ...createMemoryBlobStore(), missing: async (ids: readonly NodeId[]) => ids };
  const other = await test.another({ blobs: apart });
  const warnings = () => other.lines.filter(({ message }) => message.includes('FILES_DIR'));
  expect(warnings()).toMatchObject([{ level: 'warn', fields: { nodes: [test.nodeId] } }]);
  expect(test.lines.filter(({ message }) => message.includes('FILES_DIR'))).toEqual([]);
});
