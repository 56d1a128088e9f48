/** What the contract suite asks, on the newest client library. People without an identity here are `u<id>`, which is how it knows them. */
import type { ConversationId, JsonObject, UserId } from '@switchboard/core';
import {
  connectSignalr,
  openSignalr,
  type SignalrClient,
  type SignalrConnect,
  type SignalrConversation,
  type SignalrMessage,
} from '@switchboard/protocol-signalr/testing';
import { createClientEvents, type ProtocolClient, type ProtocolDriver } from '@switchboard/testing';

const toUserId = (identity: string) => Number(identity.slice(1)) as UserId;
const toConversationId = (id: string) => Number(id) as ConversationId;

export const signalrDriver: ProtocolDriver = {
  protocol: 'signalr',
  cannot: {
    'told of reading': 'OnMessageUpdate tells how many have seen a message, not who',
    leaving: 'the wire has no operation for it',
    resend: 'the wire has no key of the client for a message: a repeated call is a second message',
  },

  async connect(credential) {
    return createClient(credential as unknown as SignalrConnect);
  },

  async connectRefused(credential: JsonObject) {
    const { client, verdict } = await openSignalr(credential as unknown as SignalrConnect);
    await client.close();
    if (verdict.isOk) throw new Error('was let in');
  },
};

async function createClient(credential: SignalrConnect): Promise<ProtocolClient> {
  const events = createClientEvents();
  let client = await open();

  /** Signs in, asks for everything, and says what it hears in the suite's words. */
  async function open(): Promise<SignalrClient> {
    const opened = await connectSignalr(credential);
    const { hub } = opened;
    const members = new Map<string, readonly string[]>();
    hub.on('OnNewMessage', ({ conversationId, content }) =>
      events.push({ type: 'message', conversationId: toConversationId(conversationId), text: content }),
    );
    hub.on('OnConversationUpdate', ({ conversationId, conversationParticipants: now }) => {
      const before = members.get(conversationId) ?? [];
      members.set(conversationId, now);
      const tell = (type: 'joined' | 'left', identity: string) =>
        events.push({ type, conversationId: toConversationId(conversationId), userId: toUserId(identity) });
      for (const identity of now) if (!before.includes(identity)) tell('joined', identity);
      for (const identity of before) if (!now.includes(identity)) tell('left', identity);
    });
    hub.on('OnIdentityStatusUpdate', ({ status, identityId }) =>
      events.push({ type: 'presence', userId: toUserId(identityId), online: status === 1 }),
    );
    let goodbye = '';
    opened.socket.on('message', (data) => {
      if (String(data).startsWith('{"type":7')) goodbye = String(data);
    });
    hub.onclose(() => events.push({ type: 'closed', shouldReturn: goodbye.includes('"allowReconnect":true') }));
    await hub.invoke('StartReceivingConversationUpdates');
    const list = await hub.invoke<SignalrConversation[]>('GetConversationList', {});
    for (const { id, participants } of list) members.set(id, participants);
    await hub.invoke('SubscribeToIdentitiesStatusUpdates', { identities: list.flatMap((one) => one.participants) });
    return opened;
  }

  const messages = (conversationId: ConversationId) =>
    client.ask<SignalrMessage[]>('GetConversationInstanceMessages', { conversationId: String(conversationId) });

  return {
    events,
    async send(conversationId, content) {
      await client.ask('SendMessageToConversation', { content, conversationId: String(conversationId) });
    },
    history: async (conversationId) => (await messages(conversationId)).map(({ content }) => content),
    async markRead(conversationId) {
      const unseen = (await messages(conversationId)).filter(({ isSeenByYou }) => !isSeenByYou);
      await client.ask('SeenMessage', { messageIds: unseen.map(({ id }) => id) });
    },
    unreadCount: async (conversationId) =>
      (await messages(conversationId)).filter(({ isSeenByYou }) => !isSeenByYou).length,
    leave: () => Promise.reject(new Error('the wire has no operation for it')),
    async isOnline(userId) {
      const identity = `u${userId}`;
      const isMeant = (update: { identityId: string }) => update.identityId === identity;
      await client.ask('UnsubscribeToIdentitiesStatusUpdates', { identities: [identity] });
      // What was told before is not the answer.
      const [, update] = await Promise.all([
        client.ask('SubscribeToIdentitiesStatusUpdates', { identities: [identity] }),
        latest(client, isMeant),
      ]);
      return update.status === 1;
    },
    sendMalformed() {
      const closed = new Promise<'closed'>((resolve) => client.socket.once('close', () => resolve('closed')));
      client.socket.send('{"type":1,"target":\x1e');
      return closed;
    },
    sendUnknown: () =>
      client.ask('DeleteMessage', {}).then(
        () => Promise.reject(new Error('was accepted')),
        () => 'answered' as const,
      ),
    pauseReading: () => client.socket.pause(),
    async drop() {
      const closed = new Promise((resolve) => client.socket.once('close', resolve));
      client.socket.terminate();
      await closed;
    },
    async comeBack() {
      client = await open();
    },
    close: () => client.close(),
  };
}

/** The answer to a subscription: the last update by the time that the call has completed. */
async function latest(
  { hub }: SignalrClient,
  fits: (update: { status: number; identityId: string }) => boolean,
): Promise<{ status: number }> {
  return new Promise((resolve) => {
    const hear = (update: { status: number; identityId: string }) => {
      if (!fits(update)) return;
      hub.off('OnIdentityStatusUpdate', hear);
      resolve(update);
    };
    hub.on('OnIdentityStatusUpdate', hear);
  });
}
