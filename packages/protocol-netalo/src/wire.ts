/**
 * What stands on this wire, to the letter: names, numbers, and one schema per request. Knows no domain.
 * Wire: PROTOCOL.md §4 to §9.
 */
import type { Schema } from '@switchboard/protocol';
import {
  type Field,
  flag,
  id,
  ids,
  NONE,
  number,
  oneOf,
  optionalText,
  required,
  shape,
  text,
  type WireId,
  withDefault,
} from './wire/fields.ts';
import type { WrittenId } from './wire/objects.ts';

export { NONE, type WireId } from './wire/fields.ts';
export type {
  CallObject,
  GroupChangeObject,
  GroupObject,
  MarkObject,
  MessageObject,
  Push,
  UserStatusObject,
  WrittenId,
} from './wire/objects.ts';

export const NAMESPACE = '/data';

export const OP = {
  registerToken: 'register_profile_token',
  unregisterToken: 'unregister_profile_token',
  createGroup: 'create_group',
  updateGroup: 'update_group',
  leaveGroup: 'leave_group',
  deleteGroup: 'delete_group',
  addAdmin: 'add_admin',
  deleteConversation: 'delete_conversation',
  listGroup: 'list_group',
  checkGroup: 'check_group',
  blockUser: 'block_user',
  unblockUser: 'unblock_user',
  blockedList: 'blocked_list',
  muteGroup: 'mute_group',
  unmuteGroup: 'unmute_group',
  pinGroup: 'pin_group',
  unpinGroup: 'unpin_group',
  createMessage: 'create_message',
  updateMessage: 'update_message',
  deleteMessage: 'delete_message',
  listMessage: 'list_message',
  listPinnedMessage: 'list_pinned_message',
  pinMessage: 'pin_message',
  unpinMessage: 'unpin_message',
  createCall: 'create_call',
  answerCall: 'answer_call',
  stopCall: 'stop_call',
  callStatus: 'call_status',
  callEvent: 'call_event',
  iceSdp: 'ice_sdp',
  iceCandidate: 'ice_candidate',
  event: 'event',
  createLink: 'create_link',
  listLink: 'list_link',
  disableLink: 'disable_link',
  joinLink: 'join_link',
  createGroupCall: 'create_groupcall',
  joinGroupCall: 'join_groupcall',
  startSecretChat: 'start_secret_chat',
  acceptSecretChat: 'accept_secret_chat',
  deleteSecretChat: 'delete_secret_chat',
} as const;

export type OperationName = (typeof OP)[keyof typeof OP];

export const PUSH = {
  login: 'login',
  userStatus: 'user_status',
  message: 'message',
  updateMessage: 'update_message',
  deleteMessage: 'delete_message',
  group: 'group',
  updateGroup: 'update_group',
  deleteGroup: 'delete_group',
  deleteConversation: 'delete_conversation',
  pinGroup: 'pin_group',
  unpinGroup: 'unpin_group',
  startCall: 'start_call',
  answerCall: 'answer_call',
  stopCall: 'stop_call',
  iceSdp: 'ice_sdp',
  iceCandidate: 'ice_candidate',
  event: 'event',
} as const;

/** Requests whose reply is emitted under their own name when the client gave no acknowledgement function. */
export const REPLIED_AS_EVENT: ReadonlySet<string> = new Set([
  OP.createGroup,
  OP.updateGroup,
  OP.listGroup,
  OP.deleteConversation,
  OP.checkGroup,
  OP.listMessage,
]);

export const RESULT = {
  ok: 0,
  failed: 1,
  expired: 2,
  userNotExist: 3,
  invalid: 4,
  wrongType: 5,
  parsingFailed: 6,
  loginConflict: 7,
  userNotFound: 8,
  wrongSession: 10,
  duplicate: 13,
  forbidden: 14,
  blocked: 15,
  callState: 16,
  busy: 17,
  unsupported: 18,
  limit: 19,
  internal: 20,
} as const;

export type ResultCode = (typeof RESULT)[keyof typeof RESULT];

export const ONLINE_STATUS = { online: 1, offline: 2 } as const;
export const MESSAGE_STATUS = { sent: 0, received: 2, seen: 3, deleted: 4 } as const;
export const MESSAGE_TYPE = {
  text: 0,
  call: 1,
  images: 2,
  audio: 3,
  video: 4,
  first: 5,
  update: 6,
  left: 7,
  file: 12,
} as const;
export const GROUP_TYPE = { private: 1, community: 2, public: 3 } as const;
export const CALL_STATUS = { ongoing: 1, timeout: 2, finished: 3 } as const;
export const MEDIA_TYPE = { audio: 1, video: 2 } as const;
export const ANSWER = { accept: 1, reject: 2, timeout: 3, failed: 4 } as const;
export const SORT_BY = { lastMessage: 1, created: 2 } as const;

/** The two lists of `event` types know typing by other numbers. */
export const TYPING = {
  string: { start: 8, stop: 9 },
  object: { start: 9, stop: 10 },
} as const;

/** Ids are safe integers: what lies above is nobody's. */
export const MAX_UIN = Number.MAX_SAFE_INTEGER;

export type GroupType = (typeof GROUP_TYPE)[keyof typeof GROUP_TYPE];

const KB = 1024;
const name = text(255);
const url = text(2 * KB);
const groupType = oneOf([1, 2, 3]);
const group = { group_id: required(id) };
const paging = (fallback: number, max: number) => ({
  pindex: withDefault(number, 0),
  psize: (value: unknown, field: string) => Math.min(number(value, field) || fallback, max),
});

/** Opaque: any JSON value. Whether it is small enough is judged once it is text. */
const anything: Field<unknown> = (value) => value;

export const registerTokenArgs = shape({ uin: id, type: oneOf([1, 2, 3, 4]), token: required(text(4 * KB)) });
export const unregisterTokenArgs = shape({ uin: id, token: required(text(4 * KB)) });

export const createGroupArgs = shape(
  { appid: id, name, avatar_url: url, type: groupType, owner_uin: id, occupants_uins: ids },
  { occupants_uins: 'occupants_uin' },
);
export const updateGroupArgs = shape({
  ...group,
  name,
  avatar_url: url,
  push_all: ids,
  pull_all: ids,
  owner_uin: id,
  type: oneOf([0, 1, 2, 3], 0),
});
export const groupArgs = shape(group);
export const addAdminArgs = shape({ ...group, admin_uins: required(ids) });
export const listGroupArgs = shape({ uin: id, ...paging(20, 100), sort_by: oneOf([1, 2], 1) });
export const checkGroupArgs = shape(
  { type: oneOf([1, 3]), occupants_uins: required(ids) },
  { occupants_uins: 'occupants_uin' },
);
export const blockUserArgs = shape({ ...group, blocked_uin: required(id) });
export const unblockUserArgs = shape({ ...group, unblocked_uin: required(id) }, { unblocked_uin: 'blocked_uin' });
export const blockedListArgs = shape({ uin: id, ...paging(20, 100) });

export const createMessageArgs = shape(
  {
    ...group,
    type: withDefault(number, 0),
    version: withDefault(number, 0),
    message: text(Number.POSITIVE_INFINITY),
    attachments: anything,
    group_name: name,
    group_avatar: url,
    sender_name: name,
    sender_avatar: url,
    nonce: text(128),
    is_encrypted: flag(false),
    mentioned_uins: ids,
    mentioned_all: flag(false),
  },
  { attachments: 'attactments', sender_avatar: 'send_avatar' },
);
export const updateMessageArgs = shape(
  {
    message_id: id,
    group_id: id,
    status: oneOf([0, 1, 2, 3, 4], 0),
    message: optionalText(Number.POSITIVE_INFINITY),
    attachments: anything,
  },
  { attachments: 'attactments' },
);
export const deleteMessageArgs = shape({ message_id: required(id), group_id: id, delete_all: flag(true) });
export const listMessageArgs = shape({
  ...group,
  last_message_id: id,
  last_seen_message_id: id,
  ...paging(30, 200),
});

const call = { call_id: required(id), group_id: id };
export const createCallArgs = shape(
  {
    ...group,
    media_type: oneOf([1, 2]),
    caller_uin: id,
    callee_uins: ids,
    group_name: name,
    group_avatar: url,
    sender_name: name,
    sender_avatar: url,
  },
  { sender_avatar: 'send_avatar' },
);
export const answerCallArgs = shape({ ...call, uin: id, answer: oneOf([1, 2, 3, 4], 1) }, { uin: 'callee_uin' });
export const stopCallArgs = shape({ ...call, uin: id, answer: withDefault(number, 0) });
export const callStatusArgs = shape(call);
export const callEventArgs = shape({ ...call, event: number });

export const iceSdpArgs = shape({
  ...call,
  receiver_uin: required(id),
  type: oneOf([1, 2]),
  sdp: required(text(256 * KB, 'size')),
});
export const iceCandidateArgs = shape({
  ...call,
  receiver_uin: required(id),
  type: number,
  candidate: text(8 * KB, 'size'),
  sdp_mid: text(KB, 'size'),
  sdp_mline_index: withDefault(number, 0),
});
export const eventArgs = shape({
  type: required(number),
  receiver_uin: id,
  data: eventData,
  call_id: id,
  group_id: id,
});

/** A text; what is none is written out. */
function eventData(value: unknown, field: string): string {
  const isStructure = typeof value === 'object' && value !== null && !Buffer.isBuffer(value);
  return text(16 * KB, 'size')(isStructure ? JSON.stringify(value) : value, field);
}

type ArgsOf<S> = S extends Schema<infer T> ? T : never;
export type CreateGroupArgs = ArgsOf<typeof createGroupArgs>;
export type UpdateGroupArgs = ArgsOf<typeof updateGroupArgs>;
export type ListGroupArgs = ArgsOf<typeof listGroupArgs>;
export type CheckGroupArgs = ArgsOf<typeof checkGroupArgs>;
export type CreateMessageArgs = ArgsOf<typeof createMessageArgs>;
export type UpdateMessageArgs = ArgsOf<typeof updateMessageArgs>;
export type DeleteMessageArgs = ArgsOf<typeof deleteMessageArgs>;
export type ListMessageArgs = ArgsOf<typeof listMessageArgs>;
export type CreateCallArgs = ArgsOf<typeof createCallArgs>;
export type AnswerCallArgs = ArgsOf<typeof answerCallArgs>;
export type StopCallArgs = ArgsOf<typeof stopCallArgs>;
export type IceSdpArgs = ArgsOf<typeof iceSdpArgs>;
export type IceCandidateArgs = ArgsOf<typeof iceCandidateArgs>;
export type EventArgs = ArgsOf<typeof eventArgs>;

/** Whether the payload of a `create_group` names a group. */
export function isUpdate(payload: Readonly<Record<string, unknown>>): boolean {
  return echoed(payload.group_id) !== null;
}

const ECHOED = ['uin', 'group_id', 'message_id', 'call_id'] as const;

/** The ids of a request that a refusal repeats: those that can be read. */
export function echoOf(payload: Readonly<Record<string, unknown>>, write: (id: WireId) => WrittenId): object {
  const echo: Record<string, WrittenId> = {};
  for (const field of ECHOED) {
    const found = echoed(payload[field]);
    if (found !== null) echo[field] = write(found);
  }
  return echo;
}

function echoed(value: unknown): WireId | null {
  try {
    const found = id(value, '');
    return found === NONE ? null : found;
  } catch {
    return null;
  }
}
