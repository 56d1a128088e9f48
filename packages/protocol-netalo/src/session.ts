/**
 * Sign-in with a session string, and what one connection keeps. Clients are let in first and told of their sign-in afterwards: what they
 * ask meanwhile waits. Decides nothing about chat. Wire: PROTOCOL.md §1.2, §1.3.
 */
import {
  type ConnectionId,
  type Core,
  DomainError,
  isDomainError,
  type Session,
  type SessionId,
  systemActor,
  type UnixMs,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import type { Handshake } from '@switchboard/protocol-socketio';
import type { PayloadForm } from './codec.ts';
import type { NetaloOptions } from './options.ts';
import type { ResultCode } from './wire.ts';

/** State of one connection. */
export interface NetaloSession {
  /** Null until signed in. */
  actor: (UserActor & { readonly connectionId: ConnectionId }) | null;
  /** Sign-in has failed: everything is answered with this. */
  refusal: ResultCode | null;
  /** Of the last payload: by it the two lists of `event` types are told apart. */
  form: PayloadForm;
  /** How many requests are left at once, and since when. */
  tokens: number;
  tokensAt: UnixMs;
}

export interface SignedIn {
  readonly userId: UserId;
  readonly sessionId: SessionId | null;
  /** Issued here: watched for its end. */
  readonly issued: Session | null;
  readonly expiresAt: UnixMs | null;
}

/** Longer strings are no session of anybody. */
const LONGEST_SESSION = 1024;
const MAX_DEVICE = 255;

/** The first that is not empty of query, `auth` and header; null when there is none. */
export function sessionStringOf({ query, auth, headers }: Handshake): string | null {
  for (const given of [query.session, auth.session, headers.session]) {
    const value = Array.isArray(given) ? given[0] : given;
    if (typeof value === 'string' && value !== '') return value.length <= LONGEST_SESSION ? value : null;
  }
  return null;
}

export function deviceOf({ query }: Handshake): string | null {
  return query.deviceid?.slice(0, MAX_DEVICE) || null;
}

/** Null: no good session. Throws when nobody can say now. Sessions issued here are tried first, a login server after them. */
export async function signIn(core: Core, options: NetaloOptions, given: string | null): Promise<SignedIn | null> {
  if (given === null) return null;
  const own = await orNull(authenticate(core, options, given));
  return own ?? (options.verifier ? orNull(verify(core, options, given)) : null);
}

async function orNull(signingIn: Promise<SignedIn | null>): Promise<SignedIn | null> {
  try {
    return await signingIn;
  } catch (error) {
    if (isDomainError(error) && (error.code === 'unauthenticated' || error.code === 'expired')) return null;
    throw error;
  }
}

async function authenticate(core: Core, { namespace }: NetaloOptions, given: string): Promise<SignedIn | null> {
  const session = await core.sessions.authenticate(namespace, given);
  const user = await core.users.find(session.userId);
  if (!user) return null;
  return { userId: user.id, sessionId: session.id, issued: session, expiresAt: null };
}

/** The deployment's own login server knows the session, and whose it is. */
async function verify(core: Core, options: NetaloOptions, given: string): Promise<SignedIn | null> {
  const { verifier, namespace, syntheticUins: synthetic } = options;
  if (!verifier) throw new DomainError('internal', 'there is nobody to ask about a session');
  const { userId, sessionId, externalId, expiresAt } = await verifier.verify(namespace, given);
  const issued = sessionId === null ? null : await core.sessions.find(sessionId);
  if (sessionId !== null && !issued) return null;
  if (userId !== null) return { userId, sessionId, issued, expiresAt };
  if (externalId === null || !/^[1-9][0-9]{0,15}$/.test(externalId)) return null;
  const user = await core.identities.provision(systemActor(), { namespace, externalId }, { synthetic, kind: 'person' });
  return { userId: user.id, sessionId, issued, expiresAt };
}
