/**
 * The strictest reader among the published clients, as PROTOCOL.md lists what each needs: every field there, never null where one decodes it
 * without a default, integers that are integers, enumerations from the lists, everything that is referred to in `Rels`.
 */
import type { IqEnvelope, Loose } from '../../testing/driver.ts';

type Kind = 'int' | 'int?' | 'text' | 'text?' | 'flag' | 'list?' | 'any' | readonly string[];
type Shape = Readonly<Record<string, Kind>>;

const TIMES = { CreatedAt: 'int' } as const;
const CODES = ['', 'internal_server_error', 'bad_request', 'not_found', 'forbidden', 'unauthorized', 'invalid'];
const ACTOR = ['', 'client', 'user', 'system'];
const EVENTS = [
  'chat_created',
  'chat_changed',
  'chat_opened',
  'chat_assigned',
  'chat_unassigned',
  'chat_closed',
  'member_created',
  'member_added',
  'member_removed',
  'typing',
  'message_created',
  'system_message_created',
  'message_received',
  'message_read',
  'inbox_changed',
  'thread_created',
  'thread_opened',
  'thread_closed',
  'thread_changed',
  'message_listened',
  'message_edited',
  'delete-messages',
  'close-system-chat',
  'file_updated',
  'client_changed',
  'rating_ignored',
];
/** What clients know; the widget reports every other type as an error. */
const CLIENT_EVENTS = [
  'chat_closed',
  'typing',
  'message_created',
  'message_received',
  'message_read',
  'message_listened',
  'message_edited',
  'delete-messages',
  'close-system-chat',
  'file_updated',
  'client_changed',
  'rating_ignored',
];

const SHAPES: Readonly<Record<string, Shape>> = {
  Channels: {
    Id: 'int',
    Name: 'text',
    Type: ['', 'telegram', 'facebook', 'vk', 'viber'],
    Title: 'text',
    Description: 'text',
    Deleted: 'flag',
    EventId: 'int?',
    ChatEventId: 'int?',
    TotalMembers: 'int',
    TotalChats: 'int',
    TotalOpenChats: 'int',
    TelegramBotToken: 'any',
    ApnsId: 'int?',
    ...TIMES,
    UpdatedAt: 'int',
  },
  Clients: {
    Id: 'int',
    Type: ['integrated', 'anonymous', 'telegram'],
    Name: 'text',
    Online: 'flag',
    IntegrationId: 'text?',
    TelegramId: 'any',
    ...TIMES,
    UpdatedAt: 'int',
    LastSeenAt: 'int?',
    ProjectId: 'int',
    PersonalManagerId: 'int?',
    PersonalManagerGroupId: 'int?',
    MultiChatsInfo: 'any',
  },
  Chats: {
    Id: 'int',
    ChannelId: 'int',
    ClientId: 'int',
    Open: 'flag',
    EventId: 'int?',
    MessageId: 'int?',
    SessionId: 'int?',
    AssigneeId: 'int?',
    ClientUnread: 'int',
    UserUnread: 'int',
    TotalMembers: 'int',
    ...TIMES,
    ChangedAt: 'int',
    OpenedAt: 'int',
    ClosedAt: 'int',
    CurrentMemberId: 'int?',
  },
  ChatMembers: {
    Id: 'int',
    ChatId: 'int',
    UserId: 'int',
    Present: 'flag',
    Assigned: 'flag',
    ...TIMES,
    AddedAt: 'int',
    RemovedAt: 'int',
    AssignedAt: 'int',
    Me: 'flag',
  },
  ChatMessages: {
    Id: 'int',
    UID: 'text',
    ChatId: 'int',
    SessionId: 'int',
    LocalId: 'int',
    EventId: 'int?',
    Public: 'flag',
    Author: ACTOR,
    ClientId: 'int?',
    UserId: 'int?',
    Payload: ['text', 'file', 'notice', 'single-choice', 'card', 'carousel', 'product'],
    Text: 'text',
    FileId: 'text?',
    NoticeId: 'int?',
    Received: 'flag',
    Read: 'flag',
    Pushed: 'flag',
    ...TIMES,
    ReceivedAt: 'int',
    ReadAt: 'int',
    My: 'flag',
    ReplyToMessageId: 'int?',
    RatingId: 'int?',
    InfoRequestId: 'int?',
    TicketId: 'int?',
    SingleChoices: 'list?',
    Actions: 'list?',
    IsDropDown: 'flag',
    DisableFreeText: 'flag',
    TransferToChannel: 'any',
    Product: 'any',
  },
  ChatNotices: {
    Id: 'int',
    Type: ['chat_opened', 'chat_closed', 'chat_assigned', 'member_left', 'member_joined', 'member_invited'],
    ActorId: 'int?',
    MemberId: 'int?',
    ...TIMES,
  },
  ChatInboxes: {
    Id: 'int',
    UserId: 'int',
    EventId: 'int?',
    TotalThreads: 'int',
    TotalOpenThreads: 'int',
    TotalAssignedThreads: 'int',
    ...TIMES,
    ChangedAt: 'int',
    AssignedAt: 'int',
  },
  ChatInboxThreads: {
    Id: 'int',
    UserId: 'int',
    ChatId: 'int',
    EventId: 'int?',
    Open: 'flag',
    ...TIMES,
    ChangedAt: 'int',
    ChangeId: 'int?',
    MessageId: 'int?',
    TotalUnread: 'int',
  },
  Files: {
    Id: 'text',
    Type: ['file', 'image', 'audio'],
    Owner: ['public', 'client'],
    OwnerClientId: 'int?',
    Actor: ACTOR,
    ActorClientId: 'int?',
    ActorUserId: 'int?',
    Name: 'text',
    Path: 'text',
    Size: 'int',
    ImageWidth: 'int?',
    ImageHeight: 'int?',
    ContentType: 'text',
    ...TIMES,
  },
  Users: {
    Id: 'int',
    Name: 'text',
    DisplayName: 'text',
    Email: 'text',
    Online: 'flag',
    Deleted: 'flag',
    AvatarId: 'text?',
    ...TIMES,
    LoggedInAt: 'int?',
    LastSeenAt: 'int?',
  },
  Ratings: {
    Id: 'int',
    ProjectId: 'int',
    TicketId: 'int',
    ClientId: 'int',
    UserId: 'int?',
    State: ['pending', 'ignored', 'rated', 'poll', 'finished'],
    Value: 'int?',
    Comment: 'text',
    ...TIMES,
    UpdatedAt: 'int',
    RatingPollId: 'int?',
    QuestionText: 'text',
  },
  InfoRequests: {
    Id: 'int',
    ClientId: 'int',
    State: ['pending', 'finished', 'ignored'],
    Form: 'any',
    ...TIMES,
    UpdatedAt: 'int',
  },
};

const EVENT: Shape = {
  Id: 'int',
  Type: EVENTS,
  ChatId: 'int?',
  Public: 'flag',
  Transitive: 'flag',
  SessionId: 'int?',
  MessageId: 'int?',
  MemberId: 'int?',
  InboxId: 'int?',
  ThreadId: 'int?',
  Actor: ACTOR,
  ClientId: 'int?',
  UserId: 'int?',
  CreatedAt: 'int',
};

const REFERENCES: readonly (readonly [field: string, list: string])[] = [
  ['ChannelId', 'Channels'],
  ['ClientId', 'Clients'],
  ['OwnerClientId', 'Clients'],
  ['ActorClientId', 'Clients'],
  ['UserId', 'Users'],
  ['AssigneeId', 'Users'],
  ['ActorUserId', 'Users'],
  ['ActorId', 'Users'],
  ['ChatId', 'Chats'],
  ['MemberId', 'ChatMembers'],
  ['CurrentMemberId', 'ChatMembers'],
  ['MessageId', 'ChatMessages'],
  ['ReplyToMessageId', 'ChatMessages'],
  ['NoticeId', 'ChatNotices'],
  ['InboxId', 'ChatInboxes'],
  ['ThreadId', 'ChatInboxThreads'],
  ['FileId', 'Files'],
  ['AvatarId', 'Files'],
  ['RatingId', 'Ratings'],
  ['InfoRequestId', 'InfoRequests'],
];

const FITS: Readonly<Record<string, (value: unknown) => boolean>> = {
  int: Number.isSafeInteger,
  'int?': (value) => value === null || Number.isSafeInteger(value),
  text: (value) => typeof value === 'string',
  'text?': (value) => value === null || typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  'list?': (value) => value === null || Array.isArray(value),
  any: (value) => value !== undefined,
};

export interface StrictReader {
  /** Faults found so far, each once. */
  readonly faults: ReadonlySet<string>;
  answer(path: string, envelope: IqEnvelope): void;
  frame(name: string, envelope: IqEnvelope, isClients: boolean): void;
}

export function createStrictReader(): StrictReader {
  const faults = new Set<string>();

  function shaped(where: string, object: Loose, shape: Shape): void {
    for (const [field, kind] of Object.entries(shape)) {
      const value = object[field];
      const fits = typeof kind === 'string' ? FITS[kind]?.(value) : kind.includes(value);
      if (!fits) faults.add(`${where}.${field} is ${JSON.stringify(value)}`);
    }
    const keys = Object.keys(object).map((key) => key.charAt(0).toLowerCase() + key.slice(1));
    if (new Set(keys).size !== keys.length) faults.add(`${where} has two keys that differ by case alone`);
  }

  /** What a client may not follow: of others there is nothing on its API. */
  function referred(
    where: string,
    object: Loose,
    about: { rels: Loose; isClients: boolean; lists: readonly string[] },
  ): void {
    for (const [field, list] of REFERENCES) {
      const id = object[field];
      if (id === null || id === undefined || id === 0 || !about.lists.includes(list)) continue;
      if (
        about.isClients &&
        (list === 'ChatMessages' ? where.startsWith('Chats') : ['ChatMembers', 'ChatNotices'].includes(list))
      )
        continue;
      const found = (about.rels[list] ?? []).some(({ Id }: Loose) => Id === id);
      if (!found) faults.add(`${where}.${field} = ${id} is not in Rels.${list}`);
    }
  }

  function envelopeOf(where: string, envelope: IqEnvelope, isClients: boolean): void {
    if (!envelope.OK) {
      if (!CODES.includes(envelope.Error?.Code ?? '?')) faults.add(`${where}: unknown code ${envelope.Error?.Code}`);
      return;
    }
    if (envelope.Error !== null) faults.add(`${where}: Error beside OK`);
    const { Rels: rels } = envelope;
    if (typeof rels !== 'object' || rels === null) {
      faults.add(`${where}: Rels is no object`);
      return;
    }
    const lists = Object.keys(SHAPES).filter(
      (list) => !isClients || !['ChatMembers', 'ChatInboxes', 'ChatInboxThreads'].includes(list),
    );
    for (const [list, objects] of Object.entries(rels) as [string, Loose[]][]) {
      const shape = SHAPES[list];
      if (!shape) faults.add(`${where}: unknown list ${list}`);
      if (objects.length === 0) faults.add(`${where}: empty list ${list}`);
      const ids = objects.map(({ Id }) => Id);
      if (new Set(ids).size !== ids.length) faults.add(`${where}: an object twice in ${list}`);
      for (const object of objects) {
        shaped(list, object, shape ?? {});
        referred(`${list}`, object, { rels, isClients, lists });
        if (list === 'ChatMessages' && (object.LocalId === 0 || (isClients && !object.Public)))
          faults.add(`${where}: a message that must not be`);
        if (list === 'Users' && isClients && (object.Email !== '' || object.Name !== object.DisplayName))
          faults.add(`${where}: a user's private side`);
      }
    }
  }

  const LISTS: readonly (readonly [path: RegExp, list: string])[] = [
    [/\/chats\/(channel\/)?messages\/(support|query_by_chat)/, 'ChatMessages'],
    [/\/chats\/(get|open|close|assign|transfer|query_by_channel|channel\/chat\/s)/, 'Chats'],
    [/\/chats\/(join|invite|members)/, 'ChatMembers'],
    [/\/channels\/(query|get)/, 'Channels'],
    [/\/inboxes/, 'ChatInboxes'],
    [/\/inbox_threads/, 'ChatInboxThreads'],
    [/\/users\/me/, 'Users'],
    [/\/clients\/me/, 'Clients'],
    [/\/files\/(upload|get_file)/, 'Files'],
    [/\/ratings\/(rate|ignore)/, 'Ratings'],
  ];

  return {
    faults,
    answer(path, envelope) {
      const isClients = path.includes('/public/');
      envelopeOf(path, envelope, isClients);
      if (!envelope.OK) return;
      const list = LISTS.find(([fits]) => fits.test(path))?.[1];
      const results = Array.isArray(envelope.Result) ? envelope.Result : [envelope.Result];
      for (const result of results) {
        if (!list || result === null) continue;
        shaped(`${path} ${list}`, result, SHAPES[list] ?? {});
        // The one answer whose `Rels` are always empty.
        if (path.endsWith('/files/upload')) continue;
        referred(`${path}`, result, {
          rels: envelope.Rels,
          isClients,
          lists: isClients ? ['Users', 'Clients', 'Files', 'Chats', 'Ratings'] : Object.keys(SHAPES),
        });
      }
    },
    frame(name, envelope, isClients) {
      envelopeOf(name, envelope, isClients);
      if (!envelope.OK) return;
      if (!Array.isArray(envelope.Result)) {
        faults.add(`${name}: Result is no array`);
        return;
      }
      for (const event of envelope.Result as Loose[]) {
        shaped(`${name} event`, event, EVENT);
        if (isClients && !CLIENT_EVENTS.includes(event.Type)) faults.add(`${name}: ${event.Type} is not for clients`);
        if ((event.Type === 'message_edited' || event.Type === 'delete-messages') && !Array.isArray(event.Messages)) {
          faults.add(`${name}: ${event.Type} without Messages`);
        }
        if (event.Transitive !== (event.Id === 0)) faults.add(`${name}: ${event.Type} has id ${event.Id}`);
        referred(`${name} ${event.Type}`, event, { rels: envelope.Rels, isClients, lists: Object.keys(SHAPES) });
      }
    },
  };
}
