/** Whose own matter something is. Rights that depend on rows are judged in the store's SQL, not here. */
import type { Actor } from './actor.ts';
import { DomainError, type ErrorSubject } from './errors.ts';
import type { UserId } from './ids.ts';

/** The administration and the gateway itself: everything is theirs. */
export function isAdministration(actor: Actor): boolean {
  return actor.userId === null;
}

/** `forbidden` unless it is the actor's own, or the actor is the administration. */
export function requireOwn(actor: Actor, ownerId: UserId | null, subject: ErrorSubject): void {
  if (isAdministration(actor) || (ownerId !== null && actor.userId === ownerId)) return;
  throw new DomainError('forbidden', `User ${actor.userId} is not the owner`, { subject });
}
