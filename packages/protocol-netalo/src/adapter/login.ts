/**
 * From a connection to somebody: the session string, the conflict with an older connection, and what is told right after `login`; and the
 * way back. Wire: PROTOCOL.md §1.3, §1.4, §10.
 */
import type { ConnectionId, UserActor, UserId } from '@switchboard/core';
import { type Connection, createActor, type Host, holdEvents, releaseEvents } from '@switchboard/protocol';
import type { Handshake } from '@switchboard/protocol-socketio';
import type { Friends } from '../friends.ts';
import type { NetaloOptions } from '../options.ts';
import { toStatusPush } from '../projection.ts';
import { deviceOf, type NetaloSession, type SignedIn, sessionStringOf, signIn } from '../session.ts';
import type { Views } from '../views.ts';
import { PUSH, type Push, RESULT } from '../wire.ts';

type NetaloConnection = Connection<NetaloSession>;
type NetaloActor = UserActor & { readonly connectionId: ConnectionId };

export interface Login {
  /** False: no good session. Rejects when nobody can say, or the connection could not be registered. */
  begin(connection: NetaloConnection, handshake: Handshake): Promise<boolean>;
  /** The connection is gone. */
  end(connection: NetaloConnection): Promise<void>;
}

export interface LoginContext {
  readonly host: Pick<Host, 'core' | 'hub' | 'log'>;
  readonly protocol: string;
  readonly options: NetaloOptions;
  readonly views: Views;
  readonly friends: Friends;
  readonly encode: (push: Push) => Buffer;
}

/** Most friends whose presence is told at once. */
const MOST_FRIENDS = 500;

export function createLogin({ host, protocol, options, views, friends, encode }: LoginContext): Login {
  const { core, hub, log } = host;
  const { namespace, conflictPolicy, offlineDelayMs, callGraceMs } = options;

  /** What only one connection may hold. */
  function keyOf({ userId, sessionId }: { readonly userId: UserId; readonly sessionId: number | null }): string | null {
    if (conflictPolicy === 'user') return `${protocol}:user:${userId}`;
    return conflictPolicy === 'session' && sessionId !== null ? `${protocol}:session:${sessionId}` : null;
  }

  /** Answers whose place it took. */
  async function takePlace(connection: NetaloConnection, signedIn: SignedIn): Promise<ConnectionId | null> {
    const key = keyOf(signedIn);
    if (key === null) return null;
    const previous = await core.presence.claim(key, connection.id);
    if (previous === null || previous === connection.id) return null;
    hub.end(previous, 'replaced');
    return previous;
  }

  /**
   * A device that comes back takes its place in the call: it is the same session, or there is nobody else in that place. A gateway that
   * died has not told of the places that it held.
   */
  async function takeSeat(actor: NetaloActor, replaced: ConnectionId | null): Promise<void> {
    const { userId } = actor;
    const leg = await core.calls.legOf(userId);
    if (!leg || leg.namespace !== namespace) return;
    const live = await core.presence.connections({ namespace, userId });
    const isTaken = leg.connectionId !== replaced && live.some(({ id }) => id === leg.connectionId);
    if (!isTaken) await core.calls.resume(actor, { previous: leg.connectionId });
  }

  function become(connection: NetaloConnection, { userId, sessionId, issued, expiresAt }: SignedIn) {
    connection.viewer = { userId, namespace, capacity: 'member', sessionId };
    connection.issued = issued;
    connection.expiresAt = expiresAt;
    const actor = createActor(connection.viewer, connection.id);
    connection.session.actor = actor;
    return actor;
  }

  async function tellCalls(connection: NetaloConnection, ownId: UserId): Promise<void> {
    for (const call of await core.calls.liveFor(ownId)) {
      const isAsked = call.participants.some(({ userId, state }) => userId === ownId && state === 'asked');
      if (call.mode !== 'ringing' || !isAsked) continue;
      await core.directory.ensureConversations([call.conversationId]);
      const conversation = core.directory.conversation(call.conversationId)?.conversation;
      connection.write(
        encode({ name: PUSH.startCall, payload: { result: RESULT.ok, call: views.toCall(call, conversation) } }),
      );
    }
  }

  async function tellFriends(connection: NetaloConnection, userId: UserId): Promise<void> {
    const statuses = await core.presence.statuses(await friends.of(userId));
    const online = [...statuses].filter(([, status]) => status !== 'offline').slice(0, MOST_FRIENDS);
    const here = { online: true, lastSeenAt: null };
    const pushes = online.map(([friend]) =>
      encode({ name: PUSH.userStatus, payload: toStatusPush(views, friend, here) }),
    );
    if (pushes.length > 0) connection.write(Buffer.concat(pushes));
  }

  return {
    async begin(connection, handshake) {
      const signedIn = await signIn(core, options, sessionStringOf(handshake));
      if (!signedIn) return false;
      if (connection.closed) return true;
      const { userId } = signedIn;
      const actor = become(connection, signedIn);
      // What happens meanwhile follows what is told now.
      holdEvents(connection.outbox);
      try {
        const [replaced] = await Promise.all([takePlace(connection, signedIn), core.directory.ensureUsers([userId])]);
        const device = deviceOf(handshake);
        await hub.add(connection, { graceMs: offlineDelayMs, ...(device !== null && { info: { device } }) });
        if (connection.closed) return true;
        // Before the others can know that it is back.
        await takeSeat(actor, replaced);
        connection.write(encode({ name: PUSH.login, payload: { result: RESULT.ok, uin: views.uin(userId) } }));
        await tellCalls(connection, userId);
        await tellFriends(connection, userId);
      } finally {
        releaseEvents(connection.outbox);
      }
      return true;
    },

    async end(connection) {
      const { actor } = connection.session;
      if (!actor) return;
      await hub.remove(connection);
      // Another device of the same person keeps the place in a call.
      await core.calls.dropped(actor, { anyDevice: true, graceMs: callGraceMs });
      const key = keyOf(actor);
      if (key === null) return;
      await core.presence
        .unclaim(key, connection.id)
        .catch((error: unknown) => log('debug', 'a session was not let go', { protocol, error: String(error) }));
    },
  };
}
