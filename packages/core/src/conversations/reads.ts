/** Reading conversations. Rights are judged by what the store answers now, never by a cache. */
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import { isAdministration } from '../rights.ts';
import { isQueueStaff, notFound } from './rights.ts';

type Reads = Pick<
  Conversations,
  | 'get'
  | 'find'
  | 'findByExternalId'
  | 'findByKey'
  | 'participation'
  | 'sharing'
  | 'listFor'
  | 'listOfSpace'
  | 'findByParticipants'
  | 'totalsOf'
  | 'workOf'
  | 'listWork'
>;

/** A page of a space never holds more. */
const MOST_OF_SPACE = 1_000;

export function createReads({ store }: CoreContext): Reads {
  return {
    async get(actor, id) {
      const [found] = await store.conversations.load([id]);
      if (!found) throw notFound(id);
      if (isAdministration(actor)) return found;
      if (found.participants.some(({ userId, active }) => active && userId === actor.userId)) return found;
      const { kind, spaceId } = found.conversation;
      if (kind !== 'support' || spaceId === null || actor.userId === null) throw notFound(id);
      const member = await store.spaces.membership(actor.userId, spaceId);
      if (!isQueueStaff(member?.role ?? null)) throw notFound(id);
      return found;
    },

    find: (id) => store.conversations.find(id),
    findByExternalId: (namespace, externalId) => store.conversations.findByExternalId(namespace, externalId),
    findByKey: (key) => store.conversations.findByKey(key),
    totalsOf: (spaceId, participantId) => store.conversations.totalsOf(spaceId, participantId),
    workOf: (userId, spaceIds) => store.conversations.workOf(userId, spaceIds),

    async listWork(query) {
      const capped = { ...query, limit: Math.min(query.limit, MOST_OF_SPACE) };
      return store.conversations.load(await store.conversations.listWork(capped));
    },

    participation: (userId, id) => store.conversations.participation(userId, id),
    sharing: (userId, userIds, query) => store.conversations.sharing(userId, userIds, query),

    async listFor(userId, query) {
      return store.conversations.load(await store.conversations.listFor(userId, query));
    },

    async listOfSpace(actor, query) {
      const { spaceId, customerId, limit } = query;
      const capped = { ...query, limit: Math.min(limit, MOST_OF_SPACE) };
      const list = async (narrowed: typeof capped & { participantId?: NonNullable<typeof actor.userId> }) =>
        store.conversations.load(await store.conversations.listOfSpace(narrowed));
      if (actor.userId === null) return list(capped);
      const [space, member] = await Promise.all([
        store.spaces.find(spaceId),
        store.spaces.membership(actor.userId, spaceId),
      ]);
      if (!space) throw new DomainError('not_found', `No space ${spaceId}`, { subject: 'space' });
      if (space.kind === 'queue' && (isQueueStaff(member?.role ?? null) || customerId === actor.userId)) {
        return list(capped);
      }
      if (!member) throw new DomainError('forbidden', 'Not a member of the space', { subject: 'space' });
      return list({ ...capped, participantId: actor.userId });
    },

    findByParticipants: (userIds, kinds) => store.conversations.findByParticipants(userIds, kinds),
  };
}
