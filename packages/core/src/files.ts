/** Files: who may upload, see and fetch them. Bytes go through the blob store and are never held here. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Actor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { DomainError, isDomainError } from './errors.ts';
import { safeFileName } from './file-names.ts';
import { asSound, type FileType, fileTypeOf, HEAD_BYTES } from './file-types.ts';
import type { ConversationId, FileId, UserId } from './ids.ts';
import type { FileAccess, FileKind, StoredFile } from './model/file.ts';
import type { FileContent } from './ports/file-store.ts';
import { isAdministration, requireOwn } from './rights.ts';

export interface UploadFile {
  /** As the client gave it; paths, invisible signs and endless names are taken out. */
  readonly name: string;
  /** A claim: kept only where the content bears it out (a picture, sound, a film), else `file`. Absent: as the content says. */
  readonly kind?: FileKind;
  /** Default `conversation`: the owner, and whoever may see a message that carries it. */
  readonly access?: FileAccess;
  readonly conversationId?: ConversationId | null;
  /** The administration uploads for others; absent = the actor. */
  readonly ownerId?: UserId | null;
  /** Below the core's own limit. */
  readonly maxBytes?: number;
  /** As the client measured it (voice messages). */
  readonly durationMs?: number | null;
}

export interface Files {
  /**
   * Reads `content` to its end. `too_large` (field `content`) beyond the limit, `invalid` (reason `aborted`) when the stream breaks off;
   * nothing is kept then.
   */
  upload(actor: Actor, command: UploadFile, content: Readable): Promise<StoredFile>;
  /** What is known of them, whatever their state. No rights are judged: for showing messages to those who may see them. */
  findMany(ids: readonly FileId[]): Promise<readonly StoredFile[]>;
  /** Whether the actor may fetch it. False for what does not exist, is not ready, or was deleted. */
  canRead(actor: Actor | null, id: FileId): Promise<boolean>;
  /** `not_found` for what is not there (any more), `forbidden` for what the actor may not fetch. Null: somebody without a session. */
  get(actor: Actor | null, id: FileId): Promise<StoredFile>;
  /** Its bytes, for whoever was let in by `get` or `byToken`. `range` is inclusive and within the size. */
  open(file: StoredFile, range?: { readonly start: number; readonly end: number }): Promise<Readable>;
  /** A scaled picture or the like under a short name of letters and digits; made by `make` when it is missing. */
  derived(file: StoredFile, form: string, make: () => Promise<Buffer>): Promise<Readable>;
  /** Lets whoever holds it fetch this one file for a time. `get`'s errors. Letters, digits, `.`, `-` and `_`. */
  token(actor: Actor | null, id: FileId, ttlMs: number): Promise<string>;
  /** `unauthenticated` for what is no token of ours, `expired`, `not_found`. */
  byToken(token: string): Promise<StoredFile>;
  /** The owner's, or the administration's. Told to the conversations that have it; repeating is fine. */
  remove(actor: Actor, id: FileId): Promise<void>;
  /** Takes away what uploads left unfinished for a day and bytes that a deletion left behind. Answers how many. */
  sweep(): Promise<number>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DAY_MS = 86_400_000;
const SWEEP_PIECE = 500;

export function createFiles(context: CoreContext): Files {
  const { store, blobs, clock, ids, limits, change, log, sessionKey } = context;
  const tokenKey = createHmac('sha256', sessionKey).update('file token').digest();

  async function find(id: FileId): Promise<StoredFile | null> {
    if (!UUID.test(id)) return null;
    const [file] = await store.files.findMany([id]);
    return file?.state === 'ready' ? file : null;
  }

  async function isAllowed(actor: Actor | null, file: StoredFile): Promise<boolean> {
    if (file.access === 'public') return true;
    if (actor === null) return false;
    const { userId, namespace } = actor;
    if (userId === null || userId === file.ownerId) return true;
    if (file.access === 'owner') return false;
    return (await store.files.seenInMessages({ userId, namespace }, [file.id])).has(file.id);
  }

  async function get(actor: Actor | null, id: FileId): Promise<StoredFile> {
    const file = await find(id);
    if (!file) throw notFound(id);
    if (!(await isAllowed(actor, file))) {
      throw new DomainError('forbidden', `User ${actor?.userId} may not fetch file ${id}`, { subject: 'file', id });
    }
    return file;
  }

  function sign(text: string): Buffer {
    return createHmac('sha256', tokenKey).update(text).digest();
  }

  async function forgetUpload(id: FileId): Promise<void> {
    try {
      await blobs.remove(id);
      await store.files.forget([id]);
    } catch (error) {
      log('warn', 'an unfinished upload is left for the sweep', { fileId: id, reason: String(error) });
    }
  }

  return {
    async upload(actor, command, content) {
      const { conversationId = null, access = 'conversation', durationMs = null } = command;
      const id = ids.uuid() as FileId;
      const file: StoredFile = {
        id,
        ownerId: command.ownerId !== undefined && isAdministration(actor) ? command.ownerId : actor.userId,
        conversationId,
        access,
        kind: 'file',
        name: safeFileName(command.name),
        sizeBytes: 0,
        contentType: 'application/octet-stream',
        width: null,
        height: null,
        durationMs,
        state: 'uploading',
        via: actor.via,
        createdAt: clock.now(),
      };
      // Heard from the first moment on: a stream that breaks off with nobody listening ends the process.
      content.on('error', () => undefined);
      try {
        // The row comes first: bytes without one would never be found again.
        await store.files.insert(file);
        const sizeBytes = await blobs.write(
          id,
          content,
          Math.min(command.maxBytes ?? limits.fileBytes, limits.fileBytes),
        );
        const type = fileTypeOf(await blobs.head(id, HEAD_BYTES));
        const finished = await store.files.finish(id, toContent(type, command.kind, sizeBytes));
        if (!finished) throw new DomainError('conflict', `Upload ${id} was swept away`, { subject: 'file', id });
        return finished;
      } catch (error) {
        const aborted =
          (content.errored !== null || (content.destroyed && !content.readableEnded)) && !isDomainError(error);
        content.destroy();
        await forgetUpload(id);
        if (!aborted) throw error;
        const details = { subject: 'file', field: 'content', reason: 'aborted' } as const;
        throw new DomainError('invalid', 'The upload broke off', details, { cause: error });
      }
    },

    findMany: (wanted) => store.files.findMany(wanted.filter((id) => UUID.test(id))),

    async canRead(actor, id) {
      const file = await find(id);
      return file !== null && isAllowed(actor, file);
    },

    get,

    open: (file, range) => blobs.read(file.id, range),

    async derived(file, form, make) {
      const kept = await blobs.readDerived(file.id, form);
      if (kept) return kept;
      await blobs.writeDerived(file.id, form, await make());
      const made = await blobs.readDerived(file.id, form);
      if (!made) throw notFound(file.id);
      return made;
    },

    async token(actor, id, ttlMs) {
      await get(actor, id);
      const text = `${id}.${(clock.now() + ttlMs).toString(36)}`;
      return `${text}.${sign(text).toString('base64url')}`;
    },

    async byToken(token) {
      const [id = '', expires = '', signature = ''] = token.length <= 200 ? token.split('.') : [];
      const given = Buffer.from(signature, 'base64url');
      const wanted = sign(`${id}.${expires}`);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
        throw new DomainError('unauthenticated', 'No file token of ours', { subject: 'file' });
      }
      if (Number.parseInt(expires, 36) <= clock.now()) {
        throw new DomainError('expired', 'The time of the file token is over', { subject: 'file', id });
      }
      const file = await find(id as FileId);
      if (!file) throw notFound(id);
      return file;
    },

    async remove(actor, id) {
      const removed = await change(actor, async (tx) => {
        const file = UUID.test(id) ? await tx.files.find(id) : null;
        if (!file) throw notFound(id);
        requireOwn(actor, file.ownerId, 'file');
        if (file.state === 'deleted') return false;
        await tx.files.setState(id, 'deleted');
        const carriers = await tx.files.messagesWith(id);
        for (const [conversationId, messageIds] of carriers) {
          const payload = { fileId: id, messageIds };
          tx.append('file.updated', { conversationId, data: payload }, payload);
        }
        if (carriers.size === 0) {
          const payload = { fileId: id, messageIds: [] };
          tx.append('file.updated', { userIds: file.ownerId === null ? [] : [file.ownerId], data: payload }, payload);
        }
        return true;
      });
      if (!removed) return;
      await blobs.remove(id).catch((error: unknown) => {
        log('warn', 'bytes of a deleted file are left for the sweep', { fileId: id, reason: String(error) });
      });
    },

    async sweep() {
      const now = clock.now();
      const abandoned = await store.files.abandoned(now - DAY_MS, SWEEP_PIECE);
      const deleted = await store.files.deletedBetween(now - 2 * DAY_MS, now - DAY_MS / 24, SWEEP_PIECE);
      for (const id of [...abandoned, ...deleted]) await blobs.remove(id);
      await store.files.forget(abandoned);
      return abandoned.length + deleted.length;
    },
  };
}

function toContent(type: FileType, claim: FileKind | undefined, sizeBytes: number): FileContent {
  const { family, contentType, width, height } = claim === 'audio' ? asSound(type) : type;
  const kind = claim === undefined || claim === family ? family : 'file';
  return { kind, sizeBytes, contentType, width, height };
}

function notFound(id: string): DomainError {
  return new DomainError('not_found', `No file ${id}`, { subject: 'file', id });
}
