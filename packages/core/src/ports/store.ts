/**
 * Everything lasting. Reads are single statements (or a fixed number of them) of their own; changes go through `transaction`, which is
 * the slow lane: the log's lock is its first statement, few statements follow, and nothing is awaited inside but the store.
 * Each noun's part stands in a file of its own beside this one.
 */
import type { LogEventPayload, LogEventType } from '../events.ts';
import type { ConnectionId, ConversationId, LogPosition, SpaceId, UnixMs, UserId, Via } from '../ids.ts';
import type { MessageVisibility } from '../model/message.ts';
import type { JsonValue } from '../model/user.ts';
import type { CallStore, CallTx } from './call-store.ts';
import type { ConversationStore, ConversationTx } from './conversation-store.ts';
import type { DeadlineStore, DeadlineTx } from './deadline-store.ts';
import type { FileStore, FileTx } from './file-store.ts';
import type { LogStore } from './log-store.ts';
import type { MessageStore, MessageTx } from './message-store.ts';
import type { NodeStore } from './node-store.ts';
import type { SessionStore, SessionTx } from './session-store.ts';
import type { SpaceStore, SpaceTx } from './space-store.ts';
import type { UserStore, UserTx } from './user-store.ts';

export interface EntryFields {
  readonly conversationId?: ConversationId | null;
  readonly spaceId?: SpaceId | null;
  readonly userIds?: readonly UserId[];
  readonly visibility?: MessageVisibility;
  /** Message, user, space member, participant, session or call that the entry is about, by type: what hydration reads back. */
  readonly subjectId?: number | null;
  /** What cannot be read back later (old title, who was removed). Never message text. */
  readonly data?: JsonValue;
}

/** Who writes, as every entry of a transaction keeps it. */
export interface Origin {
  readonly actorId: UserId | null;
  readonly via: Via;
  readonly connectionId: ConnectionId | null;
}

/** An open transaction that holds the log's lock. Valid until its work returns. */
export interface Tx {
  /** Time of the transaction: `createdAt`, `updatedAt` and `at` of all it writes. */
  readonly at: UnixMs;
  readonly users: UserTx;
  readonly sessions: SessionTx;
  readonly spaces: SpaceTx;
  readonly conversations: ConversationTx;
  readonly messages: MessageTx;
  readonly calls: CallTx;
  readonly files: FileTx;
  readonly deadlines: DeadlineTx;
  /** The position that the next appended entry will have: what `changed position` columns get. */
  readonly nextPosition: LogPosition;
  /** Adds an entry; all entries are written in one statement at the end. Answers its position. */
  append<T extends LogEventType>(type: T, fields: EntryFields, payload: LogEventPayload<T>): LogPosition;
}

export interface TransactionResult<T> {
  readonly value: T;
  /** Newest position appended, 0 when none was. */
  readonly position: LogPosition;
}

export interface Store {
  readonly log: LogStore;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly spaces: SpaceStore;
  readonly conversations: ConversationStore;
  readonly messages: MessageStore;
  readonly calls: CallStore;
  readonly files: FileStore;
  readonly deadlines: DeadlineStore;
  readonly nodes: NodeStore;
  /**
   * Runs `work` under the lock and commits. What it appended is handed to `onCommitted` (see committer.ts) after the commit, then the
   * promise resolves. Throwing rolls everything back. Refused lock or a store that is away: `unavailable`. Work may run twice
   * (serialisation, a lost connection before the commit): it must have no effect outside.
   */
  transaction<T>(origin: Origin, work: (tx: Tx) => Promise<T>): Promise<TransactionResult<T>>;
  /** Rejects with `unavailable` when the store does not answer. */
  ping(): Promise<void>;
}
