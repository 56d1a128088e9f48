import { parseSid, roleOf, sessionIdOf, subjectOf, tokenOf, verifyToken } from './token.ts';

/** The document's own sample: `admin_id: "1"`, good until 2021-03-05T05:45:16Z. */
const SAMPLE =
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiIiLCJpYXQiOm51bGwsImV4cCI6MTYxNDkyMzExNiwiYXVkIjoiIiwic3ViIjoiIiwiYWRtaW5faWQiOiIxIn0.G789lqmV0yUs9sKVTcpid6HK3D4zK98kum-EgWs3yiY';
const END = 1_614_923_116_000;

describe('a token', () => {
  it('stands second in the header, after access_token', () => {
    expect(tokenOf('access_token,x')).toBe('x');
    expect(tokenOf('access_token, x ')).toBe('x');
    for (const header of [
      undefined,
      '',
      'x',
      'access_token',
      'x,access_token',
      'access_token,x,y',
      ' access_token,x',
    ]) {
      expect(tokenOf(header)).toBeNull();
    }
  });

  it('is good until its end, with the right secret alone', () => {
    expect(verifyToken(SAMPLE, '!!SECRET!!', END - 1_000)).toMatchObject({ admin_id: '1', iat: null });
    expect(verifyToken(SAMPLE, '!!SECRET!!', END)).toBeNull();
    expect(verifyToken(SAMPLE, '!!secret!!', END - 1_000)).toBeNull();
    expect(verifyToken('', '!!SECRET!!', END - 1_000)).toBeNull();
  });

  it('names one role by a number', () => {
    expect(roleOf({ admin_id: '1' })).toEqual({ isModerator: true, requestId: null });
    expect(roleOf({ request_id: 57, admin_id: null })).toEqual({ isModerator: false, requestId: 57 });
    for (const claims of [
      {},
      { admin_id: 1, request_id: 1 },
      { admin_id: '' },
      { request_id: 'x' },
      { admin_id: [1] },
    ]) {
      expect(roleOf(claims)).toBeNull();
    }
  });

  it('names a subject and a session, or none', () => {
    expect([subjectOf({ sub: 2 }), subjectOf({ sub: '2' }), subjectOf({ sub: null }), subjectOf({})]).toEqual([
      '2',
      '2',
      null,
      null,
    ]);
    expect([sessionIdOf({}), sessionIdOf({ jti: '' }), sessionIdOf({ jti: null })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([sessionIdOf({ jti: '7' }), sessionIdOf({ jti: 7 })]).toEqual([7, 7]);
    for (const jti of ['x', '0', -1, 1.5, '99999999999999999999', {}]) expect(sessionIdOf({ jti })).toBeNull();
  });
});

it('a sid is a decimal number from 1 to 4294967295', () => {
  expect([parseSid('1'), parseSid('0002'), parseSid('4294967295')]).toEqual([1, 2, 4_294_967_295]);
  for (const text of [null, '', '0', '-1', '1.5', '1e3', ' 1', '4294967296', '9'.repeat(400)])
    expect(parseSid(text)).toBeNull();
});
