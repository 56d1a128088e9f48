import { parseLenient } from './lenient.ts';

const refused = expect.objectContaining({ code: 'malformed' });

describe('the lenient grammar', () => {
  it.each([
    ["{'a': 1}", { a: 1 }],
    ['{a: "x", \'b\': [1, 2,], "c": {\'d\': null,},}', { a: 'x', b: [1, 2], c: { d: null } }],
    ["{'text': 'it's'}", { text: "it's" }],
    ["{'text': 'say \"hi\", please'}", { text: 'say "hi", please' }],
    ["{'sdp': 'v=0\r\na=b\n'}", { sdp: 'v=0\r\na=b\n' }],
    ["{'x': 'a\\'b\\n\\u0041\\q'}", { x: "a'b\nAq" }],
    ["{'last': 1598151020'}", { last: 1598151020 }],
    ["{'a': [1, 2]}}", { a: [1, 2] }],
    ["{'a': true, b: false} ;'\" ", { a: true, b: false }],
    [
      '{a: 289533106833113088, b: -1.5e3, c: 9007199254740991}',
      { a: '289533106833113088', b: -1500, c: 9007199254740991 },
    ],
    ["{'': ''}", { '': '' }],
    ["{'__proto__': {'x': 1}, 'constructor': 1, 'prototype': 2, 'a': 3}", { a: 3 }],
  ])('reads %s', (text, value) => {
    expect(parseLenient(text)).toEqual(value);
  });

  it.each([
    [''],
    ['{'],
    ["{'a'}"],
    ["{'a': }"],
    ["{'a': 1 'b': 2}"],
    ["{'a': 'x"],
    ['{a: 01x}'],
    ["{'a': 1} x"],
    ['nothing'],
    ["{'a\\"],
    ['['.repeat(17)],
  ])('refuses %j', (text) => {
    expect(() => parseLenient(text)).toThrow(refused);
  });

  it('reads nesting up to its limit, and long texts in one go', () => {
    expect(parseLenient(`${'['.repeat(16)}${']'.repeat(16)}`)).toBeInstanceOf(Array);
    const quotes = "' ".repeat(200_000);
    expect(parseLenient(`{'a': 'x${quotes}y'}`)).toEqual({ a: `x${quotes}y` });
    expect(() => parseLenient(`'${'x'.repeat(1024 * 1024)}'`)).toThrow(refused);
  });
});
