/**
 * The objects of this wire, field by field: every field is always written, a zero value as zero. Wire: PROTOCOL.md, "Objects". Marked
 * `SDK`: fields that only the published clients know.
 */

/** UTC milliseconds; 0 = never. */
export type Timestamp = number;

export interface ChannelObject {
  readonly Id: number;
  readonly Name: string;
  readonly Type: string;
  readonly Title: string;
  readonly Description: string;
  readonly Deleted: boolean;
  readonly EventId: number | null;
  readonly ChatEventId: number | null;
  readonly TotalMembers: number;
  readonly TotalChats: number;
  readonly TotalOpenChats: number;
  /** A secret: always null. */
  readonly TelegramBotToken: null;
  readonly ApnsId: null;
  readonly CreatedAt: Timestamp;
  readonly UpdatedAt: Timestamp;
}

export interface ChatObject {
  readonly Id: number;
  readonly ChannelId: number;
  readonly ClientId: number;
  readonly Open: boolean;
  readonly EventId: number | null;
  readonly MessageId: number | null;
  readonly SessionId: number | null;
  readonly AssigneeId: number | null;
  readonly ClientUnread: number;
  readonly UserUnread: number;
  readonly TotalMembers: number;
  readonly CreatedAt: Timestamp;
  readonly ChangedAt: Timestamp;
  readonly OpenedAt: Timestamp;
  readonly ClosedAt: Timestamp;
  /** The caller's own membership. */
  readonly CurrentMemberId: number | null;
}

export interface ChatMemberObject {
  readonly Id: number;
  readonly ChatId: number;
  readonly UserId: number;
  readonly Present: boolean;
  readonly Assigned: boolean;
  readonly CreatedAt: Timestamp;
  readonly AddedAt: Timestamp;
  readonly RemovedAt: Timestamp;
  readonly AssignedAt: Timestamp;
  readonly Me: boolean;
}

export interface ChannelMemberObject {
  readonly Id: number;
  readonly ChannelId: number;
  readonly UserId: number;
  readonly Deleted: boolean;
  readonly CreatedAt: Timestamp;
  readonly DeletedAt: Timestamp;
}

export type Author = '' | 'client' | 'user' | 'system';

export interface ChatMessageObject {
  readonly Id: number;
  /** 40 hex digits. */
  readonly UID: string;
  readonly ChatId: number;
  readonly SessionId: number;
  /** Never 0, distinct within a chat. */
  readonly LocalId: number;
  readonly EventId: number | null;
  readonly Public: boolean;
  readonly Author: Author;
  readonly ClientId: number | null;
  readonly UserId: number | null;
  readonly Payload: 'text' | 'file' | 'notice';
  readonly Text: string;
  readonly FileId: string | null;
  readonly NoticeId: number | null;
  readonly Received: boolean;
  readonly Read: boolean;
  readonly Pushed: boolean;
  readonly CreatedAt: Timestamp;
  readonly ReceivedAt: Timestamp;
  readonly ReadAt: Timestamp;
  /** Sent by the reader. */
  readonly My: boolean;
  // SDK:
  readonly ReplyToMessageId: number | null;
  readonly RatingId: number | null;
  readonly InfoRequestId: number | null;
  readonly TicketId: null;
  readonly SingleChoices: readonly ChoiceObject[] | null;
  readonly Actions: readonly ActionObject[] | null;
  readonly IsDropDown: boolean;
  readonly DisableFreeText: boolean;
  readonly Listened: boolean;
  readonly ListenedAt: Timestamp;
  readonly EditedAt: Timestamp | null;
  readonly TransferToChannel: null;
  readonly Product: null;
}

/** Note the lower-case keys. */
export interface ChoiceObject {
  readonly Id: number;
  readonly ChatMessageId: number;
  readonly ClientId: number;
  readonly title: string;
  readonly value: string;
  readonly tag: string;
  readonly Deleted: boolean;
}

export interface ActionObject {
  readonly Id: number;
  readonly ChatMessageId: number;
  readonly ClientId: number;
  readonly Title: string;
  readonly Action: string;
  readonly Payload: string;
  readonly URL: string;
}

export type NoticeName =
  | 'chat_opened'
  | 'chat_closed'
  | 'chat_assigned'
  | 'member_left'
  | 'member_joined'
  | 'member_invited';

export interface ChatNoticeObject {
  /** Of its message. */
  readonly Id: number;
  readonly Type: NoticeName;
  readonly ActorId: number | null;
  readonly MemberId: number | null;
  readonly CreatedAt: Timestamp;
}

export interface ChatInboxObject {
  readonly Id: number;
  readonly UserId: number;
  readonly EventId: number | null;
  readonly TotalThreads: number;
  readonly TotalOpenThreads: number;
  readonly TotalAssignedThreads: number;
  readonly CreatedAt: Timestamp;
  readonly ChangedAt: Timestamp;
  readonly AssignedAt: Timestamp;
}

export interface ChatInboxThreadObject {
  readonly Id: number;
  readonly UserId: number;
  readonly ChatId: number;
  readonly EventId: number | null;
  readonly ChangeId: number | null;
  readonly Open: boolean;
  readonly MessageId: number | null;
  readonly TotalUnread: number;
  readonly CreatedAt: Timestamp;
  readonly ChangedAt: Timestamp;
}

export interface ClientObject {
  readonly Id: number;
  readonly Type: 'integrated' | 'anonymous';
  readonly Name: string;
  readonly Online: boolean;
  readonly IntegrationId: string | null;
  readonly TelegramId: null;
  readonly CreatedAt: Timestamp;
  readonly UpdatedAt: Timestamp;
  readonly LastSeenAt: Timestamp | null;
  // SDK:
  readonly ProjectId: number;
  /** Null, not 0: some clients take any number for a personal manager. */
  readonly PersonalManagerId: null;
  readonly PersonalManagerGroupId: null;
  readonly MultiChatsInfo: MultiChatsInfoObject | null;
}

export interface MultiChatsInfoObject {
  readonly ChannelName: string;
  /** `#RRGGBB` or null. */
  readonly ChannelIconColor: string | null;
  readonly EnableForPersonalManagers: boolean;
  readonly EnableChat: boolean;
  readonly PersonalManagerName: string;
  readonly ChannelType: string;
}

export interface ClientSessionObject {
  readonly Id: number;
  readonly ClientId: number;
  readonly Token: string;
  readonly Integration: boolean;
  readonly CreatedAt: Timestamp;
  readonly IntegrationHash: string;
  readonly IntegrationCredentials: string;
}

export interface ClientAuthObject {
  readonly Client: ClientObject;
  readonly Session: ClientSessionObject;
}

export interface UserObject {
  readonly Id: number;
  readonly Name: string;
  readonly DisplayName: string;
  readonly Email: string;
  readonly Online: boolean;
  readonly Deleted: boolean;
  readonly AvatarId: string | null;
  readonly CreatedAt: Timestamp;
  readonly LoggedInAt: Timestamp | null;
  readonly LastSeenAt: Timestamp | null;
}

export interface FileObject {
  /** UUID and the extension of the name. */
  readonly Id: string;
  readonly Type: 'file' | 'image' | 'audio';
  readonly Owner: 'public' | 'client';
  readonly OwnerClientId: number | null;
  readonly Actor: Author;
  readonly ActorClientId: number | null;
  readonly ActorUserId: number | null;
  readonly Name: string;
  readonly Path: string;
  readonly Size: number;
  readonly ImageWidth: number | null;
  readonly ImageHeight: number | null;
  readonly ContentType: string;
  readonly CreatedAt: Timestamp;
}

export interface RatingObject {
  readonly Id: number;
  readonly ProjectId: number;
  readonly TicketId: number;
  readonly ClientId: number;
  readonly UserId: number | null;
  readonly State: 'pending' | 'ignored' | 'rated' | 'poll' | 'finished';
  readonly Value: number | null;
  readonly Comment: string;
  readonly CreatedAt: Timestamp;
  readonly UpdatedAt: Timestamp;
  readonly RatingPollId: number | null;
  readonly QuestionText: string;
}

export interface InfoRequestObject {
  readonly Id: number;
  readonly ClientId: number;
  readonly State: 'pending' | 'finished' | 'ignored';
  readonly Form: { readonly Fields: readonly FormFieldObject[] };
  readonly CreatedAt: Timestamp;
  readonly UpdatedAt: Timestamp;
}

export interface FormFieldObject {
  readonly Name: string;
  readonly Label: string;
  readonly Required: boolean;
  readonly CorrespondingField: string;
  readonly ValidationRegexp: string;
}

export interface RatingPollObject {
  readonly Id: number;
  readonly FeedbackThanks: boolean;
  readonly FeedbackThanksText: string;
  readonly ShowOffer: boolean;
  readonly Questions: readonly unknown[];
}

export interface ChatSettingsObject {
  readonly Id: number;
  readonly Message: string;
  readonly Enabled: boolean;
  readonly GreetFrom: 'user' | 'bot';
  /** Seconds. */
  readonly Lifetime: number;
  readonly Pseudonym: string;
  readonly OperatorName: string;
  readonly AvatarId: string;
  readonly TotalOpenedTickets: number;
  readonly ChatTitle: string;
}

export interface ChatEventObject {
  /** Position × 16 + slot; 0 when transitive. */
  readonly Id: number;
  readonly Type: EventName;
  readonly ChatId: number | null;
  readonly Public: boolean;
  readonly Transitive: boolean;
  readonly SessionId: number | null;
  readonly MessageId: number | null;
  readonly MemberId: number | null;
  readonly InboxId: number | null;
  readonly ThreadId: number | null;
  readonly Actor: Author;
  /** Who acted, not the chat's client. */
  readonly ClientId: number | null;
  readonly UserId: number | null;
  readonly CreatedAt: Timestamp;
  readonly Messages?: readonly ChatMessageObject[];
}

/** Type → slot in its log entry. Stable: a cursor is made of them. Wire: PROTOCOL.md, "Ids of events". */
export const SLOTS = {
  chat_created: 1,
  chat_opened: 2,
  chat_closed: 2,
  member_created: 3,
  member_added: 4,
  member_removed: 4,
  chat_assigned: 5,
  chat_unassigned: 5,
  message_created: 6,
  system_message_created: 6,
  message_received: 6,
  message_read: 6,
  message_listened: 6,
  message_edited: 6,
  'delete-messages': 6,
  file_updated: 6,
  rating_ignored: 6,
  client_changed: 7,
  'close-system-chat': 7,
  chat_changed: 8,
  thread_created: 9,
  thread_opened: 9,
  thread_closed: 9,
  thread_changed: 9,
  inbox_changed: 10,
  /** Transitive: has no place in the log. */
  typing: 0,
} as const;

export type EventName = keyof typeof SLOTS;
export const SLOTS_PER_ENTRY = 16;

/** Lists of `Rels`; empty ones are left out. */
export interface RelsLists {
  readonly Channels: ChannelObject;
  readonly Clients: ClientObject;
  readonly Chats: ChatObject;
  readonly ChatMembers: ChatMemberObject;
  readonly ChatMessages: ChatMessageObject;
  readonly ChatNotices: ChatNoticeObject;
  readonly ChatInboxes: ChatInboxObject;
  readonly ChatInboxThreads: ChatInboxThreadObject;
  readonly Files: FileObject;
  readonly Users: UserObject;
  readonly Ratings: RatingObject;
  readonly RatingPolls: RatingPollObject;
  readonly InfoRequests: InfoRequestObject;
}

export type RelsObject = { readonly [List in keyof RelsLists]?: readonly RelsLists[List][] };

export const ERROR_CODES = [
  'internal_server_error',
  'bad_request',
  'not_found',
  'forbidden',
  'unauthorized',
  'invalid',
] as const;
export type WireErrorCode = (typeof ERROR_CODES)[number];

export interface WireError {
  readonly Code: WireErrorCode;
  readonly Text: string;
}

export interface Envelope {
  readonly OK: boolean;
  readonly Error: WireError | null;
  readonly Result: unknown;
  readonly Rels: RelsObject | null;
  /** Some calls of the client API carry their payload here; absent on all others. */
  readonly Data?: unknown;
}
