/** What a participant wants for itself: mute, pin, hide, clear. Told to its own devices alone; nobody else sees a change. */
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import type { Conversation, Participant } from '../model/conversation.ts';
import type { ParticipantPatch } from '../ports/conversation-store.ts';
import { tellPreferences } from './entries.ts';
import { accessOf, notFound } from './rights.ts';

type Preferences = Parameters<Conversations['setPreferences']>[2];

export function createPreferences({ change }: CoreContext): Pick<Conversations, 'setPreferences'> {
  return {
    setPreferences: (actor, id, preferences) =>
      change(actor, async (tx) => {
        const { conversation, participant } = await accessOf(tx, actor, id);
        if (!participant?.active) throw notFound(id);
        const { patch, changed } = difference(conversation, participant, { preferences, at: tx.at });
        if (changed.length === 0) return participant;
        const [after] = await tx.conversations.updateParticipants(id, [actor.userId], patch);
        if (!after) throw notFound(id);
        tellPreferences(tx, conversation, { participant: after, changed });
        return after;
      }),
  };
}

/** Pinning again keeps the first time; hiding and clearing go up to the newest message. */
function difference(
  { lastSeq }: Conversation,
  participant: Participant,
  { preferences, at }: { readonly preferences: Preferences; readonly at: number },
): { readonly patch: ParticipantPatch; readonly changed: readonly string[] } {
  const { muted, pinned, hidden, cleared } = preferences;
  const hiddenAtSeq = hidden ? lastSeq : null;
  const parts: [boolean, string, ParticipantPatch][] = [
    [muted !== undefined && muted !== participant.muted, 'muted', { muted }],
    [pinned !== undefined && pinned !== (participant.pinnedAt !== null), 'pinned', { pinnedAt: pinned ? at : null }],
    [hidden !== undefined && hiddenAtSeq !== participant.hiddenAtSeq, 'hidden', { hiddenAtSeq }],
    [cleared === true && lastSeq > participant.clearedToSeq, 'cleared', { clearedToSeq: lastSeq }],
  ];
  const differing = parts.filter(([differs]) => differs);
  return {
    patch: Object.assign({}, ...differing.map(([, , patch]) => patch)),
    changed: differing.map(([, name]) => name),
  };
}
