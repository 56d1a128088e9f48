/** What the store keeps of calls and their legs. Reads stand in `CallStore`, changes (under the log's lock) in `CallTx`. Judges nothing. */
import type { CallId, ConnectionId, ConversationId, NodeId, UserId } from '../ids.ts';
import type { Call, CallLeg, MediaState } from '../model/call.ts';

export interface CallStore {
  /** In the order of the ids; unknown ones are left out. One statement. */
  find(ids: readonly CallId[]): Promise<readonly Call[]>;
  /** The live calls of these conversations. One statement. */
  liveIn(conversationIds: readonly ConversationId[]): Promise<readonly Call[]>;
  /** Live calls in which one of these users is asked or takes part, oldest first. One statement. */
  liveFor(userIds: readonly UserId[]): Promise<readonly Call[]>;
  /** The legs of these users, whatever call they are in. One statement. */
  legsOf(userIds: readonly UserId[]): Promise<readonly CallLeg[]>;
  /**
   * Legs without a running grace that nobody looks after: those of unknown nodes, those of nodes that have shown no life for `deadMs`
   * (null = however long ago), and those of `ownNode`, when it is given (a node that has just started holds none). By the store's clock.
   */
  orphans(deadMs: number | null, ownNode: NodeId | null): Promise<readonly CallLeg[]>;
  /** Legs of a node whose grace runs. */
  inGrace(nodeId: NodeId): Promise<readonly CallLeg[]>;
  /** Outside the log: flags pass. False when the connection holds no leg. */
  saveMedia(userId: UserId, connectionId: ConnectionId, media: MediaState): Promise<boolean>;
}

/** A call as it begins. */
export type NewCall = Pick<
  Call,
  'conversationId' | 'spaceId' | 'mode' | 'state' | 'media' | 'initiatorId' | 'participants' | 'recorded' | 'meta'
>;

export interface CallTx {
  find(id: CallId): Promise<Call | null>;
  liveIn(conversationIds: readonly ConversationId[]): Promise<readonly Call[]>;
  legOf(userId: UserId): Promise<CallLeg | null>;
  /** Without legs. `changedPosition` is the next position. */
  insert(call: NewCall): Promise<Call>;
  /**
   * Writes state, participants and legs as they are in `call`; legs that are not in it are gone, a leg that its user had elsewhere moves
   * here. Answers the call with `changedPosition` = the next position. One statement.
   */
  save(call: Call): Promise<Call>;
  /** Counts a call of the user in the conversation, and in its space, if that has one and the user is a member. */
  countCall(conversationId: ConversationId, userId: UserId): Promise<void>;
}
