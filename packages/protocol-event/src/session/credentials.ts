/** Tokens that this gateway signs itself, for those who have no application that does: always with `sub` = `sid`. Wire: PROTOCOL.md §2.2. */
import { type Clock, type Core, DomainError } from '@switchboard/core';
import type { CredentialRequest, IssuedCredential } from '@switchboard/protocol';
import jwt from 'jsonwebtoken';
import type { EventOptions } from '../options.ts';
import type { Views } from '../views.ts';

export interface CredentialsContext {
  readonly core: Core;
  readonly clock: Clock;
  readonly options: EventOptions;
  readonly views: Views;
}

/** `connect` is `{url, sid, token}`; `url` contains `?sid=`. Roles: `moderator` and `customer` (the default). */
export function createCredentials({ core, clock, options, views }: CredentialsContext) {
  return async (request: CredentialRequest): Promise<IssuedCredential> => {
    const { role = 'customer', ttlMs = options.tokenTtlMs } = request;
    if (role !== 'customer' && role !== 'moderator') {
      throw new DomainError('invalid', 'event knows the roles customer and moderator', { field: 'role' });
    }
    const user = await core.users.find(request.userId);
    if (!user) throw new DomainError('not_found', 'no such user', { subject: 'user' });
    const { session } = await core.sessions.issue(request.actor, {
      userId: user.id,
      namespace: options.namespace,
      kind: 'jwt',
      claims: { role },
      ttlMs,
    });
    const sid = views.sidOf(user);
    const expiresAt = session.expiresAt ?? clock.now() + ttlMs;
    const claims = {
      iss: options.tokenIssuer,
      sub: String(sid),
      jti: String(session.id),
      [role === 'moderator' ? 'admin_id' : 'request_id']: String(sid),
      iat: Math.floor(clock.now() / 1000),
      exp: Math.floor(expiresAt / 1000),
    };
    const token = jwt.sign(claims, options.secret, { algorithm: 'HS256' });
    const url = `${request.baseUrl.replace(/^http/, 'ws')}${options.path}?sid=${sid}`;
    return { sessionId: session.id, expiresAt, connect: { url, sid, token } };
  };
}
