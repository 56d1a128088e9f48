/** The user in whose name the gateway itself writes: one per deployment, made when it is first needed. */
import type { User } from './model/user.ts';
import type { Tx } from './ports/store.ts';

const IDENTITY = { namespace: 'system', externalId: 'system' } as const;

export async function systemUser(tx: Tx): Promise<User> {
  const [known] = await tx.users.findByIdentities([IDENTITY]);
  if (known) return known.user;
  const [user] = await tx.users.insert([
    {
      kind: 'system',
      displayName: 'System',
      avatar: null,
      language: null,
      attributes: {},
      identities: { [IDENTITY.namespace]: IDENTITY.externalId },
    },
  ]);
  if (!user) throw new Error('the store made no user');
  tx.append('user.created', { subjectId: user.id }, { user });
  return user;
}
