/**
 * One presence per user over all protocols, and who attends a conversation. Nothing here is stored but when somebody was last seen. What
 * the presence store answers as a change is told as one signal; while it is away, sign-ins go on and are told when it is back.
 */
import type { UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { DomainError, isDomainError } from './errors.ts';
import type { PresenceStatus, Signal } from './events.ts';
import type { EventStream } from './follower.ts';
import type { ConnectionId, ConversationId, Namespace, UnixMs, UserId } from './ids.ts';
import { createLastSeen } from './last-seen.ts';
import type { ConnectionRecord, PresenceChange, UserPresence } from './ports/presence-store.ts';
import { createTyping } from './typing.ts';

export interface Presence {
  /**
   * Counts a connection from now on. Answers the effective status after it. `initial`: what the user becomes if this is its first
   * connection; a further one that names it changes nothing, not even a sleep of all others, one that does not is always awake.
   */
  connected(
    actor: UserActor & { readonly connectionId: ConnectionId },
    options: { readonly graceMs: number; readonly initial?: PresenceStatus; readonly info?: ConnectionRecord['info'] },
  ): Promise<PresenceStatus>;
  /** It counts until its grace (or `graceMs`, when given) has passed. */
  disconnected(actor: UserActor & { readonly connectionId: ConnectionId }, graceMs?: number): Promise<void>;
  /** Of one device: idle when all are asleep. */
  setAsleep(actor: UserActor & { readonly connectionId: ConnectionId }, asleep: boolean): Promise<PresenceStatus>;
  /** By hand: for all devices, until the last connection has gone. */
  setStatus(actor: UserActor, status: PresenceStatus): Promise<PresenceStatus>;
  statuses(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, PresenceStatus>>;
  connections(filter?: {
    readonly namespace?: Namespace;
    readonly userId?: UserId;
  }): Promise<readonly ConnectionRecord[]>;

  /** Key → connection over all nodes (session conflicts, device resume). Answers the previous live holder. */
  claim(key: string, connection: ConnectionId): Promise<ConnectionId | null>;
  unclaim(key: string, connection: ConnectionId): Promise<void>;

  /** `conflict`, reason `full`, when `limit` connections attend already. */
  attend(
    actor: UserActor & { readonly connectionId: ConnectionId },
    conversationId: ConversationId,
    limit?: number,
  ): Promise<void>;
  unattend(connection: ConnectionId, conversationId: ConversationId): Promise<void>;
  /** Says that connections of the namespace notice only what they attend; elsewhere a participant notices by being online. */
  attendsByJoining(namespace: Namespace): void;
  /** Whether somebody else would notice a message of this user there now: another person attends, or notices by being online. */
  isAttended(conversationId: ConversationId, byUserId: UserId): Promise<boolean>;

  /** Told to the other participants; ends by itself 6 s after the last renewal, on sending a message, and with the connection. */
  setTyping(actor: UserActor, conversationId: ConversationId, typing: boolean): Promise<void>;
}

/** What core itself has of presence besides. */
export interface PresenceKeeper extends Presence {
  /** Whether the connection is one of this node's, alive. */
  isHere(userId: UserId, connection: ConnectionId): boolean;
  /** Begins to sweep. */
  start(): void;
  close(): Promise<void>;
}

type ConnectedActor = UserActor & { readonly connectionId: ConnectionId };

const SWEEP_MS = 1_000;

/** Offline without a counting connection or by hand, idle by hand or when all are asleep, else online. */
export function effectiveStatus({ manual, connections }: UserPresence): PresenceStatus {
  if (connections.length === 0) return 'offline';
  if (manual) return manual;
  return connections.every(({ asleep }) => asleep) ? 'idle' : 'online';
}

export function createPresence(context: CoreContext, events: Pick<EventStream, 'subscribe'>): PresenceKeeper {
  const { bus, presence, directory, clock, nodeId, log } = context;
  const typing = createTyping(context, events);
  const seen = createLastSeen(context);
  /** Who is connected here: all that is known while the presence store is away. */
  const here = new Map<UserId, Set<ConnectionId>>();
  const joining = new Set<Namespace>();
  let stopSweeping = () => {};
  let sweeping: Promise<void> | null = null;

  async function tell(change: PresenceChange, origin: Pick<Signal, 'via' | 'origin'>, manual = false): Promise<void> {
    const { userId } = change.after;
    const [previous, status] = [effectiveStatus(change.before), effectiveStatus(change.after)];
    if (previous === status) return;
    const lastSeenAt = status === 'offline' ? lastSeen(change, clock.now()) : null;
    const { conversationIds, spaces } = await directory.membershipsOf(userId);
    bus.publishSignals([
      {
        type: 'presence.changed',
        transient: true,
        at: clock.now(),
        conversationId: null,
        actorId: userId,
        ...origin,
        userId,
        status,
        previous,
        lastSeenAt,
        conversationIds: [...conversationIds],
        spaceIds: [...spaces.keys()],
        manual,
      },
    ]);
    if (lastSeenAt !== null) seen.note(userId, lastSeenAt);
  }

  /** The change has happened; that it cannot be told or noted now is no fault of who made it. */
  async function tellQuietly(change: PresenceChange, actor: UserActor): Promise<void> {
    await tell(change, { via: actor.via, origin: actor.connectionId }).catch(complain);
  }

  function complain(error: unknown): void {
    if (isUnavailable(error)) return;
    log('warn', 'a change of presence was not told', { error });
  }

  function sweep(): void {
    sweeping ??= (async () => {
      const changes = await presence.sweep();
      // All at once: their memberships are loaded together.
      await Promise.all(changes.map((change) => tell(change, { via: 'system', origin: null }).catch(complain)));
      await seen.flush();
    })()
      .catch(complain)
      .finally(() => {
        sweeping = null;
      });
  }

  async function connected(
    actor: ConnectedActor,
    { graceMs, initial, info = {} }: Parameters<Presence['connected']>[1],
  ): Promise<PresenceStatus> {
    const { connectionId: id, userId, namespace } = actor;
    here.set(userId, (here.get(userId) ?? new Set()).add(id));
    const times = { connectedAt: clock.now(), endedAt: null };
    try {
      const record = { id, userId, namespace, nodeId, graceMs, asleep: false, ...times, info };
      const change = await presence.register(record, initial);
      await tellQuietly(change, actor);
      return effectiveStatus(change.after);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      return initial ?? 'online';
    }
  }

  async function disconnected(actor: ConnectedActor, graceMs?: number): Promise<void> {
    const { connectionId, userId } = actor;
    const left = here.get(userId);
    left?.delete(connectionId);
    if (left?.size === 0) here.delete(userId);
    typing.stopAllOf(connectionId);
    try {
      await tellQuietly(await presence.end(connectionId, userId, graceMs), actor);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  async function statuses(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, PresenceStatus>> {
    const found = new Map<UserId, PresenceStatus>();
    try {
      for (const [userId, state] of await presence.get(userIds)) found.set(userId, effectiveStatus(state));
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      for (const userId of userIds) found.set(userId, here.has(userId) ? 'online' : 'offline');
    }
    return found;
  }

  async function isAttended(conversationId: ConversationId, byUserId: UserId): Promise<boolean> {
    try {
      const attending = await presence.attending(conversationId);
      if (attending.some(({ userId }) => userId !== byUserId)) return true;
      await directory.ensureConversations([conversationId]);
      const active = directory.conversation(conversationId)?.activeIds ?? new Set<UserId>();
      const others = [...active].filter((userId) => userId !== byUserId);
      if (others.length === 0) return false;
      const states = await presence.get(others);
      return [...states.values()].some(
        (state) => effectiveStatus(state) !== 'offline' && state.connections.some((one) => !joining.has(one.namespace)),
      );
    } catch (error) {
      // Nobody knows: rather one look too many by staff than a message that waits unseen.
      if (isUnavailable(error)) return false;
      throw error;
    }
  }

  return {
    connected,
    disconnected,
    statuses,
    isAttended,
    attendsByJoining: (namespace) => void joining.add(namespace),

    async setAsleep(actor, asleep) {
      const change = await presence.setAsleep(actor.connectionId, actor.userId, asleep);
      await tellQuietly(change, actor);
      return effectiveStatus(change.after);
    },

    async setStatus(actor, status) {
      const change = await presence.setManual(actor.userId, status, actor.connectionId ?? undefined);
      await tell(change, { via: actor.via, origin: actor.connectionId }, true).catch(complain);
      return effectiveStatus(change.after);
    },

    connections: (filter) => presence.list(filter),
    claim: (key, connection) => presence.claim(key, connection),
    unclaim: (key, connection) => presence.unclaim(key, connection),

    async attend(actor, conversationId, limit) {
      const attendance = { connection: actor.connectionId, userId: actor.userId };
      if (await presence.attend(conversationId, attendance, limit)) return;
      throw new DomainError('conflict', `Conversation ${conversationId} is attended by ${limit} connections`, {
        subject: 'conversation',
        reason: 'full',
      });
    },
    unattend: (connection, conversationId) => presence.unattend(conversationId, connection),

    setTyping: typing.set,
    isHere: (userId, connection) => here.get(userId)?.has(connection) ?? false,

    start() {
      stopSweeping = clock.every(SWEEP_MS, sweep);
    },
    async close() {
      stopSweeping();
      typing.close();
      await sweeping;
      await seen.flush();
    },
  };
}

/** When the last connection ended, of a user who has gone; now, of one who hides. */
function lastSeen({ before, after }: PresenceChange, now: UnixMs): UnixMs {
  if (after.connections.length > 0) return now;
  return Math.max(...before.connections.map(({ endedAt }) => endedAt ?? now));
}

function isUnavailable(error: unknown): boolean {
  return isDomainError(error) && error.code === 'unavailable';
}
