/** Domain objects in this wire's dress, for replies and events alike. No I/O: numbers come from the lookup. Wire: PROTOCOL.md §5.2. */
import type { Conversation, Lookup, Message, OwnIds, UnixMs, User, UserId } from '@switchboard/core';
import type { EventOptions } from './options.ts';
import { CONTENT_TYPE, type ConversationObject, MAX_NUMBER, type MessageObject, STATUS } from './wire.ts';

export interface Views {
  toConversation(conversation: Conversation): ConversationObject;
  /** The conversation must be in the lookup; its sender should be. */
  toMessage(message: Message, lookup: Lookup, isRead: boolean): MessageObject;
  applicationIdOf(conversation: Conversation): number;
  sidOf(user: User): number;
}

export function createViews({ namespace, syntheticSids, syntheticApplications }: EventOptions): Views {
  function applicationIdOf(conversation: Conversation): number {
    return ownNumber(conversation.externalIds[namespace]) ?? Number(syntheticApplications.toExternal(conversation.id));
  }

  function sidOf(user: User): number {
    return ownNumber(user.identities[namespace]) ?? syntheticSidOf(user.id);
  }

  function syntheticSidOf(userId: UserId): number {
    return Number(syntheticSids.toExternal(userId));
  }

  return {
    applicationIdOf,
    sidOf,

    toConversation(conversation) {
      const applicationId = applicationIdOf(conversation);
      return {
        id: conversation.id,
        session_channel: String(applicationId),
        application_id: applicationId,
        create_at: toTime(conversation.createdAt),
        update_at: toTime(conversation.updatedAt),
      };
    },

    toMessage(message, lookup, isRead) {
      const view = lookup.conversation(message.conversationId);
      const sender = lookup.user(message.senderId);
      const channel = view
        ? applicationIdOf(view.conversation)
        : Number(syntheticApplications.toExternal(message.conversationId));
      const content = contentOf(message);
      return {
        id: message.id,
        session_channel: String(channel),
        content: content.text,
        content_type: content.type,
        sender_id: sender ? sidOf(sender) : syntheticSidOf(message.senderId),
        status: isRead ? STATUS.read : STATUS.new,
        read: isRead,
        create_at: toTime(message.createdAt),
        update_at: toTime(message.editedAt ?? message.createdAt),
      };
    },
  };
}

/** Whether this wire shows the message at all: what others keep for staff, or for their own users, is no message here. */
export function isShown(message: Message): boolean {
  return message.visibility === 'all' && message.deletedAt === null;
}

/** As the wire writes it: `007` is the number 7, and nobody would be found by it. */
function ownNumber(externalId: string | undefined): number | null {
  if (externalId === undefined || !/^[1-9][0-9]*$/.test(externalId)) return null;
  const number = Number(externalId);
  return number <= MAX_NUMBER ? number : null;
}

/** Which outside ids can be a `sid` or an application id. */
export const ownNumbers: OwnIds = {
  isValid: (externalId) => ownNumber(externalId) !== null,
  expected: `a whole number from 1 to ${MAX_NUMBER}`,
};

/**
 * An image that is nothing but its address is one here, too. Whatever else a message carries is told in a text: its own words, then the
 * address (or name) of each thing, one to a line.
 */
function contentOf({ kind, text, parts }: Message): { readonly text: string; readonly type: number } {
  if (kind === 'image' && parts.length === 0) return { text, type: CONTENT_TYPE.image };
  const [first] = parts;
  if (kind === 'image' && parts.length === 1 && text === '' && first?.url !== undefined) {
    return { text: first.url, type: CONTENT_TYPE.image };
  }
  const lines = [text, ...parts.map((part) => part.url ?? part.name ?? '')].filter((line) => line !== '');
  return { text: lines.length > 0 ? lines.join('\n') : `[${kind}]`, type: CONTENT_TYPE.text };
}

function toTime(at: UnixMs): string {
  return new Date(at).toISOString();
}
