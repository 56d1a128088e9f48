/** Short texts and small objects as commands bring them: made storable, held to a length. Knows no noun. */
import { DomainError, type ErrorSubject } from './errors.ts';
import type { JsonObject } from './model/user.ts';
import { storableJson, storableText } from './storable-text.ts';

export interface TextRule {
  readonly subject: ErrorSubject;
  readonly field: string;
  /** In UTF-16 units. */
  readonly maxLength: number;
}

/** What no store keeps becomes U+FFFD; `too_large` beyond the length. */
export function checkedText(value: string, rule: TextRule): string {
  if (value.length > rule.maxLength) {
    throw new DomainError('too_large', `${rule.field} is longer than ${rule.maxLength}`, rule);
  }
  return storableText(value);
}

/** An id or a name that must come back as it was given: nothing is replaced, `invalid` when it is empty or cannot be kept. */
export function checkedKey(value: string, rule: TextRule): string {
  if (value === '' || value.length > rule.maxLength || storableText(value) !== value) {
    throw new DomainError('invalid', `${rule.field} is empty, too long or cannot be stored`, rule);
  }
  return value;
}

export function checkedJson(
  value: JsonObject,
  rule: { subject: ErrorSubject; field: string; maxBytes: number },
): JsonObject {
  if (Buffer.byteLength(JSON.stringify(value)) > rule.maxBytes) {
    throw new DomainError('too_large', `${rule.field} takes more than ${rule.maxBytes} bytes`, rule);
  }
  return storableJson(value);
}
