/** What an occupant wants for itself: mute, pin, and clearing a conversation away. Wire: PROTOCOL.md §6.5, §6.9. */
import type { ConversationId, Core } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import type { NetaloSession } from '../session.ts';
import { groupArgs, OP, type OperationName, RESULT } from '../wire.ts';
import { type OperationContext, signedIn, toId } from './context.ts';

type Preferences = Parameters<Core['conversations']['setPreferences']>[2];
type Names =
  | typeof OP.muteGroup
  | typeof OP.unmuteGroup
  | typeof OP.pinGroup
  | typeof OP.unpinGroup
  | typeof OP.deleteConversation;

export function createPreferenceOperations({
  views,
}: OperationContext): Pick<Operations<OperationName, NetaloSession>, Names> {
  const set = (preferences: Preferences) =>
    operation({
      answers: 'first',
      guard: signedIn,
      args: groupArgs,
      async run(core, { actor }, { group_id }) {
        const id = toId<ConversationId>(group_id);
        await core.conversations.setPreferences(actor, id, preferences);
        return { result: RESULT.ok, group_id: views.id(id) };
      },
    });
  return {
    [OP.muteGroup]: set({ muted: true }),
    [OP.unmuteGroup]: set({ muted: false }),
    [OP.pinGroup]: set({ pinned: true }),
    [OP.unpinGroup]: set({ pinned: false }),
    [OP.deleteConversation]: set({ hidden: true, cleared: true }),
  };
}
