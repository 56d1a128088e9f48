/** A gateway that starts over under clients of the hub that come back by themselves. */

import { createTestDatabase } from '@switchboard/persistence/testing';
import { listen, type SignalrConnect, signIn } from '@switchboard/protocol-signalr/testing';
import { startTestGateway } from './support/gateway.ts';

type Library = typeof import('@microsoft/signalr');

const env = { SESSION_KEY: 'the same key for both of these gateways' };

it.each([
  ['8', 'signalr-8', 'withAutomaticReconnect', false],
  ['8', 'signalr-8', 'withStatefulReconnect', true],
  ['10', '@microsoft/signalr', 'withAutomaticReconnect', false],
  ['10', '@microsoft/signalr', 'withStatefulReconnect', true],
])(
  'version %s (%s), built %s, returns after a restart and signs in again',
  async (_version, name, _how, isStateful) => {
    const { HubConnectionBuilder, LogLevel } = require(name) as Library;
    const database = await createTestDatabase();
    const first = await startTestGateway(env, { database });
    const port = String(first.addresses.main.port);
    const { body: user } = await first.admin<{ id: number }>('POST', '/users', {
      displayName: 'Alice',
      identities: [{ protocol: 'signalr', externalId: 'alice' }],
    });
    const { body: conversation } = await first.admin<{ id: number }>('POST', '/conversations', {
      kind: 'group',
      participants: [user.id],
    });
    const { body } = await first.admin<{ connect: SignalrConnect }>('POST', '/credentials', {
      protocol: 'signalr',
      userId: user.id,
    });
    const builder = new HubConnectionBuilder()
      .configureLogging(LogLevel.None)
      .withUrl(body.connect.hubUrl)
      .withAutomaticReconnect(Array.from({ length: 200 }, () => 50));
    if (isStateful) builder.withStatefulReconnect();
    const hub = builder.build();
    const events = listen(hub);
    await hub.start();
    await signIn(hub, events, body.connect);
    const send = (content: string) =>
      hub.invoke('SendMessageToConversation', { content, conversationId: String(conversation.id) });
    await send('before');
    await events.next('OnNewMessage');

    const reconnected = new Promise<void>((resolve) => hub.onreconnected(() => resolve()));
    await first.close();
    const second = await startTestGateway({ ...env, PORT: port }, { database });
    await reconnected;
    expect(await signIn(hub, events, body.connect)).toEqual({ isOk: true, message: '' });
    await send('after');
    expect(await events.next('OnNewMessage')).toMatchObject({ content: 'after' });
    const list = (await hub.invoke('GetConversationInstanceMessages', {
      conversationId: String(conversation.id),
    })) as { content: string }[];
    expect(list.map(({ content }) => content)).toEqual(['before', 'after']);
    await hub.stop();
    await second.close();
    await database.drop();
  },
);
