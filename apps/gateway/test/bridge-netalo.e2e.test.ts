/** Nam's app speaks Netalo, Alice's the SignalR hub, Bob's the raw Event wire: one group, and what each sees of the others. */
import {
  connectEvent,
  type EventClient,
  type EventConversation,
  type EventMessage,
} from '@switchboard/protocol-event/testing';
import { connectNetalo, type NetaloClient, type NetaloConnect } from '@switchboard/protocol-netalo/testing';
import {
  connectSignalr,
  type SignalrClient,
  type SignalrConnect,
  type SignalrMessage,
} from '@switchboard/protocol-signalr/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

let gateway: TestGateway;
let nam: NetaloClient;
let alice: SignalrClient;
let bob: EventClient;
let group_id: string;
let session_channel: string;
let ids: number[];

beforeAll(async () => {
  gateway = await startTestGateway();
  const create = async (displayName: string, protocol: string, externalId: string) => {
    const fields = { displayName, identities: [{ protocol, externalId }] };
    return (await gateway.admin<{ id: number }>('POST', '/users', fields)).body.id;
  };
  const connectOf = async (protocol: string, userId: number) =>
    (await gateway.admin<{ connect: unknown }>('POST', '/credentials', { protocol, userId })).body.connect;
  const [namId, aliceId, bobId] = [
    await create('Nam', 'netalo', '7'),
    await create('Alice', 'signalr', 'alice'),
    await create('Bob', 'event', '2'),
  ];
  ids = [namId, aliceId, bobId];
  nam = await connectNetalo((await connectOf('netalo', namId)) as NetaloConnect);
  const synthetic = (id: number) => String(9_000_000_000_000_000 + id);
  const { group } = await nam.ask<{ group: { group_id: string } }>('create_group', {
    type: 2,
    name: 'All three',
    occupants_uins: [synthetic(aliceId), synthetic(bobId)],
  });
  ({ group_id } = group);
  alice = await connectSignalr((await connectOf('signalr', aliceId)) as SignalrConnect);
  bob = await connectEvent((await connectOf('event', bobId)) as { url: string; token: string });
  const { conversations } = await bob.ask<{ conversations: EventConversation[] }>('Event.GetConversationList', {
    user_id: 2,
  });
  const found = conversations.find(({ id }) => String(id) === group_id) as EventConversation;
  ({ session_channel } = found);
  await bob.ask('Event.AddConversation', { user_id: 2, application_id: found.application_id });
});

afterAll(async () => {
  nam?.close();
  await alice?.close();
  await bob?.close();
  await gateway?.close();
});

const uinOf = (at: number) => String(9_000_000_000_000_000 + (ids[at] as number));
const said = (content: string) => (message: { content: string }) => message.content === content;

it('takes texts all ways', async () => {
  await nam.ask('create_message', { group_id, message: 'xin chào' });
  expect(await bob.message()).toMatchObject({ content: 'xin chào', session_channel });
  expect(await alice.events.next('OnNewMessage', said('xin chào'))).toMatchObject({ conversationId: group_id });
  await bob.ask('Event.SendMessage', { session_channel, sender_id: 2, content: 'hello' });
  expect(await nam.next('message')).toMatchObject({
    message: 'hello',
    sender_uin: uinOf(2),
    sender_name: 'Bob',
    type: 0,
  });
  await alice.ask('SendMessageToConversation', { content: 'good day', conversationId: group_id });
  expect(await nam.next('message')).toMatchObject({ message: 'good day', sender_uin: uinOf(1) });
  expect(await bob.message()).toMatchObject({ content: 'good day' });
});

it('takes edits and deletes to lists, and what comes in pictures as addresses', async () => {
  const send = async (fields: object) =>
    (await nam.ask<{ message: { message_id: string } }>('create_message', { group_id, ...fields })).message.message_id;
  const edited = await send({ message: 'old' });
  const deleted = await send({ message: 'gone' });
  await send({ type: 2, attachments: { images: [{ url: 'https://x/i.png', width: 1, height: 1 }] } });
  await nam.ask('update_message', { message_id: edited, message: 'new' });
  await nam.ask('delete_message', { message_id: deleted });
  const list = await bob.ask<{ Messages: EventMessage[] }>('Event.GetMessageList', { session_channel, executor_id: 2 });
  expect(list.Messages.slice(-2)).toMatchObject([{ content: 'new' }, { content: 'https://x/i.png', content_type: 2 }]);
  expect(list.Messages.map(({ content }) => content)).not.toContain('gone');
});

it('takes read marks both ways', async () => {
  const { message } = await nam.ask<{ message: { message_id: string } }>('create_message', {
    group_id,
    message: 'read me',
  });
  const { message_id } = message;
  await alice.ask('SeenMessage', { messageIds: [message_id] });
  type Seen = { message_id: string; seen_uins: string[] };
  const isSeen = (seen: Seen) => seen.message_id === message_id && seen.seen_uins.length > 0;
  expect(await nam.next<Seen>('update_message', isSeen)).toMatchObject({ seen_uins: [uinOf(1)] });
  const { id } = await alice.ask<SignalrMessage>('SendMessageToConversation', {
    content: 'and you me',
    conversationId: group_id,
  });
  await nam.ask('update_message', { message_id: id, status: 3 });
  const isMeant = ({ messageId }: { messageId: string }) => messageId === id;
  expect(await alice.events.next('OnMessageUpdate', isMeant)).toMatchObject({ messageId: id, seenCount: 1 });
});

it('tells of presence both ways', async () => {
  await alice.ask('SubscribeToIdentitiesStatusUpdates', { identities: [`u${ids[0]}`] });
  const isNam = ({ identityId }: { identityId: string }) => identityId === `u${ids[0]}`;
  expect(await alice.events.next('OnIdentityStatusUpdate', isNam)).toMatchObject({ status: 1 });
  const { groups } = await nam.ask<{ groups: { status_list: { uin: string; online_status: number }[] }[] }>(
    'list_group',
    {},
  );
  expect(groups[0]?.status_list.map(({ online_status }) => online_status)).toEqual([1, 1, 1]);
});

it('tells of typing to Netalo by its own numbers', async () => {
  await alice.ask('SetConversationTypingStatus', { conversationId: group_id, typingStatus: 1 });
  expect(await nam.next('event')).toMatchObject({ sender_uin: uinOf(1), group_id, type: 9 });
});
