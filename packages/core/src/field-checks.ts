/** Short texts and small objects as commands bring them: made storable, held to a length. Knows no noun. */
import { DomainError, type ErrorSubject } from './errors.ts';
import type { JsonObject, JsonValue } from './model/user.ts';
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

/** Whatever the order of members: a store may give them back in another. */
export function isSameJson(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [one as JsonObject, other as JsonObject];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length && keys.every((key) => key in right && isSameJson(left[key], right[key]))
  );
}
