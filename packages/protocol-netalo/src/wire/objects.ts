/** The objects that the server writes, to the letter. Wire: PROTOCOL.md §4, §5.1. */
import type { WireId } from './fields.ts';

/** What an id is written as: digits, or a number where a deployment wants that. */
export type WrittenId = WireId | number;

export interface UserStatusObject {
  readonly uin: WrittenId;
  readonly online_status: number;
  readonly message_status: string;
  readonly last_seen_at: number;
}

/** All of it, always: strict clients refuse an object that lacks a member. */
export interface MessageObject {
  readonly result: 0;
  readonly message_id: WrittenId;
  readonly group_id: WrittenId;
  readonly group_type: number;
  readonly sender_uin: WrittenId;
  readonly type: number;
  readonly version: number;
  readonly message: string;
  readonly attachments: string;
  /** Sic: the document's spelling, beside the clients'. */
  readonly attactments: string;
  readonly group_name: string;
  readonly group_avatar: string;
  readonly sender_name: string;
  readonly sender_avatar: string;
  readonly send_avatar: string;
  readonly nonce: string;
  /** Microseconds in digits; "0" = never. */
  readonly created_at: string;
  readonly updated_at: string;
  readonly status: number;
  readonly recipient_uins: readonly WrittenId[];
  readonly received_uins: readonly WrittenId[];
  readonly seen_uins: readonly WrittenId[];
  readonly deleted_uins: readonly WrittenId[];
  readonly is_encrypted: boolean;
  readonly mentioned_all: boolean;
  readonly mentioned_uins: readonly WrittenId[];
}

export interface MarkObject {
  readonly uin: WrittenId;
  readonly message_id: WrittenId;
}

export interface GroupObject {
  readonly group_id: WrittenId;
  readonly type: number;
  readonly name: string;
  readonly avatar_url: string;
  readonly owner_uin: WrittenId;
  readonly creator_uin: WrittenId;
  readonly occupants_uins: readonly WrittenId[];
  readonly admin_uins: readonly WrittenId[];
  /** Seconds in digits; "0" = never. */
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_message_id: WrittenId;
  readonly last_message: MessageObject;
  readonly blocked_uins: readonly WrittenId[];
  readonly removed_uins: readonly WrittenId[];
  readonly muted_uins: readonly WrittenId[];
  readonly pinned_uins: readonly WrittenId[];
  readonly received_list: readonly MarkObject[];
  readonly seen_list: readonly MarkObject[];
  readonly status_list: readonly UserStatusObject[];
  readonly unread_cnt: number;
  readonly last_active_messages: readonly never[];
  readonly last_messages: readonly never[];
  readonly pinned_messages: readonly never[];
  readonly secrets: readonly never[];
  readonly background: string;
  readonly description: string;
}

/** What changed in a group. Every array is there: clients stop at the first that is missing. */
export interface GroupChangeObject {
  readonly group_id: WrittenId;
  readonly type: number;
  readonly name: string;
  readonly avatar_url: string;
  readonly owner_uin: WrittenId;
  readonly updated_at: string;
  readonly sender_uin: WrittenId;
  readonly push_all: readonly WrittenId[];
  readonly pull_all: readonly WrittenId[];
  readonly blocked_all: readonly WrittenId[];
  readonly unblocked_all: readonly WrittenId[];
  readonly added_admin_all: readonly WrittenId[];
  readonly removed_admin_all: readonly WrittenId[];
}

export interface CallObject {
  readonly call_id: WrittenId;
  readonly group_id: WrittenId;
  readonly media_type: number;
  readonly call_type: number;
  readonly call_status: number;
  readonly caller_uin: WrittenId;
  readonly callee_uins: readonly WrittenId[];
  readonly accepted_uins: readonly WrittenId[];
  readonly group_name: string;
  readonly group_avatar: string;
  readonly sender_name: string;
  readonly sender_avatar: string;
  readonly send_avatar: string;
  readonly started_at: string;
  readonly accepted_at: string;
  readonly connected_at: string;
  readonly stopped_at: string;
  readonly message_id: WrittenId;
}

/** What the server emits. */
export interface Push {
  readonly name: string;
  readonly payload: object;
}
