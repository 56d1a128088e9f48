/** Long lists: 20,000 messages over each transport and encoding, and the connection lives. */

import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { listen, type SignalrMessage, signIn } from '@switchboard/protocol-signalr/testing';
import { ask, call, connectRaw, HANDSHAKE, signInRaw } from './support/raw.ts';
import { createStage, type Stage } from './support/stage.ts';

const COUNT = 20_000;

describe('a history of 20,000 messages', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await createStage();
    const { core, lobby } = stage.world;
    const actors = [stage.world.actor('bob'), stage.world.actor('carol')];
    for (let sent = 0; sent < COUNT; sent += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, at) =>
          core.messages.send(actors[at % 2] as (typeof actors)[0], {
            conversationId: lobby.id,
            text: `message ${sent + at} سلام`,
          }),
        ),
      );
    }
    await stage.world.test.settled();
  }, 60_000);
  afterAll(() => stage.close());

  it.each([
    ['WebSockets', 'JSON'],
    ['ServerSentEvents', 'JSON'],
    ['LongPolling', 'JSON'],
    ['WebSockets', 'MessagePack'],
    ['LongPolling', 'MessagePack'],
  ] as const)('arrives whole over %s in %s', async (transport, encoding) => {
    const credential = await stage.credential('alice');
    const builder = new HubConnectionBuilder()
      .configureLogging(LogLevel.None)
      .withUrl(credential.hubUrl, { transport: HttpTransportType[transport] });
    if (encoding === 'MessagePack') builder.withHubProtocol(new MessagePackHubProtocol());
    const hub = builder.build();
    const events = listen(hub);
    await hub.start();
    await signIn(hub, events, credential);
    const list = await hub.invoke<SignalrMessage[]>('GetConversationInstanceMessages', {
      conversationId: String(stage.world.lobby.id),
    });
    expect(list).toHaveLength(COUNT);
    expect(new Set(list.map(({ id }) => id)).size).toBe(COUNT);
    expect(list.every(({ id }, at) => at === 0 || id > (list[at - 1] as SignalrMessage).id)).toBe(true);
    expect(await hub.invoke('GetConversationList', {})).toHaveLength(2);
    await hub.stop();
  });

  it('comes in pieces of one WebSocket message, and events wait behind it', async () => {
    const { token, identity } = await stage.credential('alice');
    const raw = await connectRaw(stage.hubUrl);
    await signInRaw(raw, token, identity);
    const conversationId = String(stage.world.lobby.id);
    raw.send(call('h', 'GetConversationInstanceMessages', { conversationId }));
    const bob = stage.world.actor('bob');
    await stage.world.core.messages.send(bob, { conversationId: stage.world.lobby.id, text: 'in between' });
    const before = raw.chunks.length;
    await raw.until('"invocationId":"h"');
    await raw.until('in between');
    expect(raw.chunks.length - before).toBeLessThanOrEqual(2);
    raw.socket.terminate();
  });

  it('is no reason to keep a client that went in the middle', async () => {
    const { body } = await ask(`${stage.hubUrl}/negotiate?negotiateVersion=1`, { method: 'POST' });
    const { connectionToken } = JSON.parse(body) as { connectionToken: string };
    const url = `${stage.hubUrl}?id=${connectionToken}`;
    const { token, identity } = await stage.credential('alice');
    await ask(url);
    const conversationId = String(stage.world.lobby.id);
    await ask(url, {
      method: 'POST',
      body:
        HANDSHAKE +
        call('1', 'Ping') +
        call('2', 'Pong') +
        call('3', 'Authorize', { token, identity }) +
        call('4', 'GetConversationInstanceMessages', { conversationId }),
    });
    for (;;) {
      const gone = new AbortController();
      const response = await fetch(url, { signal: gone.signal });
      const isWhole = response.headers.has('content-length');
      if (isWhole) await response.text();
      else await response.body?.getReader().read();
      gone.abort();
      if (!isWhole) break;
    }
    const { id } = stage.world.people.alice;
    while (stage.host.hub.ofUser(id).length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await ask(url)).status).toBe(404);
  });
});
