/** Reading spaces and memberships: what the store answers now. */
import { createBatchLoader, GATHER_CROWDS } from '../batch-loader.ts';
import type { CoreContext } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { SpaceId, UserId } from '../ids.ts';
import type { Space, SpaceMember } from '../model/space.ts';
import { isAdministration } from '../rights.ts';
import type { Spaces } from '../spaces.ts';

type Reads = Pick<Spaces, 'find' | 'findByName' | 'findByExternalId' | 'listFor' | 'list' | 'members' | 'membership'>;

export function createSpaceReads({ store: { spaces } }: CoreContext): Reads {
  /** A crowd that comes back asks for one space and for as many memberships. */
  const byId = createBatchLoader<SpaceId, Space>({ load: (ids) => each(ids, (id) => spaces.find(id)) });
  const byExternalId = createBatchLoader<string, Space>({
    load: (keys) =>
      each(keys, (key) => {
        const end = key.indexOf('\0');
        return spaces.findByExternalId(key.slice(0, end), key.slice(end + 1));
      }),
  });
  const byMember = createBatchLoader<string, SpaceMember>({
    gather: GATHER_CROWDS,
    async load(keys) {
      const wanted = keys.map((key) => {
        const [userId, spaceId] = key.split(':').map(Number);
        return { userId: userId as UserId, spaceId: spaceId as SpaceId };
      });
      const members = await spaces.memberships(wanted);
      return new Map(members.map((member) => [`${member.userId}:${member.spaceId}`, member]));
    },
  });

  return {
    find: async (id) => (await byId(id)) ?? null,
    findByName: (kind, name) => spaces.findByName(kind, name),
    findByExternalId: async (namespace, externalId) => (await byExternalId(`${namespace}\0${externalId}`)) ?? null,
    listFor: (userId, query) => spaces.listFor(userId, query?.kind ?? null),
    async list(actor, { kind = null, limit, offset = 0 }) {
      if (!isAdministration(actor)) throw new DomainError('forbidden', 'Only the administration', { subject: 'space' });
      return spaces.list({ kind, limit, offset });
    },
    members: (id, { limit, offset = 0 } = {}) => spaces.members(id, { limit: limit ?? null, offset }),
    membership: async (userId, id) => (await byMember(`${userId}:${id}`)) ?? null,
  };
}

/** Different ones are a statement each; the same one is asked for once. */
async function each<K, V>(keys: readonly K[], find: (key: K) => Promise<V | null>): Promise<Map<K, V>> {
  const found = new Map<K, V>();
  await Promise.all(
    keys.map(async (key) => {
      const value = await find(key);
      if (value !== null) found.set(key, value);
    }),
  );
  return found;
}
