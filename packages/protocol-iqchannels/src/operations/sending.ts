/** A message form as a command. A client's never fails over its content: what cannot be kept is left out. Wire: PROTOCOL.md, "Errors". */
import {
  type Core,
  DomainError,
  type FileId,
  type MessageId,
  type SendMessage,
  type UserActor,
} from '@switchboard/core';
import { decodeFileId } from '../codec.ts';
import type { MessageForm } from '../wire.ts';
import { notFound } from './access.ts';

export type Content = Pick<SendMessage, 'text' | 'kind' | 'parts' | 'replyToId' | 'clientRef' | 'meta'>;

/** Null: nothing is left to send. `isTolerant`: what is unknown or not allowed is passed over. */
export async function toContent(
  core: Core,
  actor: UserActor,
  { form, isTolerant }: { readonly form: MessageForm; readonly isTolerant: boolean },
): Promise<Content | null> {
  const file = form.fileid ? await readableFile(core, actor, { given: form.fileid, isTolerant }) : null;
  const text = form.text ?? '';
  if (text === '' && !file) {
    if (isTolerant) return null;
    throw new DomainError('invalid', 'an empty message', { subject: 'message', field: 'Text' });
  }
  const { localid = 0, replytomessageid = 0, botpresspayload } = form;
  return {
    text,
    ...(file && {
      kind: file.kind,
      parts: [
        {
          kind: file.kind,
          fileId: file.id,
          name: file.name,
          contentType: file.contentType,
          sizeBytes: file.sizeBytes,
          ...(file.width !== null && { width: file.width }),
          ...(file.height !== null && { height: file.height }),
        },
      ],
    }),
    ...(localid !== 0 && { clientRef: String(localid) }),
    ...(replytomessageid > 0 && { replyToId: await replyTo(core, actor, replytomessageid) }),
    ...(typeof botpresspayload === 'string' && { meta: { iqchannels: { button: botpresspayload } } }),
  };
}

async function readableFile(
  core: Core,
  actor: UserActor,
  { given, isTolerant }: { readonly given: string; readonly isTolerant: boolean },
) {
  const id = decodeFileId(given) as FileId | null;
  if (id === null) {
    if (isTolerant) return null;
    throw notFound('file');
  }
  try {
    return await core.files.get(actor, id);
  } catch (error) {
    if (isTolerant && error instanceof DomainError && (error.code === 'not_found' || error.code === 'forbidden'))
      return null;
    throw error;
  }
}

async function replyTo(core: Core, actor: UserActor, id: number): Promise<MessageId | null> {
  const [message] = await core.messages.find(actor, [id as MessageId]);
  return message?.id ?? null;
}
