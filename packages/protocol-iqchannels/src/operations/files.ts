/** What is told of files; their bytes go another way (files/). Wire: PROTOCOL.md, "Files". */
import type { FileId } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { decodeFileId } from '../codec.ts';
import { fileCaller, type IqSession, readerOf, signedInAny } from '../session.ts';
import { toFile } from '../views/files.ts';
import { OP, schemas } from '../wire.ts';
import { notFound, type OperationsContext } from './access.ts';
import { built, plain } from './answer.ts';

type Names = typeof OP.fileToken | typeof OP.getFile;

export function createFileOperations({
  core,
  options,
  views,
}: OperationsContext): Pick<Operations<Names, IqSession>, Names> {
  const caller = (session: IqSession) => fileCaller(signedInAny(session));

  function idOf(text: string | undefined): FileId {
    const id = decodeFileId(text ?? '');
    if (id === null) throw notFound('file');
    return id as FileId;
  }

  return {
    [OP.fileToken]: operation({
      guard: caller,
      args: schemas.fileToken,
      run: async (_core, session, { body }) => {
        const token = await core.files.token(session.actor, idOf(body.fileid), options.fileTokenTtlMs);
        return plain({ Token: token });
      },
    }),

    [OP.getFile]: operation({
      guard: caller,
      args: schemas.none,
      run: async (_core, session, { params }) => {
        const file = await core.files.get(session.actor, idOf(params.fileId));
        const isOwn = file.ownerId === session.actor.userId;
        const actor = isOwn ? (session.part === 'client' ? 'client' : 'user') : '';
        return built(views, readerOf(session), (builder) => toFile(builder, file, actor));
      },
    }),
  };
}
