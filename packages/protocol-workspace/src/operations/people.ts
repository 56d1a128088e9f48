/** One's own profile and status, others' profiles, what one may do, and the few calls that are about the line itself. Wire: PROTOCOL.md, "Operations", people. */
import type { JsonObject, User, UserActor } from '@switchboard/core';
import { isAnybody, type Operations, operation } from '@switchboard/protocol';
import { refusal } from '../errors.ts';
import { type CallSession, signedIn } from '../session.ts';
import { args, OK } from '../wire.ts';
import { type OperationsContext, worded } from './context.ts';
import type { Toolbox } from './toolbox.ts';

const anybody = isAnybody<CallSession>;

export type PeopleOperation =
  | 'POST /user/online-status'
  | 'POST /profile'
  | 'GET /user/:u'
  | 'POST /me/app-settings'
  | 'GET /check-permissions'
  | 'GET /long-poll'
  | 'GET /status'
  | 'GET /speedtest'
  | 'POST /speedtest'
  | 'POST /send-invite/slack';

/** What a bandwidth probe downloads: about 19 KB. */
const PROBE = { plain: '0123456789abcdef'.repeat(1_216) };
const CHANNEL_MANAGERS: readonly string[] = ['owner', 'admin'];

export function createPeopleOperations(
  context: OperationsContext,
  { helpers }: Toolbox,
): Operations<PeopleOperation, CallSession> {
  const { core, names, views, options } = context;
  const { namespace } = options;

  async function own({ userId }: UserActor): Promise<User> {
    const user = await core.users.find(userId);
    if (!user) throw refusal('notFound');
    return user;
  }

  /** A workspace that both belong to. */
  async function haveCommonWorkspace(actor: UserActor, user: User): Promise<boolean> {
    if (actor.userId === user.id) return true;
    const [mine, theirs] = await Promise.all([
      core.directory.membershipsOf(actor.userId),
      core.spaces.listFor(user.id),
    ]);
    return theirs.some(({ space }) => space.kind === 'workspace' && mine.spaces.has(space.id));
  }

  const judges: Record<string, (actor: UserActor, query: Query) => Promise<boolean>> = {
    'channel.update': mayManageChannel,
    'channel.delete': mayManageChannel,
    'channel.manageMembers': async (actor, query) => {
      const part = await partIn(actor, query);
      return part !== null && CHANNEL_MANAGERS.includes(part.role);
    },
    'channel.select': async (actor, query) => (await partIn(actor, query)) !== null,
    'channel.read': async (actor, query) => (await partIn(actor, query)) !== null,
    'workspaces.manage': async (actor) => {
      const listed = await core.spaces.listFor(actor.userId, { kind: 'workspace' });
      return listed.some(({ member }) => member.role === 'admin' || member.role === 'moderator');
    },
    'workspace.update': (actor, query) => hasRole(actor, query, ['admin', 'moderator']),
    'workspace.delete': (actor, query) => hasRole(actor, query, ['admin']),
    'workspace.createChannel': (actor, query) => hasRole(actor, query, ['admin', 'moderator', 'user']),
  };

  type Query = { readonly channelId?: string | undefined; readonly workspaceId?: string | undefined };

  async function partIn(actor: UserActor, { channelId }: Query) {
    if (channelId === undefined) throw refusal('permissions', 'channelId');
    const found = await names.findChannel(channelId);
    return found ? core.conversations.participation(actor.userId, found.channel.id) : null;
  }

  async function mayManageChannel(actor: UserActor, { channelId }: Query): Promise<boolean> {
    if (channelId === undefined) throw refusal('permissions', 'channelId');
    const found = await names.findChannel(channelId);
    if (!found) return false;
    const [part, member] = await Promise.all([
      core.conversations.participation(actor.userId, found.channel.id),
      core.spaces.membership(actor.userId, found.space.id),
    ]);
    if (member?.role === 'admin' || member?.role === 'moderator') return true;
    return part !== null && (CHANNEL_MANAGERS.includes(part.role) || found.channel.createdBy === actor.userId);
  }

  async function hasRole(actor: UserActor, { workspaceId }: Query, roles: readonly string[]): Promise<boolean> {
    if (workspaceId === undefined) throw refusal('permissions', 'workspaceId');
    const space = await names.findWorkspace(workspaceId);
    const member = space && (await core.spaces.membership(actor.userId, space.id));
    return member ? roles.includes(member.role) : false;
  }

  return {
    'POST /user/online-status': operation({
      guard: signedIn,
      args: args.onlineStatus,
      run: async (_core, { actor }, { query: { socketId }, body: { onlineStatus, cause } }) => {
        const place = await helpers.socket(actor, socketId);
        if (!place) throw refusal('socketNotFound');
        const device = { ...actor, connectionId: place.connectionId };
        if (cause === 'manually') await core.presence.setStatus(device, onlineStatus);
        else if (onlineStatus !== 'offline') await core.presence.setAsleep(device, onlineStatus === 'idle');
        return OK;
      },
    }),

    'POST /profile': operation({
      guard: signedIn,
      args: args.profile,
      answers: 'after',
      run: async (_core, { actor }, { body: { name, email, lang } }) => {
        const user = await own(actor);
        if (email !== undefined && email.toLowerCase() !== user.account?.email) {
          await worded(core.users.setAccount(actor, user.id, { email, verified: false }), {
            already_exists: 'emailTaken',
          });
        }
        await core.users.update(actor, user.id, {
          ...(name !== undefined && { displayName: name }),
          ...(lang !== undefined && { language: lang }),
        });
        return own(actor);
      },
      reply: views.toUser,
    }),

    'GET /user/:u': operation({
      guard: signedIn,
      args: args.user,
      run: async (_core, { actor }, { params }) => {
        const user = await helpers.requireUser(params.u);
        if (!(await haveCommonWorkspace(actor, user))) throw refusal('forbidden');
        return user;
      },
      reply: views.toUser,
    }),

    'POST /me/app-settings': operation({
      guard: signedIn,
      args: args.appSettings,
      answers: 'after',
      run: async (_core, { actor }, { body }) => {
        const user = await own(actor);
        const appSettings = { ...views.attributesOf(user).appSettings, ...(body as JsonObject) };
        return core.users.update(actor, user.id, { attributes: { [namespace]: { appSettings } } });
      },
      reply: views.toMe,
    }),

    'GET /check-permissions': operation({
      guard: signedIn,
      args: args.permissions,
      run: async (_core, { actor }, { query }) => {
        const answers: Record<string, boolean> = {};
        for (const action of query.actions.split(',')) {
          const judge = Object.hasOwn(judges, action) ? judges[action] : undefined;
          if (!judge) throw refusal('permissions', action);
          answers[action] = await judge(actor, query);
        }
        return answers;
      },
    }),

    // An instant answer would make the desktop client spin.
    'GET /long-poll': operation({
      guard: anybody,
      args: args.longPoll,
      run: async (_core, { wait, address }, { query: { timeout } }) => {
        await wait(timeout);
        return { plain: address };
      },
    }),

    'GET /status': operation({ guard: anybody, args: args.none, run: () => ({ plain: 'OK' }) }),
    'GET /speedtest': operation({ guard: anybody, args: args.none, run: () => PROBE }),
    'POST /speedtest': operation({ guard: anybody, args: args.none, run: () => OK }),

    'POST /send-invite/slack': operation({
      guard: signedIn,
      args: args.none,
      run: () => {
        throw refusal('slack');
      },
    }),
  };
}
