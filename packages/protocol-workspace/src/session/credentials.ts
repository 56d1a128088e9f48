/** Tokens that the administration asks for: a pair like any other, and where to use it. Wire: PROTOCOL.md, "Connection and sign-in". */
import { type Core, DomainError, type Space, type UserId } from '@switchboard/core';
import type { CredentialRequest, IssuedCredential } from '@switchboard/protocol';
import type { Names } from '../names.ts';
import type { WorkspaceOptions } from '../options.ts';

export interface CredentialsContext {
  readonly core: Core;
  readonly names: Names;
  readonly options: WorkspaceOptions;
}

/** `connect` is `{url, token, refreshToken, workspaceId, userId}`. The wire has no roles to ask for: they are the workspace's. */
export function createCredentials({ core, names, options }: CredentialsContext) {
  const { namespace, accessTtlMs, refreshTtlMs } = options;

  async function workspaceOf(userId: UserId, { spaceId }: CredentialRequest): Promise<Space | null> {
    const listed = await core.spaces.listFor(userId, { kind: 'workspace' });
    if (spaceId === undefined) return listed[0]?.space ?? null;
    const found = listed.find(({ space }) => space.id === spaceId);
    if (!found) throw new DomainError('invalid', 'not a member of that workspace', { field: 'spaceId' });
    return found.space;
  }

  return async (request: CredentialRequest): Promise<IssuedCredential> => {
    const { actor, userId, baseUrl, role, ttlMs } = request;
    if (role !== undefined) throw new DomainError('invalid', 'workspace knows no roles of a token', { field: 'role' });
    const user = await core.users.find(userId);
    if (!user) throw new DomainError('not_found', 'no such user', { subject: 'user' });
    const workspace = await workspaceOf(userId, request);
    const { session, secret, refreshSecret } = await core.sessions.issue(actor, {
      userId,
      namespace,
      kind: 'pair',
      accessTtlMs: ttlMs ?? accessTtlMs,
      ttlMs: ttlMs ?? refreshTtlMs,
    });
    return {
      sessionId: session.id,
      expiresAt: session.expiresAt,
      connect: {
        url: baseUrl,
        token: secret,
        refreshToken: refreshSecret,
        workspaceId: workspace && names.workspace(workspace),
        userId: names.user(user),
      },
    };
  };
}
