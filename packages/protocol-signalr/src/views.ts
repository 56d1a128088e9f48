/** Domain objects in this wire's dress, for replies and events alike. No I/O: names come from the lookup. */
import type {
  Conversation,
  ConversationId,
  Lookup,
  Message,
  MessagePart,
  Participant,
  UnixMs,
  User,
  UserId,
} from '@switchboard/core';
import type { SignalrOptions } from './options.ts';
import type {
  ClientConversation,
  ClientMessage,
  ConversationUpdateEvent,
  MessageUpdateEvent,
  NewMessageEvent,
} from './wire.ts';

/** Who has seen a message, and whether the caller has. */
export interface Seen {
  readonly seenCount: number;
  readonly isSeenByYou: boolean;
}

type Participants = readonly Participant[];

export interface Views {
  toMessage(message: Message, lookup: Lookup, seen: Seen): ClientMessage;
  toNewMessage(message: Message, lookup: Lookup): NewMessageEvent;
  toMessageUpdate(message: Pick<Message, 'id' | 'conversationId'>, seenCount: number): MessageUpdateEvent;
  /** `viewerId`: whose list it is; a direct conversation bears the other's name. */
  toConversation(
    conversation: Conversation,
    participants: Participants,
    place: { readonly lookup: Lookup; readonly viewerId: UserId },
  ): ClientConversation;
  toConversationUpdate(
    conversation: Conversation,
    participants: Participants,
    place: { readonly lookup: Lookup; readonly viewerId: UserId },
  ): ConversationUpdateEvent;
  /** The user's identity here, or the computed one. */
  identityOf(user: User): string;
}

export function createViews({ namespace, conversationTypes, syntheticIdentities }: SignalrOptions): Views {
  const identityOf = (user: User): string => user.identities[namespace] ?? syntheticIdentities.toExternal(user.id);

  function nameOf(userId: UserId, lookup: Lookup): string {
    const user = lookup.user(userId);
    return user ? identityOf(user) : syntheticIdentities.toExternal(userId);
  }

  function titleOf(
    conversation: Conversation,
    participants: Participants,
    { lookup, viewerId }: { readonly lookup: Lookup; readonly viewerId: UserId },
  ): string {
    if (conversation.kind !== 'direct') return conversation.title;
    const other = participants.find(({ userId }) => userId !== viewerId);
    return (other && lookup.user(other.userId)?.displayName) || conversation.title;
  }

  /** Groups that are configured for the type, with who of those who take part is in each; empty ones are left out. */
  function groupsOf(
    conversation: Conversation,
    participants: Participants,
    lookup: Lookup,
  ): Readonly<Record<string, readonly string[]>> {
    const groups: Record<string, readonly string[]> = {};
    for (const { name } of conversationTypes[typeOf(conversation)]?.identityGroups ?? []) {
      const inside = participants.filter((participant) => participant.active && participant.groups.includes(name));
      if (inside.length > 0) groups[name] = inside.map(({ userId }) => nameOf(userId, lookup));
    }
    return groups;
  }

  const activeNames = (participants: Participants, lookup: Lookup): readonly string[] =>
    participants.filter(({ active }) => active).map(({ userId }) => nameOf(userId, lookup));

  return {
    identityOf,

    toMessage: (message, lookup, { seenCount, isSeenByYou }) => ({
      id: String(message.id),
      content: contentOf(message, namespace),
      senderId: nameOf(message.senderId, lookup),
      conversationId: String(message.conversationId),
      seenCount,
      isSeenByYou,
      createdDate: toDate(message.createdAt),
      userMeta: metaOf(message, namespace),
    }),

    toNewMessage: (message, lookup) => ({
      messageId: String(message.id),
      conversationId: String(message.conversationId),
      content: contentOf(message, namespace),
      senderId: nameOf(message.senderId, lookup),
      // It has just come: who sees it is told by OnMessageUpdate.
      seenCount: 0,
      userMeta: metaOf(message, namespace),
    }),

    toMessageUpdate: ({ id, conversationId }, seenCount) => ({
      messageId: String(id),
      conversationId: String(conversationId),
      seenCount,
    }),

    toConversation: (conversation, participants, place) => ({
      id: String(conversation.id),
      createdDate: toDate(conversation.createdAt),
      participants: activeNames(participants, place.lookup),
      isTurnedTheNotificationOff: participants.find(({ userId }) => userId === place.viewerId)?.muted ?? false,
      type: typeOf(conversation),
      title: titleOf(conversation, participants, place),
      identityGroups: groupsOf(conversation, participants, place.lookup),
    }),

    toConversationUpdate: (conversation, participants, place) => ({
      conversationId: String(conversation.id),
      conversationTitle: titleOf(conversation, participants, place),
      conversationParticipants: conversation.deletedAt === null ? activeNames(participants, place.lookup) : [],
      identityGroups: conversation.deletedAt === null ? groupsOf(conversation, participants, place.lookup) : {},
    }),
  };
}

/** Whether this wire shows the message at all: what others keep for staff, or for their own users, is no message here. */
export function isShown(message: Pick<Message, 'visibility' | 'deletedAt'>): boolean {
  return message.visibility === 'all' && message.deletedAt === null;
}

/** The id in a text that a client gave; null when it cannot be one. */
export function parseConversationId(text: string): ConversationId | null {
  return parseId(text) as ConversationId | null;
}

/** A positive whole number below 2^53 in decimal, without zeros in front. */
export function parseId(text: string | null): number | null {
  if (text === null || !/^[1-9][0-9]{0,15}$/.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

/** The label that it was made with; one without, as all that are born on other protocols, has its kind. */
function typeOf({ typeLabel, kind }: Conversation): string {
  return typeLabel || kind;
}

/** What this wire has no kind for is a text: its own, or the address or name of what it carries, or its kind. */
function contentOf({ text, parts, kind, meta, prompt }: Message, namespace: string): string {
  if (text !== '' || meta[namespace] !== undefined) return text;
  const part = parts.find(({ url, name }) => url !== undefined || name !== undefined);
  const named = part?.url ?? part?.name;
  if (named !== undefined) return named;
  if (prompt) return `[${prompt.kind}]`;
  return kind === 'text' && parts.length === 0 ? text : `[${kind}]`;
}

/** The sender's own bag; of a message that carries something, its structured form. Never the id of a file: it is a permission. */
function metaOf({ meta, kind, parts }: Message, namespace: string): object | null {
  const own = meta[namespace];
  if (typeof own === 'object' && own !== null) return own;
  return parts.length === 0 ? null : { kind, parts: parts.map(toBagPart) };
}

function toBagPart({ fileId: _fileId, ...part }: MessagePart): object {
  return part;
}

function toDate(at: UnixMs): string {
  return new Date(at).toISOString();
}
