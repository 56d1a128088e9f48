/** Files and push targets. Readonly data only. */
import type { ConversationId, FileId, Namespace, UnixMs, UserId, Via } from '../ids.ts';

export type FileKind = 'image' | 'audio' | 'video' | 'file';
/** Anyone; the owner alone; the owner and whoever may see a message that carries it. */
export type FileAccess = 'public' | 'owner' | 'conversation';
export type FileState = 'uploading' | 'ready' | 'rejected' | 'deleted';

export interface StoredFile {
  readonly id: FileId;
  readonly ownerId: UserId | null;
  readonly conversationId: ConversationId | null;
  readonly access: FileAccess;
  readonly kind: FileKind;
  readonly name: string;
  readonly sizeBytes: number;
  /** By content, never by claim. */
  readonly contentType: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  readonly state: FileState;
  readonly via: Via;
  readonly createdAt: UnixMs;
}

export interface PushTarget {
  readonly userId: UserId;
  readonly namespace: Namespace;
  /** "" or the space that the token is good for. */
  readonly scope: string;
  readonly platform: string;
  readonly token: string;
  readonly device: string | null;
}
