/**
 * The log again, for streams that come back. Who was in then is read from the spans, whatever happened since. The newest part of the
 * log is read once for all who come back to it within moments; what is further back is read for one stream alone.
 */
import type { DeliveredEvent } from '../audience.ts';
import { conversationAudience, NOBODY, spaceAudience, userAudience } from '../directory/audiences.ts';
import { groupSpans, presentAt } from '../directory/spans.ts';
import type { NodeDirectory } from '../directory.ts';
import type { LogEvent } from '../events.ts';
import type { ConversationId, LogPosition, SpaceId, UnixMs, UserId } from '../ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogScope, LogStore, Span } from '../ports/log-store.ts';

export interface ReplayPage {
  readonly events: readonly DeliveredEvent<LogEvent>[];
  readonly through: LogPosition;
}

export type Replay = (scope: LogScope, after: LogPosition, limit?: number) => Promise<ReplayPage>;

export interface Replays {
  readonly replay: Replay;
  /** An event that was delivered: what it changed is not shown as it was before. */
  note(event: LogEvent): void;
  /** Gives memory back; called about once a second. */
  sweep(): void;
  clear(): void;
}

export interface ReplayOptions {
  readonly log: LogStore;
  readonly directory: NodeDirectory;
  readonly clock: Clock;
}

/** A stretch of the log that many streams want: `(start, start + PAGE]` as far as it is there. */
interface SharedPage {
  readonly start: LogPosition;
  readonly through: LogPosition;
  readonly events: readonly DeliveredEvent<LogEvent>[];
  readonly readAt: UnixMs;
}

const PAGE = 500;
/** Nearer to the head than this the log is read for all at once. */
const NEAR = 5_000;
/** For so long a page is good for others who come back: objects are shown as they were when it was read. */
const SHARED_MS = 5_000;
/** The end of the log grows while thousands come back to it: it is read again at most this often. */
const TAIL_PAUSE_MS = 50;

export function createReplays({ log, directory, clock }: ReplayOptions): Replays {
  const pages = new Map<LogPosition, SharedPage>();
  const reading = new Map<LogPosition, Promise<SharedPage>>();

  /** The page after `after`, newer than that wherever the log goes on. */
  async function sharedPage(after: LogPosition): Promise<SharedPage> {
    const start = Math.floor(after / PAGE) * PAGE;
    const known = pages.get(start);
    if (known && clock.now() - known.readAt < SHARED_MS) {
      const isBehind = known.through < start + PAGE && known.through < directory.position;
      if (known.through > after || !isBehind) return known;
    }
    const begun = reading.get(start) ?? readShared(start, known);
    reading.set(start, begun);
    return begun;
  }

  async function readShared(start: LogPosition, known: SharedPage | undefined): Promise<SharedPage> {
    try {
      // Real time: it spares the store, and decides nothing.
      if (known) await new Promise((resolve) => setTimeout(resolve, TAIL_PAUSE_MS).unref());
      const { events, through } = await log.read(start, PAGE);
      const inside = events.filter(({ position }) => position <= start + PAGE);
      const page: SharedPage = {
        start,
        through: Math.min(through, start + PAGE),
        events: await withAudiences(inside),
        readAt: clock.now(),
      };
      pages.set(start, page);
      return page;
    } finally {
      reading.delete(start);
    }
  }

  async function withAudiences(events: readonly LogEvent[]): Promise<DeliveredEvent<LogEvent>[]> {
    const first = events[0];
    const last = events.at(-1);
    if (!first || !last) return [];
    const conversationIds = new Set<ConversationId>();
    const spaceIds = new Set<SpaceId>();
    const userIds = new Set<UserId>();
    for (const { conversationId, spaceId, actorId } of events) {
      if (conversationId !== null) conversationIds.add(conversationId);
      else if (spaceId !== null) spaceIds.add(spaceId);
      if (actorId !== null) userIds.add(actorId);
    }
    const ids = [...conversationIds];
    const [spans] = await Promise.all([
      ids.length > 0 ? log.spansOf(ids, first.position, last.position) : [],
      directory.ensureConversations(ids),
      directory.ensureSpaces([...spaceIds]),
      directory.ensureUsers([...userIds]),
    ]);
    const byConversation = groupSpans(spans);
    return events.map((event) => ({ event, audience: audienceThen(event, byConversation) }));
  }

  function audienceThen(
    event: LogEvent,
    spans: ReadonlyMap<ConversationId, readonly Span[]>,
  ): DeliveredEvent['audience'] {
    const { conversationId, spaceId } = event;
    if (conversationId !== null) {
      const view = directory.conversation(conversationId);
      if (!view) return NOBODY;
      const present = presentAt(spans.get(conversationId) ?? [], event.position);
      return conversationAudience(event, { ...present, conversation: view.conversation });
    }
    if (spaceId !== null) return spaceAudience(event, spaceId);
    switch (event.type) {
      case 'user.created':
      case 'user.updated':
        return userAudience([event.user.id]);
      case 'user.deleted':
      case 'session.revoked':
        return userAudience([event.userId]);
      default:
        return userAudience(event.userIds);
    }
  }

  return {
    async replay(scope, after, limit = PAGE) {
      if (directory.position - after > NEAR) {
        const { events, through } = await log.readFor(scope, after, limit);
        return { events: await withAudiences(events), through };
      }
      const page = await sharedPage(after);
      const wanted = page.events.filter(({ event }) => event.position > after).filter(isWithin(scope));
      const events = wanted.slice(0, limit);
      const isCut = events.length < wanted.length;
      return { events, through: isCut ? (events.at(-1)?.event.position ?? after) : Math.max(after, page.through) };
    },

    note(event) {
      if (pages.size === 0) return;
      switch (event.type) {
        case 'message.edited':
        case 'message.deleted':
        case 'message.updated':
        case 'conversation.deleted':
          for (const page of pages.values()) {
            if (page.events.some((shown) => shown.event.conversationId === event.conversationId))
              pages.delete(page.start);
          }
          return;
        case 'user.deleted':
        case 'file.updated':
          pages.clear();
          return;
        default:
      }
    },

    sweep() {
      for (const page of pages.values()) if (clock.now() - page.readAt >= SHARED_MS) pages.delete(page.start);
    },

    clear: () => pages.clear(),
  };
}

/** What `LogStore.readFor` would have read for this scope. */
function isWithin({ conversationIds, spaceIds, userId }: LogScope): (delivered: DeliveredEvent<LogEvent>) => boolean {
  const conversations = conversationIds && new Set(conversationIds);
  const spaces = new Set(spaceIds);
  return ({ event, audience }) => {
    const { conversationId, spaceId } = event;
    if (event.type === 'log.jumped') return true;
    if (userId !== undefined && (event.userIds.includes(userId) || audience.users.includes(userId))) return true;
    if (spaceId !== null && spaces.has(spaceId) && (conversationId === null || audience.staffOf !== null)) return true;
    if (conversationId === null) return false;
    if (conversations) return conversations.has(conversationId);
    return userId !== undefined && (audience.participants?.has(userId) ?? false);
  };
}
