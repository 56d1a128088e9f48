/** Session strings that this gateway issues: 43 characters of base64url. Wire: PROTOCOL.md §1.2. */
import { type Core, DomainError } from '@switchboard/core';
import type { CredentialRequest, IssuedCredential } from '@switchboard/protocol';
import type { NetaloOptions } from '../options.ts';
import type { Views } from '../views.ts';
import { NAMESPACE } from '../wire.ts';

/** `connect` is `{url, session, uin}`; the session goes into the query of `url`. There are no roles. */
export function createCredentials(core: Core, { options, views }: { options: NetaloOptions; views: Views }) {
  return async ({ actor, userId, role, ttlMs, baseUrl }: CredentialRequest): Promise<IssuedCredential> => {
    if (role !== undefined) throw new DomainError('invalid', 'netalo knows no roles', { field: 'role' });
    const user = await core.users.find(userId);
    if (!user) throw new DomainError('not_found', 'no such user', { subject: 'user' });
    await core.directory.ensureUsers([userId]);
    const lifetimeMs = ttlMs ?? options.sessionTtlMs;
    const { session, secret } = await core.sessions.issue(actor, {
      userId,
      namespace: options.namespace,
      kind: 'opaque',
      ...(lifetimeMs !== null && { ttlMs: lifetimeMs }),
    });
    const connect = { url: `${baseUrl}${NAMESPACE}`, session: secret, uin: views.uinDigits(userId) };
    return { sessionId: session.id, expiresAt: session.expiresAt, connect };
  };
}
