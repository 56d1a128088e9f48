/** Behind a proxy that gathers answers, compresses them, and cuts whoever is silent for three seconds. */
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { listen, signIn } from '@switchboard/protocol-signalr/testing';
import { hasNginx, type Nginx, startNginx } from '@switchboard/testing';
import { ask, call, connectRaw, HANDSHAKE, openStream, RS } from './support/raw.ts';
import { createStage, type Stage } from './support/stage.ts';

const PATIENCE_SECONDS = 3;

(hasNginx() ? describe : describe.skip)('behind nginx', () => {
  let stage: Stage;
  let nginx: Nginx;
  let hubUrl: string;

  beforeAll(async () => {
    stage = await createStage({ adapter: { keepAliveMs: 1_000, pollTimeoutMs: 1_000 } });
    nginx = await startNginx(stage.host.url, PATIENCE_SECONDS);
    hubUrl = `${nginx.url}/chathub`;
  });
  afterAll(async () => {
    await nginx?.close();
    await stage.close();
  });

  async function negotiate(): Promise<string> {
    const { body } = await ask(`${hubUrl}/negotiate?negotiateVersion=1`, { method: 'POST' });
    return `${hubUrl}?id=${(JSON.parse(body) as { connectionToken: string }).connectionToken}`;
  }

  async function start(url: string, options: object) {
    const hub = new HubConnectionBuilder().configureLogging(LogLevel.None).withUrl(url, options).build();
    const events = listen(hub);
    await hub.start();
    expect(await signIn(hub, events, await stage.credential('alice'))).toMatchObject({ isOk: true });
    const content = `through ${url} ${Math.random()}`;
    await stage.world.core.messages.send(stage.world.actor('bob'), {
      conversationId: stage.world.lobby.id,
      text: content,
    });
    await events.next('OnNewMessage', (message: { content: string }) => message.content === content);
    return hub;
  }

  it.each(['ServerSentEvents', 'LongPolling'] as const)('brings events at once over %s', async (transport) => {
    const hub = await start(hubUrl, { transport: HttpTransportType[transport] });
    await hub.stop();
  });

  it('clients that may choose fall back where it lets no upgrade through, and use it where it does', async () => {
    const fallen = await start(hubUrl, {});
    await fallen.stop();
    const raw = await connectRaw(`${nginx.url}/upgraded/chathub`);
    raw.send(call('1', 'Pong'));
    await raw.until('"invocationId":"1"');
    raw.socket.terminate();
  });

  it('a silent stream outlives its patience by its heartbeats', async () => {
    const url = await negotiate();
    const stream = await openStream(url);
    await ask(url, { method: 'POST', body: HANDSHAKE });
    const beat = `data: {"type":6}${RS}\r\n\r\n`;
    for (let count = 1; count <= PATIENCE_SECONDS + 1; count += 1) await stream.until(beat.repeat(count));
    expect(stream.headers['content-encoding'] ?? 'identity').toBe('identity');
    await ask(url, { method: 'POST', body: call('1', 'Pong') });
    await stream.until('"invocationId":"1"');
    stream.destroy();
  });

  it('a silent long poll outlives it by empty answers', async () => {
    const url = await negotiate();
    await ask(url);
    await ask(url, { method: 'POST', body: HANDSHAKE });
    await ask(url);
    for (let count = 1; count <= PATIENCE_SECONDS; count += 1) {
      const { status, body } = await ask(url);
      expect([status, body]).toEqual([200, '']);
    }
    const waiting = ask(url);
    await ask(url, { method: 'POST', body: call('1', 'Pong') });
    expect((await waiting).body).toContain('"invocationId":"1"');
    await ask(url, { method: 'DELETE' });
  });
});
