import { decodePayload, toAttachments, unescapeText } from './codec.ts';

const limits = { depth: 32, members: 10_000 };
const malformed = expect.objectContaining({ code: 'malformed' });

describe('a payload', () => {
  it('is an object, strict JSON, or the pseudo-JSON of the document', () => {
    expect(decodePayload([{ a: 1 }], limits)).toEqual({ form: 'object', fields: { a: 1 } });
    expect(decodePayload(['{"a": 289533106833113088}'], limits)).toEqual({
      form: 'string',
      fields: { a: '289533106833113088' },
    });
    expect(decodePayload(["{'a': 'b'}", 'more'], limits)).toEqual({ form: 'string', fields: { a: 'b' } });
  });

  it.each([[[]], [[null]], [[1]], [[true]], [[[1]]], [['[1]']], [['text']], [[Buffer.from('{}')]]])(
    'is not %j',
    (args) => {
      expect(() => decodePayload(args, limits)).toThrow(malformed);
    },
  );

  it('has no members that would be more than that', () => {
    const { fields } = decodePayload([JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "b": 2}')], limits);
    expect(Object.keys(fields)).toEqual(['b']);
    expect((fields as { a?: unknown }).a).toBeUndefined();
  });
});

describe('pre-escaped strings', () => {
  it.each([
    ['say \\"hi\\"', 'say "hi"'],
    ['say "hi"', 'say "hi"'],
    ['\\"one\\" "two"', '\\"one\\" "two"'],
    ['no quotes \\ at all', 'no quotes \\ at all'],
  ])('%j means %j', (text, meant) => {
    expect(unescapeText(text)).toBe(meant);
  });

  it.each([
    [{ images: [{ url: 'u' }] }, '{"images":[{"url":"u"}]}'],
    ['{"a":1}', '{"a":1}'],
    ['{\\"images\\":[{\\"url\\":\\"u\\"}]}', '{"images":[{"url":"u"}]}'],
    ['{\\"text\\":\\"say \\\\\\"hi\\\\\\"\\"}', '{"text":"say \\"hi\\""}'],
    ['no \\"json\\" at all', 'no \\"json\\" at all'],
    ['', ''],
    [null, ''],
  ])('attachments %j are %j', (value, text) => {
    expect(toAttachments(value)).toBe(text);
  });
});
