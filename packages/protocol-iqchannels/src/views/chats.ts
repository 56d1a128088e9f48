/** Channels, chats, members, threads and inboxes. Threads and inboxes are derived from memberships; nothing is kept for them. */
import type { ConversationView, Participant, SpaceMember, SpaceView, UserId } from '@switchboard/core';
import { totalsKey, workKey } from '../facts.ts';
import type { Builder } from '../views.ts';
import {
  type ChannelMemberObject,
  type ChannelObject,
  type ChatInboxObject,
  type ChatInboxThreadObject,
  type ChatMemberObject,
  type ChatObject,
  type EventName,
  SLOTS,
  SLOTS_PER_ENTRY,
} from '../wire/objects.ts';

/** The id of the event of this type in the entry at the position. */
export function eventId(position: number, name: EventName): number {
  return position * SLOTS_PER_ENTRY + SLOTS[name];
}

/** Whether a conversation is a chat of this wire: support with a customer, or any other kind in a workspace. */
export function isChat({ kind, spaceId, customerId }: ConversationView['conversation']): boolean {
  return spaceId !== null && (kind !== 'support' || customerId !== null);
}

/** At work in it: what this wire calls a present member. */
export function isPresent(view: ConversationView, { active, present, side }: Participant): boolean {
  if (view.conversation.kind !== 'support') return active;
  return active && present && side === 'staff';
}

export function toChannel(builder: Builder, { space, members }: SpaceView): ChannelObject {
  const isQueue = space.kind === 'queue';
  const key = totalsKey(space.id, isQueue ? null : builder.reader.userId);
  const totals = builder.facts.totals(key);
  if (!totals) builder.needs.totals.add(key);
  let totalMembers = 0;
  for (const { leftAt, role } of members.values()) {
    if (leftAt === null && (!isQueue || role === 'staff' || role === 'admin')) totalMembers += 1;
  }
  return {
    Id: space.id,
    Name: space.name,
    Type: '',
    Title: space.title,
    Description: space.description,
    Deleted: space.deletedAt !== null,
    EventId: space.changedPosition * SLOTS_PER_ENTRY,
    ChatEventId: totals && totals.changedPosition > 0 ? eventId(totals.changedPosition, 'chat_changed') : null,
    TotalMembers: totalMembers,
    TotalChats: totals?.conversations ?? 0,
    TotalOpenChats: totals?.open ?? 0,
    TelegramBotToken: null,
    ApnsId: null,
    CreatedAt: space.createdAt,
    UpdatedAt: space.updatedAt,
  };
}

export function toChannelMember(builder: Builder, member: SpaceMember): ChannelMemberObject {
  return {
    Id: member.id,
    ChannelId: builder.channel(member.spaceId),
    UserId: builder.user(member.userId),
    Deleted: member.leftAt !== null,
    CreatedAt: member.createdAt,
    DeletedAt: member.leftAt ?? 0,
  };
}

/** `isReferred`: by something that a client sees; there the way ends at channel and client. */
export function toChat(builder: Builder, view: ConversationView, isReferred: boolean): ChatObject {
  const { conversation, participants } = view;
  const { reader } = builder;
  const isSupport = conversation.kind === 'support';
  const isOperator = reader.part === 'operator';
  const messageId = isOperator ? conversation.lastMessageId : conversation.lastPublicMessageId;
  const own = isOperator && reader.userId !== null ? participants.get(reader.userId) : undefined;
  const current = own && (!isSupport || own.side === 'staff') ? own : undefined;
  let totalMembers = 0;
  for (const participant of participants.values()) if (isPresent(view, participant)) totalMembers += 1;

  if (conversation.spaceId !== null) builder.channel(conversation.spaceId);
  if (conversation.customerId !== null) builder.client(conversation.customerId);
  if (!isReferred) {
    if (conversation.assigneeId !== null) builder.user(conversation.assigneeId);
    // What the lookup holds is exact; the memory may be asked for the rest.
    if (view.lastMessage && view.lastMessage.id === messageId) builder.theMessage(view.lastMessage);
    else if (messageId !== null) builder.message(messageId);
  }
  return {
    Id: conversation.id,
    ChannelId: conversation.spaceId ?? 0,
    ClientId: conversation.customerId ?? 0,
    Open: conversation.open,
    EventId: eventId(conversation.changedPosition, 'chat_changed'),
    MessageId: messageId,
    SessionId: isSupport && conversation.episode > 0 ? conversation.episode : null,
    AssigneeId: conversation.assigneeId,
    ClientUnread: isSupport ? conversation.customerUnread : 0,
    UserUnread: isSupport ? conversation.staffUnread : 0,
    TotalMembers: totalMembers,
    CreatedAt: conversation.createdAt,
    ChangedAt: conversation.lastActivityAt,
    OpenedAt: conversation.openedAt ?? (isSupport ? 0 : conversation.createdAt),
    ClosedAt: conversation.closedAt ?? 0,
    CurrentMemberId: current ? builder.member(current) : null,
  };
}

export function toMember(builder: Builder, participant: Participant): ChatMemberObject {
  const view = builder.view(participant.conversationId);
  builder.chat(participant.conversationId);
  return {
    Id: participant.id,
    ChatId: participant.conversationId,
    UserId: builder.user(participant.userId),
    Present: view ? isPresent(view, participant) : false,
    Assigned: view?.conversation.assigneeId === participant.userId,
    CreatedAt: participant.createdAt,
    AddedAt: participant.joinedAt,
    RemovedAt: participant.leftAt ?? 0,
    AssignedAt: participant.assignedAt ?? 0,
    Me: participant.userId === builder.reader.userId,
  };
}

/** Last joining, leaving or closing of a membership. */
function membershipChangedAt(view: ConversationView | undefined, participant: Participant): number {
  const { joinedAt, leftAt, active, present } = participant;
  const closedAt = active && !present ? (view?.conversation.closedAt ?? 0) : 0;
  return Math.max(joinedAt, leftAt ?? 0, closedAt);
}

export function toThread(builder: Builder, participant: Participant): ChatInboxThreadObject {
  const view = builder.view(participant.conversationId);
  const conversation = view?.conversation;
  const isOpen = view ? view.conversation.open && isPresent(view, participant) : false;
  const changed = Math.max(participant.changedPosition, isOpen ? (conversation?.changedPosition ?? 0) : 0);
  const id = eventId(changed, 'thread_changed');
  builder.chat(participant.conversationId);
  if (conversation?.lastMessageId) builder.message(conversation.lastMessageId);
  const changedAt = membershipChangedAt(view, participant);
  return {
    Id: participant.id,
    UserId: builder.user(participant.userId),
    ChatId: participant.conversationId,
    EventId: id,
    ChangeId: id,
    Open: isOpen,
    MessageId: conversation?.lastMessageId ?? null,
    TotalUnread: conversation?.staffUnread ?? 0,
    CreatedAt: participant.createdAt,
    ChangedAt: isOpen ? Math.max(changedAt, conversation?.lastActivityAt ?? 0) : changedAt,
  };
}

export function toInbox(builder: Builder, userId: UserId): ChatInboxObject {
  const key = workKey(userId, builder.reader.spaceIds);
  const work = builder.facts.work(key);
  if (!work) builder.needs.work.add(key);
  return {
    Id: userId,
    UserId: builder.user(userId),
    EventId: work && work.changedPosition > 0 ? eventId(work.changedPosition, 'inbox_changed') : null,
    TotalThreads: work?.conversations ?? 0,
    TotalOpenThreads: work?.open ?? 0,
    TotalAssignedThreads: work?.assigned ?? 0,
    CreatedAt: work?.firstJoinedAt ?? 0,
    ChangedAt: work?.changedAt ?? 0,
    AssignedAt: work?.assignedAt ?? 0,
  };
}
