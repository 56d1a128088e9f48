/** The HTTP surface by hand: who is let in, who is refused with which words, and what three transports do without a library. */
import { connect as connectTcp } from 'node:net';
import { ask, call, connectRaw, HANDSHAKE, openStream, RS, splitWhole } from './support/raw.ts';
import { createStage, type Stage } from './support/stage.ts';

interface Negotiated {
  readonly connectionId: string;
  readonly connectionToken: string;
}

describe('the HTTP surface', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await createStage();
  });
  afterAll(() => stage.close());

  async function negotiate(): Promise<Negotiated> {
    const { body } = await ask(`${stage.hubUrl}/negotiate?negotiateVersion=1`, { method: 'POST' });
    return JSON.parse(body) as Negotiated;
  }

  const at = (token: string) => `${stage.hubUrl}?id=${token}`;
  const post = (token: string, body: string) => ask(at(token), { method: 'POST', body });

  /** Signed in over long polling; answers the hub messages of the next polls until one holds the text. */
  async function openPolling(): Promise<{ token: string; until(part: string): Promise<string[]> }> {
    const { connectionToken: token } = await negotiate();
    await ask(at(token));
    await post(token, HANDSHAKE);
    return {
      token,
      async until(part) {
        const came: string[] = [];
        while (!came.some((message) => message.includes(part))) {
          const { status, body } = await ask(at(token));
          if (status !== 200) throw new Error(`a poll was answered with ${status}`);
          came.push(...splitWhole(body));
        }
        return came;
      },
    };
  }

  it('gives ids of 16 random bytes, and the token is not the id', async () => {
    const [one, other] = [await negotiate(), await negotiate()];
    for (const id of [one.connectionId, one.connectionToken]) expect(id).toMatch(/^[\w-]{22}$/);
    expect(new Set([one.connectionId, one.connectionToken, other.connectionId, other.connectionToken]).size).toBe(4);
    expect((await ask(at(one.connectionId))).status).toBe(404);
    expect((await ask(at(one.connectionToken))).status).toBe(200);
  });

  it.each(['PUT', 'PATCH', 'HEAD'])('refuses %s', async (method) => {
    const answer = await ask(stage.hubUrl, { method });
    expect([answer.status, answer.headers['content-type']]).toEqual([405, 'text/plain']);
  });

  it('negotiates by POST alone, and knows nothing below the hub', async () => {
    expect((await ask(`${stage.hubUrl}/negotiate`)).status).toBe(405);
    expect((await ask(`${stage.hubUrl}/other`)).status).toBe(404);
  });

  it.each(['text/plain;charset=UTF-8', 'application/octet-stream', 'application/json', ''])(
    'takes a negotiation whose body is said to be "%s"',
    async (type) => {
      const headers: Record<string, string> = type ? { 'content-type': type } : {};
      const answer = await ask(`${stage.hubUrl}/negotiate`, { method: 'POST', body: '{"x"', headers });
      expect(JSON.parse(answer.body)).toMatchObject({ negotiateVersion: 0 });
    },
  );

  describe('CORS', () => {
    const origin = 'https://app.example.org';

    it('answers a preflight with the exact origin, credentials, and the headers that it names', async () => {
      const answer = await ask(`${stage.hubUrl}/negotiate`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-headers': 'X-Requested-With, x-own-header' },
      });
      expect(answer.status).toBe(204);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
        'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
      });
      const allowed = answer.headers['access-control-allow-headers']?.split(', ');
      const wanted = ['content-type', 'authorization', 'x-requested-with', 'x-signalr-user-agent', 'x-own-header'];
      expect(allowed).toEqual(wanted);
    });

    it('names the origin on every answer, refusals included', async () => {
      for (const url of [at('unknown'), `${stage.hubUrl}/nothing`]) {
        const { headers } = await ask(url, { headers: { origin } });
        expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
      }
      expect((await ask(at('unknown'))).headers['access-control-allow-origin']).toBeUndefined();
    });

    it('refuses origins that are not on the list, on every transport', async () => {
      const strict = await createStage({ host: { origins: ['https://chat.example.org'] } });
      const headers = { origin };
      expect((await ask(`${strict.hubUrl}/negotiate`, { method: 'POST', headers })).status).toBe(403);
      expect((await ask(`${strict.hubUrl}?id=x`, { headers })).status).toBe(403);
      expect((await ask(strict.hubUrl, { method: 'OPTIONS', headers })).status).toBe(403);
      await expect(connectRaw(strict.hubUrl, null, headers)).rejects.toThrow('403');
      const good = await connectRaw(strict.hubUrl, HANDSHAKE, { origin: 'https://chat.example.org' });
      good.socket.terminate();
      await strict.close();
    });
  });

  describe('WebSockets', () => {
    const upgradeTo = (url: string) => connectRaw(url, null);

    it('refuses a forged token, a second socket, and a token of a connection that is over', async () => {
      await expect(upgradeTo(at('forged'))).rejects.toThrow('404');
      const { connectionToken } = await negotiate();
      const raw = await connectRaw(at(connectionToken));
      await expect(upgradeTo(at(connectionToken))).rejects.toThrow('409');
      expect((await post(connectionToken, HANDSHAKE)).body).toBe(
        'POST requests are not allowed for WebSocket connections.',
      );
      expect((await ask(at(connectionToken))).body).toBe('Cannot change transports mid-connection');
      expect((await ask(at(connectionToken), { method: 'DELETE' })).body).toBe(
        'Cannot terminate this connection using the DELETE endpoint.',
      );
      raw.socket.close();
      await raw.closed;
      await untilGone(connectionToken);
      await expect(upgradeTo(at(connectionToken))).rejects.toThrow('404');
    });

    it('refuses what is no upgrade of version 13', async () => {
      const headers = { connection: 'Upgrade', upgrade: 'websocket' };
      const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
      expect((await ask(stage.hubUrl, { headers: { ...headers, ...key } })).status).toBe(426);
      expect((await ask(stage.hubUrl, { headers: { ...headers, 'sec-websocket-version': '13' } })).status).toBe(400);
      const post = { method: 'POST', headers: { ...headers, ...key, 'sec-websocket-version': '13' } };
      expect((await ask(stage.hubUrl, post)).status).toBe(400);
    });

    it('takes JSON in binary frames and writes text, MessagePack the other way round', async () => {
      const raw = await connectRaw(stage.hubUrl, null);
      raw.send(Buffer.from(HANDSHAKE));
      await raw.next();
      raw.send(Buffer.from(call('1', 'Ping')));
      await raw.until('"invocationId":"1"');
      expect(raw.chunks.map(({ isBinary }) => isBinary)).not.toContain(true);
      raw.socket.terminate();
    });

    it('answers a close with the same code, and a ping with its pong', async () => {
      const raw = await connectRaw(stage.hubUrl);
      const pong = new Promise((resolve) => raw.socket.once('pong', (data) => resolve(String(data))));
      raw.socket.ping('hello');
      expect(await pong).toBe('hello');
      raw.socket.close(4001, 'bye');
      expect(await raw.closed).toBe(4001);
    });

    it('reads a message in whatever pieces it comes', async () => {
      const raw = await connectRaw(stage.hubUrl, null);
      const text = HANDSHAKE + call('1', 'Ping') + call('2', 'Pong');
      for (const letter of text) raw.send(letter);
      await raw.until('"invocationId":"2"');
      raw.socket.send('{"type":1,"invocationId":"3",', { fin: false });
      raw.socket.send('"target":"Pong","arguments":[]}', { fin: false });
      raw.socket.send(RS, { fin: true });
      await raw.until('"invocationId":"3"');
      raw.socket.terminate();
    });

    it('ends with 1002 for frames that break the rules', async () => {
      const raw = await connectRaw(stage.hubUrl);
      // An unmasked frame: no library sends one.
      (raw.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
        Buffer.from([0x81, 1, 0x61]),
      );
      expect(await raw.closed).toBe(1002);
    });

    it('reads what came in one segment with the upgrade', async () => {
      const { port } = new URL(stage.hubUrl);
      const socket = connectTcp(Number(port), '127.0.0.1');
      const mask = Buffer.from([1, 2, 3, 4]);
      const payload = Buffer.from(HANDSHAKE).map((byte, index) => byte ^ (mask[index % 4] as number));
      const frame = Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload]);
      const head =
        'GET /chathub HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
      socket.write(Buffer.concat([Buffer.from(head), frame]));
      const text = await new Promise<string>((resolve) => {
        let got = '';
        socket.on('data', (data) => {
          got += data.toString('latin1');
          if (got.includes(`{}${RS}`)) resolve(got);
        });
      });
      expect(text).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      expect(text).not.toContain('Sec-WebSocket-Protocol');
      socket.destroy();
    });
  });

  describe('server-sent events', () => {
    async function open(handshake: string = HANDSHAKE) {
      const { connectionToken: token } = await negotiate();
      const stream = await openStream(at(token));
      expect((await post(token, handshake)).status).toBe(200);
      return { token, stream };
    }

    it('open with a comment, headers that no proxy may hold back, and carry one event for each chunk', async () => {
      const { token, stream } = await open();
      expect(stream.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache,no-store',
        pragma: 'no-cache',
        'content-encoding': 'identity',
        'x-accel-buffering': 'no',
      });
      await stream.until('{}');
      const posted = await post(token, call('1', 'Pong'));
      expect([posted.status, posted.body, posted.headers['content-type']]).toEqual([200, '', 'text/plain']);
      await stream.until('"invocationId":"1"');
      const completion = `data: {"type":3,"invocationId":"1","result":null}${RS}\r\n\r\n`;
      expect(stream.text).toBe(`:\r\ndata: {}${RS}\r\n\r\n${completion}`);
      stream.destroy();
      await untilGone(token);
    });

    it('refuse MessagePack, a second stream, an id that is missing or unknown, and DELETE', async () => {
      const { token, stream } = await open(`{"protocol":"messagepack","version":1}${RS}`);
      await stream.until("Cannot use the 'messagepack' protocol on the current transport.");
      await stream.ended;
      await untilGone(token);
      const other = await open();
      expect((await openStream(at(other.token))).status).toBe(409);
      expect((await openStream(stage.hubUrl)).status).toBe(400);
      expect((await openStream(at('unknown'))).status).toBe(404);
      expect((await ask(at(other.token), { method: 'DELETE' })).status).toBe(400);
      expect((await ask(at(other.token))).body).toBe('Cannot change transports mid-connection');
      other.stream.destroy();
    });
  });

  describe('long polling', () => {
    it('answers the first poll at once with nothing, and later ones with all that waits', async () => {
      const polling = await openPolling();
      const { token } = polling;
      const first = await ask(at(token));
      expect([first.status, first.body]).toEqual([200, `{}${RS}`]);
      expect(first.headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-length': '3',
        'cache-control': 'no-cache, no-store',
        pragma: 'no-cache',
      });
      expect(Date.parse(String(first.headers.expires))).toBeLessThan(Date.now());
      await post(token, call('1', 'Ping') + call('2', 'Pong'));
      const came = await polling.until('"invocationId":"2"');
      expect(came).toHaveLength(4);
      await ask(at(token), { method: 'DELETE' });
    });

    it('keeps what was posted before the first poll', async () => {
      const { connectionToken: token } = await negotiate();
      expect((await post(token, HANDSHAKE)).status).toBe(200);
      expect((await post(token, call('1', 'Pong'))).status).toBe(200);
      expect((await ask(at(token))).body).toBe('');
      let came = '';
      while (!came.includes('"invocationId":"1"')) came += (await ask(at(token))).body;
      expect(came).toBe(`{}${RS}{"type":3,"invocationId":"1","result":null}${RS}`);
    });

    it('lets a new poll take the place of one that waits', async () => {
      const { token, until } = await openPolling();
      await until('{}');
      const first = ask(at(token));
      const second = ask(at(token));
      expect((await first).status).toBe(204);
      await post(token, call('1', 'Pong'));
      expect((await second).body).toContain('"invocationId":"1"');
    });

    it('takes posts one after the other, in the order in which they came', async () => {
      const { token, until } = await openPolling();
      const calls = Array.from({ length: 20 }, (_, index) => call(String(index), 'Pong'));
      const whole = calls.join('');
      const cut = Math.floor(whole.length / 2) + 3;
      const answers = [post(token, whole.slice(0, cut))];
      answers.push(post(token, whole.slice(cut)));
      const statuses = (await Promise.all(answers)).map(({ status }) => status);
      expect(statuses).toEqual([200, 200]);
      const came = await until('"invocationId":"19"');
      const ids = came.map((message) => (JSON.parse(message.slice(0, -1)) as { invocationId?: string }).invocationId);
      expect(ids.filter((id) => id !== undefined)).toEqual(calls.map((_, index) => String(index)));
    });

    it('ends by DELETE: the waiting poll has its 204, later requests 404', async () => {
      const { token, until } = await openPolling();
      await until('{}');
      const waiting = ask(at(token));
      await post(token, call('1', 'Pong'));
      expect((await waiting).status).toBe(200);
      const last = ask(at(token));
      await new Promise((resolve) => setImmediate(resolve));
      const deleted = await ask(at(token), { method: 'DELETE' });
      expect([deleted.status, deleted.headers['content-type']]).toEqual([202, 'text/plain']);
      expect((await last).status).toBe(204);
      expect((await post(token, call('2', 'Pong'))).status).toBe(404);
      expect((await ask(at(token))).status).toBe(404);
    });

    it('brings the goodbye with the next poll, then says that it is over', async () => {
      const { token, until } = await openPolling();
      await until('{}');
      await post(token, `{"type":1,"target":${RS}`);
      expect((await ask(at(token))).body).toBe(`{"type":7,"error":"Connection closed with an error."}${RS}`);
      expect((await ask(at(token))).status).toBe(204);
      expect((await ask(at(token))).status).toBe(404);
    });
  });

  it('never writes a token or an id into its log', async () => {
    const { connectionToken } = await negotiate();
    await ask(`${at(connectionToken)}&access_token=secret-of-the-client`);
    const lines = JSON.stringify([stage.host.lines, stage.world.test.lines]);
    expect(lines).not.toContain(connectionToken);
    expect(lines).not.toContain('secret-of-the-client');
  });

  /** The server has seen the end, too. */
  async function untilGone(token: string): Promise<void> {
    for (;;) if ((await post(token, '')).status === 404) return;
  }
});
