/**
 * What every store can keep: U+0000 and unpaired surrogates become U+FFFD, in texts and in all texts of a JSON value. Done before
 * anything is queued, so that one strange text never fails its neighbours.
 */
import type { JsonValue } from './model/user.ts';

/** Node 20 has it, the library types of ES2023 do not. */
type WellFormed = string & { toWellFormed(): string };

export function storableText(text: string): string {
  const wellFormed = (text as WellFormed).toWellFormed();
  return wellFormed.includes('\u0000') ? wellFormed.replaceAll('\u0000', '\uFFFD') : wellFormed;
}

/** Keys included. Undefined members are left out, as JSON leaves them out. */
export function storableJson<T>(value: T): T {
  return storable(value as JsonValue) as T;
}

function storable(value: JsonValue): JsonValue {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map(storable);
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(entries.map(([key, part]) => [storableText(key), storable(part)]));
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
