/** Who acts: what a session or the administration hands to every use case. */
import type { ConnectionId, LogPosition, Namespace, SessionId, UserId, Via } from './ids.ts';

/**
 * In what capacity a session acts where a wire tells them apart (event's moderator and customer tokens, IQChannels' two APIs).
 * `staff` claims nothing by itself: every use case checks membership in its own SQL.
 */
export type Capacity = 'member' | 'customer' | 'staff';

export interface Actor {
  /** Null only for the administration and the gateway itself. */
  readonly userId: UserId | null;
  readonly via: Via;
  /** Prefix of client refs, and the namespace whose private messages the actor sees. */
  readonly namespace: Namespace;
  readonly capacity: Capacity;
  readonly sessionId: SessionId | null;
  /** Kept with every entry: where a wire wants it, events do not go back to where they came from. */
  readonly connectionId: ConnectionId | null;
  /**
   * Newest log position that a use case committed for this actor, 0 at first. Written by core after each commit; whoever answers
   * `after` its events waits until the follower has delivered it. One actor runs one use case at a time.
   */
  lastPosition: LogPosition;
}

/** An actor whose user is known: what every use case but the administration's needs. */
export interface UserActor extends Actor {
  readonly userId: UserId;
}

/** The gateway itself: deadlines, take-over of dead nodes. */
export function systemActor(): Actor {
  return {
    userId: null,
    via: 'system',
    namespace: 'system',
    capacity: 'member',
    sessionId: null,
    connectionId: null,
    lastPosition: 0,
  };
}

export function adminActor(): Actor {
  return {
    userId: null,
    via: 'admin',
    namespace: 'admin',
    capacity: 'member',
    sessionId: null,
    connectionId: null,
    lastPosition: 0,
  };
}
