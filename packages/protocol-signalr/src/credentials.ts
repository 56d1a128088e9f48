/** Tokens for those whose outside system issues none: sessions of this gateway. */
import { type Core, DomainError } from '@switchboard/core';
import type { CredentialRequest, IssuedCredential } from '@switchboard/protocol';
import type { SignalrOptions } from './options.ts';
import type { Views } from './views.ts';

export interface CredentialsContext {
  readonly core: Core;
  readonly options: SignalrOptions;
  readonly views: Views;
}

/** `connect` is `{hubUrl, token, identity}`. This wire has no roles. */
export function createCredentials({ core, options, views }: CredentialsContext) {
  return async (request: CredentialRequest): Promise<IssuedCredential> => {
    const { role, ttlMs = options.tokenTtlMs } = request;
    if (role !== undefined) throw new DomainError('invalid', 'signalr knows no roles', { field: 'role' });
    const user = await core.users.find(request.userId);
    if (!user) throw new DomainError('not_found', 'no such user', { subject: 'user' });
    const { session, secret } = await core.sessions.issue(request.actor, {
      userId: user.id,
      namespace: options.namespace,
      kind: 'opaque',
      ttlMs,
    });
    return {
      sessionId: session.id,
      expiresAt: session.expiresAt,
      connect: { hubUrl: `${request.baseUrl}${options.path}`, token: secret, identity: views.identityOf(user) },
    };
  };
}
