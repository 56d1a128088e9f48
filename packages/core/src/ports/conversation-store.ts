/**
 * What the store keeps of conversations, of who takes part in them and since when. Reads stand in `ConversationStore`, changes (under
 * the log's lock) in `ConversationTx`. Judges no rights: it answers what core judges them by.
 */
import type { ConversationId, LogPosition, Namespace, Seq, SpaceId, UnixMs, UserId } from '../ids.ts';
import type { Memberships } from '../lookup.ts';
import type {
  Conversation,
  ConversationKind,
  ConversationWithParticipants,
  Participant,
  ParticipantRole,
  ParticipantSide,
} from '../model/conversation.ts';
import type { Message } from '../model/message.ts';
import type { SpaceRole } from '../model/space.ts';
import type { JsonObject } from '../model/user.ts';

/** What a node's cache holds of a conversation. */
export interface StoredView extends ConversationWithParticipants {
  readonly lastMessage: Message | null;
}

export interface ConversationListQuery {
  readonly order: 'id' | 'activity' | 'created';
  readonly direction: 'ascending' | 'descending';
  readonly visibleOnly?: boolean;
  readonly pinnedFirst?: boolean;
  readonly kinds?: readonly ConversationKind[];
  readonly spaceId?: SpaceId;
  readonly limit?: number;
  readonly offset?: number;
}

export interface SpaceConversationQuery {
  readonly spaceId: SpaceId;
  readonly open?: boolean;
  readonly customerId?: UserId;
  /** Only those that have a customer. */
  readonly withCustomer?: boolean;
  /** Only those in which this user takes part. */
  readonly participantId?: UserId;
  readonly limit: number;
  readonly offset?: number;
}

/** What stands in a space: support conversations that have a customer, all kinds in a workspace. */
export interface SpaceTotals {
  readonly conversations: number;
  readonly open: number;
  /** Of the newest change of any of them; 0 without any. */
  readonly changedPosition: LogPosition;
}

/** What somebody works or has worked on as staff: support conversations that have a customer. Times are 0 when there was none. */
export interface WorkTotals {
  readonly conversations: number;
  /** Open, and at work in them now. */
  readonly open: number;
  readonly assigned: number;
  readonly firstJoinedAt: UnixMs;
  /** Last joining, leaving or closing. */
  readonly changedAt: UnixMs;
  readonly assignedAt: UnixMs;
  readonly changedPosition: LogPosition;
}

export interface WorkQuery {
  readonly userId: UserId;
  /** Open, and at work in it now; or anything else. Absent: all. */
  readonly open?: boolean;
  /** Only in these queues. */
  readonly spaceIds?: readonly SpaceId[];
  readonly limit: number;
  readonly offset?: number;
}

export interface SharingQuery {
  /** Leave this conversation out. */
  readonly except?: ConversationId;
  /** Leave out pairs of whom one has blocked the other. */
  readonly unblocked?: boolean;
}

export interface ConversationStore {
  /** Live, by id. */
  find(id: ConversationId): Promise<Conversation | null>;
  findByExternalId(namespace: Namespace, externalId: string): Promise<Conversation | null>;
  findByKey(key: string): Promise<Conversation | null>;
  /** `participantId`: only those in which this user takes part. */
  totalsOf(spaceId: SpaceId, participantId?: UserId): Promise<SpaceTotals>;
  workOf(userId: UserId, spaceIds?: readonly SpaceId[]): Promise<WorkTotals>;
  /** Newest change first. */
  listWork(query: WorkQuery): Promise<readonly ConversationId[]>;
  /** Live ones among these, in the order of `ids`, with everybody who ever took part. */
  load(ids: readonly ConversationId[]): Promise<readonly ConversationWithParticipants[]>;
  /** Which of these take part in a live conversation in which the user takes part, too. */
  sharing(userId: UserId, userIds: readonly UserId[], query?: SharingQuery): Promise<ReadonlySet<UserId>>;
  /** Active part in a live conversation. */
  participation(userId: UserId, id: ConversationId): Promise<Participant | null>;
  /** Live conversations in which the user takes part. */
  listFor(userId: UserId, query: ConversationListQuery): Promise<readonly ConversationId[]>;
  /** Live conversations of a space, newest change first. */
  listOfSpace(query: SpaceConversationQuery): Promise<readonly ConversationId[]>;
  /** Live conversations whose active participants are exactly these, latest activity first. */
  findByParticipants(userIds: readonly UserId[], kinds: readonly ConversationKind[]): Promise<readonly Conversation[]>;
  /**
   * One statement, one snapshot: everything that the log tells up to `head` is in it, nothing later. Deleted conversations are
   * included (`deletedAt` is set), unknown ids left out. Participants in joining order.
   */
  loadViews(
    ids: readonly ConversationId[],
  ): Promise<{ readonly head: LogPosition; readonly views: readonly StoredView[] }>;
  /** What these users belong to, each of them, live conversations and spaces only. One statement, one snapshot as of `head`. */
  membershipsOf(userIds: readonly UserId[]): Promise<{
    readonly head: LogPosition;
    readonly memberships: ReadonlyMap<UserId, Memberships>;
  }>;
}

/** Live conversation, and what one user is in it. */
export interface ConversationAccess {
  readonly conversation: Conversation;
  /** Active or not; null when it never took part, and for nobody. */
  readonly participant: Participant | null;
  /** Role in the conversation's space; null when it is no member now. */
  readonly spaceRole: SpaceRole | null;
}

export interface NewConversation {
  readonly kind: ConversationKind;
  readonly typeLabel: string | null;
  readonly key: string | null;
  readonly spaceId: SpaceId | null;
  readonly visibility: 'public' | 'private';
  readonly title: string;
  readonly description: string;
  readonly avatar: string | null;
  readonly createdBy: UserId | null;
  readonly ownerId: UserId | null;
  readonly customerId: UserId | null;
  readonly open: boolean;
  readonly temporary: boolean;
  readonly expiresAt: UnixMs | null;
  readonly attributes: JsonObject;
}

/** Absent = unchanged. */
export interface ConversationPatch {
  readonly typeLabel?: string | null;
  readonly key?: string | null;
  readonly visibility?: 'public' | 'private';
  readonly title?: string;
  readonly description?: string;
  readonly avatar?: string | null;
  readonly ownerId?: UserId | null;
  readonly customerId?: UserId | null;
  readonly assigneeId?: UserId | null;
  readonly open?: boolean;
  readonly episode?: number;
  readonly openedAt?: UnixMs | null;
  readonly closedAt?: UnixMs | null;
  readonly expiresAt?: UnixMs | null;
  /** Merged by namespace. */
  readonly attributes?: JsonObject;
  readonly updatedAt?: UnixMs;
  readonly lastActivityAt?: UnixMs;
  readonly changedPosition?: LogPosition;
}

/** One person to bring into one conversation. */
export interface Joining {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly role: ParticipantRole;
  readonly side: ParticipantSide;
  readonly groups: readonly string[];
}

export interface Joined {
  readonly participant: Participant;
  /** Has never been in before. */
  readonly first: boolean;
}

export interface Leaving {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly removed: boolean;
}

export interface Left {
  readonly participant: Participant;
  readonly wasPresent: boolean;
  readonly wasAssigned: boolean;
}

/** Absent = unchanged. */
export interface ParticipantPatch {
  readonly role?: ParticipantRole;
  readonly groups?: readonly string[];
  readonly side?: ParticipantSide;
  readonly present?: boolean;
  readonly joinedAt?: UnixMs;
  readonly assignedAt?: UnixMs | null;
  readonly blockedAt?: UnixMs | null;
  readonly blockedBy?: UserId | null;
  readonly muted?: boolean;
  readonly pinnedAt?: UnixMs | null;
  readonly hiddenAtSeq?: Seq | null;
  readonly clearedToSeq?: Seq;
}

/**
 * Which positions rows get: `each` the next one, the one after that, … in the order given (their entries are appended right
 * afterwards, in that order); `one` entry tells them all.
 */
export type Positions = 'each' | 'one';

export interface ConversationTx {
  /** Null when it does not exist or was removed. */
  access(id: ConversationId, userId: UserId | null): Promise<ConversationAccess | null>;
  findByKey(key: string): Promise<Conversation | null>;
  findByExternalId(namespace: Namespace, externalId: string): Promise<Conversation | null>;
  findMany(ids: readonly ConversationId[]): Promise<readonly Conversation[]>;
  /** In joining order; `userIds` narrows them. */
  participants(id: ConversationId, userIds?: readonly UserId[]): Promise<readonly Participant[]>;
  /** How many take part now, of each. */
  countActive(ids: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, number>>;
  /** Live public channels of a workspace in which the user takes no part. */
  publicChannelsWithout(spaceId: SpaceId, userId: UserId): Promise<readonly ConversationId[]>;
  /** Live conversations of a space; `userId` narrows them to those in which it takes part. Ascending ids. */
  idsOfSpace(spaceId: SpaceId, userId?: UserId): Promise<readonly ConversationId[]>;
  /** Those of these users who do not exist or were erased. */
  missingUsers(userIds: readonly UserId[]): Promise<readonly UserId[]>;

  /** Its `changedPosition` is the next position. */
  insert(conversation: NewConversation): Promise<Conversation>;
  update(id: ConversationId, patch: ConversationPatch): Promise<Conversation>;
  /** Null removes. The ids of live conversations are in the way (`already_exists`), those of removed ones give way. */
  setExternalIds(id: ConversationId, externalIds: Readonly<Record<Namespace, string | null>>): Promise<void>;
  /**
   * Makes each an active, present participant from its position and from the conversation's next seq on: a new row, or the old one with
   * its floor raised to the conversation's last seq and what it had read kept as a range. Whoever is active already must not be among
   * them. Moves the conversations' `changedPosition`; in support conversations, where members who are neither staff nor the customer
   * do not count, also their last activity. Answers in the order given.
   */
  join(joinings: readonly Joining[], positions: Positions): Promise<readonly Joined[]>;
  /** The other way round; whoever is not active must not be among them. Unassigns. Answers in the order given. */
  leave(leavings: readonly Leaving[], positions: Positions): Promise<readonly Left[]>;
  /**
   * Their `changedPosition` is the next position, unless the patch has nothing but preferences. Answers those that exist, in the order
   * given.
   */
  updateParticipants(
    id: ConversationId,
    userIds: readonly UserId[],
    patch: ParticipantPatch,
  ): Promise<readonly Participant[]>;
  /** Marks as removed at the next position: nobody takes part any more, external ids are free. Ascending ids. */
  remove(ids: readonly ConversationId[], positions: Positions): Promise<readonly Conversation[]>;
}
