/** What several nouns do: pairs of tokens, codes that let somebody in, device tokens for the media server. */
import { randomBytes } from 'node:crypto';
import { DomainError, type IssuedSession, type OneTimeCode, type Space, type UserId } from '@switchboard/core';
import { createHelpers, type Helpers, type OperationsContext } from './context.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Of the codes that people pass on. */
export const CODE_FORMAT = { length: 12, alphabet: LETTERS };

export const WORKSPACE_INVITE = 'workspace.invite';
export const CHANNEL_INVITE = 'workspace.channel-invite';

export interface Toolbox {
  readonly helpers: Helpers;
  readonly sessions: { issue(userId: UserId): Promise<IssuedSession> };
  readonly invites: {
    /** A good invite and its workspace; core's `not_found` or `expired`. */
    look(code: string): Promise<{ readonly invite: OneTimeCode; readonly space: Space }>;
  };
  /** Random per device, for the two doors of the media server. */
  mediaTokens(): { readonly channel: string; readonly server: string };
}

export function createToolbox(context: OperationsContext): Toolbox {
  const { core, options } = context;
  const helpers = createHelpers(context);
  const { namespace, accessTtlMs, refreshTtlMs } = options;
  const token = () => randomBytes(25).toString('hex');

  return {
    helpers,
    sessions: {
      issue: (userId) =>
        core.sessions.issue(helpers.system(), { userId, namespace, kind: 'pair', accessTtlMs, ttlMs: refreshTtlMs }),
    },
    invites: {
      async look(code) {
        const invite = await core.sessions.peekCode(WORKSPACE_INVITE, code);
        const space = invite.spaceId === null ? null : await core.spaces.find(invite.spaceId);
        if (!space || space.deletedAt !== null)
          throw new DomainError('not_found', 'the workspace is gone', { subject: 'code' });
        return { invite, space };
      },
    },
    mediaTokens: () => ({ channel: token(), server: token() }),
  };
}
