/**
 * The order in which events reach the sockets of this node, where the wire wants more than the log's: who joins a workspace is shown with
 * a status that must be asked for, and hears of the workspace after its channels; who has left is closed behind its last event.
 */
import type { Core, DomainEvent, LogEvent, PresenceStatus, UserId } from '@switchboard/core';
import type { Connection, Delivery, Projector } from '@switchboard/protocol';
import type { Frame } from '../codec.ts';
import type { SocketConnection, SocketSession } from '../session.ts';

export interface DeliveryContext {
  readonly core: Pick<Core, 'presence'>;
  readonly projector: () => Projector<Frame, SocketSession>;
}

export interface DeliveryOrder {
  deliver(deliveries: readonly Delivery[]): void;
  /** The status of whoever joins right now; for the projection alone. */
  statusOf(userId: UserId): PresenceStatus;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
}

type Joining = LogEvent<'space.member_joined'>;

export function createDeliveryOrder({ core, projector }: DeliveryContext): DeliveryOrder {
  const statuses = new Map<UserId, PresenceStatus>();
  /** What came while a status was asked for; null: nothing is. */
  let held: Delivery[] | null = null;
  let idlers: (() => void)[] = [];

  function deliver(deliveries: readonly Delivery[]): void {
    const ordered = joiningLast(deliveries);
    if (held) held.push(...ordered.map(copy));
    else go(ordered);
  }

  function go(deliveries: readonly Delivery[]): void {
    for (let at = 0; at < deliveries.length; at += 1) {
      const delivery = deliveries[at] as Delivery;
      const { event } = delivery;
      if (event.type === 'space.member_joined' && !statuses.has(event.member.userId)) {
        held = deliveries.slice(at).map(copy);
        void learn(event.member.userId);
        return;
      }
      take(delivery);
    }
    statuses.clear();
  }

  async function learn(userId: UserId): Promise<void> {
    const found = await core.presence.statuses([userId]).catch(() => null);
    statuses.set(userId, found?.get(userId) ?? 'offline');
    const next = held ?? [];
    held = null;
    go(next);
    if (held) return;
    const resolved = idlers;
    idlers = [];
    for (const resolve of resolved) resolve();
  }

  function take(delivery: Delivery): void {
    for (const connection of delivery.connections) note(connection as SocketConnection, delivery.event);
    projector().deliver([delivery]);
    for (const connection of delivery.connections) dismiss(connection as SocketConnection, delivery.event);
  }

  return {
    deliver,
    statusOf: (userId) => statuses.get(userId) ?? 'offline',
    idle: () => (held ? new Promise((resolve) => idlers.push(resolve)) : Promise.resolve()),
  };
}

/** Whether this very socket is in a call, by what the log says of its user's device. */
function note({ id, session }: SocketConnection, event: DomainEvent): void {
  switch (event.type) {
    case 'call.leg_joined':
    case 'call.leg_moved':
    case 'call.leg_resumed':
      if (event.leg.connectionId === id) {
        session.inCall = event.leg.conversationId;
        session.callId = event.leg.callId;
      } else if (event.leg.userId === session.actor?.userId) leave(session);
      return;
    case 'call.leg_left':
      if (event.leg.connectionId === id && session.callId === event.leg.callId) leave(session);
      return;
    case 'call.ended':
      if (session.callId === event.call.id) leave(session);
      return;
    default:
  }
}

function leave(session: SocketSession): void {
  session.inCall = null;
  session.callId = null;
}

/** Sockets bound to a workspace that their user left, or that is gone. */
function dismiss(connection: SocketConnection, event: DomainEvent): void {
  const { session } = connection;
  const hasLeft =
    (event.type === 'space.member_left' &&
      event.userId === session.actor?.userId &&
      event.spaceId === session.spaceId) ||
    (event.type === 'space.deleted' && event.spaceId === session.spaceId);
  if (hasLeft) connection.close('kicked');
}

/** The newcomer's own word of its workspace stands behind everything else of the same transaction. */
function joiningLast(deliveries: readonly Delivery[]): readonly Delivery[] {
  if (!deliveries.some(({ event }) => event.type === 'space.member_joined')) return deliveries;
  const ordered: Delivery[] = [];
  let late: (Delivery & { readonly batch: string })[] = [];
  for (const delivery of deliveries) {
    const { event } = delivery;
    const batch = event.transient ? null : event.batch;
    if (late.length > 0 && late[0]?.batch !== batch && batch !== null) {
      ordered.push(...late);
      late = [];
    }
    if (event.type === 'space.member_joined' && batch !== null) {
      const own = delivery.connections.filter((one) => isOf(one, event));
      ordered.push({ event, connections: delivery.connections.filter((one) => !isOf(one, event)) });
      if (own.length > 0) late.push({ event, connections: own, batch });
    } else ordered.push(delivery);
  }
  return [...ordered, ...late];
}

function isOf({ viewer }: Connection, { member }: Joining): boolean {
  return viewer?.userId === member.userId;
}

/** The hub's lists are good for one call. */
function copy({ event, connections }: Delivery): Delivery {
  return { event, connections: [...connections] };
}
