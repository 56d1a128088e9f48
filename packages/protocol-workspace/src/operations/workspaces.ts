/** Workspaces: their state, their settings, who belongs to them. Wire: PROTOCOL.md, "Operations", workspaces. */
import type { CallLeg, Space, SpaceMember, User, UserActor, UserId } from '@switchboard/core';
import { isAnybody, type Operations, operation } from '@switchboard/protocol';
import { refusal } from '../errors.ts';
import { type CallSession, signedIn } from '../session.ts';
import { args, OK } from '../wire.ts';
import { inviteWords } from './accounts.ts';
import { type OperationsContext, worded } from './context.ts';
import { CODE_FORMAT, type Toolbox, WORKSPACE_INVITE } from './toolbox.ts';

const anybody = isAnybody<CallSession>;

export type WorkspaceOperation =
  | 'GET /workspaces'
  | 'GET /workspaces/:w'
  | 'GET /workspaces/:w/settings'
  | 'GET /workspaces/:w/info'
  | 'POST /workspaces'
  | 'POST /workspaces/:w'
  | 'POST /workspaces/:w/settings'
  | 'DELETE /workspaces/:w'
  | 'POST /workspaces/:w/invites'
  | 'GET /workspaces/:w/invites'
  | 'DELETE /invites/:id'
  | 'GET /check/:code'
  | 'POST /join/:code'
  | 'POST /workspaces/:w/leave'
  | 'DELETE /workspaces/:w/members/:u'
  | 'POST /admin/workspaces/revoke-access'
  | 'POST /workspaces/:w/permissions'
  | 'GET /admin/managed-workspaces'
  | 'GET /admin/workspaces/:w/users'
  | 'GET /workspaces/:w/groups';

/** Who may change a workspace and put people out. */
const MANAGERS: readonly string[] = ['admin', 'moderator'];

export function createWorkspaceOperations(
  context: OperationsContext,
  { helpers, invites }: Toolbox,
): Operations<WorkspaceOperation, CallSession> {
  const { core, names, views, options } = context;

  function requireManager({ role }: SpaceMember): void {
    if (!MANAGERS.includes(role)) throw refusal('accessDenied');
  }

  /** Calls are read before members, and members before names: nobody is in a call who is not among the users. */
  async function stateOf(actor: UserActor, workspaceId: string) {
    const { space, member } = await helpers.membership(actor, workspaceId, 'notFound');
    const mine = await core.conversations.listFor(actor.userId, {
      order: 'id',
      direction: 'ascending',
      spaceId: space.id,
    });
    const calls = await core.calls.liveIn(mine.map(({ conversation }) => conversation.id));
    const members = await core.spaces.members(space.id);
    const ids = members.map(({ userId }) => userId);
    const [users, statuses] = await Promise.all([
      helpers.users(ids),
      core.presence.statuses(ids),
      helpers.ensure({ spaces: [space], channels: mine.map(({ conversation }) => conversation.id) }),
    ]);
    const legs = new Map(
      calls.map((call) => [call.conversationId, call.legs.filter(({ userId }) => users.has(userId))]),
    );
    return { space, member, mine, members, users, statuses, legs, viewerId: actor.userId };
  }

  function toState(state: Awaited<ReturnType<typeof stateOf>>) {
    const { space, member, mine, members, users, statuses, legs, viewerId } = state;
    const lookup = core.directory;
    return {
      workspace: views.toWorkspaceForUser(space, member.role, lookup),
      channels: mine.map(({ conversation, participants }) => {
        const own = participants.find(({ userId }) => userId === viewerId);
        const inCall: readonly CallLeg[] = legs.get(conversation.id) ?? [];
        return {
          ...views.toChannel(conversation, lookup),
          userRelation: views.toChannelRelation(own),
          users: inCall.map((leg) => views.toActiveUser(leg, lookup)),
        };
      }),
      users: members.flatMap((one) => {
        const user = users.get(one.userId);
        return user ? [views.toWorkspaceUser(user, one, statuses.get(user.id) ?? 'offline')] : [];
      }),
    };
  }

  async function kick(actor: UserActor, workspaceId: string, userId: string): Promise<typeof OK> {
    const { space, member } = await helpers.membership(actor, workspaceId, 'accessDenied');
    requireManager(member);
    const user = await helpers.requireUser(userId);
    await core.spaces.removeMember(actor, space.id, user.id);
    return OK;
  }

  async function mayInvite(space: Space, { role }: SpaceMember): Promise<void> {
    const may = MANAGERS.includes(role) || (role === 'user' && space.settings.canUsersInvite !== false);
    if (!may) throw refusal('accessDenied');
  }

  async function ensured<T extends { readonly space: Space }>(found: T): Promise<T> {
    await helpers.ensure({ spaces: [found.space] });
    return found;
  }

  const listed = async (userId: UserId, roles?: readonly string[]) => {
    const found = await core.spaces.listFor(userId, { kind: 'workspace' });
    const spaces = found.filter(({ member }) => !roles || roles.includes(member.role)).map(({ space }) => space);
    await helpers.ensure({ spaces });
    return spaces;
  };
  const toList = (spaces: readonly Space[]) => spaces.map((space) => views.toWorkspace(space, core.directory));

  return {
    'GET /workspaces': operation({
      guard: signedIn,
      args: args.none,
      run: (_core, { actor }) => listed(actor.userId),
      reply: toList,
    }),

    'GET /workspaces/:w': operation({
      guard: signedIn,
      args: args.workspace,
      run: (_core, { actor }, { params }) => stateOf(actor, params.w),
      reply: toState,
    }),

    'GET /workspaces/:w/settings': operation({
      guard: signedIn,
      args: args.workspace,
      run: async (_core, { actor }, { params }) => ensured(await helpers.membership(actor, params.w, 'accessDenied')),
      reply: ({ space }, { lookup }) => views.toWorkspaceSettings(space, lookup),
    }),

    'GET /workspaces/:w/info': operation({
      guard: signedIn,
      args: args.workspace,
      run: async (_core, { actor }, { params }) => ensured(await helpers.membership(actor, params.w, 'accessDenied')),
      reply: ({ space }, { lookup }) => views.toWorkspace(space, lookup),
    }),

    'POST /workspaces': operation({
      guard: signedIn,
      args: args.createWorkspace,
      answers: 'after',
      run: async (_core, { actor }, { body: { name } }) => {
        const externalIds = { [options.namespace]: names.fresh() };
        const { space } = await core.spaces.create(actor, { kind: 'workspace', title: name, externalIds });
        await core.conversations.create(actor, {
          kind: 'channel',
          title: 'general',
          spaceId: space.id,
          visibility: 'public',
          externalIds: { [options.namespace]: names.fresh() },
          participants: [],
        });
        return ensured({ space });
      },
      reply: ({ space }, { lookup }) => ({ workspace: views.toWorkspaceForUser(space, 'admin', lookup) }),
    }),

    'POST /workspaces/:w': operation({
      guard: signedIn,
      args: args.updateWorkspace,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { name } }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        requireManager(member);
        return ensured({
          space: name === undefined ? space : await core.spaces.update(actor, space.id, { title: name }),
        });
      },
      reply: ({ space }, { lookup }) => ({ workspace: views.toWorkspace(space, lookup) }),
    }),

    'POST /workspaces/:w/settings': operation({
      guard: signedIn,
      args: args.workspaceSettings,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { canUsersInvite } }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        requireManager(member);
        return ensured({ space: await core.spaces.update(actor, space.id, { settings: { canUsersInvite } }) });
      },
      reply: ({ space }, { lookup }) => ({ workspace: views.toWorkspaceSettings(space, lookup) }),
    }),

    'DELETE /workspaces/:w': operation({
      guard: signedIn,
      args: args.deleteWorkspace,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { name } }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        if (member.role !== 'admin') throw refusal('accessDenied');
        if (name !== (space.title || space.name)) throw refusal('wrongName');
        await core.spaces.remove(actor, space.id);
        return OK;
      },
    }),

    'POST /workspaces/:w/invites': operation({
      guard: signedIn,
      args: args.workspace,
      run: async (_core, { actor }, { params }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        await mayInvite(space, member);
        return core.sessions.createCode(actor, {
          ...CODE_FORMAT,
          purpose: WORKSPACE_INVITE,
          spaceId: space.id,
          ttlMs: options.inviteTtlMs,
          uses: null,
        });
      },
      reply: ({ code }) => ({ code }),
    }),

    'GET /workspaces/:w/invites': operation({
      guard: signedIn,
      args: args.inviteList,
      run: async (_core, { actor }, { params, query }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        if (query.list === 'all') requireManager(member);
        const codes = await core.sessions.listCodes({ purpose: WORKSPACE_INVITE, spaceId: space.id });
        return codes
          .filter(({ createdBy }) => query.list === 'all' || createdBy === actor.userId)
          .map((one) => ({
            id: one.id,
            code: core.sessions.codeOf(one, CODE_FORMAT),
            createdAt: new Date(one.createdAt).toISOString(),
            ...(one.expiresAt !== null && { expiredAt: new Date(one.expiresAt).toISOString() }),
          }));
      },
    }),

    'DELETE /invites/:id': operation({
      guard: signedIn,
      args: args.invite,
      run: async (_core, { actor }, { params }) => {
        await core.sessions.removeCode(actor, params.id);
        return OK;
      },
    }),

    'GET /check/:code': operation({
      guard: anybody,
      args: args.code,
      run: async (_core, _session, { params }) => {
        const { invite, space } = await worded(invites.look(params.code), inviteWords('inviteLooked'));
        const user = invite.createdBy === null ? null : await core.users.find(invite.createdBy);
        if (!user) throw refusal('inviteLooked');
        return ensured({ user, space, email: invite.email });
      },
      reply: ({ user, space, email }, { lookup }) => ({
        user: views.toUser(user),
        workspace: views.toWorkspace(space, lookup),
        ...(email !== null && { email }),
      }),
    }),

    'POST /join/:code': operation({
      guard: signedIn,
      args: args.code,
      answers: 'after',
      run: async (_core, { actor }, { params }) => {
        const { space } = await worded(invites.look(params.code), inviteWords('inviteJoined'));
        await core.spaces.join(actor, space.id, 'user');
        return ensured({ space });
      },
      reply: ({ space }, { lookup }) => ({ workspace: views.toWorkspace(space, lookup) }),
    }),

    'POST /workspaces/:w/leave': operation({
      guard: signedIn,
      args: args.workspace,
      answers: 'after',
      run: async (_core, { actor }, { params }) => {
        const { space } = await helpers.membership(actor, params.w, 'accessDenied');
        await core.spaces.removeMember(actor, space.id, actor.userId);
        return OK;
      },
    }),

    'DELETE /workspaces/:w/members/:u': operation({
      guard: signedIn,
      args: args.member,
      answers: 'after',
      run: (_core, { actor }, { params }) => kick(actor, params.w, params.u),
    }),

    'POST /admin/workspaces/revoke-access': operation({
      guard: signedIn,
      args: args.revokeAccess,
      answers: 'after',
      run: (_core, { actor }, { body }) => kick(actor, body.workspaceId, body.userId),
    }),

    'POST /workspaces/:w/permissions': operation({
      guard: signedIn,
      args: args.workspaceRole,
      answers: 'after',
      run: async (_core, { actor }, { params, body }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        requireManager(member);
        const user = await helpers.requireUser(body.userId);
        if (!(await core.spaces.membership(user.id, space.id))) throw refusal('notFound');
        await core.spaces.setMember(actor, space.id, { userId: user.id, role: body.role });
        return OK;
      },
    }),

    'GET /admin/managed-workspaces': operation({
      guard: signedIn,
      args: args.none,
      run: (_core, { actor }) => listed(actor.userId, MANAGERS),
      reply: toList,
    }),

    'GET /admin/workspaces/:w/users': operation({
      guard: signedIn,
      args: args.workspace,
      run: async (_core, { actor }, { params }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        requireManager(member);
        const members = await core.spaces.members(space.id);
        return { members, users: await helpers.users(members.map(({ userId }) => userId)) };
      },
      reply: ({ members, users }) => ({
        users: members.flatMap(({ userId, role }) => {
          const user: User | undefined = users.get(userId);
          if (!user) return [];
          const { lastSeenAt } = user;
          return [
            {
              ...views.toUser(user),
              role,
              latestActivityAt: lastSeenAt === null ? null : new Date(lastSeenAt).toISOString(),
            },
          ];
        }),
      }),
    }),

    // There are no groups of users: an empty list is a legal one.
    'GET /workspaces/:w/groups': operation({
      guard: signedIn,
      args: args.workspace,
      run: async (_core, { actor }, { params }) => {
        await helpers.membership(actor, params.w, 'accessDenied');
        return [];
      },
    }),
  };
}
