/**
 * Tokens that somebody signs: an outside application with a shared secret or a key pair, or this gateway itself. The algorithm is
 * configuration; what a token says of it counts for nothing. Knows no wire: adapters read the claims.
 */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import {
  type Clock,
  DomainError,
  isDomainError,
  isId,
  type JsonObject,
  type Session,
  type SessionId,
  type Sessions,
  type TokenVerifier,
} from '@switchboard/core';
import jwt, { type Algorithm } from 'jsonwebtoken';
import type { Jwks } from './jwks.ts';

export type JwtKeys =
  /** Signed with HS256 unless `algorithms` says another HS. */
  | { readonly secret: string }
  /** PEM. */
  | { readonly publicKey: string }
  | { readonly jwks: Jwks };

export interface JwtVerifierOptions {
  readonly keys: JwtKeys;
  /** Default: HS256 for a secret, RS256 and ES256 for public keys. HS is never accepted with a public key. */
  readonly algorithms?: readonly Algorithm[];
  readonly clock: Clock;
  /** Must be the token's, where given. */
  readonly issuer?: string;
  readonly audience?: string;
  /** Default true. */
  readonly requireExpiry?: boolean;
  readonly clockToleranceMs?: number;
  /** Claim that holds the external id. Default `sub`. */
  readonly externalIdClaim?: string;
  /** Tokens with this issuer are the gateway's own: a `jti` in them is a session, which must be live. */
  readonly own?: { readonly issuer: string; readonly sessions: Pick<Sessions, 'find' | 'touch'> };
}

const LONGEST_TOKEN = 16_384;

export function createJwtVerifier(options: JwtVerifierOptions): TokenVerifier {
  const { keys, clock, issuer, audience, requireExpiry = true, externalIdClaim = 'sub', own } = options;
  const isShared = 'secret' in keys;
  const algorithms = [
    ...(options.algorithms ?? (isShared ? ['HS256' as const] : ['RS256' as const, 'ES256' as const])),
  ];
  if (algorithms.length === 0 || algorithms.some((name) => name.startsWith('HS') !== isShared)) {
    throw new Error(
      `${algorithms.join(', ') || 'no algorithm'} does not go with ${isShared ? 'a secret' : 'public keys'}`,
    );
  }
  const findKey = keyFinder(keys);

  async function checked(token: string): Promise<JsonObject> {
    if (token.length > LONGEST_TOKEN) throw refused('too long');
    const header = jwt.decode(token, { complete: true })?.header;
    if (!header) throw refused('not a token');
    const key = await findKey(header.kid, header.alg);
    if (!key) throw refused('unknown key');
    try {
      const claims = jwt.verify(token, key, {
        algorithms,
        clockTimestamp: Math.floor(clock.now() / 1_000),
        clockTolerance: (options.clockToleranceMs ?? 0) / 1_000,
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      if (typeof claims === 'string') throw refused('no claims');
      return claims as JsonObject;
    } catch (error) {
      if (isDomainError(error)) throw error;
      if (error instanceof jwt.TokenExpiredError) {
        throw new DomainError('expired', 'The token has expired', { subject: 'session' }, { cause: error });
      }
      throw refused((error as Error).message);
    }
  }

  async function ownSession(claims: JsonObject): Promise<Session | null> {
    if (!own || claims.iss !== own.issuer || claims.jti === undefined || claims.jti === null || claims.jti === '')
      return null;
    const id = Number(claims.jti);
    const session = isId(id) ? await own.sessions.find(id as SessionId) : null;
    if (!session) throw refused('the session is revoked or has run out');
    await own.sessions.touch(session.id);
    return session;
  }

  return {
    async verify(namespace, token) {
      const claims = await checked(token);
      if (requireExpiry && typeof claims.exp !== 'number') throw refused('no expiry');
      const session = await ownSession(claims);
      if (session && session.namespace !== namespace) throw refused('the session is for another wire');
      return {
        sessionId: session?.id ?? null,
        userId: session?.userId ?? null,
        externalId: toExternalId(claims[externalIdClaim]),
        claims,
        expiresAt: typeof claims.exp === 'number' ? claims.exp * 1_000 : null,
      };
    },
  };
}

/** For tokens that the gateway signs itself: `jti` is the session, `exp` the session's end where it has one. */
export function signToken(secret: string, claims: JsonObject): string {
  return jwt.sign(claims, secret, { algorithm: 'HS256', noTimestamp: true });
}

type FindKey = (keyId: string | undefined, algorithm: string) => Promise<KeyObject | null>;

function keyFinder(keys: JwtKeys): FindKey {
  if ('jwks' in keys) {
    return async (keyId, algorithm) => {
      const found = await keys.jwks.find(keyId);
      return found && (found.algorithm ?? algorithm) === algorithm ? found.key : null;
    };
  }
  const key = 'secret' in keys ? createSecretKey(Buffer.from(keys.secret)) : createPublicKey(keys.publicKey);
  return async () => key;
}

function toExternalId(claim: unknown): string | null {
  if (typeof claim === 'number' && Number.isSafeInteger(claim)) return String(claim);
  return typeof claim === 'string' && claim !== '' ? claim : null;
}

function refused(reason: string): DomainError {
  return new DomainError('unauthenticated', `Token refused: ${reason}`, { subject: 'session' });
}
