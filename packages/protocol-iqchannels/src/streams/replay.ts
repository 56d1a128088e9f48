/**
 * A stream that comes back: what of the log it could have seen after its cursor, also from the middle of an entry, then the live flow
 * without gap or repeat. Pages are pulled. Wire: PROTOCOL.md, "Resuming".
 */
import type { ConversationId, Core, DeliveredEvent, LogEvent, LogScope, SpaceId, UserId } from '@switchboard/core';
import { holdEvents, isInAudience, releaseEvents, whenTaken } from '@switchboard/protocol';
import { encodeFrame } from '../codec.ts';
import { projection, type SayingRow } from '../projection.ts';
import { eventId } from '../views/chats.ts';
import type { Views } from '../views.ts';
import { SLOTS_PER_ENTRY } from '../wire/objects.ts';
import { inPieces, MOST_EVENTS, type SaidOf, toEvent, toFrame } from './frames.ts';
import {
  followPresence,
  isCustomer,
  isWanted,
  presentNow,
  type StreamConnection,
  type StreamSession,
  selectSaid,
  wasAtWork,
} from './stream.ts';

const PAGE = 500;
const LAST_SLOT = SLOTS_PER_ENTRY - 1;

/** The position whose successor is the first that may have something after the cursor. */
function afterOf(cursor: number): number {
  const position = Math.floor(cursor / SLOTS_PER_ENTRY);
  return cursor % SLOTS_PER_ENTRY === LAST_SLOT ? position : Math.max(0, position - 1);
}

export interface ReplayContext {
  readonly core: Core;
  readonly views: Views;
  /** Waits, but not for long, until this node has come as far as the client has seen. */
  untilSeen(position: number): Promise<void>;
}

/** Where a stream begins. */
export interface Beginning {
  /** As the client gave it; 0: none. */
  readonly cursor: number;
  /** Of this node when the stream was asked for: without a cursor, what comes after it is shown. */
  readonly position: number;
}

/**
 * From here on live events reach the stream; the log after the cursor, or after what was there when it was asked for, is written first.
 * The connection is in the hub. Rejects when the log cannot be read.
 */
export async function beginStream(
  context: ReplayContext,
  connection: StreamConnection,
  beginning: Beginning,
): Promise<void> {
  const { core } = context;
  const { session } = connection;
  const seen = Math.floor(beginning.cursor / SLOTS_PER_ENTRY);
  if (seen > core.events.position) await context.untilSeen(seen);
  const isKnown = beginning.cursor > 0 && seen <= core.events.position;
  const cursor = isKnown ? beginning.cursor : beginning.position * SLOTS_PER_ENTRY + LAST_SLOT;
  const userId = session.target.kind === 'user' ? session.target.userId : null;
  const known = userId === null ? null : await workplaces(core, userId);
  // Nothing may happen between these lines: what is at work where is as of this position.
  const until = core.events.position;
  if (known && userId !== null && session.target.kind === 'user') {
    for (const id of presentNow(known, userId, core.directory)) session.target.present.add(id);
  }
  session.after = until;
  if (afterOf(cursor) >= until) return;
  holdEvents(connection.outbox);
  try {
    await writeLog(context, connection, { cursor, until });
  } finally {
    releaseEvents(connection.outbox);
  }
}

/** Conversations in which somebody is, with their views here. */
async function workplaces(core: Core, userId: UserId): Promise<readonly ConversationId[]> {
  const { conversationIds } = await core.directory.membershipsOf(userId);
  const ids = [...conversationIds];
  await core.directory.ensureConversations(ids);
  return ids;
}

interface Range {
  readonly cursor: number;
  /** Inclusive. */
  readonly until: number;
}

async function writeLog(context: ReplayContext, connection: StreamConnection, range: Range): Promise<void> {
  const { core, views } = context;
  const scope = scopeOf(connection.session, core);
  if (!scope) return;
  const replayed = await sessionThen(context, connection, { ...range, scope });
  let after = afterOf(range.cursor);
  while (!connection.closed && after < range.until) {
    const page = await core.events.replay(scope, after, PAGE);
    if (connection.closed) return;
    const list: SaidOf[] = [];
    for (const delivered of page.events) {
      if (delivered.event.position <= range.until)
        list.push(...saidThen(context, replayed, { delivered, connection, range }));
    }
    for (const piece of inPieces(list, connection.session.limit ?? MOST_EVENTS)) {
      const { value, rels } = await views.build(connection.session.reader, (builder) =>
        piece.map((one) => toEvent(builder, one)),
      );
      connection.write(encodeFrame(toFrame(value, rels), connection.encoding));
    }
    const taken = whenTaken(connection.outbox);
    if (taken) await taken;
    if (page.through <= after) return;
    after = page.through;
  }
}

/** The stream as it was at its cursor: its own state, apart from the live one. */
async function sessionThen(
  { core }: ReplayContext,
  connection: StreamConnection,
  { cursor, until, scope }: Range & { readonly scope: LogScope },
): Promise<StreamSession> {
  const { session } = connection;
  const { target } = session;
  if (target.kind !== 'user') return { ...session, after: 0 };
  // Looked at once before: the first event that tells it says who was at work where at the cursor.
  const present = new Set(target.present);
  const told = new Set<ConversationId>();
  let after = afterOf(cursor);
  while (!connection.closed && after < until) {
    const page = await core.events.replay(scope, after, PAGE);
    for (const { event } of page.events) {
      const id = event.conversationId;
      if (id === null || told.has(id) || event.position > until) continue;
      const was = wasAtWork(event, target.userId);
      if (was === null) continue;
      told.add(id);
      if (was) present.add(id);
      else present.delete(id);
    }
    if (page.through <= after) break;
    after = page.through;
  }
  return { ...session, after: 0, target: { ...target, present } };
}

function saidThen(
  { core }: ReplayContext,
  session: StreamSession,
  about: { readonly delivered: DeliveredEvent<LogEvent>; readonly connection: StreamConnection; readonly range: Range },
): SaidOf[] {
  const { delivered, connection, range } = about;
  const { event } = delivered;
  const { viewer } = connection;
  if (viewer === null) return [];
  const isCustomers =
    event.type === 'user.updated' &&
    session.target.kind === 'chat' &&
    isCustomer(event.user.id, session.target.conversationId, core.directory);
  if (!isCustomers && !isInAudience(delivered, viewer, core.directory)) return [];
  if (!isWanted(event, session, core.directory)) return [];
  const { target } = session;
  const isAtWork = target.kind === 'user' && followPresence(event, target.userId, target.present);
  const row = projection[event.type] as SayingRow<LogEvent> | { readonly made: 'dropped' };
  if (row.made !== 'said') return [];
  return selectSaid(row.say(event, core.directory), session, isAtWork)
    .filter(({ name }) => eventId(event.position, name) > range.cursor)
    .map((said) => ({ event, said }));
}

/** What of the log concerns the stream; null: nothing yet. */
function scopeOf({ target, reader }: StreamSession, core: Core): LogScope | null {
  switch (target.kind) {
    case 'chat': {
      if (target.conversationId === null) return null;
      const customerId = core.directory.conversation(target.conversationId)?.conversation.customerId ?? null;
      return { conversationIds: [target.conversationId], ...(customerId !== null && { userId: customerId }) };
    }
    case 'channel': {
      const isQueue = core.directory.space(target.spaceId)?.space.kind === 'queue';
      return isQueue || reader.userId === null ? { spaceIds: [target.spaceId] } : { userId: reader.userId };
    }
    case 'user':
      return reader.spaceIds === null ? { userId: target.userId } : { spaceIds: [...reader.spaceIds] as SpaceId[] };
    case 'unread':
    case 'unreadAll':
      return null;
  }
}
