/** Whose credential it is. Which verifier an adapter uses is configuration; adapters see only this. */
import type { Namespace, SessionId, UnixMs, UserId } from '../ids.ts';
import type { JsonObject } from '../model/user.ts';

export interface VerifiedToken {
  /** Set for sessions issued here. */
  readonly sessionId: SessionId | null;
  /** Whose session it is; null where only the external id is known. */
  readonly userId: UserId | null;
  /** External id in the namespace that the token speaks for; null when it names none. */
  readonly externalId: string | null;
  readonly claims: JsonObject;
  readonly expiresAt: UnixMs | null;
}

export interface TokenVerifier {
  /**
   * Throws `unauthenticated` for a token that is forged, malformed or unknown, `expired` for one whose time has passed, `unavailable`
   * when whoever must be asked cannot be reached.
   */
  verify(namespace: Namespace, token: string): Promise<VerifiedToken>;
}
