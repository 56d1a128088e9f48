/**
 * Who acts: the bearer of a REST call, and the state of one socket from its `auth` on, with binding, resuming and letting go. Decides
 * nothing about chat. Wire: PROTOCOL.md, "Connection and sign-in".
 */
import {
  type CallId,
  type ConnectionId,
  type ConversationId,
  type Core,
  DomainError,
  isDomainError,
  type PresenceStatus,
  type Session,
  type Space,
  type SpaceId,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { type Connection, createActor, type Hub, type Viewer } from '@switchboard/protocol';
import { type RefusalName, refusal } from './errors.ts';
import type { Names } from './names.ts';
import type { WorkspaceOptions } from './options.ts';
import type { AuthArgs } from './wire.ts';

/** One REST call. */
export interface CallSession {
  readonly actor: UserActor | null;
  readonly issued: Session | null;
  /** Why there is no actor. */
  readonly refused: RefusalName | null;
  /** The client's address. */
  readonly address: string;
  /** Resolves after so long, or when the client is gone or the gateway stops. */
  wait(ms: number): Promise<void>;
}

/** One socket. Bound while it has an actor. */
export interface SocketSession {
  /** Its own; set right after it was made. */
  connection: Connection<SocketSession> | null;
  actor: (UserActor & { readonly connectionId: ConnectionId }) | null;
  spaceId: SpaceId | null;
  /** The conversation in whose call this very socket is, and that call, as the log tells it. */
  inCall: ConversationId | null;
  callId: CallId | null;
  /** The client has said goodbye for good. */
  hasLoggedOut: boolean;
}

export type SocketConnection = Connection<SocketSession>;

/** What a socket is told when it has been bound. */
export interface Bound {
  readonly userId: UserId;
  readonly status: PresenceStatus;
  readonly reconnected: boolean;
  /** The device in a call that this socket is now. */
  readonly leg: Awaited<ReturnType<Core['calls']['legOf']>>;
}

export interface SessionsContext {
  readonly core: Core;
  readonly hub: Hub;
  readonly names: Names;
  readonly options: WorkspaceOptions;
}

export type SocketSessions = ReturnType<typeof createSocketSessions>;

export function createSocketSessions({ core, hub, names, options }: SessionsContext) {
  const { namespace } = options;

  function viewerOf({ userId, id }: Session): Viewer {
    return { userId, namespace, capacity: 'member', sessionId: id };
  }

  async function requireMember(userId: UserId, workspaceId: string): Promise<Space> {
    const space = await names.findWorkspace(workspaceId);
    const member = space && (await core.spaces.membership(userId, space.id));
    if (!space || !member) throw new DomainError('forbidden', 'not a member of the workspace', { subject: 'space' });
    return space;
  }

  /** Leaves rooms and call of the workspace that it was bound to. */
  async function unbind(connection: SocketConnection, isSameUser: boolean): Promise<void> {
    const { session } = connection;
    if (session.actor) await core.calls.dropped(session.actor, { graceMs: 0 });
    session.spaceId = null;
    session.inCall = null;
    session.callId = null;
    session.actor = null;
    await hub.remove(connection, isSameUser ? options.graceMs : 0);
  }

  async function enter(connection: SocketConnection, issued: Session, about: { space: Space; args: AuthArgs }) {
    const { session } = connection;
    const { space, args } = about;
    connection.viewer = viewerOf(issued);
    connection.issued = issued;
    session.actor = createActor(connection.viewer, connection.id);
    session.spaceId = space.id;
    const { localTimeZone } = args;
    const info = { space: space.id, ...(localTimeZone && { timeZone: localTimeZone.slice(0, 64) }) };
    try {
      await hub.add(connection, { graceMs: options.graceMs, initial: args.onlineStatus ?? 'online', info });
    } catch (error) {
      session.actor = null;
      session.spaceId = null;
      await hub.remove(connection, 0);
      connection.viewer = null;
      connection.issued = null;
      throw error;
    }
  }

  /** Takes an earlier connection of the same user in the same workspace over: its device in a call, its sleep, its place. */
  async function takeOver(connection: SocketConnection, previousId: string, spaceId: SpaceId) {
    const { actor } = connection.session;
    if (!actor) return null;
    const previous = previousId as ConnectionId;
    const leg = await core.calls.legOf(actor.userId);
    const isCall =
      leg?.connectionId === previous && (await core.conversations.find(leg.conversationId))?.spaceId === spaceId;
    const records = await core.presence.connections({ namespace, userId: actor.userId }).catch(() => []);
    const record = records.find(({ id, info }) => id === previous && info.space === spaceId);
    if (!isCall && !record) return null;
    const resumed = isCall ? await core.calls.resume(actor, { previous, device: connection.id }) : null;
    if (record?.asleep) await core.presence.setAsleep(actor, true);
    // Alive, where nobody has noticed yet that it is not; it has nothing left to lose.
    hub.end(previous, 'replaced');
    await core.presence.disconnected({ ...actor, connectionId: previous, lastPosition: 0 }, 0);
    return { leg: resumed?.leg ?? null };
  }

  return {
    /** Errors as `auth` words them; a binding that was there before stays when this one fails. */
    async bind(connection: SocketConnection, args: AuthArgs): Promise<Bound> {
      const { session } = connection;
      const issued = await core.sessions.authenticate(namespace, args.token);
      const space = await requireMember(issued.userId, args.workspaceId);
      const { userId } = issued;
      const isSameUser = session.actor?.userId === userId;
      const isSame = isSameUser && session.spaceId === space.id && session.actor?.sessionId === issued.id;
      if (!isSame) {
        if (session.actor) await unbind(connection, isSameUser);
        await enter(connection, issued, { space, args });
      }
      const previous = args.prevSocketId || null;
      const isItself = previous === connection.id && isSame;
      const taken = previous && previous !== connection.id ? await takeOver(connection, previous, space.id) : null;
      const [statuses] = await Promise.all([core.presence.statuses([userId]), core.directory.ensureSpaces([space.id])]);
      const leg = isItself ? await ownLeg(connection) : (taken?.leg ?? null);
      if (leg) await core.directory.ensureConversations([leg.conversationId]);
      return { userId, status: statuses.get(userId) ?? 'online', reconnected: isItself || taken !== null, leg };
    },

    /** Its end: how long it still counts depends on how it went. `hasLeft`: the client's own `disconnect()`. */
    async release(connection: SocketConnection, hasLeft: boolean): Promise<void> {
      const { session, closed } = connection;
      const { actor } = session;
      if (!actor) return;
      const isFinal =
        session.hasLoggedOut ||
        closed === 'revoked' ||
        closed === 'auth_expired' ||
        closed === 'kicked' ||
        closed === 'replaced';
      const graceMs = isFinal
        ? 0
        : session.inCall !== null
          ? options.callGraceMs
          : hasLeft
            ? options.leaveGraceMs
            : options.graceMs;
      await Promise.all([core.calls.dropped(actor, isFinal ? { graceMs: 0 } : {}), hub.remove(connection, graceMs)]);
    },
  };

  async function ownLeg({ id, session }: SocketConnection) {
    const leg = session.actor && (await core.calls.legOf(session.actor.userId));
    return leg?.connectionId === id ? leg : null;
  }
}

export interface Bearers {
  /** Whose call it is, by `Authorization: Bearer …`. Throws when the store is away. */
  of(header: string | undefined): Promise<Pick<CallSession, 'actor' | 'issued' | 'refused'>>;
}

export function createBearers(core: Core, { namespace }: WorkspaceOptions): Bearers {
  return {
    async of(header) {
      const refused = (name: RefusalName) => ({ actor: null, issued: null, refused: name });
      const token = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
      if (header === undefined || header === '') return refused('missingAuthentication');
      if (token === undefined) return refused('badToken');
      try {
        const issued = await core.sessions.authenticate(namespace, token);
        const viewer: Viewer = { userId: issued.userId, namespace, capacity: 'member', sessionId: issued.id };
        return { actor: createActor(viewer, null), issued, refused: null };
      } catch (error) {
        if (!isDomainError(error)) throw error;
        if (error.code === 'unauthenticated') return refused('badToken');
        if (error.code === 'expired') return refused('tokenExpired');
        throw error;
      }
    },
  };
}

export type SignedCall = CallSession & { readonly actor: UserActor; readonly issued: Session };

/** Guard of nearly every REST call. */
export function signedIn(session: CallSession): SignedCall {
  if (session.actor === null || session.issued === null) throw refusal(session.refused ?? 'missingAuthentication');
  return session as SignedCall;
}
