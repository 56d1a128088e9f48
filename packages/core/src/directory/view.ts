/**
 * One conversation as this node knows it, and how each event changes it. Objects are changed in place; who takes part is a set that is
 * replaced instead, where somebody may still be looking at it.
 */
import type { LogEvent, MarkAdvance } from '../events.ts';
import type { LogPosition, UserId } from '../ids.ts';
import type { ConversationView } from '../lookup.ts';
import type { Conversation, Participant } from '../model/conversation.ts';
import type { Message } from '../model/message.ts';
import type { StoredView } from '../ports/conversation-store.ts';
import type { Span } from '../ports/log-store.ts';
import type { Mutable } from './mutable.ts';

export interface View extends ConversationView {
  conversation: Mutable<Conversation>;
  readonly participants: Map<UserId, Mutable<Participant>>;
  activeIds: ReadonlySet<UserId>;
  /** Active on the staff side. */
  staffIds: ReadonlySet<UserId>;
  lastMessage: Message | null;
  /** The log's head that it was loaded at: events up to there are in it already. */
  asOf: LogPosition;
  /** Who was in at the positions up to `asOf` that had not been delivered when it was loaded. */
  past: readonly Span[];
  /** Looked at since the last sweep. */
  used: boolean;
}

export function toView(stored: StoredView, asOf: LogPosition): View {
  const participants = new Map(stored.participants.map((participant) => [participant.userId, participant]));
  const view: View = {
    conversation: stored.conversation,
    participants,
    activeIds: new Set(),
    staffIds: new Set(),
    lastMessage: stored.lastMessage,
    asOf,
    past: [],
    used: true,
  };
  recount(view);
  return view;
}

/** New sets: whoever holds the old ones keeps seeing who took part before. */
function recount(view: View): void {
  const active = new Set<UserId>();
  const staff = new Set<UserId>();
  if (view.conversation.deletedAt === null) {
    for (const { userId, active: isActive, side } of view.participants.values()) {
      if (!isActive) continue;
      active.add(userId);
      if (side === 'staff') staff.add(userId);
    }
  }
  view.activeIds = active;
  view.staffIds = staff;
}

/** Events at or below `asOf` are in the view already. */
export function applyToView(view: View, event: LogEvent): void {
  if (event.position <= view.asOf) return;
  if (view.past.length > 0) view.past = [];
  switch (event.type) {
    case 'message.sent':
      applySent(view, event.message, event);
      return;
    case 'message.edited':
    case 'message.updated':
      applyChangedMessage(view, event.message);
      return;
    case 'message.deleted':
      applyChangedMessage(view, event.message);
      view.conversation.changedPosition = event.position;
      applyDeleted(view, event.message);
      return;
    case 'receipts.advanced':
      for (const mark of event.marks) applyMark(view, mark, event);
      if (event.first) applyFirst(view, event.first, event);
      return;
    case 'conversation.created':
      view.conversation = { ...event.conversation };
      for (const participant of event.participants) setParticipant(view, participant);
      recount(view);
      return;
    case 'participant.joined':
    case 'participant.left':
    case 'participant.changed':
      view.conversation = { ...event.conversation };
      if (setParticipant(view, event.participant)) recount(view);
      return;
    case 'participant.preferences_changed':
      setParticipant(view, event.participant);
      return;
    case 'conversation.deleted':
      view.conversation = { ...event.conversation };
      recount(view);
      return;
    case 'conversation.assigned': {
      view.conversation = { ...event.conversation };
      const assignee = view.participants.get(event.assigneeId);
      if (assignee) {
        assignee.assignedAt = event.at;
        assignee.changedPosition = event.position;
      }
      return;
    }
    case 'conversation.updated':
    case 'conversation.opened':
    case 'conversation.unassigned':
      view.conversation = { ...event.conversation };
      return;
    case 'conversation.closed':
      view.conversation = { ...event.conversation };
      for (const userId of event.presentIds) {
        const participant = view.participants.get(userId);
        if (!participant) continue;
        participant.present = false;
        participant.changedPosition = event.position;
      }
      return;
    default:
  }
}

/** Whether it changed who takes part, or on which side. */
function setParticipant(view: View, participant: Participant): boolean {
  const { userId, active, side } = participant;
  const before = view.participants.get(userId);
  view.participants.set(userId, { ...participant });
  return before?.active !== active || before.side !== side;
}

function applySent(view: View, message: Message, event: LogEvent): void {
  const { conversation } = view;
  conversation.lastSeq = message.seq;
  conversation.lastMessageId = message.id;
  conversation.lastActivityAt = Math.floor(message.id / 1000);
  conversation.changedPosition = event.position;
  if (message.visibility === 'all') conversation.lastPublicMessageId = message.id;
  view.lastMessage = message;
  if (conversation.kind === 'support' && countsAsUnread(message)) count(conversation, message, 1);
}

function applyChangedMessage(view: View, message: Message): void {
  if (view.lastMessage?.id === message.id) view.lastMessage = message;
}

function applyDeleted({ conversation }: View, message: Message): void {
  if (conversation.kind !== 'support' || !countsAsUnread(message) || message.firstReadAt !== null) return;
  count(conversation, message, -1);
}

function applyMark(view: View, mark: MarkAdvance, event: LogEvent): void {
  const participant = view.participants.get(mark.userId);
  if (!participant) return;
  participant.changedPosition = event.position;
  let received = mark.seq;
  if (mark.kind === 'read') {
    participant.readSeq = mark.seq;
    participant.readAbove = mark.readAbove;
    participant.readAt = event.at;
    // What was read has been received.
    received = Math.max(received, ...mark.readAbove.map(([, to]) => to));
  }
  if (received > participant.receivedSeq) participant.receivedSeq = received;
}

type First = NonNullable<LogEvent<'receipts.advanced'>['first']>;

function applyFirst(view: View, first: First, event: LogEvent): void {
  applyChangedMessage(view, first.message);
  if (first.kind !== 'read') return;
  view.conversation.changedPosition = event.position;
  // A message that waited for staff may have been read before, by the customer's other side.
  if (first.message.firstReadAt === event.at) count(view.conversation, first.message, -1);
}

/** Both totals of a support conversation: messages of the customer wait for staff, all others for the customer. */
function count(conversation: Mutable<Conversation>, message: Message, by: 1 | -1): void {
  if (message.senderId === conversation.customerId)
    conversation.staffUnread = Math.max(0, conversation.staffUnread + by);
  else conversation.customerUnread = Math.max(0, conversation.customerUnread + by);
}

function countsAsUnread(message: Message): boolean {
  return message.visibility === 'all' && message.kind !== 'notice';
}
