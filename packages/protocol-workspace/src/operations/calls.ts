/** Being in a channel with a device: entering, media state, muting, inviting others in. Wire: PROTOCOL.md, "Operations", calls. */
import type { InviteId, JsonObject, UserActor } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { refusal } from '../errors.ts';
import { type CallSession, signedIn } from '../session.ts';
import { args, OK } from '../wire.ts';
import { type OperationsContext, worded } from './context.ts';
import type { Toolbox } from './toolbox.ts';

export type CallOperation =
  | 'POST /channels/:c/select'
  | 'POST /channels/:c/unselect'
  | 'POST /user/media-state'
  | 'POST /mute-for-all'
  | 'POST /send-invite'
  | 'POST /send-invites'
  | 'POST /invite-response';

interface Asking {
  readonly userId: string;
  readonly workspaceId: string;
  readonly channelId: string;
  readonly isResponseNeeded: boolean;
  readonly message: JsonObject;
}

export function createCallOperations(
  context: OperationsContext,
  { helpers, mediaTokens }: Toolbox,
): Operations<CallOperation, CallSession> {
  const { core, names, views, options } = context;

  /** Whoever is no member of the channel is brought in first. Somebody who is in the call already is not rung. */
  async function ask(actor: UserActor, asking: Asking): Promise<string> {
    const { channel, space } = await helpers.ownChannel(actor, asking.channelId);
    if (names.workspace(space) !== asking.workspaceId) throw refusal('accessDenied');
    const user = await names.findUser(asking.userId);
    if (user?.id === actor.userId) throw refusal('ownInvite');
    if (!user || !(await core.spaces.membership(user.id, space.id))) throw refusal('userNotFound');
    await core.conversations.addParticipants(actor, channel.id, [{ userId: user.id }]);
    const invite = await core.calls.invite(actor, {
      conversationId: channel.id,
      userId: user.id,
      message: asking.message,
      answerNeeded: asking.isResponseNeeded,
      timeoutMs: options.inviteMs,
    });
    return invite?.id ?? names.fresh();
  }

  return {
    // Membership, then the socket, then whether it is in already.
    'POST /channels/:c/select': operation({
      guard: signedIn,
      args: args.select,
      answers: 'after',
      run: async (_core, { actor }, { params, query: { socketId }, body: media }) => {
        const { channel } = await helpers.ownChannel(actor, params.c);
        const place = await helpers.socket(actor, socketId);
        if (!place || place.spaceId !== channel.spaceId) throw refusal('socketNotFound');
        const joined = await worded(
          core.calls.join(actor, {
            conversationId: channel.id,
            connectionId: place.connectionId,
            device: socketId,
            media,
            mediaTokens: { ...mediaTokens() },
            graceMs: options.callGraceMs,
          }),
          { not_found: 'socketNotFound', 'conflict:already_joined': 'alreadySelected', forbidden: 'accessDenied' },
        );
        return joined.leg;
      },
      reply: views.toConnectionOptions,
    }),

    'POST /channels/:c/unselect': operation({
      guard: signedIn,
      args: args.unselect,
      answers: 'after',
      run: async (_core, { actor }, { params, query: { socketId } }) => {
        const found = await names.findChannel(params.c);
        const place = found && (await helpers.socket(actor, socketId));
        if (!found || !place) throw refusal('notSelected');
        const { connectionId } = place;
        await worded(core.calls.leave(actor, { conversationId: found.channel.id, connectionId }), {
          conflict: 'notSelected',
          not_found: 'notSelected',
        });
        return OK;
      },
    }),

    'POST /user/media-state': operation({
      guard: signedIn,
      args: args.mediaState,
      run: async (_core, { actor }, { query: { socketId }, body: media }) => {
        const place = await helpers.socket(actor, socketId);
        if (!place) throw refusal('unknownSocket');
        await worded(core.calls.setMedia(actor, { connectionId: place.connectionId, media }), {
          conflict: 'notInChannel',
        });
        return OK;
      },
    }),

    'POST /mute-for-all': operation({
      guard: signedIn,
      args: args.mute,
      run: async (_core, { actor }, { query: { socketId }, body }) => {
        const place = await helpers.socket(actor, socketId);
        if (!place) throw refusal('unknownSocket');
        const user = await names.findUser(body.userId);
        if (!user) throw refusal('otherChannels');
        const { connectionId } = place;
        await worded(core.calls.requestMute(actor, { connectionId, userId: user.id }), { conflict: 'otherChannels' });
        return OK;
      },
    }),

    'POST /send-invite': operation({
      guard: signedIn,
      args: args.sendInvite,
      answers: 'after',
      run: async (_core, { actor }, { body }) => ({ inviteId: await ask(actor, body as Asking) }),
    }),

    'POST /send-invites': operation({
      guard: signedIn,
      args: args.sendInvites,
      answers: 'after',
      run: async (_core, { actor }, { body: { users, ...asking } }) => {
        const invites: object[] = [];
        for (const userId of new Set(users)) {
          const invite = await ask(actor, { ...asking, userId } as Asking).catch(() => null);
          invites.push(invite === null ? { userId, status: 'error' } : { userId, status: 'ok', invite });
        }
        return { invites };
      },
    }),

    'POST /invite-response': operation({
      guard: signedIn,
      args: args.inviteResponse,
      answers: 'after',
      run: async (_core, { actor }, { body: { inviteId, response } }) => {
        await worded(
          core.calls.answerInvite(actor, { inviteId: inviteId as InviteId, response: response as JsonObject }),
          {
            not_found: 'messageNotFound',
          },
        );
        return OK;
      },
    }),
  };
}
