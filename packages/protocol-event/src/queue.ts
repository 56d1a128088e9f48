/**
 * The queue in which conversations opened on this wire stand: made when it is missing, and again when somebody has removed it. Knows
 * neither who works there nor what is said. Wire: PROTOCOL.md §2.5.
 */
import { type ConversationId, type Core, isDomainError, type SpaceId, systemActor } from '@switchboard/core';

export interface Queue {
  /** Asks the store once; what goes on after that is `use`'s matter. */
  id(): Promise<SpaceId>;
  /** Does the work with the queue's id; once more with a new queue when the known one turns out to be gone. */
  use<T>(work: (id: SpaceId) => Promise<T>): Promise<T>;
  /** Whether the conversation stands in the queue, as far as this node knows. */
  holds(conversationId: ConversationId): boolean;
}

export function createQueue(core: Core, name: string): Queue {
  let known: SpaceId | null = null;
  let asked: Promise<SpaceId> | null = null;

  async function ensure(): Promise<SpaceId> {
    try {
      known = (await core.spaces.ensure(systemActor(), { kind: 'queue', name, title: name })).id;
      return known;
    } finally {
      asked = null;
    }
  }

  function id(): Promise<SpaceId> {
    if (known !== null) return Promise.resolve(known);
    asked ??= ensure();
    return asked;
  }

  return {
    id,
    async use(work) {
      const first = await id();
      try {
        return await work(first);
      } catch (error) {
        if (!isDomainError(error) || error.code !== 'not_found' || error.details.subject !== 'space') throw error;
        if (known === first) known = null;
        return work(await id());
      }
    },
    holds(conversationId) {
      const spaceId = core.directory.conversation(conversationId)?.conversation.spaceId;
      return spaceId !== undefined && spaceId !== null && spaceId === known;
    },
  };
}
