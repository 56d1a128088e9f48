/** Channels: what they are, who is a member, and the invites by which guests come. Wire: PROTOCOL.md, "Operations", channels. */
import type { Conversation, OneTimeCode, Space, User, UserActor } from '@switchboard/core';
import { isAnybody, type Operations, operation } from '@switchboard/protocol';
import { refusal } from '../errors.ts';
import { type CallSession, signedIn } from '../session.ts';
import { toDate } from '../views.ts';
import { args, OK } from '../wire.ts';
import { type OperationsContext, worded } from './context.ts';
import { CHANNEL_INVITE, CODE_FORMAT, type Toolbox } from './toolbox.ts';

const anybody = isAnybody<CallSession>;

export type ChannelOperation =
  | 'POST /workspaces/:w/channels'
  | 'POST /workspaces/:w/private-talk'
  | 'GET /channels/:c'
  | 'GET /channels/:c/active-users'
  | 'POST /channels/:c'
  | 'DELETE /channels/:c'
  | 'GET /channels/:c/members'
  | 'POST /channels/:c/leave'
  | 'POST /channels/:c/add-users'
  | 'POST /channels/:c/delete-users'
  | 'POST /channels/:c/permissions'
  | 'POST /channels/:c/invite'
  | 'GET /channels/:c/invite'
  | 'DELETE /channels/:c/invites'
  | 'POST /channel-invites/:id/deactivate'
  | 'POST /channels/join/:token';

/** Roles that manage a channel's members. */
const CHANNEL_ADMINS: readonly string[] = ['owner', 'admin'];

export function createChannelOperations(
  context: OperationsContext,
  { helpers, sessions }: Toolbox,
): Operations<ChannelOperation, CallSession> {
  const { core, names, views, options } = context;
  const { namespace } = options;
  const { conversations } = core;

  async function shown<T extends { readonly channel: Conversation; readonly space: Space }>(found: T): Promise<T> {
    await helpers.ensure({ spaces: [found.space], channels: [found.channel.id] });
    return found;
  }

  async function activeUsers(channel: Conversation) {
    const [call] = await core.calls.liveIn([channel.id]);
    const legs = call?.legs ?? [];
    await core.directory.ensureUsers(legs.map(({ userId }) => userId));
    return legs;
  }

  /** Only a channel's own admins: whoever manages the workspace does not by that manage who is in. */
  async function adminOf(actor: UserActor, channelId: string) {
    const found = await helpers.ownChannel(actor, channelId);
    const own = await conversations.participation(actor.userId, found.channel.id);
    if (!own || !CHANNEL_ADMINS.includes(own.role)) throw refusal('accessDenied');
    return found;
  }

  /** All of them, or none: members of the workspace. */
  async function membersOf(space: Space, ids: readonly string[], name: 'talkUsers' | 'userNotFound'): Promise<User[]> {
    const users: User[] = [];
    for (const id of new Set(ids)) {
      const user = await names.findUser(id);
      if (!user || !(await core.spaces.membership(user.id, space.id))) throw refusal(name);
      users.push(user);
    }
    return users;
  }

  const talkKey = (space: Space, people: readonly User[]) =>
    `${namespace}:talk:${space.id}:${people
      .map(({ id }) => id)
      .sort((a, b) => a - b)
      .join(':')}`;

  async function talk(actor: UserActor, workspaceId: string, ids: readonly string[]) {
    const { space } = await helpers.membership(actor, workspaceId, 'notFound');
    const others = (await membersOf(space, ids, 'talkUsers')).filter(({ id }) => id !== actor.userId);
    if (others.length === 0) throw refusal('talkAlone');
    const own = await core.users.find(actor.userId);
    const people = own ? [own, ...others] : others;
    const { conversation, existed } = await conversations.create(actor, {
      kind: 'channel',
      key: others.length === 1 ? talkKey(space, people) : null,
      spaceId: space.id,
      visibility: 'private',
      temporary: true,
      title: people
        .map(({ displayName }) => displayName.trim().split(/\s+/)[0] ?? '')
        .join(', ')
        .slice(0, 100),
      attributes: { [namespace]: { talk: true } },
      externalIds: { [namespace]: names.fresh() },
      participants: others.map(({ id }) => ({ userId: id })),
    });
    const found = await shown({ channel: conversation, space });
    if (existed) return found;
    const message = { action: 'invite', channelId: names.channel(conversation), isResponseNeeded: true };
    for (const { id: userId } of others) {
      await core.calls.invite(actor, {
        conversationId: conversation.id,
        userId,
        message,
        answerNeeded: true,
        timeoutMs: options.inviteMs,
      });
    }
    return found;
  }

  async function liveInvite(channel: Conversation): Promise<OneTimeCode | null> {
    const [code] = await core.sessions.listCodes({ purpose: CHANNEL_INVITE, conversationId: channel.id });
    return code ?? null;
  }

  const toInvite = (invite: OneTimeCode, { channel, space }: { channel: Conversation; space: Space }) => ({
    id: invite.id,
    token: core.sessions.codeOf(invite, CODE_FORMAT),
    ...(invite.expiresAt !== null && { expiredAt: toDate(invite.expiresAt) }),
    channelId: names.channel(channel),
    workspaceId: names.workspace(space),
  });

  /** Guests invite nobody. */
  async function inviting(actor: UserActor, channelId: string) {
    const found = await helpers.ownChannel(actor, channelId);
    const member = await core.spaces.membership(actor.userId, found.space.id);
    if (!member || member.role === 'guest') throw refusal('accessDenied');
    return found;
  }

  /** Temporary accounts are here by invite alone. */
  async function removeGuests({ channel }: { readonly channel: Conversation }): Promise<void> {
    const { participants } = await conversations.get(helpers.system(), channel.id);
    const active = participants.filter((one) => one.active).map(({ userId }) => userId);
    const users = await helpers.users(active);
    const guests = [...users.values()].filter((user) => views.attributesOf(user).temporary).map(({ id }) => id);
    await conversations.removeParticipants(helpers.system(), channel.id, guests);
  }

  return {
    'POST /workspaces/:w/channels': operation({
      guard: signedIn,
      args: args.createChannel,
      answers: 'after',
      run: async (_core, { actor }, { params, body }) => {
        const { space, member } = await helpers.membership(actor, params.w, 'accessDenied');
        if (member.role === 'guest') throw refusal('noChannelsForGuests');
        const { name, description, isPrivate, isTemporary, lifespan } = body;
        const made = conversations.create(actor, {
          kind: 'channel',
          spaceId: space.id,
          visibility: isPrivate ? 'private' : 'public',
          title: name,
          description: description ?? '',
          temporary: isTemporary,
          expiresAt: isTemporary && lifespan > 0 ? context.now() + lifespan : null,
          externalIds: { [namespace]: names.fresh() },
          participants: [],
        });
        const { conversation } = await worded(made, { 'forbidden:guest': 'noChannelsForGuests' });
        return shown({ channel: conversation, space });
      },
      reply: ({ channel }, { lookup }) => ({ channel: views.toChannel(channel, lookup) }),
    }),

    'POST /workspaces/:w/private-talk': operation({
      guard: signedIn,
      args: args.privateTalk,
      answers: 'after',
      run: (_core, { actor }, { params, body }) => talk(actor, params.w, body.users),
      reply: ({ channel }, { lookup }) => ({ channel: views.toChannel(channel, lookup) }),
    }),

    'GET /channels/:c': operation({
      guard: signedIn,
      args: args.channel,
      run: async (_core, { actor }, { params }) => {
        const found = await shown(await helpers.ownChannel(actor, params.c));
        return { ...found, legs: await activeUsers(found.channel) };
      },
      reply: ({ channel, legs }, { lookup }) => ({
        channel: views.toChannel(channel, lookup),
        users: legs.map((leg) => views.toActiveUser(leg, lookup)),
      }),
    }),

    'GET /channels/:c/active-users': operation({
      guard: signedIn,
      args: args.channel,
      run: async (_core, { actor }, { params }) => activeUsers((await helpers.ownChannel(actor, params.c)).channel),
      reply: (legs, { lookup }) => legs.map((leg) => views.toActiveUser(leg, lookup)),
    }),

    'POST /channels/:c': operation({
      guard: signedIn,
      args: args.updateChannel,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { name, description } }) => {
        const { channel, space } = await names.requireChannel(params.c);
        const change = { title: name, ...(description != null && { description }) };
        return shown({ channel: await conversations.update(actor, channel.id, change), space });
      },
      reply: ({ channel }, { lookup }) => ({ channel: views.toChannel(channel, lookup) }),
    }),

    'DELETE /channels/:c': operation({
      guard: signedIn,
      args: args.channel,
      answers: 'after',
      run: async (_core, { actor }, { params }) => {
        const { channel } = await names.requireChannel(params.c);
        await conversations.remove(actor, channel.id);
        return OK;
      },
    }),

    'GET /channels/:c/members': operation({
      guard: signedIn,
      args: args.channel,
      run: async (_core, { actor }, { params }) => {
        const { channel, space } = await helpers.ownChannel(actor, params.c);
        const { participants } = await conversations.get(actor, channel.id);
        const active = participants.filter((one) => one.active);
        const [users, members] = await Promise.all([
          helpers.users(active.map(({ userId }) => userId)),
          core.spaces.members(space.id),
        ]);
        return { active, users, roles: new Map(members.map(({ userId, role }) => [userId, role])) };
      },
      reply: ({ active, users, roles }) =>
        active.flatMap((participant) => {
          const user = users.get(participant.userId);
          if (!user) return [];
          return [
            {
              ...views.toUser(user),
              workspaceRelation: { role: roles.get(user.id) ?? 'guest' },
              channelRelation: { role: views.toChannelRole(participant) },
            },
          ];
        }),
    }),

    'POST /channels/:c/leave': operation({
      guard: signedIn,
      args: args.channel,
      answers: 'after',
      run: async (_core, { actor }, { params }) => {
        const { channel } = await helpers.ownChannel(actor, params.c);
        await conversations.leave(actor, channel.id);
        return OK;
      },
    }),

    'POST /channels/:c/add-users': operation({
      guard: signedIn,
      args: args.channelUsers,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { users } }) => {
        const { channel, space } = await adminOf(actor, params.c);
        const newcomers = await membersOf(space, users, 'userNotFound');
        await conversations.addParticipants(
          actor,
          channel.id,
          newcomers.map(({ id }) => ({ userId: id })),
        );
        return OK;
      },
    }),

    'POST /channels/:c/delete-users': operation({
      guard: signedIn,
      args: args.channelUsers,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { users } }) => {
        const { channel } = await adminOf(actor, params.c);
        const named = await Promise.all(users.map((id) => helpers.requireUser(id)));
        await conversations.removeParticipants(
          actor,
          channel.id,
          named.map(({ id }) => id),
        );
        return OK;
      },
    }),

    'POST /channels/:c/permissions': operation({
      guard: signedIn,
      args: args.channelRole,
      answers: 'after',
      run: async (_core, { actor }, { params, body: { userId, role } }) => {
        const { channel } = await adminOf(actor, params.c);
        const user = await helpers.requireUser(userId);
        await worded(conversations.setRole(actor, channel.id, { userId: user.id, role }), {
          'conflict:last_admin': 'lastChannelAdmin',
        });
        return OK;
      },
    }),

    'POST /channels/:c/invite': operation({
      guard: signedIn,
      args: args.channel,
      run: async (_core, { actor }, { params }) => {
        const found = await inviting(actor, params.c);
        const live = await liveInvite(found.channel);
        const invite =
          live ??
          (
            await core.sessions.createCode(actor, {
              ...CODE_FORMAT,
              purpose: CHANNEL_INVITE,
              conversationId: found.channel.id,
              ttlMs: options.inviteTtlMs,
              uses: null,
            })
          ).oneTimeCode;
        return toInvite(invite, found);
      },
    }),

    'GET /channels/:c/invite': operation({
      guard: signedIn,
      args: args.channel,
      run: async (_core, { actor }, { params }) => {
        const found = await inviting(actor, params.c);
        const invite = await liveInvite(found.channel);
        if (!invite) throw refusal('noInvite');
        return toInvite(invite, found);
      },
    }),

    'DELETE /channels/:c/invites': operation({
      guard: signedIn,
      args: args.dropChannelInvites,
      answers: 'after',
      run: async (_core, { actor }, { params, query: { revokeAccess } }) => {
        const found = await inviting(actor, params.c);
        const codes = await core.sessions.listCodes({ purpose: CHANNEL_INVITE, conversationId: found.channel.id });
        for (const { id } of codes) await core.sessions.removeCode(helpers.system(), id);
        if (revokeAccess === 'true') await removeGuests(found);
        return OK;
      },
    }),

    'POST /channel-invites/:id/deactivate': operation({
      guard: signedIn,
      args: args.invite,
      run: async (_core, { actor }, { params }) => {
        await core.sessions.removeCode(actor, params.id);
        return OK;
      },
    }),

    'POST /channels/join/:token': operation({
      guard: anybody,
      args: args.joinChannel,
      run: async (_core, _session, { params: { token }, body: { name } }) => {
        const look = core.sessions.peekCode(CHANNEL_INVITE, token);
        const invite = await worded(look, { not_found: 'channelInvite', expired: 'channelInvite' });
        const channel = invite.conversationId === null ? null : await conversations.find(invite.conversationId);
        if (!channel) throw refusal('channelInvite');
        const user = await core.users.create(helpers.system(), {
          displayName: name,
          kind: 'guest',
          attributes: { [namespace]: { temporary: true } },
          identities: [{ namespace, externalId: names.fresh() }],
        });
        const actor = helpers.system();
        await conversations.addParticipants(actor, channel.id, [{ userId: user.id }]);
        await core.events.delivered(actor.lastPosition);
        return { user, issued: await sessions.issue(user.id) };
      },
      reply: ({ user, issued }) => ({ user: views.toMe(user), credentials: views.toCredentials(issued) }),
    }),
  };
}
