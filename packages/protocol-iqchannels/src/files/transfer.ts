/**
 * The bytes of files: multipart streamed to where blobs are kept, downloads with ranges and safe headers, scaled pictures made once.
 * What may be fetched is core's answer. Wire: PROTOCOL.md, "Files".
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type Core,
  DomainError,
  extensionOf,
  type FileId,
  isDomainError,
  type Log,
  type StoredFile,
} from '@switchboard/core';
import { ProtocolError } from '@switchboard/protocol';
import busboy from 'busboy';
import { decodeFileId } from '../codec.ts';
import type { IqchannelsOptions } from '../options.ts';
import type { IqSession, SignedInSession } from '../session.ts';
import { SIZES, scale } from './scale.ts';

export interface TransferContext {
  readonly core: Core;
  readonly options: IqchannelsOptions;
  readonly log: Log;
}

type Upload = Promise<StoredFile>;

export function createTransfer({ core, options, log }: TransferContext) {
  /** Reads the whole form. The file may come before its `Type`. */
  async function upload(session: SignedInSession, request: IncomingMessage): Promise<StoredFile> {
    let form: ReturnType<typeof busboy>;
    try {
      // Names are raw UTF-8; a path in one is cut off by core, where the rules are ours.
      form = busboy({
        headers: request.headers,
        defParamCharset: 'utf8',
        preservePath: true,
        limits: { files: 1, fields: 16, fieldSize: 4_096, parts: 32 },
      });
    } catch {
      throw new ProtocolError('malformed', 'no multipart form');
    }
    let type: string | null = null;
    let stored: Upload | null = null;
    form.on('field', (name, value) => {
      if (name.toLowerCase() === 'type') type = value;
    });
    form.on('file', (name, content, { filename }) => {
      if (name.toLowerCase() !== 'file' || stored) {
        content.resume();
        return;
      }
      stored = store(session, content, { name: filename ?? 'blob', type });
      stored.catch(() => content.resume());
    });
    await Promise.race([
      pipeline(request, form).catch(() => {
        throw new DomainError('invalid', 'the upload broke off', { subject: 'file', field: 'File' });
      }),
      // A refusal is answered at once; what is still coming is read to nothing.
      new Promise<never>((_resolve, reject) => form.on('file', () => stored?.catch(reject))),
    ]);
    const given = stored as Upload | null;
    if (!given) throw new DomainError('invalid', 'no file in the form', { subject: 'file', field: 'File' });
    return given;
  }

  async function store(
    session: SignedInSession,
    content: Readable,
    about: { name: string; type: string | null },
  ): Upload {
    refuseExtension(about.name);
    // Only what is a picture by its bytes is one; what is sent as a file stays a file.
    const kind = about.type === 'image' || about.type === 'audio' ? about.type : 'file';
    return core.files.upload(session.actor, { name: about.name, kind, maxBytes: options.fileBytes }, content);
  }

  function refuseExtension(name: string): void {
    const extension = extensionOf(name).slice(1).toLowerCase();
    const { allowedExtensions, forbiddenExtensions } = options;
    const isRefused =
      (allowedExtensions !== null && !allowedExtensions.includes(extension)) ||
      (forbiddenExtensions?.includes(extension) ?? false);
    if (isRefused)
      throw new DomainError('invalid', 'an extension that is not taken', { subject: 'file', field: 'File' });
  }

  async function find(session: IqSession, id: FileId, token: string | undefined): Promise<StoredFile> {
    if (token) {
      const file = await core.files.byToken(token);
      if (file.id === id) return file;
      throw new DomainError('forbidden', 'a token of another file', { subject: 'file' });
    }
    return core.files.get(session.actor, id);
  }

  async function download(
    request: IncomingMessage,
    response: ServerResponse,
    about: {
      readonly session: IqSession;
      readonly fileId: string;
      readonly query: ReadonlyMap<string, string>;
      readonly isImage: boolean;
    },
  ): Promise<void> {
    const id = decodeFileId(about.fileId) as FileId | null;
    if (id === null) return refuse(response, 404);
    let file: StoredFile;
    try {
      file = await find(about.session, id, about.query.get('token'));
    } catch (error) {
      if (!isDomainError(error)) throw error;
      if (error.code === 'unavailable' || error.code === 'internal') return refuse(response, 503);
      return refuse(response, error.code === 'not_found' ? 404 : 403);
    }
    const size = about.isImage ? (about.query.get('size') ?? '') : '';
    const scaled =
      Object.hasOwn(SIZES, size) && file.kind === 'image' ? await scaledOf(file, size as keyof typeof SIZES) : null;
    if (scaled) {
      response.writeHead(200, { ...headersOf(file), 'Content-Type': scaled.contentType });
      await send(scaled.bytes, response);
      return;
    }
    const range = rangeOf(request.headers.range, file.sizeBytes);
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'Content-Range': `bytes */${file.sizeBytes}` });
      response.end();
      return;
    }
    const length = range ? range.end - range.start + 1 : file.sizeBytes;
    response.writeHead(range ? 206 : 200, {
      ...headersOf(file),
      'Accept-Ranges': 'bytes',
      'Content-Length': length,
      ...(range && { 'Content-Range': `bytes ${range.start}-${range.end}/${file.sizeBytes}` }),
    });
    if (request.method === 'HEAD' || length === 0) response.end();
    else await send(await core.files.open(file, range ?? undefined), response);
  }

  /** Null: the original instead, rather than an error. */
  async function scaledOf(file: StoredFile, size: keyof typeof SIZES) {
    try {
      const bytes = await core.files.derived(file, `iq${size}`, async () => scale(await core.files.open(file), size));
      return { bytes, contentType: 'image/webp' };
    } catch (error) {
      log('warn', 'a picture could not be scaled', { fileId: file.id, size, reason: String(error) });
      return null;
    }
  }

  return { upload, download };
}

async function send(bytes: Readable, response: ServerResponse): Promise<void> {
  // Whoever hangs up in the middle is nobody's fault.
  await pipeline(bytes, response).catch(() => undefined);
}

function refuse(response: ServerResponse, status: 403 | 404 | 503): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
  response.end(status === 403 ? 'Forbidden\n' : status === 404 ? 'Not Found\n' : 'Service Unavailable\n');
}

/** Shown in the browser; everything else is saved. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp)|audio\/[\w.+-]+|video\/[\w.+-]+|application\/pdf|text\/plain)(?:;|$)/i;
/** Would run in our origin. */
const ACTIVE = /html|svg|xml|javascript|ecmascript|x-sh|wasm/i;

function headersOf({ contentType, name }: StoredFile): Record<string, string> {
  const isActive = ACTIVE.test(contentType);
  const isShown = !isActive && SHOWN.test(contentType);
  const plainName = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  return {
    'Content-Type': isActive ? 'application/octet-stream' : contentType,
    'Content-Disposition': `${isShown ? 'inline' : 'attachment'}; filename="${plainName}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)}`,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cache-Control': 'private, max-age=3600',
  };
}

/** One range; what is more, or no range at all, is the whole. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | null {
  const found = /^bytes=([0-9]*)-([0-9]*)$/.exec(header?.trim() ?? '');
  if (!found || (found[1] === '' && found[2] === '')) return null;
  const [, from = '', to = ''] = found;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (start >= size || start > end || (from === '' && Number(to) === 0)) return 'unsatisfiable';
  return { start, end };
}
