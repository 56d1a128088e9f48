import type { IncomingMessage } from 'node:http';
import { clientAddress, createPathMatcher, isOriginAllowed, redactHeaders, redactUrl } from './request.ts';

const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('a request', () => {
  it('comes from its socket, or from whom a trusted proxy names', () => {
    expect(clientAddress(request('::ffff:10.0.0.1', '1.2.3.4'), false)).toBe('10.0.0.1');
    expect(clientAddress(request('10.0.0.1', '1.2.3.4, 5.6.7.8'), true)).toBe('1.2.3.4');
    expect(clientAddress(request('10.0.0.1'), true)).toBe('10.0.0.1');
  });

  it.each([
    ['https://chat.example.org', ['https://chat.example.org'], true],
    ['https://CHAT.example.org', ['https://chat.example.org'], true],
    ['https://evil.org', ['https://chat.example.org'], false],
    ['https://a.example.org', ['https://*.example.org'], true],
    ['https://example.org', ['https://*.example.org'], false],
    ['https://evilexample.org', ['*.example.org'], false],
    ['http://a.b.example.org', ['*.example.org'], true],
    ['http://a.example.org', ['https://*.example.org'], false],
    ['null', ['https://chat.example.org'], false],
    [undefined, ['https://chat.example.org'], true],
    ['https://anything', null, true],
  ])('of origin %s against %j is allowed: %s', (origin, allowed, expected) => {
    expect(isOriginAllowed(origin, allowed)).toBe(expected);
  });

  it.each([
    [{ exact: '/ws' }, ['/ws'], ['/ws/', '/wss', '/WS']],
    [{ exact: '/chathub', lenient: true }, ['/chathub', '/ChatHub/'], ['/chathub/negotiate']],
    [{ prefix: '/api/v1' }, ['/api/v1', '/api/v1/x'], ['/api/v10', '/api']],
    [{ prefix: '/' }, ['/', '/anything'], []],
  ])('falls under %j', (claim, inside, outside) => {
    const matches = createPathMatcher(claim);
    expect([inside.every(matches), outside.some(matches)]).toEqual([true, false]);
  });

  it('is written down without its secrets', () => {
    expect(redactUrl('/ws?sid=2&access_token=abc&x-token=d?session=e')).toBe(
      '/ws?sid=2&access_token=…&x-token=…&session=…',
    );
    expect(redactUrl('/plain')).toBe('/plain');
    expect(
      redactHeaders({
        authorization: 'Bearer x',
        cookie: 'a=b',
        host: 'h',
        'sec-websocket-protocol': 'access_token, x',
      }),
    ).toEqual({ authorization: '…', cookie: '…', host: 'h', 'sec-websocket-protocol': '…' });
  });
});
