/** What is said, written for a reader: events with the objects they refer to, in frames of so many events. Pure. */
import type { DomainEvent } from '@switchboard/core';
import { type StreamFrame, success } from '../codec.ts';
import type { Said } from '../projection.ts';
import { eventId } from '../views/chats.ts';
import { authorOf, toMessage } from '../views/messages.ts';
import type { Builder } from '../views.ts';
import type { ChatEventObject, ChatMessageObject, RelsObject } from '../wire/objects.ts';

/** One event of this wire and the entry that it comes from. */
export interface SaidOf {
  readonly event: DomainEvent;
  readonly said: Said;
}

const PUBLIC = new Set(['chat_closed', 'typing', 'client_changed']);

export function toEvent(builder: Builder, { event, said }: SaidOf): ChatEventObject {
  const { name, view, message, ownerId, memberId, actorId } = said;
  const conversation = view?.conversation;
  const isSupport = conversation?.kind === 'support';
  const actor = authorOf(builder, view ?? undefined, actorId);
  const member = memberId === null ? undefined : view?.participants.get(memberId);
  const isThread = name.startsWith('thread_');
  const episode = message?.episode ?? conversation?.episode ?? 0;
  const changed = changedMessages(builder, said);

  if (conversation) builder.chat(conversation.id);
  if (actor === 'client' && actorId !== null) builder.client(actorId);
  if (actor === 'user' && actorId !== null) builder.user(actorId);
  if (name === 'client_changed' && memberId !== null) builder.client(memberId);
  return {
    Id: event.transient ? 0 : eventId(event.position, name),
    Type: name,
    ChatId: conversation?.id ?? null,
    Public: message ? message.visibility === 'all' : PUBLIC.has(name),
    Transitive: event.transient,
    SessionId: isSupport && episode > 0 ? episode : null,
    MessageId: message ? builder.theMessage(message) : null,
    MemberId: member && !isThread ? builder.member(member) : null,
    InboxId: name === 'inbox_changed' && ownerId !== null ? builder.inbox(ownerId) : null,
    ThreadId: member && isThread ? builder.thread(member) : null,
    Actor: actor,
    ClientId: name === 'client_changed' ? memberId : actor === 'client' ? actorId : null,
    UserId: actor === 'user' ? actorId : null,
    CreatedAt: event.at,
    ...(changed && { Messages: changed }),
  };
}

/** Edits bring the whole new message, deletions what names it. Always a list: clients throw on anything else. */
function changedMessages(builder: Builder, { name, message }: Said): readonly ChatMessageObject[] | null {
  if (!message || (name !== 'message_edited' && name !== 'delete-messages')) return null;
  return [toMessage(builder, message)];
}

export function toFrame(events: readonly ChatEventObject[], rels: RelsObject): StreamFrame {
  const last = events.at(-1)?.Id ?? 0;
  return { envelope: success(events, rels), id: last > 0 ? last : null };
}

export const MOST_EVENTS = 100;

/** Pieces of at most so many. */
export function inPieces<T>(list: readonly T[], size: number): T[][] {
  const pieces: T[][] = [];
  for (let start = 0; start < list.length; start += size) pieces.push(list.slice(start, start + size));
  return pieces;
}
