/**
 * The calls of this wire: their names, where they stand on each of the two APIs, and one schema for each body. Bodies come with keys in
 * lower case and without nulls (see codec.ts). Wire: PROTOCOL.md, "Client API", "Operator API".
 */
import { z } from 'zod';

export const PREFIX = {
  client: '/public/api/v1',
  operator: '/api/v1',
  bare: '/chats/messages/read',
  widget: '/widget',
} as const;

/** Names in logs and metrics; also the keys of the table in operations.ts. */
export const OP = {
  integrationAuth: 'clients/integration_auth',
  integrationAuthInProject: 'clients/integration_auth_in_project',
  integrationRefresh: 'clients/integration_refresh',
  clientsAuth: 'clients/auth',
  anonymousAuth: 'clients/anonymous/auth',
  signup: 'clients/signup',
  clientsMe: 'clients/me',
  setLanguage: 'clients/set_language',
  lastMessages: 'clients/get_last_messages',
  channelMessages: 'chats/channel/messages',
  channelSend: 'chats/channel/send',
  channelTyping: 'chats/channel/typing',
  channelChat: 'chats/channel/chat',
  chatSettings: 'chats/channel/chat/get_settings',
  systemChat: 'chats/channel/system_chats/send',
  audioEnabled: 'chats/channel/audio_messages_enabled',
  blocker: 'chats/channel/blocker',
  existingTickets: 'chats/channel/tickets/existing',
  received: 'chats/messages/received',
  read: 'chats/messages/read',
  listen: 'chats/messages/listen',
  product: 'chats/messages/product',
  deleteTransfer: 'chats/messages/delete_transfer_to_channel_id',
  version: 'chats/version',
  greetings: 'widget/greetings',
  consentPage: 'info_requests',
  personalDataForm: 'widget/personal_data_form',
  filesConfig: 'files/config',
  endAppeals: 'widget/get_end_appeals_settings',
  languages: 'widget/localization',
  badWords: 'bad_words/check_message',
  logMessage: 'log/message',
  pushApns: 'push/channel/apns',
  pushFcm: 'push/channel/fcm',
  pushHcm: 'push/channel/hcm',
  rate: 'ratings/rate',
  ignoreRating: 'ratings/ignore',
  sendPoll: 'ratings/send_poll',
  finishPoll: 'ratings/finish_poll',
  queryPoll: 'ratings/query_poll',
  respondRequest: 'info_requests/respond',
  ignoreRequest: 'info_requests/ignore',
  fileToken: 'files/token',
  getFile: 'files/get_file',
  channelsQuery: 'channels/query',
  channelsGet: 'channels/get',
  channelMembers: 'channels/members/query_by_channel',
  chatsGet: 'chats/get',
  chatsByChannel: 'chats/query_by_channel',
  chatsOpen: 'chats/open',
  chatsClose: 'chats/close',
  chatsJoin: 'chats/join',
  chatsLeave: 'chats/leave',
  chatsInvite: 'chats/invite',
  chatsAssign: 'chats/assign',
  chatsTransfer: 'chats/transfer',
  chatMembers: 'chats/members/query_by_chat',
  chatsTyping: 'chats/typing',
  chatsSend: 'chats/send',
  messagesByChat: 'chats/messages/query_by_chat',
  inbox: 'chats/inboxes/get_by_user',
  threads: 'chats/inbox_threads/query_by_user',
  usersMe: 'users/me',
} as const;

export type OperationName = (typeof OP)[keyof typeof OP];

/** Method and path below the API's prefix; more specific ones first. */
export type Route = readonly [method: 'get' | 'post', path: string, name: OperationName];

export const CLIENT_ROUTES: readonly Route[] = [
  ['post', '/clients/integration_auth', OP.integrationAuth],
  ['post', '/clients/integration_auth_in_project', OP.integrationAuthInProject],
  ['post', '/clients/integration_refresh', OP.integrationRefresh],
  ['post', '/clients/auth', OP.clientsAuth],
  ['post', '/clients/anonymous/auth', OP.anonymousAuth],
  ['post', '/clients/anonymous/signup', OP.signup],
  ['post', '/clients/anonymous/create', OP.signup],
  ['post', '/clients/signup', OP.signup],
  ['post', '/clients/me', OP.clientsMe],
  ['post', '/clients/set_language', OP.setLanguage],
  ['post', '/clients/get_last_messages', OP.lastMessages],
  ['post', '/chats/channel/messages/:channel', OP.channelMessages],
  ['post', '/chats/channel/send/:channel', OP.channelSend],
  ['post', '/chats/channel/typing/:channel', OP.channelTyping],
  ['post', '/chats/channel/chat/get_settings/:channel', OP.chatSettings],
  ['post', '/chats/channel/chat/:channel', OP.channelChat],
  ['post', '/chats/channel/system_chats/send/:channel', OP.systemChat],
  ['post', '/chats/channel/audio_messages_enabled/:channel', OP.audioEnabled],
  ['post', '/chats/channel/blocker/:channel', OP.blocker],
  ['post', '/chats/channel/tickets/existing/:channel', OP.existingTickets],
  ['post', '/chats/messages/received', OP.received],
  ['post', '/chats/messages/read', OP.read],
  ['post', '/chats/messages/listen', OP.listen],
  ['post', '/chats/messages/accept_product', OP.product],
  ['post', '/chats/messages/decline_product', OP.product],
  ['post', '/chats/messages/:id/delete_transfer_to_channel_id', OP.deleteTransfer],
  ['post', '/chats/version', OP.version],
  ['post', '/widget/greetings/:channel', OP.greetings],
  ['post', '/widget/personal_data_form/:channel', OP.personalDataForm],
  ['get', '/widget/get_end_appeals_settings/:channel', OP.endAppeals],
  ['post', '/widget/get_end_appeals_settings/:channel', OP.endAppeals],
  ['get', '/widget/localization/:channel/languages', OP.languages],
  ['post', '/widget/localization/:channel/languages', OP.languages],
  ['get', '/files/config', OP.filesConfig],
  ['post', '/bad_words/check_message', OP.badWords],
  ['post', '/log/message', OP.logMessage],
  ['post', '/push/channel/apns/:channel', OP.pushApns],
  ['post', '/push/channel/fcm/:channel', OP.pushFcm],
  ['post', '/push/channel/hcm/:channel', OP.pushHcm],
  ['post', '/ratings/rate', OP.rate],
  ['post', '/ratings/ignore', OP.ignoreRating],
  ['post', '/ratings/send_poll', OP.sendPoll],
  ['post', '/ratings/finish_poll', OP.finishPoll],
  ['post', '/ratings/query_poll', OP.queryPoll],
  ['post', '/info_requests/respond', OP.respondRequest],
  ['post', '/info_requests/ignore', OP.ignoreRequest],
  ['post', '/info_requests/:channel', OP.consentPage],
  ['post', '/files/token', OP.fileToken],
  ['get', '/files/get_file/:fileId', OP.getFile],
];

export const OPERATOR_ROUTES: readonly Route[] = [
  ['post', '/clients/integration_auth', OP.integrationAuth],
  ['post', '/clients/auth', OP.clientsAuth],
  ['post', '/users/me', OP.usersMe],
  ['post', '/channels/query', OP.channelsQuery],
  ['post', '/channels/get/:channelId', OP.channelsGet],
  ['post', '/channels/members/query_by_channel/:channelId', OP.channelMembers],
  ['post', '/chats/get/:chatId', OP.chatsGet],
  ['post', '/chats/query_by_channel/:channelId', OP.chatsByChannel],
  ['post', '/chats/open/:chatId', OP.chatsOpen],
  ['post', '/chats/close/:chatId', OP.chatsClose],
  ['post', '/chats/join/:chatId', OP.chatsJoin],
  ['post', '/chats/leave/:chatId', OP.chatsLeave],
  ['post', '/chats/invite/:chatId', OP.chatsInvite],
  ['post', '/chats/assign/:chatId', OP.chatsAssign],
  ['post', '/chats/transfer/:chatId', OP.chatsTransfer],
  ['post', '/chats/members/query_by_chat/:chatId', OP.chatMembers],
  ['post', '/chats/typing/:chatId', OP.chatsTyping],
  ['post', '/chats/send/:chatId', OP.chatsSend],
  ['post', '/chats/messages/query_by_chat/:chatId', OP.messagesByChat],
  ['post', '/chats/messages/received', OP.received],
  ['post', '/chats/messages/read', OP.read],
  ['post', '/chats/inboxes/get_by_user/:userId', OP.inbox],
  ['post', '/chats/inbox_threads/query_by_user/:userId', OP.threads],
  ['post', '/files/token', OP.fileToken],
  ['get', '/files/get_file/:fileId', OP.getFile],
  ['get', '/files/config', OP.filesConfig],
];

/** Streams, over SSE and, on the operator API, over WebSocket. */
export const STREAM_ROUTES = {
  clientEvents: '/sse/chats/channel/events/:param',
  clientUnreadMulti: '/sse/chats/channel/unread/multichat',
  clientUnread: '/sse/chats/channel/unread/:param',
  chat: 'chats/events/listen_to_chat',
  channel: 'chats/events/listen_to_channel',
  user: 'chats/events/listen_to_user',
} as const;

export const CHAT_TYPES = ['regular', 'personal_manager', 'info'] as const;
export type ChatType = (typeof CHAT_TYPES)[number];

/** What every call gets: path parameters, the query, and the body as decoded. */
export interface CallArgs<Body> {
  readonly params: Readonly<Record<string, string>>;
  readonly body: Body;
}

function call<Body>(body: z.ZodType<Body>) {
  return z.object({ params: z.record(z.string(), z.string()), body });
}

/** An empty list stands for nothing, as an absent body does. */
const object = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.preprocess(
    (value) => (value === undefined || (Array.isArray(value) && value.length === 0) ? {} : value),
    z.object(shape),
  );

const int = z.int();
const text = z.string();
const id = int.positive();

export const anyCall = z.object({ params: z.record(z.string(), z.string()), body: z.unknown() });
/** Integers beyond 2^53 − 1 are unknown ids, no wrong type. */
const ids = z
  .array(z.number().refine(Number.isInteger))
  .optional()
  .transform((list) => (list ?? []).filter(Number.isSafeInteger));

const messageForm = {
  localid: int.optional(),
  payload: text.optional(),
  text: text.optional(),
  fileid: text.optional(),
  replytomessageid: int.optional(),
  botpresspayload: z.unknown().optional(),
  chattype: text.optional(),
};

const page = { limit: int.optional(), offset: int.optional() };

export const schemas = {
  none: anyCall,
  integrationAuth: call(object({ credentials: z.union([text, int]).optional(), channel: text.optional() })),
  clientsAuth: call(object({ token: text.optional() })),
  signup: call(object({ name: text.optional(), channel: text.optional(), personaldata: z.unknown().optional() })),
  setLanguage: call(object({ code: text.optional() })),
  lastMessages: call(object({ channelnames: z.array(text).optional() })),
  clientMessages: call(
    object({
      chattype: text.optional(),
      limit: int.optional(),
      maxid: int.optional(),
      fromid: int.optional(),
      toid: int.optional(),
      q: text.optional(),
    }),
  ),
  messageForm: call(object(messageForm)),
  chatType: call(
    z.preprocess(
      (body) => (typeof body === 'object' && !Array.isArray(body) ? (body ?? {}) : {}),
      z.object({ chattype: text.optional().catch(undefined) }),
    ),
  ),
  ids: call(ids),
  messageId: call(z.union([int, object({ messageid: int.optional(), id: int.optional() })])),
  badWords: call(object({ msgtext: text.optional() })),
  push: call(object({ token: text.optional(), type: text.optional() })),
  rate: call(
    object({
      ratingid: int.optional(),
      rating: z.object({ value: int.optional(), comment: text.optional() }).optional(),
    }),
  ),
  ratingId: call(object({ ratingid: int.optional() })),
  poll: call(object({ ratingpollclientanswerinput: z.array(z.record(z.string(), z.unknown())).optional() })),
  finishPoll: call(object({ ratingid: int.optional(), ratingpollid: int.optional(), rated: z.boolean().optional() })),
  infoRequest: call(
    object({ requestid: int.optional(), clientconsent: z.boolean().optional(), form: z.unknown().optional() }),
  ),
  fileToken: call(object({ fileid: text.optional() })),
  page: call(object({ ...page, open: z.boolean().optional() })),
  userId: call(object({ userid: id.optional() })),
  messagesByChat: call(object({ maxid: int.optional(), limit: int.optional() })),
} as const;

export type MessageForm = z.infer<typeof schemas.messageForm>['body'];

export const DEFAULT_LIMIT = 50;
export const MOST_LIMIT = 1_000;

/** Absent, 0 or negative: 50; more than 1000: 1000. */
export function toLimit(limit: number | undefined): number {
  return limit === undefined || limit <= 0 ? DEFAULT_LIMIT : Math.min(limit, MOST_LIMIT);
}

export function toOffset(offset: number | undefined): number {
  return Math.max(0, offset ?? 0);
}
