import { adminActor } from '@switchboard/core';
import { connectEvent, type EventClient, requestUpgrade, UPGRADE_HEADERS } from '../testing/driver.ts';
import { createStage, enter, type Stage, type StageOptions } from './support/stage.ts';
import { CUSTOMER } from './support/tokens.ts';

let stage: Stage;

async function setUp(options: StageOptions = {}): Promise<void> {
  stage = await createStage(options);
}

afterEach(() => stage.close());

/** Turns of the loop, not of the clock, until the hub has let go. */
async function untilGone(): Promise<void> {
  while (stage.host.hub.size > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('a connection ends', () => {
  beforeEach(() => setUp());

  it("with the client's own close echoed", async () => {
    const alice = await stage.customer(1);
    expect(await alice.close(4_000, 'bye')).toMatchObject({ code: 4_000, reason: 'bye' });
    const bob = await stage.customer(2);
    expect(await bob.close()).toMatchObject({ code: 1000 });
    await untilGone();
  });

  it('with 1001 when the gateway stops, for all, and no new one is taken', async () => {
    const clients = [await stage.customer(1), await stage.moderator(9)];
    const [closing, late] = [stage.host.adapter.close('shutdown'), stage.token(CUSTOMER)];
    expect(await Promise.all(clients.map(({ ended }) => ended))).toMatchObject([{ code: 1001 }, { code: 1001 }]);
    await closing;
    const headers = { ...UPGRADE_HEADERS, 'sec-websocket-protocol': `access_token, ${late}` };
    expect(await requestUpgrade(stage.host.url, { path: '/ws?sid=1', headers })).toMatchObject({
      status: 503,
      body: 'Service Unavailable\n',
    });
  });

  it('with 1001 after the last answer under way', async () => {
    const alice = await stage.customer(1);
    await enter(alice, 100);
    const args = { session_channel: '100', sender_id: 1, content: 'last words' };
    const answer = alice.call('Event.SendMessage', args);
    // The server has taken the request when its pong is back.
    await alice.roundTrip();
    await stage.host.adapter.close('shutdown');
    expect(await answer.catch(() => 'cut off')).toMatchObject({ ok: true });
    expect(await alice.ended).toMatchObject({ code: 1001 });
  });

  it('with 1008 when its session is revoked, and only that session', async () => {
    const zoe = await stage.stranger('Zoe');
    const [first, second] = [await stage.host.credential(zoe.id), await stage.host.credential(zoe.id)];
    const connect = ({ connect: { url, token } }: typeof first) =>
      connectEvent({ url: String(url), token: String(token) });
    const [phone, desk] = [await connect(first), await connect(second)];
    await stage.core.sessions.revoke(adminActor(), first.sessionId);
    expect(await phone.ended).toMatchObject({ code: 1008 });
    await expect(connect(first)).rejects.toMatchObject({ status: 401 });
    expect(await desk.ask('Event.GetUnreadInfo', { user_id: desk.sid })).toMatchObject({ unread_count: 0 });
    await stage.core.sessions.revokeAll(adminActor(), zoe.id);
    expect(await desk.ended).toMatchObject({ code: 1008 });
  });

  it('with 1008 when the user is erased, or the administration ends it', async () => {
    const [alice, bob] = [await stage.customer(1), await stage.customer(2)];
    await stage.core.users.erase(adminActor(), (await stage.userOf(1)).id);
    expect(await alice.ended).toMatchObject({ code: 1008 });
    const [record] = await stage.core.presence.connections({ namespace: 'event', userId: (await stage.userOf(2)).id });
    expect(record?.info).toEqual({ sid: 2 });
    stage.host.hub.end(record?.id as never, 'kicked');
    expect(await bob.ended).toMatchObject({ code: 1008 });
  });

  it('not because its token, or the session behind it, runs out', async () => {
    const zoe = await stage.stranger('Zoe');
    const { connect } = await stage.host.credential(zoe.id, { ttlMs: 20_000 });
    const own = await connectEvent({ url: String(connect.url), token: String(connect.token) });
    const foreign = await stage.client(2, { ...CUSTOMER, exp: Math.floor(stage.test.clock.now() / 1000) + 20 });
    await stage.test.clock.advance(30_000);
    for (const client of [own, foreign]) {
      const args = { user_id: client.sid };
      expect(await client.ask('Event.GetUnreadInfo', args)).toMatchObject({ unread_count: 0 });
    }
    const again = connectEvent({ url: String(connect.url), token: String(connect.token) });
    await expect(again).rejects.toMatchObject({ status: 401 });
    own.terminate();
  });

  it('with 1009 for a frame above the limit, and with nothing of it done', async () => {
    const alice = await stage.customer(1);
    await enter(alice, 100);
    const padded = (bytes: number) => {
      const frame = JSON.stringify({ name: 'Event.GetUnreadInfo', args: '{"user_id":1}', padding: '' });
      return `${frame.slice(0, -2)}${'x'.repeat(bytes - frame.length)}"}`;
    };
    alice.send(padded(512 * 1024));
    expect(await alice.answer()).toMatchObject({ ok: true });
    alice.send(padded(512 * 1024 + 1));
    expect(await alice.ended).toMatchObject({ code: 1009 });
  });

  it('with 1007 for text that is no UTF-8, while binary frames are read like text', async () => {
    const alice = await stage.customer(1);
    alice.send(Buffer.from('{"name":"Event.GetUnreadInfo","args":{"user_id":1}}'));
    expect(await alice.answer()).toMatchObject({ ok: true });
    alice.sendText(Buffer.from([0x22, 0xff, 0x22]));
    expect(await alice.ended).toMatchObject({ code: 1007 });
  });

  it('and its user stays online on other protocols for 5 s more', async () => {
    const alice = await stage.customer(1);
    const { id } = await stage.userOf(1);
    const status = async () => (await stage.core.presence.statuses([id])).get(id);
    // Whoever is answered has been registered.
    await alice.ask('Event.GetUnreadInfo', { user_id: 1 });
    expect(await status()).toBe('online');
    alice.terminate();
    await untilGone();
    await stage.test.clock.advance(4_000);
    expect(await status()).toBe('online');
    await stage.test.clock.advance(2_000);
    expect(await status()).toBe('offline');
  });
});

describe('the heartbeat', () => {
  it('pings every 54 s, and cuts who sends no pong for 60 s, data or not', async () => {
    await setUp();
    const [alive, silent] = [await stage.customer(1), await stage.customer(2)];
    silent.stopAnsweringPings();
    for (const until of [53_000, 1_000]) {
      await stage.test.clock.advance(until);
      await Promise.all([alive, silent].map((client) => client.ask('Event.GetUnreadInfo', { user_id: client.sid })));
    }
    await alive.roundTrip();
    expect([alive.pings, silent.pings]).toEqual([1, 1]);
    await stage.test.clock.advance(4_000);
    expect(await silent.ask('Event.GetUnreadInfo', { user_id: 2 })).toMatchObject({ unread_count: 0 });
    await stage.test.clock.advance(3_000);
    expect(await silent.ended).toMatchObject({ code: 1006 });
    await stage.test.clock.advance(54_000);
    await alive.roundTrip();
    expect(alive.pings).toBe(2);
    expect(await alive.ask('Event.GetUnreadInfo', { user_id: 1 })).toMatchObject({ unread_count: 0 });
  });
});

describe('a reader too slow', () => {
  it('is cut off at the bound with 1013, and comes back', async () => {
    await setUp({ limits: { outboxBytes: 64 * 1024 } });
    const [alice, slow, phone] = [await stage.customer(1), await stage.customer(2), await stage.customer(2)];
    for (const client of [alice, slow, phone]) await enter(client, 100);
    slow.pause();
    const [connection] = stage.host.hub.ofUser((await stage.userOf(2)).id);
    let sent = 0;
    while (!connection?.closed) {
      await send(alice, `${sent} ${'x'.repeat(30_000)}`);
      sent += 1;
      expect((await phone.message()).content.startsWith(`${sent - 1} `)).toBe(true);
    }
    slow.resume();
    expect(await slow.ended).toMatchObject({ code: 1013 });
    const again = await stage.customer(2);
    const { Messages } = await again.ask<{ Messages: unknown[] }>('Event.GetMessageList', {
      session_channel: '100',
      executor_id: 2,
    });
    expect(Messages).toHaveLength(sent);
  });
});

function send(client: EventClient, content: string): Promise<unknown> {
  return client.ask('Event.SendMessage', { session_channel: '100', sender_id: client.sid, content });
}
