/** What the administration hands out: tokens of operators and of clients. */
import { type Core, DomainError } from '@switchboard/core';
import type { CredentialRequest, IssuedCredential } from '@switchboard/protocol';
import type { IqchannelsOptions } from '../options.ts';
import { CLAIM, type Sessions } from '../session.ts';
import { PREFIX } from '../wire.ts';

export interface CredentialsContext {
  readonly core: Core;
  readonly options: IqchannelsOptions;
  readonly sessions: Sessions;
}

/** `connect` is `{url, role, userId, token, header}`. Roles: `operator` (bots, too) and `customer` (the default). */
export function createCredentials({ core, options }: CredentialsContext) {
  return async (request: CredentialRequest): Promise<IssuedCredential> => {
    const { role = 'customer', ttlMs } = request;
    if (role !== 'customer' && role !== 'operator') {
      throw new DomainError('invalid', 'iqchannels knows the roles customer and operator', { field: 'role' });
    }
    const user = await core.users.find(request.userId);
    if (!user) throw new DomainError('not_found', 'no such user', { subject: 'user' });
    const isOperator = role === 'operator';
    const { session, secret } = await core.sessions.issue(request.actor, {
      userId: user.id,
      namespace: options.namespace,
      kind: 'opaque',
      claims: {
        [CLAIM.part]: isOperator ? 'user' : 'client',
        [CLAIM.integration]: !isOperator && user.identities[options.namespace] !== undefined,
      },
      ...(ttlMs !== undefined && { ttlMs }),
    });
    return {
      sessionId: session.id,
      expiresAt: session.expiresAt,
      connect: {
        url: request.baseUrl + (isOperator ? PREFIX.operator : PREFIX.client),
        role,
        userId: user.id,
        token: secret,
        header: `Authorization: ${isOperator ? 'User' : 'Client'} ${secret}`,
      },
    };
  };
}
