/**
 * Sign-in from the upgrade's header and query, and what one connection keeps: who it is and what it has joined. Decides nothing about
 * chat. Wire: PROTOCOL.md, "Connection and sign-in".
 */
import {
  type ConnectionId,
  type ConversationId,
  type Core,
  DomainError,
  type Session as IssuedSession,
  isDomainError,
  type SpaceId,
  systemActor,
  type UnixMs,
  type User,
  type UserActor,
} from '@switchboard/core';
import jwt from 'jsonwebtoken';
import type { EventOptions } from './options.ts';
import { MAX_NUMBER } from './wire.ts';

/** State of one connection. Sets are made when something is joined: an idle connection has none. */
export interface EventSession {
  readonly actor: UserActor & { readonly connectionId: ConnectionId };
  readonly sid: number;
  readonly isModerator: boolean;
  /** The token's `request_id`, kept only where customers are bound to it. */
  readonly requestId: number | null;
  /** Joined conversations by application id, and the other way round. */
  channels: Map<number, ConversationId> | null;
  joined: Map<ConversationId, number> | null;
}

/** Who a good upgrade request comes from. */
export interface SignedIn {
  readonly user: User;
  readonly sid: number;
  readonly isModerator: boolean;
  readonly requestId: number | null;
  readonly issued: IssuedSession | null;
}

/** A refusal before the upgrade: plain HTTP. */
export interface Refused {
  readonly refusal: 'token' | 'sid' | 'claims' | 'unavailable';
}

interface Claims {
  readonly iss?: unknown;
  readonly sub?: unknown;
  readonly jti?: unknown;
  readonly exp?: unknown;
  readonly admin_id?: unknown;
  readonly request_id?: unknown;
}

/** The token in `Sec-WebSocket-Protocol: access_token, <jwt>`; null when the header is not exactly that. */
export function tokenOf(header: string | undefined): string | null {
  const [name, token, ...rest] = header?.split(',') ?? [];
  if (name !== 'access_token' || token === undefined || rest.length > 0) return null;
  return token.trim();
}

/** HS256 alone, with an `exp` in the future. Null for every other token. */
export function verifyToken(token: string, secret: string, now: UnixMs): Claims | null {
  try {
    const claims = jwt.verify(token, secret, { algorithms: ['HS256'], clockTimestamp: Math.floor(now / 1000) });
    return typeof claims === 'object' && typeof claims.exp === 'number' ? (claims as Claims) : null;
  } catch {
    return null;
  }
}

/** A decimal number from 1 to 4294967295; null for everything else. */
export function parseSid(text: string | null): number | null {
  if (text === null || !/^[0-9]+$/.test(text)) return null;
  const sid = Number(text);
  return sid >= 1 && sid <= MAX_NUMBER ? sid : null;
}

/** A claim that holds a number, as a number or in decimal; undefined when it is not there, null when it is something else. */
function numericClaim(value: unknown): number | null | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : null;
}

export interface SignInContext {
  readonly core: Core;
  readonly options: EventOptions;
  /** The adapter's queue, made when missing. */
  readonly queue: () => Promise<SpaceId>;
}

/** After the token has been verified: the checks in their order, then the user. Only a store that is away makes it `unavailable`. */
export async function signIn(
  context: SignInContext,
  claims: Claims,
  sidParameter: string | null,
): Promise<SignedIn | Refused> {
  const { options } = context;
  const sid = parseSid(sidParameter);
  if (sid === null) return { refusal: 'sid' };
  const admin = numericClaim(claims.admin_id);
  const request = numericClaim(claims.request_id);
  const isOneOfBoth = (admin === undefined) !== (request === undefined);
  if (!isOneOfBoth || admin === null || request === null) return { refusal: 'claims' };

  const isOwn = claims.iss === options.tokenIssuer;
  const isSynthetic = options.syntheticSids.toCore(String(sid)) !== null;
  if ((isOwn || isSynthetic || options.bindSubToSid) && subject(claims.sub) !== String(sid))
    return { refusal: 'token' };
  try {
    return await findUser(context, {
      sid,
      isModerator: admin !== undefined,
      requestId: options.restrictCustomersToRequest ? (request ?? null) : null,
      jti: isOwn ? claims.jti : undefined,
    });
  } catch (error) {
    if (isDomainError(error) && error.code === 'not_found') return { refusal: 'token' };
    if (isDomainError(error) && error.code === 'unavailable') return { refusal: 'unavailable' };
    throw error;
  }
}

function subject(sub: unknown): string | null {
  return typeof sub === 'string' || typeof sub === 'number' ? String(sub) : null;
}

async function findUser(
  { core, options, queue }: SignInContext,
  token: {
    readonly sid: number;
    readonly isModerator: boolean;
    readonly requestId: number | null;
    readonly jti: unknown;
  },
): Promise<SignedIn | Refused> {
  const { sid, isModerator, requestId, jti } = token;
  const user = await core.identities.provision(systemActor(), options.namespace, String(sid), {
    synthetic: options.syntheticSids,
    kind: 'person',
  });
  const hasSession = jti !== undefined && jti !== null && jti !== '';
  const issued = hasSession ? await core.sessions.find(Number(jti) as IssuedSession['id']) : null;
  if (hasSession && issued?.userId !== user.id) throw new DomainError('not_found', 'the session is gone');
  if (isModerator) await core.spaces.ensureStaff({ ...systemActor(), userId: user.id }, await queue());
  return { user, sid, isModerator, requestId, issued };
}

export function join(session: EventSession, conversationId: ConversationId, applicationId: number): void {
  session.channels ??= new Map();
  session.joined ??= new Map();
  session.channels.set(applicationId, conversationId);
  session.joined.set(conversationId, applicationId);
}

export function leave(session: EventSession, conversationId: ConversationId): void {
  const applicationId = session.joined?.get(conversationId);
  if (applicationId === undefined) return;
  session.joined?.delete(conversationId);
  session.channels?.delete(applicationId);
}
