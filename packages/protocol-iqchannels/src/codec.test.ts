import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  decodeBody,
  decodeCookies,
  decodeCursor,
  decodeFileId,
  decodeQuery,
  decodeSignedToken,
  encodeAscii,
  encodeFrame,
  success,
} from './codec.ts';
import { escapeForeign } from './views/messages.ts';

const LIMITS = { depth: 8, members: 100 };
const body = (text: string) => decodeBody(Buffer.from(text), LIMITS);

it('reads keys in any case, and nulls as absent', () => {
  expect({ ...(body('{"localId": 1, "Text": null, "Rating": {"Value": 4}}') as object) }).toEqual({
    localid: 1,
    rating: expect.objectContaining({ value: 4 }),
  });
  expect(body('')).toBeUndefined();
  expect(body('null')).toBeUndefined();
  expect(body('[1, 2]')).toEqual([1, 2]);
  expect(body('5386')).toBe(5386);
  expect(() => body('{"a":')).toThrow('not JSON');
  expect(() => body('['.repeat(20))).toThrow('nested');
});

it('reads a second question mark as an ampersand, and keys in any case', () => {
  const query = decodeQuery('/x?ChatType=regular?LastEventId=102');
  expect([...query]).toEqual([
    ['chattype', 'regular'],
    ['lasteventid', '102'],
  ]);
});

it('writes nothing but ASCII into event streams', () => {
  expect(encodeAscii({ Text: 'Привет\u2028🎉' })).toBe(
    '{"Text":"\\u041f\\u0440\\u0438\\u0432\\u0435\\u0442\\u2028\\ud83c\\udf89"}',
  );
  const frame = { envelope: success([], {}), id: 5 };
  const block = 'id: 5\ndata: {"OK":true,"Error":null,"Result":[],"Rels":{}}\n\n';
  expect(encodeFrame(frame, 'sse').toString()).toBe(block);
  expect(encodeFrame(frame, 'sse-chunked').toString()).toBe(`${block.length.toString(16)}\r\n${block}\r\n`);
});

it('knows the UUID of a file whatever stands behind it, and nothing else', () => {
  const id = '5722e415-90a7-46bd-8bd5-6a31e6e7a1d2';
  expect(decodeFileId(`${id.toUpperCase()}.jpg`)).toBe(id);
  expect(decodeFileId(id)).toBe(id);
  for (const bad of [`${id}.jpg/../x`, `../${id}`, `${id}.`, '5722', '']) expect(decodeFileId(bad)).toBeNull();
});

it('reads cursors and cookies as they come', () => {
  expect([
    decodeCursor('16598'),
    decodeCursor(''),
    decodeCursor('-1'),
    decodeCursor('1e3'),
    decodeCursor(undefined),
  ]).toEqual([16598, 0, 0, 0, 0]);
  expect(decodeCookies('a=1; client-session="x=y"; a=2').get('client-session')).toBe('x=y');
});

it('reads the signed token of the published vector', () => {
  const vectors = JSON.parse(readFileSync(join(__dirname, '../test/golden/wire.json'), 'utf8')) as {
    payload: Record<string, string>;
  }[];
  const vector = vectors.find(({ payload }) => payload.HmacSha1Hex)?.payload as Record<string, string>;
  const { token, sign } = decodeSignedToken(vector.QueryValue as string);
  expect(token).toBe(vector.InnerText);
  expect(
    createHmac('sha1', vector.SessionToken as string)
      .update(token)
      .digest('hex'),
  ).toBe(sign);
  expect(decodeSignedToken((vector.QueryValue as string).replaceAll('+', ' ').replace(/=+$/, '')).token).toBe(token);
});

it('makes the text of strangers harmless, and leaves ordinary text alone', () => {
  expect(escapeForeign('<b>x</b> & y')).toBe('&lt;b>x&lt;/b> & y');
  expect(escapeForeign('AT&T a&b;c &amp; &#60; &lt &copy=1')).toBe(
    'AT&T a&amp;b;c &amp;amp; &amp;#60; &amp;lt &amp;copy=1',
  );
});
