/** Messages, notices and what a message asks. */
import { createHash } from 'node:crypto';
import {
  type ConversationView,
  hasRead,
  type JsonObject,
  type JsonValue,
  type Message,
  noticeOf,
  type Participant,
} from '@switchboard/core';
import type { Builder } from '../views.ts';
import type {
  Author,
  ChatMessageObject,
  ChatNoticeObject,
  InfoRequestObject,
  NoticeName,
  RatingObject,
} from '../wire/objects.ts';
import { eventId } from './chats.ts';

const NOTICES: Readonly<Record<string, NoticeName>> = {
  opened: 'chat_opened',
  closed: 'chat_closed',
  assigned: 'chat_assigned',
  joined: 'member_joined',
  left: 'member_left',
  invited: 'member_invited',
};

/** In what part somebody acts in a conversation: its one customer is the client, all others are users. */
export function authorOf(
  builder: Builder,
  view: ConversationView | undefined,
  userId: Message['senderId'] | null,
): Author {
  if (userId === null) return 'system';
  if (view?.conversation.kind === 'support' && view.conversation.customerId === userId) return 'client';
  const user = builder.lookup.user(userId);
  if (!user) builder.needs.users.add(userId);
  return user?.kind === 'system' ? 'system' : 'user';
}

export function toMessage(builder: Builder, message: Message): ChatMessageObject {
  const { reader } = builder;
  const view = builder.view(message.conversationId);
  const author = authorOf(builder, view, message.senderId);
  const isNotice = message.kind === 'notice';
  const { isReceived, isRead } = receiptsOf(message, view);
  const file = message.parts.find(({ fileId }) => fileId !== undefined);
  const notes = noteOf(message);
  const isMine = message.senderId === reader.userId;

  builder.chat(message.conversationId);
  builder.attached(message);
  if (author === 'client') builder.client(message.senderId);
  if (author === 'user') builder.user(message.senderId);
  return {
    Id: message.id,
    UID: createHash('sha1').update(String(message.id)).digest('hex'),
    ChatId: message.conversationId,
    SessionId: view?.conversation.kind === 'support' ? message.episode : 0,
    LocalId: localIdOf(builder, message, author === 'client' || isMine),
    EventId: eventId(message.changedPosition, 'message_created'),
    Public: message.visibility === 'all',
    Author: author,
    ClientId: author === 'client' ? message.senderId : null,
    UserId: author === 'user' ? message.senderId : null,
    Payload: isNotice ? 'notice' : file ? 'file' : 'text',
    Text: textOf(builder, message),
    FileId: file?.fileId ? builder.file(file.fileId, author) : null,
    NoticeId: isNotice ? message.id : null,
    Received: isReceived,
    Read: isRead,
    Pushed: typeof notes.pushedAt === 'number',
    CreatedAt: message.createdAt,
    ReceivedAt: message.firstReceivedAt ?? message.firstReadAt ?? 0,
    ReadAt: message.firstReadAt ?? 0,
    My: isMine,
    ReplyToMessageId: message.replyToId === null ? null : builder.message(message.replyToId),
    RatingId: message.prompt?.kind === 'rating' ? message.id : null,
    InfoRequestId: message.prompt?.kind === 'form' ? message.id : null,
    TicketId: null,
    SingleChoices: null,
    Actions: null,
    IsDropDown: false,
    DisableFreeText: false,
    Listened: typeof notes.heardAt === 'number',
    ListenedAt: typeof notes.heardAt === 'number' ? notes.heardAt : 0,
    EditedAt: message.editedAt,
    TransferToChannel: null,
    Product: null,
  };
}

/** Own notes of the core about a message: when it was heard and pushed. */
function noteOf({ meta }: Message): JsonObject {
  const notes = meta.core;
  return typeof notes === 'object' && notes !== null && !Array.isArray(notes) ? (notes as JsonObject) : {};
}

/** In support the first arrival and reading at the other side; elsewhere anybody's, as it is now. */
function receiptsOf(message: Message, view: ConversationView | undefined) {
  if (!view || view.conversation.kind === 'support') {
    const isRead = message.firstReadAt !== null;
    return { isRead, isReceived: isRead || message.firstReceivedAt !== null };
  }
  let isRead = false;
  let isReceived = false;
  for (const participant of view.participants.values()) {
    if (participant.userId === message.senderId) continue;
    if (hasRead(participant, message.seq)) isRead = true;
    if (hasReceived(participant, message.seq)) isReceived = true;
  }
  return { isRead, isReceived: isRead || isReceived };
}

function hasReceived({ joinedSeq, receivedSeq }: Participant, seq: number): boolean {
  return seq > joinedSeq && seq <= receivedSeq;
}

/** The sender's own value where it may be shown, else the id: never 0, never twice in a chat. */
function localIdOf({ options }: Builder, { id, clientRef }: Message, isShown: boolean): number {
  const prefix = `${options.namespace}:`;
  if (!isShown || !clientRef?.startsWith(prefix)) return id;
  const value = Number(clientRef.slice(prefix.length));
  return Number.isSafeInteger(value) && value !== 0 ? value : id;
}

/** What has no place of its own here becomes a short description. */
function textOf({ reader, options }: Builder, message: Message): string {
  const { text, kind, parts, deletedAt, via } = message;
  if (kind === 'notice' || deletedAt !== null) return '';
  const address = parts.find(({ url }) => url !== undefined)?.url;
  const hasFile = parts.some(({ fileId }) => fileId !== undefined);
  const described =
    text ||
    address ||
    (hasFile || message.prompt ? '' : (parts.find(({ name }) => name)?.name ?? DESCRIPTIONS[kind] ?? ''));
  return reader.isHtml && options.escapeForeignText && via !== options.namespace ? escapeForeign(described) : described;
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  image: '[image]',
  file: '[file]',
  audio: '[audio]',
  video: '[video]',
  call: '[call]',
};

/** A stranger's markup must not run, ordinary text must look as it did. */
export function escapeForeign(text: string): string {
  return text
    .replace(/&(?=#?[0-9A-Za-z]+;?)/g, (sign, at: number) => (isEntity(text, at) ? '&amp;' : sign))
    .replaceAll('<', '&lt;');
}

/** The old names that browsers take without their semicolon. */
const OLD_NAMES =
  'amp|AMP|lt|LT|gt|GT|quot|QUOT|copy|COPY|reg|REG|nbsp|not|para|sect|times|divide|deg|cent|pound|yen|micro|middot|laquo|raquo|' +
  'shy|uml|macr|acute|cedil|plusmn|frac\\d\\d|sup[123]|ord[fm]|iquest|iexcl|curren|brvbar|eth|ETH|thorn|THORN|' +
  '[A-Za-z]{1,2}(?:grave|acute|circ|tilde|uml|ring|cedil|slash|lig)';

/** `&name;`, `&#1;`, `&#x1;`, and the old names. */
const ENTITY = new RegExp(`^&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][0-9A-Za-z]*;|(?:${OLD_NAMES}))`);

function isEntity(text: string, at: number): boolean {
  return ENTITY.test(text.slice(at, at + 40));
}

export function toNotice(builder: Builder, message: Message): ChatNoticeObject | null {
  const notice = noticeOf(message);
  const name = notice ? NOTICES[notice.type] : undefined;
  if (!notice || !name) return null;
  const { actorId, userId } = notice;
  if (actorId !== null) builder.user(actorId);
  const member = userId === null ? undefined : builder.view(message.conversationId)?.participants.get(userId);
  return {
    Id: message.id,
    Type: name,
    ActorId: actorId,
    MemberId: member ? builder.member(member) : notice.memberId,
    CreatedAt: message.createdAt,
  };
}

const RATING_STATES = {
  pending: 'pending',
  answered: 'rated',
  ignored: 'ignored',
  poll: 'poll',
  finished: 'finished',
} as const;
const REQUEST_STATES = {
  pending: 'pending',
  answered: 'finished',
  ignored: 'ignored',
  poll: 'pending',
  finished: 'finished',
} as const;

function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject)[key] : undefined;
}

function textMember(value: JsonValue | undefined, key: string): string {
  const found = member(value, key);
  return typeof found === 'string' ? found : '';
}

export function toRating(builder: Builder, message: Message): RatingObject | null {
  const { prompt, id } = message;
  if (!prompt) return null;
  const customerId = builder.view(message.conversationId)?.conversation.customerId ?? 0;
  if (customerId !== 0) builder.client(customerId);
  const value = member(prompt.answer, 'value');
  return {
    Id: id,
    ProjectId: 1,
    TicketId: 0,
    ClientId: customerId,
    UserId: null,
    State: RATING_STATES[prompt.state],
    Value: typeof value === 'number' ? value : null,
    Comment: textMember(prompt.answer, 'comment'),
    CreatedAt: message.createdAt,
    UpdatedAt: message.createdAt,
    RatingPollId: null,
    QuestionText: textMember(prompt.data, 'questionText'),
  };
}

export function toInfoRequest(builder: Builder, message: Message): InfoRequestObject | null {
  const { prompt, id } = message;
  if (!prompt) return null;
  const customerId = builder.view(message.conversationId)?.conversation.customerId ?? 0;
  if (customerId !== 0) builder.client(customerId);
  return {
    Id: id,
    ClientId: customerId,
    State: REQUEST_STATES[prompt.state],
    Form: { Fields: [] },
    CreatedAt: message.createdAt,
    UpdatedAt: message.createdAt,
  };
}
