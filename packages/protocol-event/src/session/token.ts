/** The token in the upgrade's header: read, verified, its claims sorted. Pure; knows neither users nor sessions. Wire: PROTOCOL.md §2.1, §2.2. */
import type { KeyObject } from 'node:crypto';
import { isId, type SessionId, type UnixMs } from '@switchboard/core';
import jwt from 'jsonwebtoken';
import { MAX_NUMBER } from '../wire.ts';

export interface Claims {
  readonly iss?: unknown;
  readonly sub?: unknown;
  readonly jti?: unknown;
  readonly nbf?: unknown;
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

/**
 * HS256 alone, with an `exp` in the future and no `nbf` ahead. Null for every other token. A secret that is a text is first tried as a PEM
 * key by the library, which costs more than the rest: whoever verifies many hands in a key.
 */
export function verifyToken(token: string, secret: string | KeyObject, now: UnixMs): Claims | null {
  try {
    const claims = jwt.verify(token, secret, {
      algorithms: ['HS256'],
      clockTimestamp: Math.floor(now / 1000),
      // The library takes `nbf: null` for an offence.
      ignoreNotBefore: true,
    });
    if (typeof claims !== 'object' || typeof claims.exp !== 'number') return null;
    return isBegun((claims as Claims).nbf, now) ? (claims as Claims) : null;
  } catch {
    return null;
  }
}

function isBegun(nbf: unknown, now: UnixMs): boolean {
  return isAbsent(nbf) || (typeof nbf === 'number' && nbf <= Math.floor(now / 1000));
}

/** Applications write claims that they have no value for as null or "". */
function isAbsent(claim: unknown): claim is null | undefined | '' {
  return claim === undefined || claim === null || claim === '';
}

/** A decimal number from 1 to 4294967295; null for everything else. */
export function parseSid(text: string | null): number | null {
  if (text === null || !/^[0-9]+$/.test(text)) return null;
  const sid = Number(text);
  return sid >= 1 && sid <= MAX_NUMBER ? sid : null;
}

/** Customer or moderator: exactly one of the two claims, and a number in it. Null when the token says neither, both or nonsense. */
export function roleOf(claims: Claims): { readonly isModerator: boolean; readonly requestId: number | null } | null {
  const { admin_id: admin, request_id: request } = claims;
  const hasAdmin = admin !== undefined && admin !== null;
  const hasRequest = request !== undefined && request !== null;
  const number = toNumber(hasAdmin ? admin : request);
  if (hasAdmin === hasRequest || number === null) return null;
  return { isModerator: hasAdmin, requestId: hasAdmin ? null : number };
}

function toNumber(claim: unknown): number | null {
  if (typeof claim === 'number') return Number.isFinite(claim) ? claim : null;
  return typeof claim === 'string' && /^[0-9]+$/.test(claim) ? Number(claim) : null;
}

/** `sub` as the `sid` it should be; null when it is missing or no number. */
export function subjectOf({ sub }: Claims): string | null {
  return typeof sub === 'string' || typeof sub === 'number' ? String(sub) : null;
}

/** The session named by `jti`: undefined when there is no `jti`, null when what stands there is the id of none. */
export function sessionIdOf({ jti }: Claims): SessionId | null | undefined {
  if (isAbsent(jti)) return undefined;
  const id = typeof jti === 'number' || (typeof jti === 'string' && /^[0-9]+$/.test(jti)) ? Number(jti) : null;
  return isId(id) ? (id as SessionId) : null;
}
