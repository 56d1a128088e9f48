/**
 * From stored entries to events: the objects that they are about, as they are in the store now, one statement per kind whatever the
 * number of entries. A deleted text does not come back; an entry whose object is gone altogether tells nothing any more.
 */
import {
  type Call,
  type CallId,
  type Conversation,
  LOG_EVENT_TYPES,
  type LogEvent,
  type LogEventType,
  type Message,
  type Participant,
  type Space,
  type SpaceMember,
  type User,
} from '@switchboard/core';
import { type MessageRow, toMessage } from '../message-row.ts';
import { createCallStore } from './calls.ts';
import {
  type ConversationRow,
  conversationColumns,
  type ParticipantRow,
  toConversation,
  toParticipant,
} from './conversation-rows.ts';
import type { Db } from './db.ts';
import { type MemberRow, type SpaceRow, spaceColumns, toMember, toSpace } from './space-rows.ts';
import { toUser, USER, type UserRow } from './user-rows.ts';

/** An entry as it is read. */
export interface EntryRow {
  readonly position: number;
  readonly type: string;
  readonly v: number;
  readonly conversation_id: number | null;
  readonly space_id: number | null;
  readonly user_ids: number[] | null;
  readonly actor_id: number | null;
  readonly via: string;
  readonly origin: string | null;
  readonly visibility: string;
  readonly subject_id: number | null;
  readonly batch: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>> | null;
}

export interface Hydrated {
  readonly events: LogEvent[];
  /** Entries of types that this version does not know. */
  readonly unknown: number;
}

/** Objects that an event carries, besides what its entry says itself. `members` and `participants`: those that the entry made. */
type Kind =
  | 'user'
  | 'space'
  | 'member'
  | 'members'
  | 'conversation'
  | 'participant'
  | 'participants'
  | 'message'
  | 'first'
  | 'call';

const NONE: readonly Kind[] = [];

/** Complete by type: a new event says here what must be read back for it. */
const CARRIES: Record<LogEventType, readonly Kind[]> = {
  'user.created': ['user'],
  'user.updated': ['user'],
  'user.deleted': NONE,
  'session.revoked': NONE,
  'space.created': ['space', 'members'],
  'space.updated': ['space'],
  'space.deleted': NONE,
  'space.member_joined': ['space', 'member'],
  'space.member_changed': ['space', 'member'],
  'space.member_left': NONE,
  'conversation.created': ['conversation', 'participants'],
  'conversation.updated': ['conversation'],
  'conversation.deleted': ['conversation'],
  'conversation.opened': ['conversation'],
  'conversation.closed': ['conversation'],
  'conversation.assigned': ['conversation'],
  'conversation.unassigned': ['conversation'],
  'participant.joined': ['conversation', 'participant'],
  'participant.left': ['conversation', 'participant'],
  'participant.changed': ['conversation', 'participant'],
  'participant.preferences_changed': ['conversation', 'participant'],
  'message.sent': ['message'],
  'message.edited': ['message'],
  'message.deleted': ['message'],
  'message.hidden': ['message'],
  'message.updated': ['message'],
  'receipts.advanced': ['first'],
  'file.updated': NONE,
  'call.started': ['call'],
  'call.invited': NONE,
  'call.invite_answered': NONE,
  'call.invite_cancelled': NONE,
  'call.answered': ['call'],
  'call.connected': ['call'],
  'call.leg_joined': ['call'],
  'call.leg_moved': ['call'],
  'call.leg_dropped': ['call'],
  'call.leg_resumed': ['call'],
  'call.leg_left': ['call'],
  'call.ended': ['call'],
  'log.jumped': NONE,
};

const KNOWN: ReadonlySet<string> = new Set(LOG_EVENT_TYPES);

export async function hydrate(db: Db, rows: readonly EntryRow[]): Promise<Hydrated> {
  const known = rows.filter((row) => KNOWN.has(row.type));
  const objects = await readObjects(db, known);
  const events: LogEvent[] = [];
  for (const row of known) {
    const payload = payloadOf(row, objects);
    if (payload) events.push({ ...fieldsOf(row), ...payload } as unknown as LogEvent);
  }
  return { events, unknown: rows.length - known.length };
}

interface Objects {
  readonly user: ReadonlyMap<number, User>;
  readonly space: ReadonlyMap<number, Space>;
  readonly member: ReadonlyMap<number, SpaceMember>;
  /** By position of the entry that made them. */
  readonly members: ReadonlyMap<number, readonly SpaceMember[]>;
  readonly conversation: ReadonlyMap<number, Conversation>;
  readonly participant: ReadonlyMap<number, Participant>;
  readonly participants: ReadonlyMap<number, readonly Participant[]>;
  readonly message: ReadonlyMap<number, Message>;
  readonly call: ReadonlyMap<number, Call>;
}

async function readObjects(db: Db, rows: readonly EntryRow[]): Promise<Objects> {
  const ids = (kinds: readonly Kind[], idOf: (row: EntryRow) => number | null) => {
    const wanted = new Set<number>();
    for (const row of rows) {
      const id = idOf(row);
      if (id !== null && kinds.some((kind) => CARRIES[row.type as LogEventType].includes(kind))) wanted.add(id);
    }
    return [...wanted];
  };
  const bySubject = (row: EntryRow) => row.subject_id;
  const [user, space, member, members, conversation, participant, participants, message, call] = await Promise.all([
    readUsers(db, ids(['user'], bySubject)),
    readSpaces(
      db,
      ids(['space'], (row) => row.space_id),
    ),
    readMembers(db, ids(['member'], bySubject)),
    readFirstMembers(
      db,
      ids(['members'], (row) => row.position),
    ),
    readConversations(
      db,
      ids(['conversation'], (row) => row.conversation_id),
    ),
    readParticipants(db, ids(['participant'], bySubject)),
    readFirstParticipants(
      db,
      ids(['participants'], (row) => row.position),
    ),
    readMessages(db, ids(['message', 'first'], bySubject)),
    readCalls(db, ids(['call'], bySubject)),
  ]);
  return { user, space, member, members, conversation, participant, participants, message, call };
}

/** Null when something that the event carries is gone. */
function payloadOf(row: EntryRow, objects: Objects): Record<string, unknown> | null {
  if (row.type === 'conversation.deleted') return deletedOf(row, objects.conversation);
  const payload: Record<string, unknown> = { ...row.data };
  const subject = row.subject_id ?? 0;
  for (const kind of CARRIES[row.type as LogEventType]) {
    let object: unknown;
    if (kind === 'space') object = objects.space.get(row.space_id ?? 0);
    else if (kind === 'conversation') object = objects.conversation.get(row.conversation_id ?? 0);
    else if (kind === 'members' || kind === 'participants') object = objects[kind].get(row.position) ?? [];
    else if (kind === 'first') object = firstOf(row, objects.message);
    else object = objects[kind].get(subject);
    if (object === undefined) return null;
    payload[kind] = object;
  }
  return payload;
}

/** Its outside ids are free again, or another's. */
function deletedOf(row: EntryRow, conversations: Objects['conversation']): Record<string, unknown> | null {
  const conversation = conversations.get(row.conversation_id ?? 0);
  if (!conversation) return null;
  return { conversation: { ...conversation, externalIds: row.data?.externalIds ?? conversation.externalIds } };
}

function firstOf(row: EntryRow, messages: Objects['message']): unknown {
  if (!row.data?.first) return null;
  const message = messages.get(row.subject_id ?? 0);
  return message && { ...(row.data.first as object), message };
}

function fieldsOf(row: EntryRow): Record<string, unknown> {
  return {
    type: row.type,
    transient: false,
    position: row.position,
    v: row.v,
    at: row.at,
    conversationId: row.conversation_id,
    spaceId: row.space_id,
    userIds: row.user_ids ?? [],
    actorId: row.actor_id,
    via: row.via,
    origin: row.origin,
    visibility: row.visibility,
    batch: row.batch,
  };
}

async function readUsers(db: Db, ids: readonly number[]): Promise<Map<number, User>> {
  if (ids.length === 0) return new Map();
  const rows = await db.$queryRaw<UserRow[]>`select ${USER} from users u where u.id = any(${ids}::bigint[])`;
  return new Map(rows.map((row) => [row.id, toUser(row)]));
}

async function readSpaces(db: Db, ids: readonly number[]): Promise<Map<number, Space>> {
  if (ids.length === 0) return new Map();
  const rows = await db.$queryRaw<SpaceRow[]>`
    select ${spaceColumns} from spaces s where s.id = any(${ids}::bigint[])`;
  return new Map(rows.map((row) => [row.space.id, toSpace(row)]));
}

async function readMembers(db: Db, ids: readonly number[]): Promise<Map<number, SpaceMember>> {
  if (ids.length === 0) return new Map();
  const rows = await db.$queryRaw<{ member: MemberRow }[]>`
    select to_json(m) as member from space_members m where m.id = any(${ids}::bigint[])`;
  return new Map(rows.map(({ member }) => [member.id, toMember(member)]));
}

async function readConversations(db: Db, ids: readonly number[]): Promise<Map<number, Conversation>> {
  if (ids.length === 0) return new Map();
  const rows = await db.$queryRaw<ConversationRow[]>`
    select ${conversationColumns} from conversations c where c.id = any(${ids}::bigint[])`;
  return new Map(rows.map((row) => [row.conversation.id, toConversation(row)]));
}

async function readParticipants(db: Db, ids: readonly number[]): Promise<Map<number, Participant>> {
  if (ids.length === 0) return new Map();
  const rows = await db.$queryRaw<{ participant: ParticipantRow }[]>`
    select to_json(p) as participant from participants p where p.id = any(${ids}::bigint[])`;
  return new Map(rows.map(({ participant }) => [participant.id, toParticipant(participant)]));
}

async function readMessages(db: Db, ids: readonly number[]): Promise<Map<number, Message>> {
  if (ids.length === 0) return new Map();
  const rows = await db.$queryRaw<{ message: MessageRow }[]>`
    select to_json(m) as message from messages m where m.id = any(${ids}::bigint[])`;
  return new Map(rows.map(({ message }) => [message.id, toMessage(message)]));
}

async function readCalls(db: Db, ids: readonly number[]): Promise<Map<number, Call>> {
  if (ids.length === 0) return new Map();
  const calls = await createCallStore(db).find(ids as readonly CallId[]);
  return new Map(calls.map((call) => [call.id, call]));
}

/** Those with whom it began have the time of its making. */
async function readFirstMembers(db: Db, positions: readonly number[]): Promise<Map<number, SpaceMember[]>> {
  if (positions.length === 0) return new Map();
  const rows = await db.$queryRaw<{ position: number; member: MemberRow }[]>`
    select e.position::float8, to_json(m) as member
      from events e join space_members m on m.space_id = e.space_id and m.created_at = e.at
     where e.position = any(${positions}::bigint[]) order by m.id`;
  return group(rows, (row) => toMember(row.member));
}

async function readFirstParticipants(db: Db, positions: readonly number[]): Promise<Map<number, Participant[]>> {
  if (positions.length === 0) return new Map();
  const rows = await db.$queryRaw<{ position: number; participant: ParticipantRow }[]>`
    select e.position::float8, to_json(p) as participant
      from events e join participants p on p.conversation_id = e.conversation_id
       and exists (select from participant_spans s
                    where s.conversation_id = e.conversation_id and s.user_id = p.user_id and s.from_position = e.position)
     where e.position = any(${positions}::bigint[]) order by p.joined_at, p.id`;
  return group(rows, (row) => toParticipant(row.participant));
}

function group<Row extends { readonly position: number }, T>(
  rows: readonly Row[],
  toObject: (row: Row) => T,
): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const row of rows) {
    const list = groups.get(row.position);
    if (list) list.push(toObject(row));
    else groups.set(row.position, [toObject(row)]);
  }
  return groups;
}
