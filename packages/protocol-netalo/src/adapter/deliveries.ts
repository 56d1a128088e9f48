/**
 * Events on their way to the connections: most go straight through the projector; what must be read first keeps its place in the order.
 * Says what a connection wants to hear; what it may hear is core's.
 */
import type { Calls, DomainEvent, Log, LogEvent, Namespace, UserId } from '@switchboard/core';
import { type Chunk, type Connection, type Delivery, type Projector, reserve } from '@switchboard/protocol';
import type { Facts } from '../facts.ts';
import type { Friends } from '../friends.ts';
import type { Recent } from '../recent.ts';
import type { NetaloSession } from '../session.ts';
import type { Place } from '../views/basic.ts';
import type { Views } from '../views.ts';
import { OP, PUSH, type Push } from '../wire.ts';
import type { GroupChanges } from './group-changes.ts';

type NetaloConnection = Connection<NetaloSession>;

export interface DeliveriesContext {
  readonly protocol: string;
  readonly projector: Projector<Push, NetaloSession>;
  readonly groupChanges: GroupChanges;
  readonly recent: Recent;
  readonly friends: Friends;
  readonly facts: Facts;
  readonly views: Views;
  readonly calls: Pick<Calls, 'resume'>;
  readonly placeOf: (event: LogEvent<'message.sent'>) => Place | undefined;
  readonly encode: (push: Push) => Buffer;
  readonly log: Log;
}

export function createDeliver(context: DeliveriesContext): (deliveries: readonly Delivery[]) => void {
  const { projector, groupChanges, recent, friends, facts, views, calls, placeOf, encode, log, protocol } = context;

  /** Pushes that follow once what they need has been read. */
  function tellLater(
    event: DomainEvent,
    connections: readonly NetaloConnection[],
    load: () => Promise<(connection: NetaloConnection) => readonly Push[]>,
  ): void {
    const places = connections.map((connection) => ({ connection, fill: reserve(connection.outbox) }));
    const position = event.transient ? 0 : event.position;
    load().then(
      (pushesFor) => {
        for (const { connection, fill } of places) {
          const pushes = pushesFor(connection);
          const bytes = Buffer.concat(pushes.map(encode));
          fill(pushes.length === 0 ? null : ({ bytes, use: 'event', position, shared: false } satisfies Chunk));
        }
      },
      (error: unknown) => {
        log('warn', 'an event could not be told', { protocol, type: event.type, error: String(error) });
        for (const { fill } of places) fill(null);
      },
    );
  }

  /** Whoever had put the conversation away is shown it again before the message. */
  function isHiddenFor({ viewer }: NetaloConnection, { message }: LogEvent<'message.sent'>, place: Place): boolean {
    const participant = viewer ? place.participants.get(viewer.userId) : undefined;
    return participant !== undefined && participant.hiddenAtSeq === message.seq - 1;
  }

  function tellSent(delivery: Delivery<NetaloSession>, event: LogEvent<'message.sent'>): void {
    const place = placeOf(event);
    const hidden = place ? delivery.connections.filter((connection) => isHiddenFor(connection, event, place)) : [];
    if (hidden.length === 0 || !place) {
      projector.deliver([delivery]);
      return;
    }
    tellLater(event, hidden, async () => {
      const pushes = new Map<UserId, Push>();
      for (const userId of new Set(hidden.flatMap(({ viewer }) => viewer?.userId ?? []))) {
        const seen = (await facts.ofGroups(userId, [place])).get(place.conversation.id);
        if (seen) pushes.set(userId, { name: PUSH.group, payload: views.toGroupPush(views.toGroup(place, seen)) });
      }
      return (connection) => {
        const group = connection.viewer ? pushes.get(connection.viewer.userId) : undefined;
        return [...(group ? [group] : []), ...projector.frames(event, connection)];
      };
    });
    const others = delivery.connections.filter((connection) => !hidden.includes(connection));
    if (others.length > 0) projector.deliver([{ event, connections: others }]);
  }

  /** A place in a call has fallen empty while another device of the same person is here. */
  function takeSeat([connection]: readonly NetaloConnection[]): void {
    const actor = connection?.session.actor;
    if (!actor) return;
    calls.resume(actor).catch((error: unknown) => {
      log('warn', 'a place in a call could not be taken', { protocol, error: String(error) });
    });
  }

  function tell(delivery: Delivery<NetaloSession>): void {
    const { event, connections } = delivery;
    if (groupChanges.add(delivery)) return;
    groupChanges.flush(event);
    if (event.type === 'message.sent') tellSent(delivery, event);
    else if (recent.isMissing(event)) {
      tellLater(event, connections, async () => {
        await recent.load(event);
        return (connection) => projector.frames(event, connection);
      });
    } else projector.deliver([delivery]);
  }

  return (deliveries) => {
    const all = recordsLast(deliveries as readonly Delivery<NetaloSession>[]);
    for (const delivery of all) {
      recent.note(delivery.event);
      friends.note(delivery.event);
      if (delivery.event.type === 'call.leg_dropped') takeSeat(delivery.connections);
      tell(delivery);
    }
    groupChanges.flush();
  };
}

/** The end of a call is told before what it leaves behind: clients take an answer for an acceptance until they hear of the end. */
function recordsLast(deliveries: readonly Delivery<NetaloSession>[]): readonly Delivery<NetaloSession>[] {
  const isRecord = ({ event }: Delivery<NetaloSession>) =>
    event.type === 'message.sent' && event.message.kind === 'call';
  if (!deliveries.some(isRecord)) return deliveries;
  const ordered: Delivery<NetaloSession>[] = [];
  let waiting: Delivery<NetaloSession>[] = [];
  for (const delivery of deliveries) {
    if (isRecord(delivery)) {
      waiting.push(delivery);
      continue;
    }
    ordered.push(delivery);
    if (delivery.event.type !== 'call.ended') continue;
    ordered.push(...waiting);
    waiting = [];
  }
  return [...ordered, ...waiting];
}

/** Which part of what it may see a connection asks for. The socket that asked for something has its answer, and no push of it. */
export function createWants({ views, namespace }: { readonly views: Views; readonly namespace: Namespace }) {
  return (event: DomainEvent, { id, viewer }: NetaloConnection): boolean => {
    const isOwn = event.origin === id;
    const userId = viewer?.userId;
    if (userId === undefined) return false;
    switch (event.type) {
      case 'message.sent':
        // What a call leaves behind is nobody's request.
        return (!isOwn || event.message.kind === 'call') && views.isShown(event.message);
      case 'message.edited':
      case 'message.deleted':
        return !isOwn && views.isShown(event.message);
      case 'message.hidden':
        return !isOwn;
      case 'receipts.advanced':
      case 'conversation.created':
      case 'conversation.updated':
      case 'conversation.deleted':
      case 'participant.joined':
      case 'participant.left':
      case 'participant.changed':
        return true;
      case 'participant.preferences_changed':
        return !isOwn;
      case 'call.started':
        return (
          event.call.mode === 'ringing' &&
          event.call.participants.some((one) => one.userId === userId && one.state === 'asked')
        );
      case 'call.leg_dropped':
        return event.leg.userId === userId && event.leg.namespace === namespace;
      case 'call.answered':
      case 'call.leg_left':
        return !isOwn && event.call.mode === 'ringing';
      case 'call.ended':
        return !isOwn && event.call.mode === 'ringing' && event.call.participants.some((one) => one.userId === userId);
      case 'presence.changed':
        return event.userId !== userId && (event.status === 'offline') !== (event.previous === 'offline');
      case 'typing.changed':
        return event.via !== namespace && event.userId !== userId;
      case 'call.signal': {
        const isMine = event.to.includes(userId) && (event.connections.length === 0 || event.connections.includes(id));
        return !isOwn && isMine && (event.name === OP.iceSdp || event.name === OP.iceCandidate);
      }
      case 'wire.signal': {
        if (isOwn || event.namespace !== namespace || event.name !== OP.event) return false;
        return event.to.length === 0 ? event.actorId !== userId : event.to.includes(userId);
      }
      default:
        return false;
    }
  };
}
