/** What the fast lane refused, as the error that use cases throw. */
import { DomainError } from '../errors.ts';
import type { Refusal } from '../ports/committer.ts';

export function refusalOf(refusal: Refusal): DomainError {
  switch (refusal) {
    case 'not_found':
      return new DomainError('not_found', 'No such conversation or message for the actor', { subject: 'conversation' });
    case 'not_participant':
      return new DomainError('forbidden', 'The actor takes no part', {
        subject: 'participant',
        reason: 'no_participant',
      });
    case 'blocked':
      return new DomainError('forbidden', 'The actor is blocked', { subject: 'participant', reason: 'blocked' });
    case 'closed':
      return new DomainError('conflict', 'The conversation is closed', { subject: 'conversation', reason: 'closed' });
    case 'forbidden':
      return new DomainError('forbidden', 'The actor has no right to do this', {
        subject: 'message',
        reason: 'no_right',
      });
    case 'deleted':
      return new DomainError('conflict', 'The message is deleted', { subject: 'message', reason: 'deleted' });
    case 'invalid':
      return new DomainError('invalid', 'A value that cannot be kept', { subject: 'message' });
  }
}
