/** Entries of the log about conversations and their participants: what each keeps, and what its event carries. Decides nothing. */
import type { LogEventPayload } from '../events.ts';
import type { LogPosition } from '../ids.ts';
import type { Conversation, Participant } from '../model/conversation.ts';
import type { Joined, Left } from '../ports/conversation-store.ts';
import type { EntryFields, Tx } from '../ports/store.ts';

export type How = LogEventPayload<'participant.joined'>['how'];

function about({ id, spaceId }: Conversation): EntryFields {
  return { conversationId: id, spaceId };
}

export function tellCreated(tx: Tx, conversation: Conversation, participants: readonly Participant[]): LogPosition {
  return tx.append('conversation.created', about(conversation), { conversation, participants });
}

export function tellUpdated(
  tx: Tx,
  conversation: Conversation,
  what: { readonly changed: readonly string[]; readonly previous: LogEventPayload<'conversation.updated'>['previous'] },
): LogPosition {
  const { changed, previous } = what;
  return tx.append(
    'conversation.updated',
    { ...about(conversation), data: { changed, previous: { ...previous } } },
    { conversation, changed, previous },
  );
}

export function tellDeleted(tx: Tx, conversation: Conversation): LogPosition {
  // Outside ids are free from now on, and whoever hears of it late knows it by them.
  const data = { externalIds: conversation.externalIds };
  return tx.append('conversation.deleted', { ...about(conversation), data }, { conversation });
}

export function tellOpened(tx: Tx, conversation: Conversation): LogPosition {
  return tx.append('conversation.opened', about(conversation), { conversation });
}

export function tellClosed(tx: Tx, conversation: Conversation, present: readonly Participant[]): LogPosition {
  const presentIds = present.map(({ userId }) => userId);
  return tx.append(
    'conversation.closed',
    { ...about(conversation), data: { presentIds } },
    { conversation, presentIds },
  );
}

export function tellAssigned(
  tx: Tx,
  conversation: Conversation,
  data: Omit<LogEventPayload<'conversation.assigned'>, 'conversation'>,
): LogPosition {
  return tx.append('conversation.assigned', { ...about(conversation), data: { ...data } }, { conversation, ...data });
}

export function tellUnassigned(
  tx: Tx,
  conversation: Conversation,
  data: Omit<LogEventPayload<'conversation.unassigned'>, 'conversation'>,
): LogPosition {
  return tx.append('conversation.unassigned', { ...about(conversation), data: { ...data } }, { conversation, ...data });
}

export function tellJoined(tx: Tx, conversation: Conversation, { participant, first, how }: Joined & { how: How }) {
  return tx.append(
    'participant.joined',
    { ...about(conversation), subjectId: participant.id, data: { first, how } },
    { conversation, participant, first, how },
  );
}

export function tellLeft(tx: Tx, conversation: Conversation, { removed, ...left }: Left & { removed: boolean }) {
  const { participant, wasPresent, wasAssigned } = left;
  const data = { removed, wasPresent, wasAssigned, side: participant.side };
  return tx.append(
    'participant.left',
    { ...about(conversation), subjectId: participant.id, data },
    { conversation, participant, ...data },
  );
}

export function tellChanged(
  tx: Tx,
  conversation: Conversation,
  { participant, changed }: { readonly participant: Participant; readonly changed: readonly string[] },
): LogPosition {
  return tx.append(
    'participant.changed',
    { ...about(conversation), subjectId: participant.id, data: { changed } },
    { conversation, participant, changed },
  );
}

export function tellPreferences(
  tx: Tx,
  conversation: Conversation,
  { participant, changed }: { readonly participant: Participant; readonly changed: readonly string[] },
): LogPosition {
  return tx.append(
    'participant.preferences_changed',
    { ...about(conversation), userIds: [participant.userId], subjectId: participant.id, data: { changed } },
    { conversation, participant, changed },
  );
}
