/** What a message may hold: made storable, held to the limits. Judged before anything is queued; knows no rights. */
import { DomainError } from '../errors.ts';
import { isId, type MessageId } from '../ids.ts';
import { storableJson, storableText } from '../storable-text.ts';

/** Longest client key, without its namespace. */
const CLIENT_REF_LENGTH = 512;
/** Parts, meta and prompt, each as JSON in UTF-16 units. */
const STRUCTURE_LENGTH = 256 * 1024;
const MOST_PARTS = 100;

export function checkedMessageText(
  text: string,
  { limit, truncate }: { readonly limit: number; readonly truncate: boolean },
): string {
  if (text.length <= limit) return storableText(text);
  if (!truncate)
    throw new DomainError('too_large', `The text is longer than ${limit}`, { subject: 'message', field: 'text' });
  // Never through the middle of a character.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1)) ? limit - 1 : limit;
  return storableText(text.slice(0, end));
}

export function checkedStructure<T extends object>(value: T, field: 'parts' | 'meta' | 'prompt'): T {
  if (isEmpty(value)) return value;
  if (Array.isArray(value) && value.length > MOST_PARTS) throw tooLarge(field);
  if (JSON.stringify(value).length > STRUCTURE_LENGTH) throw tooLarge(field);
  return storableJson(value);
}

/** With the namespace in front; null for none. A longer one is `invalid`: cut, it would be somebody else's. */
export function checkedClientRef(namespace: string, ref: string | null | undefined): string | null {
  if (ref === null || ref === undefined || ref === '') return null;
  if (ref.length > CLIENT_REF_LENGTH) {
    throw new DomainError('invalid', 'The client ref is too long', { subject: 'message', field: 'clientRef' });
  }
  return `${namespace}:${storableText(ref)}`;
}

export function checkedReply(id: MessageId | null | undefined): MessageId | null {
  return isId(id) ? id : null;
}

export function isEmpty(value: object | null | undefined): boolean {
  return value === null || value === undefined || Object.keys(value).length === 0;
}

function tooLarge(field: string): DomainError {
  return new DomainError('too_large', `${field} is too large`, { subject: 'message', field });
}
