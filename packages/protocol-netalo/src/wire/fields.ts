/**
 * What a field may be on this wire and what it becomes, and shapes made of fields. Knows no request. A fault says which result code it
 * asks for: `field` (4), `enum` (5), `size` (too large, 19). Wire: PROTOCOL.md §2.3.
 */
import { ProtocolError, type Schema } from '@switchboard/protocol';

/** Decimal digits without leading zeros; `0` is none. */
export type WireId = string;

/** Takes what stands in the payload (undefined: nothing); throws for what may not stand there. */
export type Field<T> = (value: unknown, name: string) => T;

export const NONE: WireId = '0';

export function fault(reason: 'field' | 'enum' | 'size', field: string): ProtocolError {
  const code = reason === 'size' ? 'too_large' : 'malformed';
  return new ProtocolError(code, `${reason} at "${field}"`, { reason, field });
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Absent, null, "", 0: none. */
export const id: Field<WireId> = (value, name) => {
  if (isAbsent(value) || value === '') return NONE;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  if (typeof value === 'string' && /^[0-9]{1,20}$/.test(value)) return value.replace(/^0+(?=\d)/, '');
  throw fault('field', name);
};

/** One scalar is an array of one; each id once, in order, without nones. */
export const ids: Field<readonly WireId[]> = (value, name) => {
  const values = isAbsent(value) ? [] : Array.isArray(value) ? value : [value];
  const found = new Set(values.map((one) => id(one, name)));
  found.delete(NONE);
  return [...found];
};

/** A whole number from 0 to 2^32 - 1, also in digits. */
export const number: Field<number | undefined> = (value, name) => {
  if (isAbsent(value) || value === '') return undefined;
  const digits = typeof value === 'string' && /^[0-9]{1,10}$/.test(value);
  const found = digits ? Number(value) : value;
  if (typeof found === 'number' && Number.isInteger(found) && found >= 0 && found <= 4_294_967_295) return found;
  throw fault('field', name);
};

/** "" when absent. Characters that no store keeps become U+FFFD. */
export function text(maxLength: number, excess: 'field' | 'size' = 'field'): Field<string> {
  const given = optionalText(maxLength, excess);
  return (value, name) => given(value, name) ?? '';
}

/** Undefined when absent. */
export function optionalText(maxLength: number, excess: 'field' | 'size' = 'field'): Field<string | undefined> {
  return (value, name) => {
    if (value === undefined) return undefined;
    if (value === null) return '';
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      throw fault('field', name);
    const found = String(value);
    if (found.length > maxLength) throw fault(excess, name);
    return found.replace(UNSTORABLE, '\uFFFD');
  };
}

const UNSTORABLE = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

export function flag(fallback: boolean): Field<boolean> {
  return (value, name) => {
    if (isAbsent(value) || value === '') return fallback;
    if (value === true || value === 1 || value === 'true' || value === '1') return true;
    if (value === false || value === 0 || value === 'false' || value === '0') return false;
    throw fault('field', name);
  };
}

/** One of these numbers; `fallback` where 0 or nothing stands, when there is one. */
export function oneOf<const N extends number>(allowed: readonly N[], fallback?: N): Field<N> {
  return (value, name) => {
    const found = number(value, name);
    if ((found === undefined || found === 0) && fallback !== undefined) return fallback;
    if (found === undefined) throw fault('field', name);
    if (!(allowed as readonly number[]).includes(found)) throw fault('enum', name);
    return found as N;
  };
}

export function withDefault<T>(field: Field<T | undefined>, fallback: T): Field<T> {
  return (value, name) => field(value, name) ?? fallback;
}

/** Not none, not empty. */
export function required<T>(field: Field<T>): Field<Exclude<T, undefined>> {
  return (value, name) => {
    const found = field(value, name);
    if (found === undefined || found === '' || found === NONE || (Array.isArray(found) && found.length === 0)) {
      throw fault('field', name);
    }
    return found as Exclude<T, undefined>;
  };
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Shape<F extends Fields> = { readonly [Name in keyof F]: ReturnType<F[Name]> };

/** The schema of a request: what is not named is left out. `aliases`: name → other name that the clients use for it. */
export function shape<F extends Fields>(
  fields: F,
  aliases?: { readonly [Name in keyof F]?: string },
): Schema<Shape<F>> {
  const names = Object.keys(fields);
  return {
    safeParse(data) {
      // A payload that could not be read stands here as what was wrong with it.
      if (data instanceof Error) throw data;
      const given = data as Readonly<Record<string, unknown>>;
      const parsed: Record<string, unknown> = {};
      for (const name of names) {
        const alias = aliases?.[name];
        const value = given[name] === undefined && alias !== undefined ? given[alias] : given[name];
        parsed[name] = (fields[name] as Field<unknown>)(value, name);
      }
      return { success: true, data: parsed as Shape<F> };
    },
  };
}
