/** Files, and how they are named: the core's UUID and the extension of the name. */
import { extensionOf, type StoredFile, type User } from '@switchboard/core';
import { decodeFileId } from '../codec.ts';
import type { Builder } from '../views.ts';
import type { Author, FileObject } from '../wire/objects.ts';

export function toFileId(file: StoredFile): string {
  return file.id + extensionOf(file.name).toLowerCase();
}

/** `actor`: in what part its owner sent it. */
export function toFile(builder: Builder, file: StoredFile, actor: Author): FileObject {
  const id = toFileId(file);
  const isClients = actor === 'client' && file.ownerId !== null;
  const isUsers = actor === 'user' && file.ownerId !== null;
  if (isClients && file.ownerId !== null) builder.client(file.ownerId);
  if (isUsers && file.ownerId !== null) builder.user(file.ownerId);
  return {
    Id: id,
    Type: file.kind === 'image' || file.kind === 'audio' ? file.kind : 'file',
    Owner: file.access === 'public' ? 'public' : 'client',
    OwnerClientId: isClients ? file.ownerId : null,
    Actor: actor,
    ActorClientId: isClients ? file.ownerId : null,
    ActorUserId: isUsers ? file.ownerId : null,
    Name: file.name,
    Path: id,
    Size: file.sizeBytes,
    ImageWidth: file.width,
    ImageHeight: file.height,
    ContentType: file.contentType,
    CreatedAt: file.createdAt,
  };
}

/** A picture of ours; addresses elsewhere have no place on this wire. */
export function avatarOf(builder: Builder, user: User): string | null {
  const id = user.avatar === null ? null : decodeFileId(user.avatar);
  return id === null ? null : builder.file(id as StoredFile['id'], 'user');
}
