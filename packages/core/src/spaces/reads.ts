/** Reading spaces and memberships: what the store answers now. */
import type { CoreContext } from '../context.ts';
import { DomainError } from '../errors.ts';
import { isAdministration } from '../rights.ts';
import type { Spaces } from '../spaces.ts';

type Reads = Pick<Spaces, 'find' | 'findByName' | 'findByExternalId' | 'listFor' | 'list' | 'members' | 'membership'>;

export function createSpaceReads({ store: { spaces } }: CoreContext): Reads {
  return {
    find: (id) => spaces.find(id),
    findByName: (kind, name) => spaces.findByName(kind, name),
    findByExternalId: (namespace, externalId) => spaces.findByExternalId(namespace, externalId),
    listFor: (userId, query) => spaces.listFor(userId, query?.kind ?? null),
    async list(actor, { kind = null, limit, offset = 0 }) {
      if (!isAdministration(actor)) throw new DomainError('forbidden', 'Only the administration', { subject: 'space' });
      return spaces.list({ kind, limit, offset });
    },
    members: (id, { limit, offset = 0 } = {}) => spaces.members(id, { limit: limit ?? null, offset }),
    membership: (userId, id) => spaces.membership(userId, id),
  };
}
