/**
 * Domain events to this wire's, as a table. The key of a row says what of an event a socket hears: as one of the workspace it is bound to,
 * of the channel, in the call, or as one of the user's own. Wire: PROTOCOL.md, "Events".
 */
import type { CallLeg, ConversationId, DomainEvent, LogEvent, Lookup, Space, SpaceId, UserId } from '@switchboard/core';
import { type Connection, dropped, type Projection, variants } from '@switchboard/protocol';
import type { Frame } from './codec.ts';
import type { Names } from './names.ts';
import type { WorkspaceOptions } from './options.ts';
import type { SocketSession } from './session.ts';
import type { Views } from './views.ts';
import { ACTION, EVENT, OP } from './wire.ts';

type Socket = Connection<SocketSession>;
type Heard = Pick<DomainEvent, 'conversationId'>;

export interface ProjectionContext {
  readonly names: Names;
  readonly views: Views;
  readonly options: Pick<WorkspaceOptions, 'namespace' | 'storeMiniChat'>;
  /** Of whoever just joined a workspace: the adapter has asked before the event is projected. */
  readonly statusOf: (userId: UserId) => string;
}

/** Of a user's profile, what others see. */
const PROFILE: readonly string[] = ['displayName', 'avatar', 'language', 'account', 'kind'];
/** Of a channel. */
const CHANNEL: readonly string[] = ['title', 'description', 'visibility', 'expiresAt'];
const WORKSPACE: readonly string[] = ['name', 'title', 'avatar'];

const touches = (changed: readonly string[], fields: readonly string[]) => changed.some((one) => fields.includes(one));

function isBound({ session }: Socket, spaceId: SpaceId | null): boolean {
  return spaceId !== null && session.spaceId === spaceId;
}

function isOf({ session }: Socket, userId: UserId): boolean {
  return session.actor?.userId === userId;
}

/** Of the user whom the event is about; sockets of the room hear less. */
type Part = 'room' | 'own' | 'both';

function partOf(isInRoom: boolean, isOwn: boolean): Part | null {
  if (isInRoom) return isOwn ? 'both' : 'room';
  return isOwn ? 'own' : null;
}

export function createProjection(context: ProjectionContext): Projection<Frame, SocketSession> {
  const { names, views, options, statusOf } = context;

  /** The workspace of a conversation that is a channel here. */
  function workspaceOf(id: ConversationId | null, lookup: Lookup): Space | null {
    const spaceId = id === null ? null : (lookup.conversation(id)?.conversation.spaceId ?? null);
    const space = spaceId === null ? undefined : lookup.space(spaceId)?.space;
    return space?.kind === 'workspace' ? space : null;
  }

  const isInWorkspaceOf = (socket: Socket, id: ConversationId | null, lookup: Lookup) => {
    const spaceId = id === null ? undefined : lookup.conversation(id)?.conversation.spaceId;
    return spaceId != null && session(socket).spaceId === spaceId && lookup.space(spaceId)?.space.kind === 'workspace';
  };

  function about(conversation: LogEvent<'conversation.created'>['conversation'], lookup: Lookup) {
    const space = conversation.spaceId === null ? undefined : lookup.space(conversation.spaceId)?.space;
    return { channelId: names.channel(conversation), ...(space && { workspaceId: names.workspace(space) }) };
  }

  const selected = (leg: CallLeg, lookup: Lookup): Frame => [
    EVENT.selected,
    {
      userId: views.toUserId(leg.userId, lookup),
      channelId: views.toChannelId(leg.conversationId, lookup),
      userMediaState: views.toMediaState(leg.media),
      socketId: leg.device,
    },
  ];

  const unselected = (leg: CallLeg, lookup: Lookup): Frame => [
    EVENT.unselected,
    {
      userId: views.toUserId(leg.userId, lookup),
      channelId: views.toChannelId(leg.conversationId, lookup),
      socketId: leg.device,
    },
  ];

  const broadcast = (userId: UserId, content: { action: string; data?: unknown }, lookup: Lookup): Frame => [
    EVENT.broadcast,
    { ...content, userId: views.toUserId(userId, lookup) },
  ];

  /** Only those with a device in the call. */
  const inCall = (socket: Socket, event: Heard) =>
    event.conversationId !== null && session(socket).inCall === event.conversationId ? true : null;

  const inChannel = (socket: Socket, event: Heard, lookup: Lookup) =>
    isInWorkspaceOf(socket, event.conversationId, lookup) ? true : null;

  type Making<E> = (event: E, lookup: Lookup) => readonly Frame[];
  const toChannel = <E extends DomainEvent>(frames: Making<E>) => variants<E, Frame, SocketSession>(inChannel, frames);
  const toCall = <E extends DomainEvent>(frames: Making<E>) => variants<E, Frame, SocketSession>(inCall, frames);

  const noWorkspaceOf = (id: ConversationId, lookup: Lookup) => workspaceOf(id, lookup) === null;

  return {
    'user.created': dropped('nobody knows of somebody who belongs to no workspace yet'),
    'user.updated': variants(
      (socket, { user }, lookup) => {
        const { spaceId } = session(socket);
        const members = spaceId === null ? undefined : lookup.space(spaceId)?.members;
        return partOf(members?.get(user.id)?.leftAt === null, isOf(socket, user.id));
      },
      ({ user, changed, via }, _lookup, part) => {
        const frames: Frame[] = [];
        if (part !== 'own' && touches(changed, PROFILE)) frames.push([EVENT.userUpdated, { user: views.toUser(user) }]);
        if (part !== 'room' && changed.includes('attributes') && via === options.namespace) {
          frames.push([EVENT.meUpdated, { user: views.toMe(user), whatWasUpdated: 'app-settings' }]);
        }
        return frames;
      },
    ),
    // Whoever was erased is shown in no workspace any more.
    'user.deleted': variants(
      (socket, { userId }, lookup) => {
        const { spaceId } = session(socket);
        return spaceId !== null && lookup.space(spaceId)?.members.has(userId) ? spaceId : null;
      },
      ({ userId }, lookup, spaceId) => {
        const space = lookup.space(spaceId as SpaceId)?.space;
        return space ? [[EVENT.userLeft, left(userId, space, lookup)]] : [];
      },
    ),
    'session.revoked': dropped('its sockets are closed, which is the word for it'),

    'space.created': variants(
      (socket, { space, members }) => {
        if (space.kind !== 'workspace') return null;
        return members.find(({ userId }) => isOf(socket, userId))?.role ?? null;
      },
      ({ space }, lookup, role) => [added(space, String(role), lookup)],
    ),
    'space.updated': variants(
      (socket, { space, changed }) => (isBound(socket, space.id) && touches(changed, WORKSPACE) ? true : null),
      ({ space }, lookup) => [[EVENT.workspaceUpdated, { workspace: views.toWorkspace(space, lookup) }]],
    ),
    // Its channels have been told before. Everybody goes at once: each is told of itself.
    'space.deleted': variants(
      (socket, { spaceId }, lookup) => {
        const { actor } = session(socket);
        if (lookup.space(spaceId)?.space.kind !== 'workspace' || actor === null) return null;
        return `${isBound(socket, spaceId) ? 'room' : 'own'}:${actor.userId}`;
      },
      ({ spaceId }, lookup, key) => {
        const space = lookup.space(spaceId)?.space;
        const [part, userId] = String(key).split(':');
        if (!space) return [];
        const kicked: Frame = [EVENT.kicked, { workspaceId: names.workspace(space) }];
        return part === 'own' ? [kicked] : [[EVENT.userLeft, left(Number(userId) as UserId, space, lookup)], kicked];
      },
    ),
    // `own` comes last of its transaction: the adapter sees to that.
    'space.member_joined': variants(
      (socket, { space, member }) => {
        if (space.kind !== 'workspace') return null;
        if (isOf(socket, member.userId)) return member.role;
        return isBound(socket, space.id) ? 'room' : null;
      },
      ({ space, member }, lookup, key) => {
        if (key !== 'room') return [added(space, member.role, lookup)];
        const user = lookup.user(member.userId);
        if (!user) return [];
        const onlineStatus = statusOf(member.userId);
        return [[EVENT.userJoined, { user: { ...views.toUser(user), onlineStatus, role: member.role } }]];
      },
    ),
    'space.member_changed': dropped('no event says a role; what follows from it is told by its own events'),
    'space.member_left': variants(
      (socket, { spaceId, userId }, lookup) => {
        if (lookup.space(spaceId)?.space.kind !== 'workspace') return null;
        return partOf(isBound(socket, spaceId), isOf(socket, userId));
      },
      ({ spaceId, userId }, lookup, part) => {
        const space = lookup.space(spaceId)?.space;
        if (!space) return [];
        const gone: Frame = [EVENT.userLeft, left(userId, space, lookup)];
        const kicked: Frame = [EVENT.kicked, { workspaceId: names.workspace(space) }];
        return part === 'room' ? [gone] : part === 'both' ? [gone, kicked] : [kicked];
      },
    ),

    'conversation.created': variants(
      (socket, { conversation, participants }, lookup) => {
        if (lookup.space(conversation.spaceId ?? (0 as SpaceId))?.space.kind !== 'workspace') return null;
        if (isBound(socket, conversation.spaceId)) return true;
        // A private talk is told to its people wherever they are.
        const isTalk = own(conversation.attributes).talk === true;
        return isTalk && participants.some(({ userId }) => isOf(socket, userId)) ? true : null;
      },
      ({ conversation }, lookup) => [[EVENT.channelCreated, about(conversation, lookup)]],
    ),
    'conversation.updated': variants(
      (socket, { conversation, changed }, lookup) =>
        touches(changed, CHANNEL) && isInWorkspaceOf(socket, conversation.id, lookup) ? true : null,
      ({ conversation }, lookup) => [[EVENT.channelUpdated, { channel: views.toChannel(conversation, lookup) }]],
    ),
    'conversation.deleted': variants(
      (socket, { conversation: { spaceId } }, lookup) =>
        isBound(socket, spaceId) && lookup.space(spaceId ?? (0 as SpaceId))?.space.kind === 'workspace' ? true : null,
      ({ conversation }, lookup) => [[EVENT.channelDeleted, about(conversation, lookup)]],
    ),
    'conversation.opened': dropped('channels are always open'),
    'conversation.closed': dropped('channels are always open'),
    'conversation.assigned': dropped('support conversations are not shown here'),
    'conversation.unassigned': dropped('support conversations are not shown here'),

    // Membership is told to the one whom it concerns; others ask.
    'participant.joined': variants(
      (socket, { conversation, participant }, lookup) =>
        isOf(socket, participant.userId) && workspaceOf(conversation.id, lookup) ? true : null,
      ({ conversation }, lookup) => [[EVENT.channelCreated, about(conversation, lookup)]],
    ),
    'participant.left': variants(
      (socket, { conversation, participant }, lookup) =>
        isOf(socket, participant.userId) && workspaceOf(conversation.id, lookup) ? true : null,
      ({ conversation }, lookup) => [[EVENT.channelDeleted, about(conversation, lookup)]],
    ),
    'participant.changed': dropped('no event says a role or a block'),
    'participant.preferences_changed': dropped('the wire has no such preferences'),

    // What was said here was broadcast when it was said.
    'message.sent': variants(
      (socket, event, lookup) => {
        const { via, visibility, senderId } = event.message;
        if (!options.storeMiniChat || via === options.namespace || visibility !== 'all') return null;
        const { spaceId } = session(socket);
        // Clients break on a sender whom they do not know.
        const isKnown = spaceId !== null && lookup.space(spaceId)?.members.has(senderId);
        return isKnown ? inCall(socket, event) : null;
      },
      ({ message }, lookup) => {
        const data = views.toMiniChat(message);
        return data ? [broadcast(message.senderId, { action: ACTION.miniChat, data }, lookup)] : [];
      },
    ),
    'message.edited': dropped('no broadcast says it'),
    'message.deleted': dropped('no broadcast says it'),
    'message.hidden': dropped('there is no history here'),
    'message.updated': dropped('no broadcast says it'),
    'receipts.advanced': dropped('the wire has no receipts'),
    'file.updated': dropped('files are named by text'),

    'call.started': dropped('a call shows by who is in it'),
    'call.invited': variants(
      (socket, { invite }, lookup) => personal(socket, invite.userId, workspaceOf(invite.conversationId, lookup)),
      ({ invite }, lookup) => {
        const space = workspaceOf(invite.conversationId, lookup);
        const id = views.toChannelId(invite.conversationId, lookup);
        const message = { action: 'invite', channelId: id, ...invite.message };
        return [
          [
            EVENT.invite,
            {
              inviteId: invite.id,
              isResponseNeeded: invite.answerNeeded,
              userId: views.toUserId(invite.fromId, lookup),
              ...(space && { workspaceId: names.workspace(space) }),
              channelId: id,
              message,
            },
          ],
        ];
      },
    ),
    'call.invite_answered': variants(
      (socket, { invite }, lookup) => personal(socket, invite.fromId, workspaceOf(invite.conversationId, lookup)),
      ({ invite, response }, lookup) => [
        [
          EVENT.inviteResponse,
          {
            inviteId: invite.id,
            userId: views.toUserId(invite.userId, lookup),
            response: response ?? 'no-response',
          },
        ],
      ],
    ),
    'call.invite_cancelled': variants(
      (socket, { invite }) => (isOf(socket, invite.userId) ? true : null),
      ({ invite }) => [[EVENT.inviteCancelled, { inviteId: invite.id }]],
    ),
    'call.answered': dropped('a call shows by who is in it'),
    'call.connected': dropped('a call shows by who is in it'),
    'call.leg_joined': toChannel(({ leg }, lookup) => [selected(leg, lookup)]),
    'call.leg_moved': variants(
      (socket, { leg }, lookup) =>
        partOf(isInWorkspaceOf(socket, leg.conversationId, lookup), isOf(socket, leg.userId)),
      ({ leg, from }, lookup, part) => {
        const changed: Frame[] = leg.connectionId === from.connectionId ? [] : [[EVENT.changedDevice, null]];
        if (part === 'own') return changed;
        return part === 'both' ? [selected(leg, lookup), ...changed] : [selected(leg, lookup)];
      },
    ),
    'call.leg_dropped': toCall(({ leg }, lookup) => [
      broadcast(leg.userId, { action: ACTION.reconnecting, data: true }, lookup),
    ]),
    'call.leg_resumed': toCall(({ leg }, lookup) => [
      broadcast(leg.userId, { action: ACTION.reconnecting, data: false }, lookup),
    ]),
    'call.leg_left': toChannel(({ leg }, lookup) => [unselected(leg, lookup)]),
    'call.ended': toChannel(({ legs }, lookup) => legs.map((leg) => unselected(leg, lookup))),
    'log.jumped': dropped('all sockets are closed and come back'),

    'presence.changed': variants(
      (socket, { userId, spaceIds, manual }) => {
        const { spaceId } = session(socket);
        const isInRoom = spaceId !== null && spaceIds.includes(spaceId);
        return partOf(isInRoom, manual && isOf(socket, userId));
      },
      ({ userId, status }, lookup, part) => {
        const frames: Frame[] = [];
        if (part !== 'own') {
          frames.push([EVENT.onlineStatus, { userId: views.toUserId(userId, lookup), onlineStatus: status }]);
        }
        if (part !== 'room') frames.push([EVENT.myOnlineStatus, { onlineStatus: status }]);
        return frames;
      },
    ),
    'typing.changed': dropped('nobody types in a call'),
    'call.media_changed': toChannel(({ leg, media }, lookup) => [
      [
        EVENT.mediaState,
        {
          userId: views.toUserId(leg.userId, lookup),
          channelId: views.toChannelId(leg.conversationId, lookup),
          userMediaState: views.toMediaState(media),
        },
      ],
    ]),
    'call.signal': variants(
      (socket, event, lookup) => {
        if (event.name === OP.broadcast) return inCall(socket, event);
        if (event.name !== MUTE || event.conversationId === null) return null;
        if (noWorkspaceOf(event.conversationId, lookup)) return null;
        return event.to.some((userId) => isOf(socket, userId)) ? true : null;
      },
      ({ actorId, name, data }, lookup) => {
        if (actorId === null) return [];
        if (name === OP.broadcast) return [broadcast(actorId, data as { action: string }, lookup)];
        const { device } = data as { readonly device: string };
        return [[EVENT.mutedForAll, { fromUserId: views.toUserId(actorId, lookup), socketId: device }]];
      },
    ),
    'wire.signal': dropped('this wire sends none'),
  };

  function personal(socket: Socket, userId: UserId, space: Space | null): true | null {
    return space && isOf(socket, userId) ? true : null;
  }

  function added(space: Space, role: string, lookup: Lookup): Frame {
    const workspace = views.toWorkspaceForUser(space, role as 'user', lookup);
    return [EVENT.workspaceAdded, { workspace }];
  }

  function left(userId: UserId, space: Space, lookup: Lookup) {
    return { userId: views.toUserId(userId, lookup), workspaceId: names.workspace(space) };
  }

  /** What this wire keeps of a conversation. */
  function own(attributes: LogEvent<'conversation.created'>['conversation']['attributes']): {
    readonly talk?: unknown;
  } {
    const kept = attributes[options.namespace];
    return typeof kept === 'object' && kept !== null ? (kept as { readonly talk?: unknown }) : {};
  }
}

/** Core's own name for asking a device to be silent. */
const MUTE = 'mute';

function session({ session }: Socket): SocketSession {
  return session;
}
