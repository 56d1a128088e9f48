/**
 * The literal names of this wire, the shapes of what clients send, and the objects they are sent. Knows nothing of the domain.
 * Wire: PROTOCOL.md.
 */
import { z } from 'zod';

/** Client events. */
export const OP = { auth: 'auth', logout: 'logout', broadcast: 'conversation-broadcast' } as const;
export type SocketOperationName = (typeof OP)[keyof typeof OP];

/** Server events; two of them are misspelt on the wire, too. */
export const EVENT = {
  authSuccess: 'auth-success',
  error: 'socket-api-error',
  channelCreated: 'channel-created',
  channelUpdated: 'channel-updated',
  channelDeleted: 'channel-deleted',
  userJoined: 'user-joined',
  userLeft: 'user-leaved-workspace',
  userUpdated: 'user-updated',
  meUpdated: 'me-updated',
  passwordChanged: 'password-changed',
  selected: 'user-selected-channel',
  unselected: 'user-unselected-channel',
  changedDevice: 'user-changed-device',
  onlineStatus: 'online-status-updated',
  myOnlineStatus: 'my-online-status-updated',
  mediaState: 'media-state-updated',
  broadcast: 'conversation-broadcast',
  workspaceAdded: 'workspace-added',
  workspaceUpdated: 'workspace-updated',
  kicked: 'kicked-from-workspace',
  invite: 'invite',
  inviteResponse: 'invite-response',
  inviteCancelled: 'invite-cancelled',
  mutedForAll: 'muted-for-all',
} as const;

/** Actions of `conversation-broadcast` that the server itself knows. */
export const ACTION = { miniChat: 'mini-chat', reconnecting: 'socket-reconnecting' } as const;

const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i)
  .transform((text) => text.toLowerCase());
const onlineStatus = z.enum(['online', 'idle', 'offline']);

/** Client events as they come; `transaction` is read before. A null is as good as nothing. */
export const authArgs = z.object({
  token: z.string().min(1),
  workspaceId: uuid,
  onlineStatus: onlineStatus.nullish(),
  prevSocketId: z.string().nullish(),
  localTimeZone: z.string().nullish().catch(null),
});
export type AuthArgs = z.infer<typeof authArgs>;

export const broadcastArgs = z.object({ action: z.string(), data: z.json().optional() });
export type BroadcastArgs = z.infer<typeof broadcastArgs>;

/** Requests: what stands in the path, in the query, and in the body. */
function request<P extends z.ZodRawShape, B extends z.ZodType>(path: P, body: B) {
  return z.object({ params: z.object(path), body });
}
/** With `?socketId=`; clients that have none yet write `undefined`. */
function ofSocket<P extends z.ZodRawShape, B extends z.ZodType>(path: P, body: B) {
  const socketId = z.string().refine((text) => text !== '' && text !== 'undefined' && text !== 'null');
  return z.object({ params: z.object(path), query: z.object({ socketId }), body });
}

const nothing = z.unknown();
const password = z.string().min(4).max(1_000);
const email = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/);
const personName = z.string().trim().min(1).max(100);
const workspaceName = z.string().trim().min(3).max(100);
const channelName = z.string().trim().min(2).max(100);
const description = z.string().max(150).nullish();
const lang = z.enum(['en', 'ru']);
const code = z.string().min(1).max(200);
const object = z.record(z.string(), z.json());
const someUsers = z.array(uuid).min(1).max(1_000);
const flags = {
  microphone: z.boolean(),
  speakers: z.boolean(),
  screen: z.boolean(),
  camera: z.boolean(),
  speaking: z.boolean(),
};
const mediaState = z.object(flags);

const w = { w: uuid };
const c = { c: uuid };

export const args = {
  none: request({}, nothing),
  signUp: request(
    {},
    z.object({
      user: z.object({ name: personName, email, password, lang: lang.optional(), inviteCode: code.nullish() }),
    }),
  ),
  signIn: request({}, z.object({ credentials: z.object({ email: z.string(), password }) })),
  refresh: request({}, z.object({ accessToken: z.string().min(1), refreshToken: z.string().min(1) })),
  code: request({ code }, nothing),
  password: request({}, z.object({ oldPassword: z.string().nullish(), password })),
  checkToken: z.object({ query: z.object({ token: z.string() }) }),
  workspace: request(w, nothing),
  createWorkspace: request({}, z.object({ name: workspaceName })),
  updateWorkspace: request(w, z.object({ name: workspaceName.optional() })),
  workspaceSettings: request(w, z.object({ canUsersInvite: z.boolean() })),
  createChannel: request(
    w,
    z.object({
      name: channelName,
      description,
      isPrivate: z.boolean().default(false),
      isTemporary: z.boolean().default(false),
      lifespan: z
        .int()
        .min(0)
        .max(10 * 365 * 86_400_000)
        .default(0),
    }),
  ),
  member: request({ w: uuid, u: uuid }, nothing),
  revokeAccess: request({}, z.object({ workspaceId: uuid, userId: uuid })),
  workspaceRole: request(w, z.object({ userId: uuid, role: z.enum(['admin', 'user']) })),
  deleteWorkspace: request(w, z.object({ name: z.string() })),
  privateTalk: request(w, z.object({ users: someUsers })),
  inviteList: z.object({ params: z.object(w), query: z.object({ list: z.enum(['my', 'all']).default('my') }) }),
  invite: request({ id: uuid }, nothing),
  channel: request(c, nothing),
  select: ofSocket(c, mediaState),
  unselect: ofSocket(c, nothing),
  updateChannel: request(c, z.object({ name: channelName, description })),
  channelUsers: request(c, z.object({ users: someUsers })),
  channelRole: request(c, z.object({ userId: uuid, role: z.enum(['admin', 'user']) })),
  dropChannelInvites: z.object({
    params: z.object(c),
    query: z.object({ revokeAccess: z.enum(['true', 'false']).default('false') }),
  }),
  joinChannel: request({ token: code }, z.object({ name: personName })),
  mediaState: ofSocket({}, mediaState),
  onlineStatus: ofSocket({}, z.object({ onlineStatus, cause: z.enum(['manually', 'sleep']).default('manually') })),
  longPoll: z.object({ query: z.object({ timeout: z.coerce.number().int().min(0).max(30_000).default(5_000) }) }),
  profile: request(
    {},
    z.object({
      name: personName.optional(),
      avatarFileId: uuid.nullish(),
      email: email.optional(),
      lang: lang.optional(),
    }),
  ),
  user: request({ u: uuid }, nothing),
  appSettings: request({}, object),
  permissions: z.object({
    query: z.object({ actions: z.string(), channelId: uuid.optional(), workspaceId: uuid.optional() }),
  }),
  mute: ofSocket({}, z.object({ userId: uuid })),
  sendInvite: request(
    {},
    z.object({
      userId: uuid,
      workspaceId: uuid,
      channelId: uuid,
      isResponseNeeded: z.boolean().default(false),
      message: object,
    }),
  ),
  sendInvites: request(
    {},
    z.object({
      users: someUsers,
      workspaceId: uuid,
      channelId: uuid,
      isResponseNeeded: z.boolean().default(false),
      message: object,
    }),
  ),
  inviteResponse: request({}, z.object({ inviteId: uuid, response: object })),
} as const;

export type Json = z.infer<typeof object>[string];

/** A success that is bare text and no JSON. */
export interface PlainText {
  readonly plain: string;
}
export const OK: PlainText = { plain: 'ok' };
