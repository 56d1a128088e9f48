/** Signing up, in and out, tokens and passwords. Wire: PROTOCOL.md, "Operations", authentication. */
import type { Actor, IssuedSession, User, UserId } from '@switchboard/core';
import { isAnybody, type Operations, operation } from '@switchboard/protocol';
import { refusal } from '../errors.ts';
import { type CallSession, signedIn } from '../session.ts';
import { args, OK } from '../wire.ts';
import { type OperationsContext, worded } from './context.ts';
import type { Toolbox } from './toolbox.ts';

const anybody = isAnybody<CallSession>;

export const SIGN_IN_LINK = 'workspace.sign-in';
const LINK_FORMAT = { length: 82, alphabet: '0123456789abcdef' };

export type AccountOperation =
  | 'POST /signup'
  | 'POST /signin'
  | 'POST /refresh-token'
  | 'GET /me'
  | 'GET /protected'
  | 'POST /create-auth-link'
  | 'POST /signin/link/:code'
  | 'POST /signout'
  | 'POST /password'
  | 'GET /check-token'
  | 'POST /me/delete';

export function createAccountOperations(
  context: OperationsContext,
  { helpers, invites, sessions }: Toolbox,
): Operations<AccountOperation, CallSession> {
  const { core, names, views, options } = context;
  const { namespace } = options;
  const { system } = helpers;

  async function me(userId: UserId): Promise<User> {
    const user = await core.users.find(userId);
    if (!user) throw refusal('notFound');
    return user;
  }

  /** The account is the user's to keep only once its address is: who loses the race for it is taken back. */
  async function createUser(news: {
    readonly name: string;
    readonly email: string;
    readonly password: string;
    readonly lang?: string | undefined;
  }): Promise<User> {
    const { email, password } = news;
    if (await core.users.findByEmail(email)) throw refusal('emailTaken');
    const made = await core.users.create(system(), {
      displayName: news.name,
      language: news.lang ?? 'en',
      identities: [{ namespace, externalId: names.fresh() }],
    });
    try {
      const { verifiedAt, email: kept } = await core.users.setAccount(system(), made.id, { email, password });
      return { ...made, account: { email: kept, verifiedAt } };
    } catch (error) {
      await core.users.erase(system(), made.id);
      return worded(Promise.reject(error), { already_exists: 'emailTaken', invalid: 'payload' });
    }
  }

  const answer = ({ user, issued }: { readonly user: User; readonly issued: IssuedSession }) => ({
    user: views.toMe(user),
    credentials: views.toCredentials(issued),
  });

  return {
    'POST /signup': operation({
      guard: anybody,
      args: args.signUp,
      run: async (_core, _session, { body: { user: news } }) => {
        const { inviteCode } = news;
        const invite = inviteCode ? await worded(invites.look(inviteCode), inviteWords('inviteAtSignUp')) : null;
        const user = await createUser(news);
        const actor: Actor & { userId: UserId } = { ...system(), userId: user.id };
        if (invite) await core.spaces.join(actor, invite.space.id, 'user');
        await core.events.delivered(actor.lastPosition);
        return { user, issued: await sessions.issue(user.id) };
      },
      reply: answer,
    }),

    'POST /signin': operation({
      guard: anybody,
      args: args.signIn,
      run: async (_core, _session, { body: { credentials } }) => {
        const { email, password } = credentials;
        const user = await worded(core.users.checkPassword(email, password), { unauthenticated: 'passwordWrong' });
        return { user, issued: await sessions.issue(user.id) };
      },
      reply: answer,
    }),

    'POST /refresh-token': operation({
      guard: anybody,
      args: args.refresh,
      run: (_core, _session, { body: { accessToken, refreshToken } }) =>
        worded(core.sessions.refresh(namespace, accessToken, refreshToken), {
          unauthenticated: 'credentialsInvalid',
          expired: 'refreshExpired',
        }),
      reply: views.toCredentials,
    }),

    'GET /me': operation({
      guard: signedIn,
      args: args.none,
      run: (_core, { actor }) => me(actor.userId),
      reply: views.toMe,
    }),

    'GET /protected': operation({ guard: signedIn, args: args.none, run: () => ({ plain: 'OK' }) }),

    'POST /create-auth-link': operation({
      guard: signedIn,
      args: args.none,
      run: (_core, { actor }) =>
        core.sessions.createCode(actor, {
          ...LINK_FORMAT,
          purpose: SIGN_IN_LINK,
          userId: actor.userId,
          ttlMs: options.signInLinkTtlMs,
        }),
      reply: ({ code }) => ({ code }),
    }),

    'POST /signin/link/:code': operation({
      guard: anybody,
      args: args.code,
      run: async (_core, _session, { params: { code } }) => {
        const words = { not_found: 'signInLink', expired: 'signInLink' } as const;
        const { userId } = await worded(core.sessions.useCode(SIGN_IN_LINK, code), words);
        if (userId === null) throw refusal('signInLink');
        return worded(sessions.issue(userId), { not_found: 'signInLink' });
      },
      reply: views.toCredentials,
    }),

    'POST /signout': operation({
      guard: signedIn,
      args: args.none,
      run: async (_core, { actor, issued }) => {
        await core.sessions.revoke(actor, issued.id);
        return OK;
      },
    }),

    'POST /password': operation({
      guard: signedIn,
      args: args.password,
      run: async (_core, { actor }, { body: { oldPassword, password } }) => {
        const account = await core.users.findAccount(actor.userId);
        if (!account) throw refusal('oldPasswordWrong');
        await worded(core.users.checkPassword(account.email, oldPassword ?? ''), {
          unauthenticated: 'oldPasswordWrong',
        });
        await core.users.setAccount(actor, actor.userId, { email: account.email, password });
        await core.sessions.revokeAll(actor, actor.userId, namespace);
        return OK;
      },
    }),

    'GET /check-token': operation({
      guard: anybody,
      args: args.checkToken,
      run: async (_core, _session, { query: { token } }) => {
        const result = await core.sessions.authenticate(namespace, token).then(
          () => true,
          () => false,
        );
        return { result };
      },
    }),

    'POST /me/delete': operation({
      guard: signedIn,
      args: args.none,
      run: async (_core, { actor }) => {
        await core.users.erase(actor, actor.userId);
        return OK;
      },
    }),
  };
}

/** A code that is not there, not good any more, or of a workspace that is gone. */
export function inviteWords<Name extends string>(name: Name) {
  return { not_found: name, expired: name };
}
