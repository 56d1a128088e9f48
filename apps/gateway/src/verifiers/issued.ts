/** Credentials that this gateway issued: the secret of a session of ours. Knows no wire and no token from outside. */
import { type Core, DomainError, type TokenVerifier } from '@switchboard/core';

export function createIssuedVerifier(core: Pick<Core, 'sessions' | 'users' | 'identities'>): TokenVerifier {
  return {
    async verify(namespace, token) {
      const session = await core.sessions.authenticate(namespace, token);
      const user = await core.users.find(session.userId);
      if (!user) throw new DomainError('unauthenticated', 'The user of the session is gone', { subject: 'session' });
      return {
        sessionId: session.id,
        userId: user.id,
        externalId: core.identities.nameOf(user, namespace),
        claims: session.claims,
        expiresAt: session.expiresAt,
      };
    },
  };
}
