/**
 * Sign-in with a verified token, and what one connection keeps: who it is and what it has joined. Decides nothing about chat.
 * Wire: PROTOCOL.md §2.
 */
import {
  type ConnectionId,
  type ConversationId,
  type Core,
  type SessionId,
  systemActor,
  type User,
  type UserActor,
} from '@switchboard/core';
import type { EventOptions } from './options.ts';
import type { Queue } from './queue.ts';
import { type Claims, parseSid, roleOf, sessionIdOf, subjectOf } from './session/token.ts';

/** State of one connection. Maps are made when something is joined: an idle connection has none. */
export interface EventSession {
  readonly actor: UserActor & { readonly connectionId: ConnectionId };
  readonly sid: number;
  readonly isModerator: boolean;
  /** The token's `request_id`, where customers are bound to it. */
  readonly requestId: number | null;
  /** Joined conversations by application id, and the other way round. */
  channels: Map<number, ConversationId> | null;
  joined: Map<ConversationId, number> | null;
  /** The connection has ended: what an operation still joins is let go at once. */
  isOver: boolean;
}

/** Who a good upgrade request comes from. */
export interface SignedIn {
  readonly user: User;
  readonly sid: number;
  readonly isModerator: boolean;
  readonly requestId: number | null;
  readonly sessionId: SessionId | null;
}

export type SignInRefusal = 'token' | 'sid' | 'claims';

export interface SignInContext {
  readonly core: Core;
  readonly options: EventOptions;
  readonly queue: Queue;
}

export interface SignInRequest {
  readonly claims: Claims;
  /** The query's `sid`, as it stands there. */
  readonly sid: string | null;
  /** Only look: nobody is made, nobody becomes staff, and the answer for a new `sid` is null. */
  readonly dry: boolean;
}

/** Checks in the wire's order. Throws when the store is away. */
export async function signIn(
  context: SignInContext,
  { claims, sid: parameter, dry }: SignInRequest,
): Promise<SignedIn | { readonly refusal: SignInRefusal } | null> {
  const { core, options, queue } = context;
  const sid = parseSid(parameter);
  if (sid === null) return { refusal: 'sid' };
  const role = roleOf(claims);
  if (!role) return { refusal: 'claims' };

  const isOwn = claims.iss === options.tokenIssuer;
  const isSynthetic = options.syntheticSids.toCore(String(sid)) !== null;
  const isBound = isOwn || isSynthetic || options.bindSubToSid;
  if (isBound && subjectOf(claims) !== String(sid)) return { refusal: 'token' };

  const sessionId = isOwn ? sessionIdOf(claims) : undefined;
  if (sessionId === null) return { refusal: 'token' };
  const isKnown = isSynthetic || sessionId !== undefined;
  const user = await findUser(context, { sid, mayBeNew: !isKnown && !dry });
  if (!user) return isKnown ? { refusal: 'token' } : null;
  if (sessionId !== undefined && !(await isLive(context, sessionId, user))) return { refusal: 'token' };

  const { isModerator } = role;
  if (isModerator && !dry) {
    await queue.use((id) => core.spaces.ensureStaff({ ...systemActor(), userId: user.id }, id));
  }
  const requestId = options.restrictCustomersToRequest ? role.requestId : null;
  return { user, sid, isModerator, requestId, sessionId: sessionId ?? null };
}

/**
 * Null only for somebody who may not be new. Who is merely seen stays a placeholder: until something is kept of them, the administration
 * may give their `sid` to somebody it knows.
 */
async function findUser(
  { core, options }: SignInContext,
  { sid, mayBeNew }: { readonly sid: number; readonly mayBeNew: boolean },
): Promise<User | null> {
  const { namespace, syntheticSids: synthetic } = options;
  if (!mayBeNew) return core.identities.resolve(namespace, String(sid), synthetic);
  return core.identities.provision(systemActor(), { namespace, externalId: String(sid) }, { synthetic });
}

/** Its time may be over: an expired token has been refused before, and one that runs out later changes nothing. */
async function isLive({ core, options }: SignInContext, id: SessionId, user: User): Promise<boolean> {
  const session = await core.sessions.find(id);
  return session !== null && session.userId === user.id && session.namespace === options.namespace;
}

export function noteJoined(session: EventSession, conversationId: ConversationId, applicationId: number): void {
  session.channels ??= new Map();
  session.joined ??= new Map();
  const before = session.joined.get(conversationId);
  if (before !== undefined) session.channels.delete(before);
  session.channels.set(applicationId, conversationId);
  session.joined.set(conversationId, applicationId);
}

/** False when it had not joined. */
export function noteLeft(session: EventSession, conversationId: ConversationId): boolean {
  const applicationId = session.joined?.get(conversationId);
  if (applicationId === undefined) return false;
  session.joined?.delete(conversationId);
  session.channels?.delete(applicationId);
  return true;
}
