/** Reading the log back, and the durable positions of its readers. */
import type { LogEvent } from '../events.ts';
import type { ConversationId, LogPosition, SpaceId, UnixMs, UserId } from '../ids.ts';
import type { ParticipantSide } from '../model/conversation.ts';

export interface LogSlice {
  /** Hydrated from the store as it is now, ascending; entries of unknown types are left out and counted. */
  readonly events: readonly LogEvent[];
  /** Position up to which the slice is complete, unknown types included: where to go on. */
  readonly through: LogPosition;
  readonly unknown: number;
}

export interface LogStore {
  head(): Promise<LogPosition>;
  /**
   * The head, and which batch wrote the entry at `position` (null when there is none): a reader that has seen another batch there has
   * read a log that is no more.
   */
  check(position: LogPosition): Promise<{ readonly head: LogPosition; readonly batch: string | null }>;
  /** Oldest position kept; 1 when nothing was deleted yet, head + 1 when the log is empty. */
  floor(): Promise<LogPosition>;
  /** Entries after `after`, at most `limit` (default 500). One statement for the entries and one per kind of object. */
  read(after: LogPosition, limit?: number): Promise<LogSlice>;
  /** Entries a reader of these conversations, spaces or this user may want: replay of one stream. */
  readFor(scope: LogScope, after: LogPosition, limit?: number): Promise<LogSlice>;
  /** Appends `log.jumped` beyond `seen` when the head is below it. Answers the position, or null when the head is at or above it. */
  jump(seen: LogPosition): Promise<LogPosition | null>;
  /**
   * Takes the log's lock away from whoever has been kept from ending its transaction for 1.4 s by a client that does not read (a process
   * that was stopped). Answers how many were ended. Called about once a second by every node.
   */
  freeLock(): Promise<number>;
  /** When `userId` was in, its own joining and leaving included; in all conversations or in these. */
  spans(userId: UserId, conversationIds?: readonly ConversationId[]): Promise<readonly Span[]>;
  /** Who was in these conversations at any time between the two positions (inclusive). */
  spansOf(
    conversationIds: readonly ConversationId[],
    from: LogPosition,
    through: LogPosition,
  ): Promise<readonly Span[]>;

  /** Takes or keeps the lease of a consumer for `leaseMs`; its position, or null when another node holds it. */
  lease(consumer: string, owner: string, leaseMs: number): Promise<LogPosition | null>;
  /** Stores how far the consumer has come; false when the lease is lost. */
  advance(consumer: string, owner: string, position: LogPosition): Promise<boolean>;
  /** Gives the lease up, if it is held. */
  release(consumer: string, owner: string): Promise<void>;
  /** Deletes at most `limit` entries at or before `before`, never the last `keep`. Answers how many. */
  prune(before: LogPosition | { olderThan: UnixMs }, keep: number, limit: number): Promise<number>;
}

/** What a stream may want. It may get more than its user could see: who may is said by each event's audience. */
export interface LogScope {
  /** Absent: all in which the user takes part, or did after the cursor. */
  readonly conversationIds?: readonly ConversationId[];
  /** What happened to the space itself, and in the support conversations of a queue. */
  readonly spaceIds?: readonly SpaceId[];
  /** What is told to this user by name. */
  readonly userId?: UserId;
}

export interface Span {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly fromPosition: LogPosition;
  readonly toPosition: LogPosition | null;
  readonly fromSeq: number;
  readonly toSeq: number | null;
  readonly side: ParticipantSide;
}
