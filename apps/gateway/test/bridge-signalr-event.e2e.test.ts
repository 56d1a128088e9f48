/** Alice's app speaks the SignalR hub, Bob's the raw Event wire: one conversation, and what each sees of the other. */
import {
  connectEvent,
  type EventClient,
  type EventConversation,
  type EventMessage,
} from '@switchboard/protocol-event/testing';
import {
  connectSignalr,
  type SignalrClient,
  type SignalrConnect,
  type SignalrMessage,
} from '@switchboard/protocol-signalr/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

let gateway: TestGateway;
let alice: SignalrClient;
let bob: EventClient;
let conversationId: string;

interface NewMessage {
  readonly messageId: string;
  readonly content: string;
  readonly senderId: string;
}

beforeAll(async () => {
  gateway = await startTestGateway();
  const create = async (displayName: string, protocol: string, externalId: string) =>
    (
      await gateway.admin<{ id: number }>('POST', '/users', {
        displayName,
        identities: [{ protocol, externalId }],
      })
    ).body.id;
  const aliceId = await create('Alice', 'signalr', 'alice');
  const bobId = await create('Bob', 'event', '2');
  const { body } = await gateway.admin<{ id: number }>('POST', '/conversations', {
    kind: 'group',
    title: 'Both',
    participants: [aliceId, bobId],
  });
  conversationId = String(body.id);
  const connectOf = async (protocol: string, userId: number) =>
    (await gateway.admin<{ connect: object }>('POST', '/credentials', { protocol, userId })).body.connect;
  alice = await connectSignalr((await connectOf('signalr', aliceId)) as SignalrConnect);
  await alice.ask('SubscribeToIdentitiesStatusUpdates', { identities: [`u${bobId}`] });
  expect(await alice.events.next('OnIdentityStatusUpdate')).toEqual({ status: 2, identityId: `u${bobId}` });
  bob = await connectEvent((await connectOf('event', bobId)) as { url: string; token: string });
  expect(await alice.events.next('OnIdentityStatusUpdate')).toEqual({ status: 1, identityId: `u${bobId}` });
});

afterAll(async () => {
  await alice?.close();
  await bob?.close();
  await gateway?.close();
});

async function join(): Promise<string> {
  const { conversations } = await bob.ask<{ conversations: EventConversation[] }>('Event.GetConversationList', {
    user_id: 2,
  });
  const found = conversations.find(({ id }) => String(id) === conversationId);
  if (!found) throw new Error('bob does not see the conversation');
  await bob.ask('Event.AddConversation', { user_id: 2, application_id: found.application_id });
  return found.session_channel;
}

it('takes texts both ways', async () => {
  const session_channel = await join();
  await alice.ask('SendMessageToConversation', { content: 'from the hub', conversationId });
  expect(await bob.message()).toMatchObject({ content: 'from the hub', session_channel });
  await bob.ask('Event.SendMessage', { session_channel, sender_id: 2, content: 'from the socket' });
  const isBobs = ({ content }: NewMessage) => content === 'from the socket';
  expect(await alice.events.next('OnNewMessage', isBobs)).toMatchObject({ senderId: expect.stringMatching(/^u\d+$/) });
});

it('takes read marks and unread counts both ways', async () => {
  const session_channel = await join();
  const { id } = await alice.ask<SignalrMessage>('SendMessageToConversation', { content: 'read me', conversationId });
  const unread = () => bob.ask<{ unread_count: number }>('Event.GetUnreadInfo', { user_id: 2 });
  const before = (await unread()).unread_count;
  await bob.ask('Event.ReadMessage', { executor_id: 2, message_id: Number(id) });
  const isMeant = ({ messageId }: NewMessage) => messageId === id;
  expect(await alice.events.next('OnMessageUpdate', isMeant)).toEqual({ messageId: id, conversationId, seenCount: 1 });
  expect((await unread()).unread_count).toBe(before - 1);

  const { message } = await bob.ask<{ message: EventMessage }>('Event.SendMessage', {
    session_channel,
    sender_id: 2,
    content: 'and you me',
  });
  await alice.ask('SeenMessage', { messageIds: [String(message.id)] });
  const { Messages } = await bob.ask<{ Messages: EventMessage[] }>('Event.GetMessageList', {
    session_channel,
    executor_id: 2,
  });
  expect(Messages.find((one) => one.id === message.id)).toMatchObject({ read: true });
  const list = await alice.ask<SignalrMessage[]>('GetConversationInstanceMessages', { conversationId });
  expect(list.filter(({ isSeenByYou }) => !isSeenByYou).map(({ content }) => content)).toEqual(['from the socket']);
});
