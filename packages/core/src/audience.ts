/** Who may see an event: decided here, once, as of the event's position. What a stream asked for is the connection's own business. */

import type { DomainEvent } from './events.ts';
import type { Namespace, SpaceId, UserId } from './ids.ts';

/** Users are the union of the parts; `namespace`, where set, keeps only connections of that namespace. */
export interface Audience {
  /** Who takes part in the event's conversation; with `staffOnly` only those on the staff side. Not changed by later events of the batch. */
  readonly participants: ReadonlySet<UserId> | null;
  /** Staff of the queue in which the conversation stands. */
  readonly staffOf: SpaceId | null;
  /** All members of a space. */
  readonly membersOf: SpaceId | null;
  /** Named users (personal events, those removed by the event itself). */
  readonly users: readonly UserId[];
  /** Only staff: participants on the staff side, and `staffOf`. */
  readonly staffOnly: boolean;
  readonly namespace: Namespace | null;
  /**
   * Members of a workspace, who may know that a conversation came or went there, whether they may look into it or not: its id and nothing
   * else. Only for wires that tell so little; not part of the union.
   */
  readonly noticeTo: SpaceId | null;
}

/** An event as the follower hands it on, in strict order of positions. */
export interface DeliveredEvent<E extends DomainEvent = DomainEvent> {
  readonly event: E;
  readonly audience: Audience;
}
