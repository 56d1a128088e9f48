import { checkedJson, checkedKey, checkedText, isSameJson } from './field-checks.ts';

const rule = { subject: 'user', field: 'displayName', maxLength: 3 } as const;

describe('fields of commands', () => {
  it('are made storable, or refused when they are too long', () => {
    expect(checkedText('a\0b', rule)).toBe('a\ufffdb');
    expect(() => checkedText('abcd', rule)).toThrow(expect.objectContaining({ code: 'too_large' }));
  });

  it('come back as they were when they are keys, or are refused', () => {
    expect(checkedKey('abc', rule)).toBe('abc');
    for (const key of ['', 'abcd', 'a\0', '\ud800']) {
      expect(() => checkedKey(key, rule)).toThrow(expect.objectContaining({ code: 'invalid' }));
    }
  });

  it('are held to a size in bytes when they are objects', () => {
    const limit = { subject: 'user', field: 'attributes', maxBytes: 10 } as const;
    expect(checkedJson({ a: 'b' }, limit)).toEqual({ a: 'b' });
    expect(() => checkedJson({ a: 'ääää' }, limit)).toThrow(expect.objectContaining({ code: 'too_large' }));
  });

  it('are the same in any order of members', () => {
    const value = { a: [1, { b: null }], c: 'x' };
    expect(isSameJson(value, { c: 'x', a: [1, { b: null }] })).toBe(true);
    for (const other of [
      { a: [1, { b: null }] },
      { ...value, d: 1 },
      { ...value, a: [{ b: null }, 1] },
      { ...value, c: null },
      null,
      [],
      undefined,
    ]) {
      expect(isSameJson(value, other)).toBe(false);
      expect(isSameJson(other, value)).toBe(false);
    }
    expect(isSameJson({ a: undefined as never }, { b: undefined as never })).toBe(false);
    expect(isSameJson([], {})).toBe(false);
  });
});
