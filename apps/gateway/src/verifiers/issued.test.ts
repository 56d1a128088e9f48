import { type Core, DomainError, type Session, type User } from '@switchboard/core';
import { createIssuedVerifier } from './issued.ts';

const session = {
  id: 5,
  userId: 3,
  namespace: 'netalo',
  claims: { role: 'moderator' },
  expiresAt: 1_000,
} as unknown as Session;
const user = { id: 3, identities: { netalo: '42' } } as unknown as User;

function coreWith(found: User | null): Core {
  return {
    sessions: {
      authenticate: async (namespace: string, secret: string) => {
        if (namespace === 'netalo' && secret === 'good') return session;
        throw new DomainError('unauthenticated', 'unknown');
      },
    },
    users: { find: async () => found },
    identities: { nameOf: (one: User, namespace: string) => one.identities[namespace] ?? null },
  } as unknown as Core;
}

describe('credentials of our own', () => {
  it('say whose session it is and what the user is called on that wire', async () => {
    expect(await createIssuedVerifier(coreWith(user)).verify('netalo', 'good')).toEqual({
      sessionId: 5,
      userId: 3,
      externalId: '42',
      claims: { role: 'moderator' },
      expiresAt: 1_000,
    });
    const unnamed = { ...user, identities: {} };
    expect(await createIssuedVerifier(coreWith(unnamed)).verify('netalo', 'good')).toMatchObject({ externalId: null });
  });

  it('are refused when they are unknown, or their user is gone', async () => {
    const refused = { code: 'unauthenticated' };
    await expect(createIssuedVerifier(coreWith(user)).verify('netalo', 'bad')).rejects.toMatchObject(refused);
    await expect(createIssuedVerifier(coreWith(user)).verify('event', 'good')).rejects.toMatchObject(refused);
    await expect(createIssuedVerifier(coreWith(null)).verify('netalo', 'good')).rejects.toMatchObject(refused);
  });
});
