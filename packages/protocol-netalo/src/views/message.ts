/** Messages of whatever origin as this wire shows them: who they were for, who has seen them, and what they carry. */
import {
  type CallRecord,
  type Conversation,
  hasRead,
  type Message,
  type MessagePart,
  type Participant,
  type UserId,
  wasRecipient,
} from '@switchboard/core';
import { MESSAGE_STATUS, MESSAGE_TYPE, type MessageObject, type WrittenId } from '../wire.ts';
import { type BasicViews, inJoiningOrder, type Place, toMicroseconds } from './basic.ts';
import { toRecordText } from './call-record.ts';

/** What a sender gave, as it stands in the message's bag; what is not there has its default. */
export interface MessageBag {
  readonly type?: number;
  readonly version?: number;
  /** Where the text that others see is another one. */
  readonly message?: string;
  readonly attachments?: string;
  readonly group_name?: string;
  readonly group_avatar?: string;
  readonly sender_name?: string;
  readonly sender_avatar?: string;
  readonly is_encrypted?: boolean;
  readonly mentioned_all?: boolean;
  /** Digits. */
  readonly mentioned_uins?: readonly string[];
}

export interface MessageContent {
  readonly type: number;
  readonly version: number;
  readonly message: string;
  readonly attachments: string;
}

export interface MessageViews {
  /** `hiddenBy`: who deleted it for themselves. */
  toMessage(message: Message, place: Place, hiddenBy?: readonly UserId[]): MessageObject;
  /** As it is pushed when it has just been sent: nobody has received or seen it yet. */
  toNewMessage(message: Message, place: Place & { readonly activeIds: ReadonlySet<UserId> }): MessageObject;
  contentOf(message: Message, conversation?: Conversation): MessageContent;
  /** Stands for the last message of a group that has none; never stored. */
  toPlaceholder(place: Place): MessageObject;
  /** Whether this wire's people may hear of it. */
  isShown(message: Message): boolean;
}

/** Everybody in, in joining order, and the newest seq that somebody's coming or going has to do with. */
interface Everybody {
  readonly uins: readonly WrittenId[];
  readonly since: number;
}

const NOBODY: readonly UserId[] = [];

export function createMessageViews(views: BasicViews): MessageViews {
  const { id, uin, uins, bag, options } = views;
  /** By the set of those who take part, which is another one as soon as somebody comes or goes. */
  const everybody = new WeakMap<ReadonlySet<UserId>, Everybody>();

  function everybodyOf(place: Place & { readonly activeIds: ReadonlySet<UserId> }): Everybody {
    let known = everybody.get(place.activeIds);
    if (!known) {
      const all = [...place.participants.values()];
      const since = all.map(({ joinedSeq, pastSeqs }) => Math.max(joinedSeq, pastSeqs.at(-1)?.[1] ?? 0));
      const active = inJoiningOrder(all.filter(({ active }) => active));
      known = { uins: uins(active.map(({ userId }) => userId)), since: Math.max(0, ...since) };
      everybody.set(place.activeIds, known);
    }
    return known;
  }

  function contentOf(message: Message, conversation?: Conversation): MessageContent {
    const given = bag(message.meta) as MessageBag;
    if (message.deletedAt !== null)
      return { type: given.type ?? typeOf(message), version: given.version ?? 0, message: '', attachments: '' };
    if (given.type !== undefined) {
      const { type, version = 0, message: text = message.text, attachments = '' } = given;
      return { type, version, message: text, attachments };
    }
    if (message.kind === 'call')
      return { type: MESSAGE_TYPE.call, version: 0, message: '', attachments: recordOf(message, conversation) };
    const type = typeOf(message);
    const isMedia = type !== MESSAGE_TYPE.text;
    const attachments = isMedia ? toAttachments(type, message.parts) : '';
    return { type, version: isMedia ? 1 : 0, message: message.text || fallbackOf(message, isMedia), attachments };
  }

  function recordOf(message: Message, conversation: Conversation | undefined): string {
    const { call } = message.meta as { readonly call?: CallRecord };
    return call ? toRecordText(views, call, { message, conversation }) : '';
  }

  /** All but who was there and what became of it. */
  function base(message: Message, { conversation }: Place) {
    const given = bag(message.meta) as MessageBag;
    const sender = views.user(message.senderId);
    const { type, version, message: text, attachments } = contentOf(message, conversation);
    const avatar = given.sender_avatar || sender?.avatar || '';
    const changedAt = Math.max(message.editedAt ?? 0, message.deletedAt ?? 0);
    return {
      result: 0 as const,
      message_id: id(message.id),
      group_id: id(message.conversationId),
      group_type: views.typeOf(conversation),
      sender_uin: uin(message.senderId),
      type,
      version,
      message: text,
      attachments,
      attactments: attachments,
      group_name: given.group_name || conversation.title,
      group_avatar: given.group_avatar || conversation.avatar || '',
      sender_name: given.sender_name || sender?.displayName || '',
      sender_avatar: avatar,
      send_avatar: avatar,
      nonce: nonceOf(message),
      created_at: createdAt(message),
      updated_at: toMicroseconds(changedAt === 0 ? null : changedAt),
      is_encrypted: given.is_encrypted ?? false,
      mentioned_all: given.mentioned_all ?? false,
      mentioned_uins: (given.mentioned_uins ?? []).map(id),
    };
  }

  /** The client's own key, where it is one of this wire's. */
  function nonceOf({ clientRef }: Message): string {
    const prefix = `${options.namespace}:`;
    return clientRef?.startsWith(prefix) ? clientRef.slice(prefix.length) : '';
  }

  const shown: MessageViews = {
    contentOf,

    toMessage(message, place, hiddenBy = NOBODY) {
      const { seq, senderId } = message;
      const recipients = inJoiningOrder([...place.participants.values()].filter((one) => wasRecipient(one, seq)));
      const others = recipients.filter(({ userId }) => userId !== senderId).sort(latestFirst);
      const seen = others.filter((one) => hasRead(one, seq));
      const received = others.filter((one) => one.receivedSeq >= seq || hasRead(one, seq));
      return {
        ...base(message, place),
        status: statusOf(message, { others: others.length, seen: seen.length, received: received.length }),
        recipient_uins: uins(recipients.map(({ userId }) => userId)),
        received_uins: uins(received.map(({ userId }) => userId)),
        seen_uins: uins(seen.map(({ userId }) => userId)),
        deleted_uins: uins(hiddenBy),
      };
    },

    toNewMessage(message, place) {
      const { uins: recipients, since } = everybodyOf(place);
      if (message.seq <= since) return shown.toMessage(message, place);
      return {
        ...base(message, place),
        status: MESSAGE_STATUS.sent,
        recipient_uins: recipients,
        received_uins: [],
        seen_uins: [],
        deleted_uins: [],
      };
    },

    toPlaceholder(place) {
      const { conversation } = place;
      const creator = conversation.createdBy ?? conversation.ownerId;
      const person = creator === null ? undefined : views.user(creator);
      const avatar = person?.avatar ?? '';
      return {
        result: 0,
        message_id: id(null),
        group_id: id(conversation.id),
        group_type: views.typeOf(conversation),
        sender_uin: uin(creator),
        type: MESSAGE_TYPE.first,
        version: 0,
        message: '',
        attachments: '',
        attactments: '',
        group_name: conversation.title,
        group_avatar: conversation.avatar ?? '',
        sender_name: person?.displayName ?? '',
        sender_avatar: avatar,
        send_avatar: avatar,
        nonce: '',
        created_at: toMicroseconds(conversation.createdAt),
        updated_at: '0',
        status: MESSAGE_STATUS.sent,
        recipient_uins: uins(
          inJoiningOrder([...place.participants.values()].filter(({ active }) => active)).map(({ userId }) => userId),
        ),
        received_uins: [],
        seen_uins: [],
        deleted_uins: [],
        is_encrypted: false,
        mentioned_all: false,
        mentioned_uins: [],
      };
    },

    isShown: ({ visibility }) => visibility === 'all' || visibility === `namespace:${options.namespace}`,
  };
  return shown;
}

function latestFirst(one: Participant, other: Participant): number {
  return (other.readAt ?? 0) - (one.readAt ?? 0);
}

function statusOf(
  { deletedAt }: Message,
  counts: { readonly others: number; readonly seen: number; readonly received: number },
): number {
  if (deletedAt !== null) return MESSAGE_STATUS.deleted;
  if (counts.others === 0) return MESSAGE_STATUS.sent;
  if (counts.seen === counts.others) return MESSAGE_STATUS.seen;
  return counts.received === counts.others ? MESSAGE_STATUS.received : MESSAGE_STATUS.sent;
}

/** Imported history keeps times of its own. */
function createdAt({ id, createdAt }: Message): string {
  return Math.abs(Math.floor(id / 1000) - createdAt) <= 1000 ? String(id) : toMicroseconds(createdAt);
}

function typeOf({ kind }: Message): number {
  if (kind === 'image') return MESSAGE_TYPE.images;
  if (kind === 'audio') return MESSAGE_TYPE.audio;
  if (kind === 'video') return MESSAGE_TYPE.video;
  if (kind === 'file') return MESSAGE_TYPE.file;
  return kind === 'call' ? MESSAGE_TYPE.call : MESSAGE_TYPE.text;
}

/** What other protocols carry without a text of their own. */
function fallbackOf({ parts, kind }: Message, isMedia: boolean): string {
  if (isMedia || parts.length === 0) return '';
  return parts.find(({ url, name }) => name !== undefined || url !== undefined)?.name ?? parts[0]?.url ?? `[${kind}]`;
}

function toAttachments(type: number, parts: readonly MessagePart[]): string {
  const [part] = parts;
  const address = part ? addressOf(part) : '';
  const { width = 0, height = 0, durationMs = 0, name = '', sizeBytes = 0 } = part ?? {};
  const duration = Math.round(durationMs / 1000);
  switch (type) {
    case MESSAGE_TYPE.images:
      return JSON.stringify({
        images: parts.map((one) => ({ url: addressOf(one), width: one.width ?? 0, height: one.height ?? 0 })),
      });
    case MESSAGE_TYPE.audio:
      return JSON.stringify({ audio: { url: address, duration } });
    case MESSAGE_TYPE.video:
      return JSON.stringify({ video: { url: address, duration, thumbnail_url: '', width, height } });
    default:
      return JSON.stringify({
        file: { url: address, file_name: name, file_extension: extensionOf(name), size: sizeBytes },
      });
  }
}

function addressOf({ url }: MessagePart): string {
  return url ?? '';
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot === -1 ? '' : name.slice(dot + 1);
}
