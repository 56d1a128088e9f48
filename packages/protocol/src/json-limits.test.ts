import { checkJsonLimits, hasBigIntegers, parseExactJson, parseJson, quoteBigIntegers } from './json-limits.ts';

const LIMITS = { bytes: 100, depth: 3, members: 5 };

describe('limits before parsing', () => {
  it.each(['[[[1]]]', '{"a":{"b":[1,2,3]}}', '"[[[[[[ {{{{ , , , , , , ,"', '"\\"[[[["', '', 'nonsense'])(
    'lets %s pass',
    (text) => {
      expect(() => checkJsonLimits(text, LIMITS)).not.toThrow();
    },
  );

  it.each([
    ['deep', '[[[[1]]]]', 'too_deep'],
    ['deep behind an escaped quote', '["\\\\",[[["x"]]]]', 'too_deep'],
    ['full', '[1,2,3,4,5,6,7]', 'too_large'],
    ['long', `"${'x'.repeat(100)}"`, 'too_large'],
    ['long in bytes', `"${'я'.repeat(60)}"`, 'too_large'],
  ])('refuses what is too %s', (_what, text, code) => {
    expect(() => checkJsonLimits(text, LIMITS)).toThrow(expect.objectContaining({ code }));
  });

  it('takes little time for a million brackets in a string', () => {
    const startedAt = performance.now();
    checkJsonLimits(JSON.stringify('[\\"'.repeat(300_000)), { depth: 3, members: 5 });
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

describe('exact integers', () => {
  it.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', '9007199254740992'],
    ['-9007199254740993', '-9007199254740993'],
    ['12345678901234567890', '12345678901234567890'],
    ['1e30', 1e30],
    ['1234567890123456.5', 1234567890123456.5],
    ['[1795176000000123456,{"id":99999999999999999999}]', ['1795176000000123456', { id: '99999999999999999999' }]],
    ['"12345678901234567890"', '12345678901234567890'],
    ['{"a":"\\"12345678901234567890"}', { a: '"12345678901234567890' }],
  ])('reads %s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value);
  });

  it('leaves a text without them as it is', () => {
    const text = '{"a":1.5,"b":["x",-20]}';
    expect(quoteBigIntegers(text)).toBe(text);
    expect([hasBigIntegers(text), hasBigIntegers('[12345678901234567890]')]).toEqual([false, true]);
  });

  it('calls what is no JSON malformed', () => {
    expect(() => parseJson('{')).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
