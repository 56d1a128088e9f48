/**
 * What one connection keeps, and how it becomes somebody: the states of sign-in, the credential → a user, a viewer for the hub. Runs no
 * use case beyond that. Wire: PROTOCOL.md, "Connection and sign-in".
 */
import {
  type ConnectionId,
  type Core,
  type Session as IssuedSession,
  isDomainError,
  systemActor,
  type TokenVerifier,
  type UnixMs,
  type User,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { type Connection, createActor, type Hub, type Viewer } from '@switchboard/protocol';
import { VERDICT } from './errors.ts';
import type { SignalrOptions } from './options.ts';
import { STATE } from './wire.ts';

/** Somebody whose status a connection asked for. */
export interface Watched {
  /** The id that it named them by. */
  readonly identity: string;
  /** The status that it was told last; null while the first one is being looked up. */
  told: number | null;
}

/** State of one connection. Nothing is made before it is needed: an idle connection keeps this object alone. */
export interface SignalrSession {
  actor: (UserActor & { readonly connectionId: ConnectionId }) | null;
  readonly connection: Connection<SignalrSession>;
  state: (typeof STATE)[keyof typeof STATE];
  identity: string | null;
  /** `StartReceivingConversationUpdates`. */
  receivesUpdates: boolean;
  /** Whose status it asked for. */
  watched: Map<UserId, Watched> | null;
  /** A list is being written in pieces: nothing may come between them. */
  isInPieces: boolean;
}

/** Of a connection that is made right after it, and that the maker sets. */
export function createSession(): SignalrSession & { connection: Connection<SignalrSession> } {
  return {
    actor: null,
    connection: null as unknown as Connection<SignalrSession>,
    state: STATE.unstable,
    identity: null,
    receivesUpdates: false,
    watched: null,
    isInPieces: false,
  };
}

export interface SignInContext {
  readonly core: Core;
  readonly hub: Hub;
  readonly verifier: TokenVerifier;
  readonly options: SignalrOptions;
}

export interface Verdict {
  readonly isOk: boolean;
  readonly message: string;
}

interface Verified {
  readonly user: User;
  readonly issued: IssuedSession | null;
  readonly expiresAt: UnixMs | null;
}

/** Answers the verdict; throws only where nobody can be asked (`unavailable`). */
export async function authorize(
  context: SignInContext,
  session: SignalrSession,
  members: Readonly<Record<string, unknown>>,
): Promise<Verdict> {
  if (session.state < STATE.stable) return refused(VERDICT.notStable);
  const { token } = members;
  const identity = members.identity ?? members.identityid;
  if (typeof token !== 'string' || typeof identity !== 'string' || !token || !identity) return refused(VERDICT.invalid);
  if (session.identity !== null && session.identity !== identity) return refused(VERDICT.otherIdentity);
  const verified = await verify(context, token, identity);
  if (!verified || session.connection.closed) return refused(VERDICT.invalid);
  await enter(context, session, { identity, verified });
  return { isOk: true, message: VERDICT.ok };
}

function refused(message: string): Verdict {
  return { isOk: false, message };
}

/** Null for whatever is no good, and for no reason given: nothing can be probed. */
async function verify(context: SignInContext, token: string, identity: string): Promise<Verified | null> {
  try {
    return await findHolder(context, token, identity);
  } catch (error) {
    if (isDomainError(error) && error.code !== 'unavailable' && error.code !== 'internal') return null;
    throw error;
  }
}

async function findHolder(
  { core, verifier, options }: SignInContext,
  token: string,
  identity: string,
): Promise<Verified | null> {
  const { namespace, syntheticIdentities } = options;
  const { sessionId, userId, externalId, expiresAt } = await verifier.verify(namespace, token);
  if (userId === null) {
    // Somebody else's word: it may name whom it likes, but never one of our computed names.
    if (externalId !== identity || syntheticIdentities.toCore(identity) !== null) return null;
    const user = await core.identities.provision(
      systemActor(),
      { namespace, externalId: identity },
      { kind: 'person' },
    );
    return { user, issued: null, expiresAt };
  }
  const [user, issued] = await Promise.all([
    core.identities.resolve(namespace, identity),
    sessionId === null ? null : core.sessions.find(sessionId),
  ]);
  if (user?.id !== userId || (sessionId !== null && !issued)) return null;
  return { user, issued, expiresAt };
}

/** The connection becomes the user's, or goes on by a newer token. */
async function enter(
  { hub, options }: SignInContext,
  session: SignalrSession,
  { identity, verified }: { readonly identity: string; readonly verified: Verified },
): Promise<void> {
  const { connection } = session;
  const { user, issued, expiresAt } = verified;
  const viewer: Viewer = {
    userId: user.id,
    namespace: options.namespace,
    capacity: 'member',
    sessionId: issued?.id ?? null,
  };
  const actor = createActor(viewer, connection.id);
  actor.lastPosition = session.actor?.lastPosition ?? 0;
  const credential = { viewer, issued, expiresAt: issued ? null : expiresAt };
  if (session.actor) {
    hub.renew(connection, credential);
  } else {
    Object.assign(connection, credential);
    try {
      await hub.add(connection, { graceMs: options.graceMs, info: { identity } });
    } catch (error) {
      // Nobody was signed in: the client may try again on the same connection.
      await hub.remove(connection);
      connection.viewer = null;
      throw error;
    }
  }
  session.actor = actor;
  session.identity = identity;
  session.state = STATE.identified;
}

/** Sessions that this gateway issued come first; who else may know a token is asked about what is none of them. */
export function createVerifier({ sessions }: Pick<Core, 'sessions'>, other: TokenVerifier | undefined): TokenVerifier {
  return {
    async verify(namespace, token) {
      try {
        const { id, userId, claims, expiresAt } = await sessions.authenticate(namespace, token);
        return { sessionId: id, userId, externalId: null, claims, expiresAt };
      } catch (error) {
        if (other && isDomainError(error) && error.code === 'unauthenticated') return other.verify(namespace, token);
        throw error;
      }
    },
  };
}
