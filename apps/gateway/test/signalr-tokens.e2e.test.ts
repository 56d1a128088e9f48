/** Tokens of an outside system on the SignalR hub, as the settings name who knows them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openSignalr } from '@switchboard/protocol-signalr/testing';
import jwt from 'jsonwebtoken';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const SECRET = 'the secret of the outside system';
const asked: string[] = [];
/** Knows one opaque token. */
const outside = createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => {
    body += piece;
  });
  request.on('end', () => {
    const { token } = JSON.parse(body) as { token: string };
    asked.push(token);
    response.end(JSON.stringify(token === 'opaque-of-omid' ? { active: true, sub: 'omid' } : { active: false }));
  });
});

let gateway: TestGateway;

beforeAll(async () => {
  await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/introspect`;
  gateway = await startTestGateway({}, { change: { signalr: { jwt: { secret: SECRET }, introspection: { url } } } });
});

afterAll(async () => {
  await gateway?.close();
  outside.close();
});

async function signIn(token: string, identity: string): Promise<boolean> {
  const hubUrl = `${gateway.addresses.main.url}/chathub`;
  const { client, verdict } = await openSignalr({ hubUrl, token, identity });
  await client.close();
  return verdict.isOk;
}

const signed = (sub: string, secret = SECRET) => jwt.sign({ sub }, secret, { expiresIn: '1h' });

it('lets those in whom the outside system names, and makes users of them', async () => {
  expect(await signIn(signed('sara'), 'sara')).toBe(true);
  expect(await signIn('opaque-of-omid', 'omid')).toBe(true);
  const { body } = await gateway.admin<{ users: object[] }>('GET', '/users?protocol=signalr&externalId=sara');
  expect(body.users).toHaveLength(1);
});

it('refuses a token that is another’s, forged, or unknown', async () => {
  expect(await signIn(signed('sara'), 'omid')).toBe(false);
  expect(await signIn(signed('sara', 'another secret altogether'), 'sara')).toBe(false);
  expect(await signIn('opaque-of-nobody', 'omid')).toBe(false);
});

it('lets nobody in by a computed name on an outside system’s word', async () => {
  expect(await signIn(signed('u1'), 'u1')).toBe(false);
});

it('asks nobody about tokens that were issued here', async () => {
  const { body: user } = await gateway.admin<{ id: number }>('POST', '/users', { displayName: 'Neda' });
  const { body } = await gateway.admin<{ connect: { token: string; identity: string } }>('POST', '/credentials', {
    protocol: 'signalr',
    userId: user.id,
  });
  expect(body.connect.identity).toBe(`u${user.id}`);
  expect(await signIn(body.connect.token, body.connect.identity)).toBe(true);
  expect(asked).not.toContain(body.connect.token);
});
