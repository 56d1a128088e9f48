import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Session, SessionId } from '@switchboard/core';
import { createFakeClock } from '@switchboard/testing';
import jwt from 'jsonwebtoken';
import { createJwks } from './jwks.ts';
import { createJwtVerifier, signToken } from './jwt.ts';

const SECRET = '!!SECRET!!';
const clock = createFakeClock();
const soon = () => Math.floor(clock.now() / 1_000) + 60;
const unauthenticated = expect.objectContaining({ code: 'unauthenticated' });

describe('tokens with a shared secret', () => {
  const verifier = createJwtVerifier({ keys: { secret: SECRET }, clock });
  const verify = (token: string) => verifier.verify('event', token);

  it('say whom they speak for, and until when', async () => {
    const exp = soon();
    expect(await verify(signToken(SECRET, { sub: '7', admin_id: '1', exp }))).toEqual({
      sessionId: null,
      userId: null,
      externalId: '7',
      claims: { sub: '7', admin_id: '1', exp },
      expiresAt: exp * 1_000,
    });
    expect(await verify(signToken(SECRET, { sub: 7, exp }))).toMatchObject({ externalId: '7' });
    expect(await verify(signToken(SECRET, { exp }))).toMatchObject({ externalId: null });
  });

  it('may hold nulls and empty strings where they hold nothing', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: null, iss: '', aud: '', sub: '', exp: soon(), admin_id: '1' })}`;
    const token = `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
    expect(await verify(token)).toMatchObject({ externalId: null, claims: { admin_id: '1', iat: null } });
  });

  it('of the year 2021 are what they were', async () => {
    const token =
      'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiIiLCJpYXQiOm51bGwsImV4cCI6MTYxNDkyMzExNiwiYXVkIjoiIiwic3ViIjoiIiwiYWRtaW5faWQiOiIxIn0.G789lqmV0yUs9sKVTcpid6HK3D4zK98kum-EgWs3yiY';
    const then = createFakeClock(1_614_923_115_000);
    const verifierThen = createJwtVerifier({ keys: { secret: SECRET }, clock: then });
    await expect(verifierThen.verify('event', token)).resolves.toMatchObject({ claims: { admin_id: '1' } });
    await expect(verify(token)).rejects.toMatchObject({ code: 'expired' });
  });

  it('are refused when they are forged, malformed, not yet good or without an end', async () => {
    const good = signToken(SECRET, { sub: '7', exp: soon() });
    const [header, , signature] = good.split('.');
    for (const token of [
      signToken('another secret', { sub: '7', exp: soon() }),
      jwt.sign({ sub: '7', exp: soon() }, SECRET, { algorithm: 'HS512' }),
      jwt.sign({ sub: '7', exp: soon() }, null as never, { algorithm: 'none' }),
      `${header}.${Buffer.from('{"sub":"8","exp":9999999999}').toString('base64url')}.${signature}`,
      good.slice(0, -1),
      `${header}.`,
      '',
      'a.b.c',
      'x'.repeat(20_000),
      signToken(SECRET, { sub: '7', exp: soon(), nbf: soon() }),
      signToken(SECRET, { sub: '7' }),
      jwt.sign('a text', SECRET),
    ]) {
      await expect(verify(token)).rejects.toEqual(unauthenticated);
    }
  });

  it('expire', async () => {
    const token = signToken(SECRET, { sub: '7', exp: soon() - 60 });
    await expect(verify(token)).rejects.toMatchObject({ code: 'expired' });
    const tolerant = createJwtVerifier({ keys: { secret: SECRET }, clock, clockToleranceMs: 5_000 });
    await expect(tolerant.verify('event', token)).resolves.toMatchObject({ externalId: '7' });
  });

  it('must come from where the configuration says', async () => {
    const strict = createJwtVerifier({ keys: { secret: SECRET }, clock, issuer: 'us', audience: 'chat' });
    const sign = (claims: object) => signToken(SECRET, { exp: soon(), ...claims });
    await expect(strict.verify('event', sign({ iss: 'us', aud: 'chat', sub: 'a' }))).resolves.toBeTruthy();
    await expect(strict.verify('event', sign({ iss: 'them', aud: 'chat' }))).rejects.toEqual(unauthenticated);
    await expect(strict.verify('event', sign({ iss: 'us' }))).rejects.toEqual(unauthenticated);
  });

  it('of our own fall with their session', async () => {
    const sessions = {
      find: jest.fn(async (id: SessionId) => (id === 5 ? ({ id, userId: 3, namespace: 'event' } as Session) : null)),
      touch: jest.fn(async () => undefined),
    };
    const own = createJwtVerifier({ keys: { secret: SECRET }, clock, own: { issuer: 'switchboard', sessions } });
    const sign = (claims: object) => signToken(SECRET, { exp: soon(), sub: '7', ...claims });
    const ours = sign({ iss: 'switchboard', jti: '5' });

    expect(await own.verify('event', ours)).toMatchObject({ sessionId: 5, userId: 3, externalId: '7' });
    expect(sessions.touch).toHaveBeenCalledWith(5);
    await expect(own.verify('netalo', ours)).rejects.toEqual(unauthenticated);
    for (const jti of ['6', 'nonsense', '-1', '1e400']) {
      await expect(own.verify('event', sign({ iss: 'switchboard', jti }))).rejects.toEqual(unauthenticated);
    }
    sessions.find.mockClear();
    expect(await own.verify('event', sign({ iss: 'somebody', jti: '6' }))).toMatchObject({ sessionId: null });
    expect(await own.verify('event', sign({ iss: 'switchboard' }))).toMatchObject({ sessionId: null });
    expect(sessions.find).not.toHaveBeenCalled();
  });
});

describe('tokens with key pairs', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
  const sign = (key: KeyObject, algorithm: 'RS256' | 'ES256', keyid?: string) =>
    jwt.sign({ sub: 'alice', exp: soon() }, key, keyid === undefined ? { algorithm } : { algorithm, keyid });

  it('are verified with the public key', async () => {
    const verifier = createJwtVerifier({ keys: { publicKey: pem(ec.publicKey) }, clock });
    expect(await verifier.verify('signalr', sign(ec.privateKey, 'ES256'))).toMatchObject({ externalId: 'alice' });
    await expect(verifier.verify('signalr', sign(rsa.privateKey, 'RS256'))).rejects.toEqual(unauthenticated);
  });

  it('are never verified with the public key as a shared secret', async () => {
    const publicKey = pem(rsa.publicKey);
    const verifier = createJwtVerifier({ keys: { publicKey }, clock });
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'mallory', exp: soon() })}`;
    const token = `${body}.${createHmac('sha256', publicKey).update(body).digest('base64url')}`;
    await expect(verifier.verify('signalr', token)).rejects.toEqual(unauthenticated);
    expect(() => createJwtVerifier({ keys: { publicKey }, clock, algorithms: ['HS256'] })).toThrow('does not go with');
    expect(() => createJwtVerifier({ keys: { secret: 'x' }, clock, algorithms: ['RS256'] })).toThrow(
      'does not go with',
    );
  });

  describe('that are published', () => {
    let server: Server;
    let published: { keys: object[] } | null;
    let fetches: number;

    const jwk = (key: KeyObject, kid: string, more: object = {}) => ({
      ...key.export({ format: 'jwk' }),
      kid,
      ...more,
    });
    const urlOf = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const open = () => {
      const jwks = createJwks({ url: urlOf(), clock, log: () => undefined, timeoutMs: 1_000 });
      const verifier = createJwtVerifier({ keys: { jwks }, clock });
      return (token: string) => verifier.verify('signalr', token);
    };

    beforeEach(async () => {
      fetches = 0;
      published = { keys: [jwk(rsa.publicKey, 'one')] };
      server = createServer((_request, response) => {
        fetches += 1;
        if (published) response.end(JSON.stringify(published));
        else response.writeHead(500).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });

    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    it('are fetched once for many', async () => {
      const verify = open();
      const token = sign(rsa.privateKey, 'RS256', 'one');
      await Promise.all(Array.from({ length: 10 }, () => verify(token)));
      expect(await verify(sign(rsa.privateKey, 'RS256'))).toMatchObject({ externalId: 'alice' });
      expect(fetches).toBe(1);
    });

    it('follow a rotation, but not every forger', async () => {
      const verify = open();
      await verify(sign(rsa.privateKey, 'RS256', 'one'));
      published = { keys: [jwk(rsa.publicKey, 'one'), jwk(ec.publicKey, 'two')] };
      const rotated = sign(ec.privateKey, 'ES256', 'two');
      await expect(verify(rotated)).rejects.toEqual(unauthenticated);
      clock.skip(30_000);
      await expect(verify(rotated)).resolves.toMatchObject({ externalId: 'alice' });
      for (let forgery = 0; forgery < 20; forgery += 1) {
        await expect(verify(sign(ec.privateKey, 'ES256', `made-up-${forgery}`))).rejects.toEqual(unauthenticated);
      }
      expect(fetches).toBe(2);
    });

    it('are kept while their publisher is away', async () => {
      const verify = open();
      const token = () => sign(rsa.privateKey, 'RS256', 'one');
      await verify(token());
      published = null;
      clock.skip(3_600_000);
      expect(await verify(token())).toMatchObject({ externalId: 'alice' });
      await expect(verify(sign(rsa.privateKey, 'RS256', 'other'))).rejects.toEqual(unauthenticated);
      published = { keys: [] };
      clock.skip(3_600_000);
      expect(await verify(token())).toMatchObject({ externalId: 'alice' });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      clock.skip(3_600_000);
      expect(await verify(token())).toMatchObject({ externalId: 'alice' });
    });

    it('are unavailable until they were there once', async () => {
      const verify = open();
      published = null;
      await expect(verify(sign(rsa.privateKey, 'RS256', 'one'))).rejects.toMatchObject({ code: 'unavailable' });
      await expect(verify(sign(rsa.privateKey, 'RS256', 'one'))).rejects.toMatchObject({ code: 'unavailable' });
      expect(fetches).toBe(1);
      published = { keys: [jwk(rsa.publicKey, 'one')] };
      clock.skip(1_000);
      expect(await verify(sign(rsa.privateKey, 'RS256', 'one'))).toMatchObject({ externalId: 'alice' });
    });

    it('serve signatures alone, each with its own algorithm', async () => {
      const secret = { kty: 'oct', k: Buffer.from('guess').toString('base64url'), kid: 'oct' };
      published = {
        keys: [
          secret,
          { kty: 'RSA', kid: 'broken' },
          jwk(ec.publicKey, 'sealing', { use: 'enc' }),
          jwk(ec.publicKey, 'elsewhere', { alg: 'ES384' }),
          jwk(rsa.publicKey, 'one', { alg: 'RS256', use: 'sig' }),
        ],
      };
      const verify = open();
      expect(await verify(sign(rsa.privateKey, 'RS256', 'one'))).toMatchObject({ externalId: 'alice' });
      await expect(verify(sign(ec.privateKey, 'ES256', 'sealing'))).rejects.toEqual(unauthenticated);
      await expect(verify(sign(ec.privateKey, 'ES256', 'elsewhere'))).rejects.toEqual(unauthenticated);
      const shared = jwt.sign({ sub: 'mallory', exp: soon() }, 'guess', { algorithm: 'HS256', keyid: 'oct' });
      await expect(verify(shared)).rejects.toEqual(unauthenticated);
    });
  });
});
