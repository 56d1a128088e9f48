/**
 * What this node knows by heart, exact as of the last event applied: conversations with their participants, and people. Views and
 * projections read it synchronously. It decides who hears, never who may.
 */
import type { ConversationId, SpaceId, UserId } from './ids.ts';
import type { Conversation, Participant } from './model/conversation.ts';
import type { Message } from './model/message.ts';
import type { Space, SpaceMember } from './model/space.ts';
import type { User } from './model/user.ts';

export interface ConversationView {
  readonly conversation: Conversation;
  /** Everybody who takes part or ever did, with roles, preferences and marks; in joining order. */
  readonly participants: ReadonlyMap<UserId, Participant>;
  /** Who takes part now. */
  readonly activeIds: ReadonlySet<UserId>;
  readonly lastMessage: Message | null;
}

export interface SpaceView {
  readonly space: Space;
  readonly members: ReadonlyMap<UserId, SpaceMember>;
}

/** Synchronous: undefined = not loaded (an event's own conversation, its space, and all people in them always are). */
export interface Lookup {
  conversation(id: ConversationId): ConversationView | undefined;
  space(id: SpaceId): SpaceView | undefined;
  user(id: UserId): User | undefined;
}

/** Brings things into the lookup, in batches: everything asked for in one turn is one statement per kind. */
export interface Directory extends Lookup {
  ensureConversations(ids: readonly ConversationId[]): Promise<void>;
  ensureSpaces(ids: readonly SpaceId[]): Promise<void>;
  ensureUsers(ids: readonly UserId[]): Promise<void>;
  /** The conversations and spaces a user belongs to: what its connections may hear of. Loaded for many at once, kept exact by events. */
  membershipsOf(userId: UserId): Promise<Memberships>;
  /**
   * Whether somebody connected here takes part in a conversation, as of the last event applied. Synchronous; false for people whose
   * memberships nobody asked for.
   */
  isTakingPart(userId: UserId, conversationId: ConversationId): boolean;
  /** The user has no connection here any more: what it belongs to concerns this node no longer. Asking again begins anew. */
  release(userId: UserId): void;
  /** Drops what is known of a conversation: whoever needs it next loads it. For those who have reason to doubt it, and for tests. */
  forget(id: ConversationId): void;
}

export interface Memberships {
  readonly conversationIds: ReadonlySet<ConversationId>;
  /** Space → role. */
  readonly spaces: ReadonlyMap<SpaceId, SpaceMember['role']>;
}
