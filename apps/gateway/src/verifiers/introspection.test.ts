import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Clock } from '@switchboard/core';
import { createFakeClock } from '@switchboard/testing';
import { createVerifierChain } from './chain.ts';
import { createIntrospectionVerifier, type IntrospectionOptions } from './introspection.ts';

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
let questions: { headers: IncomingMessage['headers']; body: unknown }[];
const fake = createFakeClock();
/** Time of its own, but no waiting between retries. */
const clock: Clock = {
  ...fake,
  after: (_delayMs, run) => {
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  },
};

beforeEach(async () => {
  questions = [];
  server = createServer((request, response) => {
    void text(request).then((body) => {
      questions.push({ headers: request.headers, body: JSON.parse(body) });
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(options: Partial<IntrospectionOptions> = {}) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`;
  return createIntrospectionVerifier({ url, clock, log: () => undefined, ...options });
}

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

function says(status: number, body: unknown): Reply {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

describe('asking an outside system', () => {
  it('learns whom a credential speaks for', async () => {
    const exp = Math.floor(fake.now() / 1_000) + 60;
    answer = says(200, { active: true, sub: '42', exp, name: 'Ann' });
    expect(await open({ headers: { authorization: 'Bearer ours' } }).verify('iqchannels', 'theirs')).toEqual({
      sessionId: null,
      userId: null,
      externalId: '42',
      claims: { active: true, sub: '42', exp, name: 'Ann' },
      expiresAt: exp * 1_000,
    });
    expect(questions).toMatchObject([
      { headers: { authorization: 'Bearer ours' }, body: { token: 'theirs', namespace: 'iqchannels' } },
    ]);
  });

  it('may be put in the system’s own words', async () => {
    answer = says(200, { result: { Id: 7 } });
    const verifier = open({
      question: (_namespace, token) => ({ session: token }),
      answer: (body) => ({ externalId: String((body.result as { Id: number }).Id), expiresAt: null }),
    });
    expect(await verifier.verify('netalo', 'abcdef')).toMatchObject({ externalId: '7' });
    expect(questions[0]?.body).toEqual({ session: 'abcdef' });
  });

  it.each([
    ['says so', 200, { active: false, sub: '42' }],
    ['names nobody', 200, { active: true }],
    ['refuses', 401, {}],
    ['knows nothing', 404, {}],
  ])('is told once that a credential is no good: it %s', async (_how, status, body) => {
    answer = says(status, body);
    await expect(open().verify('netalo', 'x')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(questions).toHaveLength(1);
  });

  it('is told that a credential has run out', async () => {
    answer = says(200, { active: true, sub: '1', exp: Math.floor(fake.now() / 1_000) });
    await expect(open().verify('netalo', 'x')).rejects.toMatchObject({ code: 'expired' });
  });

  it('asks again after a fault', async () => {
    answer = (request, response) => {
      if (questions.length === 1) request.socket.destroy();
      else if (questions.length === 2) says(503, {})(request, response);
      else says(200, { sub: '1' })(request, response);
    };
    expect(await open().verify('netalo', 'x')).toMatchObject({ externalId: '1' });
    expect(questions).toHaveLength(3);
  });

  it.each([
    ['fails', says(500, {})],
    ['talks nonsense', (_request: unknown, response: ServerResponse) => void response.end('<html>')],
    [
      'sends elsewhere',
      (_request: unknown, response: ServerResponse) => void response.writeHead(302, { location: '/x' }).end(),
    ],
    ['hangs up', (request: IncomingMessage) => void request.socket.destroy()],
    ['says nothing', () => undefined],
  ] as const)('gives up on one that %s', async (_how, reply) => {
    answer = reply;
    await expect(open({ timeoutMs: 100, retries: 1 }).verify('netalo', 'x')).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(questions).toHaveLength(2);
  });

  it('leaves it alone for a while after it failed again and again, then tries one question', async () => {
    answer = says(500, {});
    const verifier = open({ retries: 0, breaker: { failures: 3, openMs: 10_000 } });
    const verify = () => verifier.verify('netalo', 'x');
    for (let call = 0; call < 10; call += 1) await expect(verify()).rejects.toMatchObject({ code: 'unavailable' });
    expect(questions).toHaveLength(3);

    fake.skip(10_000);
    await Promise.allSettled([verify(), verify(), verify()]);
    expect(questions).toHaveLength(4);

    fake.skip(10_000);
    answer = says(200, { sub: '1' });
    expect(await verify()).toMatchObject({ externalId: '1' });
    await Promise.all([verify(), verify()]);
    expect(questions).toHaveLength(7);
  });
});

describe('a chain of verifiers', () => {
  const known = { sessionId: null, userId: null, externalId: '1', claims: {}, expiresAt: null };
  const failing = (code: string) => ({
    verify: jest.fn(() => Promise.reject(Object.assign(new Error(code), { code }))),
  });

  it('asks on only where the token is unknown', async () => {
    answer = says(401, {});
    const second = { verify: jest.fn(async () => known) };
    expect(await createVerifierChain([open(), second]).verify('netalo', 'x')).toBe(known);
    answer = says(500, {});
    await expect(createVerifierChain([open({ retries: 0 }), second]).verify('netalo', 'x')).rejects.toMatchObject({
      code: 'unavailable',
    });
    const fault = failing('EBUG');
    await expect(createVerifierChain([fault, second]).verify('netalo', 'x')).rejects.toMatchObject({ code: 'EBUG' });
    expect(second.verify).toHaveBeenCalledTimes(1);
  });

  it('knows nobody when nobody is asked', async () => {
    await expect(createVerifierChain([]).verify('netalo', 'x')).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});
