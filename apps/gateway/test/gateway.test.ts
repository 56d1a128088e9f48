import { createTestDatabase } from '@switchboard/persistence/testing';
import { UpgradeRefused } from '@switchboard/protocol-event/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { connectAs, joinAs, sendTo } from './support/people.ts';

let gateway: TestGateway | null = null;

afterEach(async () => {
  await gateway?.close();
  gateway = null;
});

async function start(env: Record<string, string> = {}, change = {}): Promise<TestGateway> {
  gateway = await startTestGateway(env, { change });
  return gateway;
}

describe('a gateway', () => {
  it('says goodbye to everybody at its end, and tells them to return', async () => {
    const { addresses, close } = await start();
    const clients = await Promise.all([1, 2, 3].map((sid) => connectAs(addresses.main.url, { sid })));
    gateway = null;
    const closing = close();
    expect((await Promise.all(clients.map(({ ended }) => ended))).map(({ code }) => code)).toEqual([1001, 1001, 1001]);
    await closing;
    await expect(fetch(addresses.main.url)).rejects.toThrow();
  });

  it('finishes what it was asked before the end', async () => {
    const database = await createTestDatabase();
    const { addresses, close } = await startTestGateway({}, { database });
    const client = await joinAs(addresses.main.url, { sid: 1, application: 7 });
    const answers = Array.from({ length: 50 }, (_, index) => sendTo(client, 7, `message ${index}`).catch(() => null));
    // The first answer has come: the others are under way.
    await answers[0];
    await close();
    const acknowledged = (await Promise.all(answers)).filter((answer) => answer?.ok).length;
    expect(acknowledged).toBeGreaterThan(0);
    const again = await startTestGateway({}, { database });
    const found = await again.core.conversations.findByExternalId('event', '7');
    expect(found?.lastSeq).toBeGreaterThanOrEqual(acknowledged);
    await again.close();
    await database.drop();
  });

  it('gives a protocol a port of its own, and then serves it nowhere else', async () => {
    const { addresses } = await start({}, { listen: { event: 0 } });
    const own = addresses.adapters.get('event') as string;
    expect(own).not.toBe(addresses.main.url);
    const client = await joinAs(own, { sid: 1, application: 7 });
    await client.close();
    const refusal = await connectAs(addresses.main.url, { sid: 1 }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UpgradeRefused);
    expect((refusal as UpgradeRefused).status).toBe(404);
    // On a port of its own every path answers as the wire does: the token first.
    expect((await fetch(`${own}/healthz`)).status).toBe(401);
  });

  it('serves no protocol that is switched off', async () => {
    const { addresses, admin } = await start({}, { event: false });
    await expect(connectAs(addresses.main.url, { sid: 1 })).rejects.toMatchObject({ status: 404 });
    const { body: user } = await admin<{ id: number }>('POST', '/users', { displayName: 'A' });
    const { status } = await admin('POST', '/credentials', { protocol: 'event', userId: user.id });
    expect(status).toBe(501);
  });

  it('counts what Prometheus asks for', async () => {
    const { addresses } = await start();
    const [one, two] = [
      await joinAs(addresses.main.url, { sid: 1, application: 7 }),
      await joinAs(addresses.main.url, { sid: 2, application: 7 }),
    ];
    await sendTo(one, 7, 'hello');
    await two.message();
    const text = await (await fetch(`${addresses.admin.url}/metrics`)).text();
    const value = (pattern: string) => Number(new RegExp(`^${pattern} (\\S+)$`, 'm').exec(text)?.[1]);
    expect(value('switchboard_connections\\{protocol="event"\\}')).toBe(2);
    expect(value('switchboard_events_delivered_total\\{protocol="event"\\}')).toBeGreaterThanOrEqual(1);
    expect(value('switchboard_operations_total\\{protocol="event",operation="Event.SendMessage",result="ok"\\}')).toBe(
      1,
    );
    expect(value('switchboard_commit_batch_commands_count')).toBeGreaterThanOrEqual(1);
    expect(value('switchboard_follower_lag')).toBe(0);
    expect(value('switchboard_outbox_bytes\\{protocol="event"\\}')).toBe(0);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(0);
    one.terminate();
    two.terminate();
  });

  it('writes no text, token or secret into its log, however much it says', async () => {
    const { addresses, lines, admin } = await start({ LOG_LEVEL: 'debug' });
    const client = await joinAs(addresses.main.url, { sid: 1, application: 7 });
    await sendTo(client, 7, 'a very private remark');
    const { body } = await admin<{ connect: { token: string } }>('POST', '/credentials', {
      protocol: 'event',
      userId: 1,
    });
    await connectAs(`${addresses.main.url}/nowhere?token=hunter2`, { sid: 1 }).catch(() => undefined);
    client.terminate();
    const written = JSON.stringify(lines);
    expect(written).not.toContain('private remark');
    expect(written).not.toContain(body.connect.token);
    expect(written).not.toContain('hunter2');
  });
});
