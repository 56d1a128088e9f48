/** The domain's objects in this wire's dress, for answers and events alike. No I/O. Wire: PROTOCOL.md, "Objects". */
import {
  type CallLeg,
  type Conversation,
  type IssuedSession,
  isId,
  type JsonObject,
  type Lookup,
  type MediaState,
  type Message,
  type Participant,
  type PresenceStatus,
  type Space,
  type SpaceMember,
  type UnixMs,
  type User,
} from '@switchboard/core';
import { encodeMiniChat } from './codec.ts';
import type { Names } from './names.ts';
import type { WorkspaceOptions } from './options.ts';

const NAME_LENGTH = 100;
const DESCRIPTION_LENGTH = 150;

export function toDate(at: UnixMs): string {
  return new Date(at).toISOString();
}

/** What only this wire keeps of a user. */
export interface OwnAttributes {
  /** Came by an invite into one channel, and goes with its last connection. */
  readonly temporary?: boolean;
  readonly appSettings?: JsonObject;
}

export type Views = ReturnType<typeof createViews>;

export function createViews(names: Names, options: Pick<WorkspaceOptions, 'namespace' | 'janusUrl' | 'janusWsUrl'>) {
  const { namespace } = options;

  function attributesOf(user: User): OwnAttributes {
    const own = user.attributes[namespace];
    return typeof own === 'object' && own !== null && !Array.isArray(own) ? (own as OwnAttributes) : {};
  }

  function toUser(user: User) {
    const { language, account, avatar } = user;
    return {
      id: names.user(user),
      name: user.displayName.slice(0, NAME_LENGTH),
      ...(language && { lang: language }),
      createdAt: toDate(user.createdAt),
      updatedAt: toDate(user.updatedAt),
      isEmailVerified: account !== null && account.verifiedAt !== null,
      ...(account && { email: account.email }),
      ...(avatar && { avatar }),
      ...(attributesOf(user).temporary && { temporaryUser: true }),
    };
  }

  function toWorkspace(space: Space, lookup: Lookup) {
    return {
      id: names.workspace(space),
      name: (space.title || space.name).slice(0, NAME_LENGTH),
      createdAt: toDate(space.createdAt),
      updatedAt: toDate(space.updatedAt),
      creatorId: creatorOf(space, lookup),
      ...(space.avatar && { avatar: space.avatar }),
    };
  }

  /** What the administration made has no creator: its first admin stands for it, else whoever is in for longest. */
  function creatorOf(space: Space, lookup: Lookup): string {
    const members = [...(lookup.space(space.id)?.members.values() ?? [])];
    const first = members.find(({ role }) => role === 'admin') ?? members[0];
    return toUserId(space.createdBy ?? first?.userId ?? null, lookup);
  }

  function toUserId(userId: User['id'] | null, lookup: Lookup): string {
    const user = userId === null ? undefined : lookup.user(userId);
    if (user) return names.user(user);
    return names.user({ id: (isId(userId) ? userId : 0) as User['id'], identities: {} });
  }

  function toChannel(conversation: Conversation, lookup: Lookup) {
    const { createdBy, ownerId, spaceId, description, temporary, expiresAt } = conversation;
    const makerId = createdBy ?? ownerId;
    const space = spaceId === null ? undefined : lookup.space(spaceId)?.space;
    return {
      id: names.channel(conversation),
      name: (conversation.title || `#${conversation.id}`).slice(0, NAME_LENGTH),
      creatorId: makerId === null && space ? creatorOf(space, lookup) : toUserId(makerId, lookup),
      isPrivate: conversation.visibility === 'private',
      createdAt: toDate(conversation.createdAt),
      updatedAt: toDate(conversation.updatedAt),
      isTemporary: temporary,
      ...(temporary && expiresAt !== null && { expiredAt: toDate(expiresAt) }),
      ...(description && { description: description.slice(0, DESCRIPTION_LENGTH) }),
    };
  }

  function toMediaState({ microphone, speakers, screen, camera, speaking, ...stamps }: MediaState) {
    const { startScreenAt, startCameraAt, startSpeakingAt } = stamps;
    return {
      microphone,
      speakers,
      screen,
      camera,
      speaking,
      ...(screen && startScreenAt !== undefined && { startScreenTs: toDate(startScreenAt) }),
      ...(camera && startCameraAt !== undefined && { startCameraTs: toDate(startCameraAt) }),
      ...(startSpeakingAt !== undefined && { startSpeakingTs: toDate(startSpeakingAt) }),
    };
  }

  /** The media server's rooms: stable per channel, and what the device shows there. */
  function toMedia({ conversationId, mediaTokens }: CallLeg) {
    const token = (name: string) => (typeof mediaTokens[name] === 'string' ? mediaTokens[name] : '');
    return {
      janusServerUrl: options.janusUrl,
      janusWsServerUrl: options.janusWsUrl,
      audioRoomId: conversationId as number,
      videoRoomId: conversationId as number,
      channelAuthToken: token('channel'),
      serverAuthToken: token('server'),
    };
  }

  function toChannelId(id: Conversation['id'], lookup: Lookup): string {
    return names.channel(lookup.conversation(id)?.conversation ?? { id, externalIds: {} });
  }

  const toChannelRole = ({ role }: Participant) => (role === 'owner' ? 'admin' : role);

  return {
    attributesOf,
    toUser,
    toUserId,
    toChannelId,
    toWorkspace,
    toChannel,
    toMediaState,
    toMedia,

    toMe: (user: User) => ({ ...toUser(user), socialAuth: {}, appSettings: attributesOf(user).appSettings ?? {} }),

    toWorkspaceForUser: (space: Space, role: SpaceMember['role'], lookup: Lookup) => ({
      ...toWorkspace(space, lookup),
      userRelation: { role },
    }),

    toWorkspaceSettings: (space: Space, lookup: Lookup) => ({
      ...toWorkspace(space, lookup),
      canUsersInvite: space.settings.canUsersInvite !== false,
    }),

    toWorkspaceUser: (user: User, member: SpaceMember, status: PresenceStatus) => ({
      ...toUser(user),
      onlineStatus: status,
      role: member.role,
      callsCount: member.callsCount,
      ...(member.latestCallAt !== null && { latestCall: toDate(member.latestCallAt) }),
      ...(user.timeZone && { timeZone: user.timeZone }),
    }),

    toActiveUser: (leg: CallLeg, lookup: Lookup) => ({
      userId: toUserId(leg.userId, lookup),
      ...toMediaState(leg.media),
    }),

    toChannelRelation: (own: Participant | undefined) => ({
      role: own ? toChannelRole(own) : 'user',
      usageCount: own?.callsCount ?? 0,
      ...(own && own.latestCallAt !== null && { latestUsage: toDate(own.latestCallAt) }),
    }),

    toChannelRole,

    toConnectionOptions(leg: CallLeg) {
      const { serverAuthToken, ...media } = toMedia(leg);
      return { connectionOptions: { ...media, janusAuthToken: serverAuthToken } };
    },

    toCredentials({ session, secret, refreshSecret }: IssuedSession) {
      return {
        sessionId: session.publicId,
        accessToken: secret,
        refreshToken: refreshSecret ?? '',
        accessTokenExpiredAt: toDate(session.accessExpiresAt ?? session.createdAt),
        refreshTokenExpiredAt: toDate(session.expiresAt ?? session.createdAt),
      };
    },

    /** Null: nothing that could be shown. */
    toMiniChat({ text, parts }: Message): { readonly message: string } | null {
      const shown = text || parts.map(({ name, url }) => name ?? url ?? '').find((word) => word !== '') || '';
      return shown === '' ? null : { message: encodeMiniChat(shown) };
    },
  };
}
