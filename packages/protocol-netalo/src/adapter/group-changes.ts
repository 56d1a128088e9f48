/**
 * Everything that one change does to a group, in one push: entries of one batch are gathered, then told to those who were in before and
 * after, while those who are new get the whole group. Decides nothing.
 */
import type { ConversationId, DomainEvent, LogEvent, UserId } from '@switchboard/core';
import { type Chunk, type Connection, type Delivery, type Host, pushEvent, reserve } from '@switchboard/protocol';
import type { Facts } from '../facts.ts';
import { toStatusPush } from '../projection.ts';
import type { NetaloSession } from '../session.ts';
import { isPair, type Place, type Status } from '../views/basic.ts';
import type { GroupChange } from '../views/group.ts';
import type { Views } from '../views.ts';
import { PUSH, type Push } from '../wire.ts';

type NetaloConnection = Connection<NetaloSession>;
type GroupEvent = Extract<
  LogEvent,
  {
    type:
      | 'conversation.created'
      | 'conversation.updated'
      | 'conversation.deleted'
      | 'participant.joined'
      | 'participant.left'
      | 'participant.changed';
  }
>;

export interface GroupChanges {
  /** False when it is no event of a group. */
  add(delivery: Delivery<NetaloSession>): boolean;
  /** Tells what has been gathered, unless it may go on (`event` belongs to the same change). */
  flush(event?: DomainEvent): void;
}

export interface GroupChangesContext {
  readonly host: Pick<Host, 'core' | 'hub' | 'log'>;
  readonly protocol: string;
  readonly views: Views;
  readonly facts: Facts;
  readonly encode: (push: Push) => Buffer;
}

/** One conversation in one change. */
interface Gathered {
  readonly event: GroupEvent;
  readonly connections: Set<NetaloConnection>;
  readonly added: Set<UserId>;
  readonly pulled: UserId[];
  readonly roles: { userId: UserId; isAdmin: boolean }[];
  blocked: UserId | null;
  unblocked: UserId | null;
  name: string | undefined;
  avatar: string | undefined;
  ownerId: UserId | null | undefined;
  isRetyped: boolean;
  isNew: boolean;
  isGone: boolean;
}

/** Most people whose coming together is told. */
const MOST_FRIENDS = 500;

export function createGroupChanges({ host, protocol, views, facts, encode }: GroupChangesContext): GroupChanges {
  const { core, hub, log } = host;
  let batch: string | null = null;
  const gathered = new Map<ConversationId, Gathered>();

  function add({ event, connections }: Delivery<NetaloSession>): boolean {
    if (!isGroupEvent(event)) return false;
    flush(event);
    batch = event.batch;
    const { id } = event.conversation;
    let change = gathered.get(id);
    if (!change) {
      change = start(event);
      gathered.set(id, change);
    }
    for (const connection of connections) change.connections.add(connection);
    note(change, event);
    return true;
  }

  function flush(event?: DomainEvent): void {
    if (event && !event.transient && event.batch === batch) return;
    batch = null;
    const changes = [...gathered.values()];
    gathered.clear();
    for (const change of changes) tell(change);
  }

  function tell(change: Gathered): void {
    const { event, added } = change;
    const place = core.directory.conversation(event.conversation.id);
    if (!place) return;
    const listeners = [...change.connections].filter(({ id, closed }) => id !== event.origin && closed === null);
    const isNewcomer = ({ viewer }: NetaloConnection) => viewer !== null && added.has(viewer.userId);
    const newcomers = listeners.filter(isNewcomer);
    const pushes = pushesOf(change, place);
    if (pushes.length > 0) {
      const chunk = toChunk(pushes, event.position);
      for (const connection of listeners) if (!isNewcomer(connection)) pushEvent(connection.outbox, chunk);
    }
    if (added.size === 0) return;
    const places = newcomers.map((connection) => ({ connection, fill: reserve(connection.outbox) }));
    welcome(change, place, places).catch((error: unknown) => {
      log('warn', 'newcomers could not be shown their group', { protocol, error: String(error) });
      for (const { fill } of places) fill(null);
    });
  }

  function pushesOf(change: Gathered, place: Place): Push[] {
    const { event, pulled, isGone } = change;
    if (isGone) {
      if (pulled.length > 0 || change.isNew) return [];
      const everybody = [...place.participants.values()].filter(({ active }) => active).map(({ userId }) => userId);
      return [
        { name: PUSH.updateGroup, payload: views.toGroupChange(place, { pulled: everybody }, event.actorId) },
        { name: PUSH.deleteGroup, payload: { group_id: views.id(place.conversation.id) } },
      ];
    }
    const what = toGroupChange(change, place);
    return what ? [{ name: PUSH.updateGroup, payload: views.toGroupChange(place, what, event.actorId) }] : [];
  }

  async function welcome(
    { event, added, isNew }: Gathered,
    place: Place,
    places: readonly { connection: NetaloConnection; fill: (chunk: Chunk | null) => void }[],
  ): Promise<void> {
    let statuses: ReadonlyMap<UserId, Status> | null = null;
    if (isNew) {
      const seen = await facts.ofNewGroup(place);
      ({ statuses } = seen);
      const chunk = toChunk(
        [{ name: PUSH.group, payload: views.toGroupPush(views.toGroup(place, seen)) }],
        event.position,
      );
      for (const { fill } of places) fill(chunk);
    } else {
      for (const { connection, fill } of places) {
        const userId = connection.viewer?.userId as UserId;
        const seen = (await facts.ofGroups(userId, [place])).get(place.conversation.id);
        if (!seen) fill(null);
        else
          fill(toChunk([{ name: PUSH.group, payload: views.toGroupPush(views.toGroup(place, seen)) }], event.position));
      }
    }
    await introduce(place, [...added], statuses);
  }

  /** Those who did not know each other and are both here are told so. */
  async function introduce(
    place: Place,
    added: readonly UserId[],
    known: ReadonlyMap<UserId, Status> | null,
  ): Promise<void> {
    const { conversation, participants } = place;
    const everybody = [...participants.values()].filter(({ active }) => active).map(({ userId }) => userId);
    const isBlocked = [...participants.values()].some(({ active, blockedAt }) => active && blockedAt !== null);
    if (everybody.length < 2 || (isPair(conversation) && isBlocked)) return;
    const statuses = known ?? (await facts.statuses(everybody));
    const isOnline = (userId: UserId) => statuses.get(userId)?.online === true;
    const others = new Set(everybody.filter(isOnline).slice(0, MOST_FRIENDS));
    for (const one of added) {
      if (!others.delete(one)) continue;
      const here = [...others].filter((other) => isHere(one) || isHere(other));
      if (here.length === 0) continue;
      const friends = await core.conversations.sharing(one, here, { except: conversation.id, unblocked: true });
      for (const other of here) {
        if (friends.has(other)) continue;
        tellStatus(one, other, statuses.get(other));
        tellStatus(other, one, statuses.get(one));
      }
    }
  }

  function connectionsOf(userId: UserId): readonly NetaloConnection[] {
    return hub.ofUser(userId).filter(({ kind }) => kind.protocol === protocol) as NetaloConnection[];
  }

  const isHere = (userId: UserId) => connectionsOf(userId).length > 0;

  function tellStatus(to: UserId, about: UserId, status: Status | undefined): void {
    const connections = connectionsOf(to);
    if (!status || connections.length === 0) return;
    const bytes = encode({ name: PUSH.userStatus, payload: toStatusPush(views, about, status) });
    const chunk: Chunk = { bytes, use: 'signal', position: 0, shared: true };
    for (const connection of connections) pushEvent(connection.outbox, chunk);
  }

  function toChunk(pushes: readonly Push[], position: number): Chunk {
    return { bytes: Buffer.concat(pushes.map(encode)), use: 'event', position, shared: true };
  }

  return { add, flush };
}

function start(event: GroupEvent): Gathered {
  return {
    event,
    connections: new Set(),
    added: new Set(),
    pulled: [],
    roles: [],
    blocked: null,
    unblocked: null,
    name: undefined,
    avatar: undefined,
    ownerId: undefined,
    isRetyped: false,
    isNew: false,
    isGone: false,
  };
}

function note(change: Gathered, event: GroupEvent): void {
  const { conversation } = event;
  switch (event.type) {
    case 'conversation.created':
      change.isNew = true;
      for (const { userId, active } of event.participants) if (active) change.added.add(userId);
      return;
    case 'conversation.deleted':
      change.isGone = true;
      return;
    case 'conversation.updated':
      if (event.changed.includes('title')) change.name = conversation.title;
      if (event.changed.includes('avatar')) change.avatar = conversation.avatar ?? '';
      if (event.changed.includes('ownerId')) change.ownerId = conversation.ownerId;
      if (event.changed.includes('attributes')) change.isRetyped = true;
      return;
    case 'participant.joined':
      change.added.add(event.participant.userId);
      return;
    case 'participant.left':
      change.pulled.push(event.participant.userId);
      return;
    case 'participant.changed': {
      const { userId, role, blockedAt } = event.participant;
      if (event.changed.includes('role')) change.roles.push({ userId, isAdmin: role === 'admin' });
      if (event.changed.includes('blocked')) {
        if (blockedAt === null) change.unblocked = userId;
        else change.blocked = userId;
      }
    }
  }
}

/** Null when there is nothing that this wire would show. */
function toGroupChange(change: Gathered, place: Place): GroupChange | null {
  const { added, pulled, name, avatar, ownerId, blocked, unblocked } = change;
  // Whose place the owner takes or leaves is not made or unmade an admin by that.
  const roles = ownerId === undefined ? change.roles : [];
  const addedAdmins = roles.filter(({ isAdmin }) => isAdmin).map(({ userId }) => userId);
  const removedAdmins = roles.filter(({ isAdmin }) => !isAdmin).map(({ userId }) => userId);
  const isSilent =
    added.size + pulled.length + roles.length === 0 &&
    name === undefined &&
    avatar === undefined &&
    ownerId === undefined &&
    blocked === null &&
    unblocked === null &&
    !change.isRetyped;
  if (isSilent || change.isNew) return null;
  return {
    ...(name !== undefined && { name }),
    ...(avatar !== undefined && { avatar }),
    ...(ownerId !== undefined && { ownerId }),
    pushed: [...added],
    pulled,
    ...((blocked !== null || unblocked !== null) && { blocked: blockedOf(place, blocked) }),
    ...(unblocked !== null && { unblocked: [unblocked] }),
    addedAdmins,
    removedAdmins,
  };
}

/** All who are blocked, the newly blocked first. */
function blockedOf({ participants }: Place, first: UserId | null): UserId[] {
  const blocked = [...participants.values()].filter(({ active, blockedAt }) => active && blockedAt !== null);
  const others = blocked.map(({ userId }) => userId).filter((userId) => userId !== first);
  return first === null ? others : [first, ...others];
}

export function isGroupEvent(event: DomainEvent): event is GroupEvent {
  switch (event.type) {
    case 'conversation.created':
    case 'conversation.updated':
    case 'conversation.deleted':
    case 'participant.joined':
    case 'participant.left':
    case 'participant.changed':
      return true;
    default:
      return false;
  }
}
