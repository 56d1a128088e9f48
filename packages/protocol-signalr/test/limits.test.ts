/** Times and sizes, on a clock that the test owns. */
import { adminActor } from '@switchboard/core';
import { createFakeClock, type FakeClock } from '@switchboard/testing';
import { ask, call, connectRaw, HANDSHAKE, openStream, type RawSocket, RS, signInRaw } from './support/raw.ts';
import { createStage, type Stage, type StageOptions } from './support/stage.ts';

const PING = `{"type":6}${RS}`;
const CLOSED_WITH_ERROR = `{"type":7,"error":"Connection closed with an error."}${RS}`;

describe('times and sizes', () => {
  let clock: FakeClock;
  let stage: Stage;

  async function setUp(options: StageOptions = {}): Promise<void> {
    clock = createFakeClock();
    stage = await createStage({ ...options, world: { clock } });
  }

  afterEach(() => stage.close());

  /** Lets what sockets have under way arrive. */
  async function advance(ms: number): Promise<void> {
    await clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The server has read everything that was sent before. */
  async function roundTrip(raw: RawSocket): Promise<void> {
    raw.send(call('r', 'Pong'));
    await raw.until('"invocationId":"r"');
  }

  async function negotiate(): Promise<string> {
    const { body } = await ask(`${stage.hubUrl}/negotiate?negotiateVersion=1`, { method: 'POST' });
    return (JSON.parse(body) as { connectionToken: string }).connectionToken;
  }

  describe('messages', () => {
    beforeEach(() => setUp());

    const ofSize = (bytes: number) => {
      const empty = call('1', 'Pong').length - 1;
      return `{"type":1,"invocationId":"1","target":"Pong","arguments":[],"x":"${'x'.repeat(bytes - empty - 7)}"}${RS}`;
    };

    it('of 256 KiB are read, larger ones end the connection, after what was asked before', async () => {
      const raw = await connectRaw(stage.hubUrl);
      raw.send(ofSize(256 * 1024));
      expect(await raw.next()).toContain('"invocationId":"1"');
      raw.send(call('2', 'Pong') + ofSize(256 * 1024 + 1));
      expect(await raw.next()).toContain('"invocationId":"2"');
      expect(await raw.next()).toBe(CLOSED_WITH_ERROR);
      expect(await raw.closed).toBe(1000);
    });

    it('without an end are refused when they pass the limit, not when they are complete', async () => {
      const raw = await connectRaw(stage.hubUrl);
      for (let sent = 0; sent <= 256 * 1024; sent += 4096) raw.send('x'.repeat(4096));
      expect(await raw.next()).toBe(CLOSED_WITH_ERROR);
    });

    it('nested too deep, or with too many members, end the connection', async () => {
      const deep = await connectRaw(stage.hubUrl);
      deep.send(`{"type":1,"target":"Pong","arguments":[${'['.repeat(40)}${']'.repeat(40)}]}${RS}`);
      expect(await deep.next()).toBe(CLOSED_WITH_ERROR);
      const wide = await connectRaw(stage.hubUrl);
      wide.send(`{"type":1,"target":"Pong","arguments":[${'1,'.repeat(10_001)}1]}${RS}`);
      expect(await wide.next()).toBe(CLOSED_WITH_ERROR);
    });

    it('that are no UTF-8 end the connection', async () => {
      const raw = await connectRaw(stage.hubUrl);
      raw.send(Buffer.from([0x7b, 0xff, 0x7d, 0x1e]));
      expect(await raw.next()).toBe(CLOSED_WITH_ERROR);
    });

    it('of a MessagePack length that is none, or above the limit, end the connection', async () => {
      for (const bytes of [
        [0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        [0x81, 0x80, 0x80, 0x01, 0x91],
      ]) {
        const raw = await connectRaw(stage.hubUrl, `{"protocol":"messagepack","version":1}${RS}`);
        await raw.next();
        raw.send(Buffer.from(bytes));
        expect(await raw.closed).toBe(1000);
        expect(raw.chunks.at(-1)?.data.toString('latin1')).toContain('Connection closed with an error.');
      }
    });

    it('keep what was read of a half when the rest comes', async () => {
      const raw = await connectRaw(stage.hubUrl);
      const text = call('1', 'SendMessageToConversation', { content: 'ж'.repeat(20_000) });
      const bytes = Buffer.from(text);
      raw.send(bytes.subarray(0, 10_001));
      raw.send(bytes.subarray(10_001));
      expect(await raw.next()).toContain("Failed to invoke 'SendMessageToConversation' because user is unauthorized");
    });

    it('a handshake is short', async () => {
      const raw = await connectRaw(stage.hubUrl, null);
      raw.send('x'.repeat(5_000));
      expect(await raw.next()).toBe(`{"error":"An unexpected error occurred during connection handshake."}${RS}`);
      expect(await raw.closed).toBe(1000);
    });
  });

  it('a connection that no transport picks up is forgotten after 15 s', async () => {
    await setUp();
    const token = await negotiate();
    await advance(14_000);
    const other = await negotiate();
    await advance(2_000);
    expect((await ask(`${stage.hubUrl}?id=${token}`)).status).toBe(404);
    expect((await ask(`${stage.hubUrl}?id=${other}`)).status).toBe(200);
  });

  it('the server pings when it has sent nothing for 15 s, on WebSockets and SSE', async () => {
    await setUp();
    const raw = await connectRaw(stage.hubUrl);
    const token = await negotiate();
    const stream = await openStream(`${stage.hubUrl}?id=${token}`);
    await ask(`${stage.hubUrl}?id=${token}`, { method: 'POST', body: HANDSHAKE });
    await stream.until('{}');
    await advance(8_000);
    await roundTrip(raw);
    await advance(8_000);
    await stream.until(`data: ${PING}\r\n\r\n`);
    expect(raw.messages).not.toContain(PING);
    await advance(8_000);
    expect(await raw.next()).toBe(PING);
  });

  it('a client that has pinged once may be silent for 30 s, one that never has for ever', async () => {
    await setUp();
    const [silent, pinging, old] = [
      await connectRaw(stage.hubUrl),
      await connectRaw(stage.hubUrl),
      await connectRaw(stage.hubUrl),
    ];
    silent.send(PING);
    pinging.send(PING);
    await Promise.all([roundTrip(silent), roundTrip(pinging), roundTrip(old)]);
    await advance(20_000);
    pinging.send(PING);
    await roundTrip(pinging);
    await advance(12_000);
    expect(await silent.closed).toBe(1006);
    await Promise.all([roundTrip(pinging), roundTrip(old)]);
  });

  it('polls end with nothing after 90 s, and a connection without one after 15 s', async () => {
    await setUp();
    const token = await negotiate();
    const url = `${stage.hubUrl}?id=${token}`;
    await ask(url);
    await ask(url, { method: 'POST', body: HANDSHAKE });
    expect((await ask(url)).body).toBe(`{}${RS}`);
    const waiting = ask(url);
    const isAnswered = { value: false };
    void waiting.then(() => {
      isAnswered.value = true;
    });
    // The poll is there once a call on the same connection has come through.
    await roundTrip(await connectRaw(stage.hubUrl));
    for (let passed = 0; passed < 88; passed += 8) await advance(8_000);
    expect(isAnswered.value).toBe(false);
    await advance(4_000);
    const answer = await waiting;
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([200, '', '0']);
    await advance(17_000);
    expect((await ask(url)).status).toBe(404);
  });

  it('long polling knows no pings and no silence', async () => {
    await setUp();
    const token = await negotiate();
    const url = `${stage.hubUrl}?id=${token}`;
    await ask(url);
    await ask(url, { method: 'POST', body: HANDSHAKE + PING });
    await ask(url);
    const waiting = ask(url);
    await roundTrip(await connectRaw(stage.hubUrl));
    for (let passed = 0; passed < 60; passed += 6) await advance(6_000);
    await ask(url, { method: 'POST', body: call('1', 'Pong') });
    expect((await waiting).body).toBe(`{"type":3,"invocationId":"1","result":null}${RS}`);
    await ask(url, { method: 'DELETE' });
  });

  it('who does not sign in is sent away, where that is wanted', async () => {
    await setUp({ adapter: { authorizeTimeoutMs: 10_000 } });
    const { token, identity } = await stage.credential('alice');
    const [good, idle] = [await connectRaw(stage.hubUrl), await connectRaw(stage.hubUrl)];
    await signInRaw(good, token, identity);
    await advance(11_000);
    expect(await idle.next()).toBe(`{"type":7,"error":"Connection closed because authentication expired."}${RS}`);
    await roundTrip(good);
  });

  it('a client that takes nothing for 10 s is dropped', async () => {
    await setUp({ host: { limits: { outboxBytes: 64 * 1024 * 1024 } } });
    const { token, identity } = await stage.credential('alice');
    const raw = await connectRaw(stage.hubUrl);
    await signInRaw(raw, token, identity);
    raw.socket.pause();
    const bob = stage.world.actor('bob');
    const { id } = stage.world.people.alice;
    const [connection] = stage.host.hub.ofUser(id);
    for (let at = 0; at < 600 && !connection?.outbox.isBlocked; at += 1) {
      await stage.world.core.messages.send(bob, { conversationId: stage.world.lobby.id, text: 'x'.repeat(30_000) });
      await stage.world.test.settled();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(connection?.outbox.isBlocked).toBe(true);
    await advance(11_500);
    while (stage.host.hub.ofUser(id).length > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('goes on by a renewed token when the first one ends', async () => {
    await setUp();
    const { world, host } = stage;
    const first = await host.credential(world.people.alice.id);
    const second = await host.credential(world.people.alice.id);
    const raw = await connectRaw(stage.hubUrl);
    await signInRaw(raw, String(first.connect.token), 'alice');
    raw.send(call('n', 'Authorize', { token: second.connect.token, identity: 'alice' }));
    await raw.until('"invocationId":"n"');
    await world.core.sessions.revoke(adminActor(), first.sessionId);
    await world.test.settled();
    await roundTrip(raw);
    await world.core.sessions.revoke(adminActor(), second.sessionId);
    expect(await raw.until('"type":7')).not.toContain('allowReconnect');
  });
});
