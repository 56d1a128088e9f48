/**
 * Every released client library, unchanged, over every transport that it has: the documented sign-in, every operation, every event.
 */
import { adminActor } from '@switchboard/core';
import {
  type HubEvents,
  type HubLike,
  listen,
  type SignalrConnect,
  type SignalrConversation,
  type SignalrMessage,
  signIn,
} from '@switchboard/protocol-signalr/testing';
import { createStage, type Stage } from './support/stage.ts';

/** What all versions of the library export, as far as it is used here. */
interface Library {
  readonly HubConnectionBuilder: new () => Builder;
  readonly HttpTransportType: Readonly<Record<'WebSockets' | 'ServerSentEvents' | 'LongPolling', number>>;
  readonly LogLevel: Readonly<Record<'None', number>>;
}

interface Builder {
  withUrl(url: string, options: object): Builder;
  configureLogging(level: number): Builder;
  withHubProtocol(protocol: object): Builder;
  withAutomaticReconnect?(delays: readonly number[]): Builder;
  withStatefulReconnect?(): Builder;
  build(): HubLike;
}

const LIBRARIES: Readonly<Record<string, string>> = {
  '@aspnet/signalr 1.1': 'signalr-aspnet',
  'signalr 3.1': 'signalr-3',
  'signalr 5': 'signalr-5',
  'signalr 6': 'signalr-6',
  'signalr 7': 'signalr-7',
  'signalr 8': 'signalr-8',
  'signalr 9': 'signalr-9',
  'signalr 10': '@microsoft/signalr',
};
const TRANSPORTS = ['WebSockets', 'ServerSentEvents', 'LongPolling'] as const;

function build(name: string, adapt: (builder: Builder, library: Library) => void): HubLike {
  const library = require(LIBRARIES[name] as string) as Library;
  const builder = new library.HubConnectionBuilder().configureLogging(library.LogLevel.None);
  adapt(builder, library);
  // Version 5 takes a Node that has `fetch` for a browser, and looks for that one's global.
  if (name !== 'signalr 5') return builder.build();
  const scope = globalThis as { self?: unknown };
  scope.self = globalThis;
  try {
    return builder.build();
  } finally {
    delete scope.self;
  }
}

describe('client libraries', () => {
  let stage: Stage;
  let hubs: HubLike[] = [];

  beforeAll(async () => {
    stage = await createStage();
  });
  afterAll(() => stage.close());
  afterEach(async () => {
    await Promise.all(hubs.map((hub) => hub.stop()));
    hubs = [];
  });

  async function start(hub: HubLike, credential: SignalrConnect): Promise<HubEvents> {
    hubs.push(hub);
    const events = listen(hub);
    await hub.start();
    expect(await signIn(hub, events, credential)).toEqual({ isOk: true, message: '' });
    return events;
  }

  /** Every operation, and every event, between the client under test as alice and a plain one as bob. */
  async function exercise(hub: HubLike, events: HubEvents): Promise<void> {
    const { core, direct, lobby } = stage.world;
    const bob = await stage.connect('bob');
    const conversationId = String(direct.id);

    await hub.invoke('StartReceivingConversationUpdates');
    await core.conversations.update(adminActor(), lobby.id, { title: `Lobby ${Math.random()}` });
    await events.next(
      'OnConversationUpdate',
      ({ conversationId: id }: { conversationId: string }) => id === String(lobby.id),
    );
    await hub.invoke('StopReceivingConversationUpdates');

    await hub.invoke('SubscribeToIdentitiesStatusUpdates', { identities: ['bob', 'nobody'] });
    const isOf = (identity: string) => (update: { identityId: string }) => update.identityId === identity;
    expect(await events.next('OnIdentityStatusUpdate', isOf('bob'))).toEqual({ status: 1, identityId: 'bob' });
    expect(await events.next('OnIdentityStatusUpdate', isOf('nobody'))).toEqual({ status: 0, identityId: 'nobody' });
    await hub.invoke('UnsubscribeToIdentitiesStatusUpdates', { identities: ['bob'] });

    expect(await hub.invoke('GetGeneralInfo')).toMatchObject({ conversationTypes: { direct: { title: 'خصوصی' } } });
    await hub.invoke('SetConversationTypingStatus', { conversationId, typingStatus: 1 });
    await hub.invoke('SetConversationNotificationStatus', { conversationId, status: 0 });
    const list = (await hub.invoke('GetConversationList', {})) as SignalrConversation[];
    expect(list.find(({ id }) => id === conversationId)).toMatchObject({
      isTurnedTheNotificationOff: true,
      title: 'Bob',
    });
    await hub.invoke('SetConversationNotificationStatus', { conversationId, status: 1 });

    const content = `سلام ${Math.random()}`;
    const sent = (await hub.invoke('SendMessageToConversation', {
      content,
      conversationId,
      userMeta: { Key: 1.5 },
    })) as SignalrMessage;
    const isSent = ({ messageId }: { messageId: string }) => messageId === sent.id;
    expect(await bob.events.next('OnNewMessage', isSent)).toMatchObject({ content, userMeta: { Key: 1.5 } });
    expect(await events.next('OnNewMessage', isSent)).toMatchObject({ content, senderId: 'alice' });

    await bob.ask('SeenMessage', { messageIds: [sent.id] });
    expect(await events.next('OnMessageUpdate', isSent)).toEqual({ messageId: sent.id, conversationId, seenCount: 1 });
    const answer = await bob.ask<SignalrMessage>('SendMessageToConversation', { content: 'and you?', conversationId });
    await events.next('OnNewMessage', ({ messageId }: { messageId: string }) => messageId === answer.id);
    await hub.invoke('SeenMessage', { messageIds: [answer.id] });
    const messages = (await hub.invoke('GetConversationInstanceMessages', { conversationId })) as SignalrMessage[];
    expect(messages.slice(-2)).toEqual([
      { ...sent, seenCount: 1 },
      { ...answer, seenCount: 1, isSeenByYou: true },
    ]);

    await expect(hub.invoke('DeleteMessage', { messageId: sent.id })).rejects.toThrow(
      "Failed to invoke 'DeleteMessage' due to an error on the server. HubException: Method does not exist.",
    );
    await bob.close();
  }

  describe.each(Object.keys(LIBRARIES))('%s', (name) => {
    it.each(TRANSPORTS)('signs in and does everything over %s', async (transport) => {
      const credential = await stage.credential('alice');
      const hub = build(name, (builder, { HttpTransportType }) =>
        builder.withUrl(credential.hubUrl, { transport: HttpTransportType[transport] }),
      );
      await exercise(hub, await start(hub, credential));
    });
  });

  it.each(['signalr 6', 'signalr 10'])('%s needs no negotiation for WebSockets', async (name) => {
    const credential = await stage.credential('alice');
    const hub = build(name, (builder, { HttpTransportType }) =>
      builder.withUrl(credential.hubUrl, { transport: HttpTransportType.WebSockets, skipNegotiation: true }),
    );
    await start(hub, credential);
  });

  it.each(['signalr 8', 'signalr 10'])('%s connects withStatefulReconnect', async (name) => {
    const credential = await stage.credential('alice');
    const hub = build(name, (builder) => builder.withUrl(credential.hubUrl, {}).withStatefulReconnect?.());
    await exercise(hub, await start(hub, credential));
  });

  it.each(['WebSockets', 'LongPolling'] as const)('MessagePack gives the same data over %s', async (transport) => {
    const credential = await stage.credential('alice');
    const { MessagePackHubProtocol } = require('@microsoft/signalr-protocol-msgpack');
    const hub = build('signalr 10', (builder, { HttpTransportType }) =>
      builder
        .withUrl(credential.hubUrl, { transport: HttpTransportType[transport] })
        .withHubProtocol(new MessagePackHubProtocol()),
    );
    await exercise(hub, await start(hub, credential));
  });
});
