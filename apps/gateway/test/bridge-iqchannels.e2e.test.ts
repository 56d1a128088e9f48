/** Support conversations with a customer on one wire and staff on another; and credentials that an outside system is asked about. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createIqClient, type IqClient, type Loose } from '@switchboard/protocol-iqchannels/testing';
import { connectSignalr, type SignalrConnect } from '@switchboard/protocol-signalr/testing';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { connectAs, joinAs, sendTo } from './support/people.ts';

let gateway: TestGateway;
let identityProvider: Server;
let asked: Loose[];
let url: string;
let queueId: number;
let dave: IqClient;

/** Knows one credential, and says who it is. */
function startIdentityProvider(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const question = JSON.parse(body);
      asked.push({ ...question, authorization: request.headers.authorization });
      const isKnown = question.token === 'the credential of carol';
      response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isKnown ? { IntegrationId: 'carol', name: 'Carol' } : {}));
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

beforeAll(async () => {
  asked = [];
  identityProvider = await startIdentityProvider();
  const { port } = identityProvider.address() as AddressInfo;
  const introspection = { url: `http://127.0.0.1:${port}/introspect`, headers: { authorization: 'Bearer ours' } };
  gateway = await startTestGateway({}, { change: { iqchannels: { introspection } } });
  url = gateway.addresses.main.url;
  const { body: user } = await gateway.admin<{ id: number }>('POST', '/users', { displayName: 'Dave' });
  // The first customer makes the queue of the event wire.
  const first = await joinAs(url, { sid: 90, application: 900 });
  await first.close();
  const { body: spaces } = await gateway.admin<{ spaces: { id: number; name: string }[] }>('GET', '/spaces?kind=queue');
  queueId = spaces.spaces.find(({ name }) => name === 'event')?.id ?? 0;
  await gateway.admin('PUT', `/spaces/${queueId}/members/${user.id}`, { role: 'staff' });
  const issue = { protocol: 'iqchannels', userId: user.id, role: 'operator' };
  const { body } = await gateway.admin<{ connect: { url: string; token: string } }>('POST', '/credentials', issue);
  dave = createIqClient(body.connect.url, body.connect.token, 'User');
});

afterAll(async () => {
  await gateway?.close();
  await new Promise((resolve) => identityProvider.close(resolve));
});

it('joins a customer of the event wire and an operator here', async () => {
  const desk = await dave.events(`/sse/chats/events/listen_to_channel/${queueId}`);
  const customer = await joinAs(url, { sid: 7, application: 100 });
  await sendTo(customer, 100, 'hello <b>there</b>');
  const created = await desk.event('the message', ({ Type }) => Type === 'message_created');
  expect(created).toMatchObject({ Actor: 'client', Public: true });
  const frame = desk.frames.find(({ Result }) => Result[0]?.MessageId === created.MessageId);
  expect(frame?.Rels.ChatMessages[0]).toMatchObject({
    Text: 'hello <b>there</b>',
    LocalId: created.MessageId,
    My: false,
  });
  await dave.ask(`/chats/join/${created.ChatId}`);
  await dave.ask('/chats/messages/read', [created.MessageId]);
  await dave.ask(`/chats/send/${created.ChatId}`, { LocalId: 1, Text: 'what can I do?' });
  expect(await customer.message()).toMatchObject({ content: 'what can I do?', session_channel: '100' });
  const { Messages } = await customer.ask<{ Messages: Loose[] }>('Event.GetMessageList', {
    session_channel: '100',
    executor_id: 7,
  });
  expect(Messages[0]).toMatchObject({ content: 'hello <b>there</b>', read: true });
  await customer.ask('Event.ReadMessage', { executor_id: 7, message_id: Messages[1].id });
  await desk.event('the reading', ({ Type, MessageId }) => Type === 'message_read' && MessageId === Messages[1].id);
  expect(await dave.ask(`/chats/get/${created.ChatId}`)).toMatchObject({ ClientUnread: 0, UserUnread: 0 });
  await dave.ask(`/chats/close/${created.ChatId}`);
  await sendTo(customer, 100, 'one more thing');
  await desk.event('the opening', ({ Type, Id }) => Type === 'chat_opened' && Id > created.Id);
  await customer.close();
});

it('joins a client here and a moderator of the event wire', async () => {
  const api = `${url}/public/api/v1`;
  const { Result } = await createIqClient(api, '', 'Client').call('/clients/integration_auth', {
    Credentials: 'the credential of carol',
    Channel: 'event',
  });
  expect(Result.Client).toMatchObject({ IntegrationId: 'carol', Name: 'Carol' });
  const carol = createIqClient(api, Result.Session.Token, 'Client');
  const phone = await carol.events('/sse/chats/channel/events/event');
  const moderator = await connectAs(url, { sid: 50, role: 'moderator' });
  await carol.ask('/chats/channel/send/event', { LocalId: 1795141915863, Text: 'is anybody there?' });
  // A moderator who has joined nothing hears of what nobody attends.
  const heard = await moderator.message();
  expect(heard).toMatchObject({ content: 'is anybody there?' });
  const channel = Number(heard.session_channel);
  // Nobody may enter another wire's conversation by its number alone: an operator brings the moderator in.
  const { Rels } = await dave.call(`/channels/members/query_by_channel/${queueId}`);
  const moderatorId = Rels.Users.find(({ Name }: Loose) => Name === '50').Id;
  const [chat] = await dave.ask(`/chats/query_by_channel/${queueId}`, { Limit: 1 });
  await dave.ask(`/chats/invite/${chat.Id}`, { UserId: moderatorId });
  await moderator.ask('Event.AddConversation', { user_id: 50, application_id: channel });
  await moderator.ask('Event.ReadMessage', { executor_id: 50, message_id: heard.id });
  await phone.event('the reading', ({ Type, MessageId }) => Type === 'message_read' && MessageId === heard.id);
  await sendTo(moderator, channel, '<i>yes</i> & no');
  const reply = await phone.event('the answer', ({ Type, Actor }) => Type === 'message_created' && Actor === 'user');
  const history = await carol.ask('/chats/channel/messages/event');
  // What another wire wrote does not run in the page of the widget.
  expect(history.at(-1)).toMatchObject({ Id: reply.MessageId, Text: '&lt;i>yes&lt;/i> & no', My: false });
  await moderator.close();
});

it('asks the outside system about credentials, with its own, and believes nobody else', async () => {
  const open = createIqClient(`${url}/public/api/v1`, '', 'Client');
  expect((await open.call('/clients/integration_auth', { Credentials: 'somebody' })).Error?.Code).toBe('unauthorized');
  expect(asked.at(-1)).toEqual({ token: 'somebody', namespace: 'iqchannels', authorization: 'Bearer ours' });
});

it('shows an operator a group of a workspace, with whom it shares it on the SignalR hub', async () => {
  const { admin } = gateway;
  const person = { displayName: 'Alice', identities: [{ protocol: 'signalr', externalId: 'alice' }] };
  const { body: alice } = await admin<{ id: number }>('POST', '/users', person);
  const { Id: daveId } = await dave.ask('/users/me');
  const members = [alice.id, daveId].map((userId) => ({ userId, role: 'user' }));
  const { body: space } = await admin<{ id: number }>('POST', '/spaces', {
    kind: 'workspace',
    name: 'office',
    members,
  });
  const group = { kind: 'group', title: 'Both', spaceId: space.id, participants: [alice.id, daveId] };
  const { body: conversation } = await admin<{ id: number }>('POST', '/conversations', group);
  const { body } = await admin<{ connect: SignalrConnect }>('POST', '/credentials', {
    protocol: 'signalr',
    userId: alice.id,
  });
  const hub = await connectSignalr(body.connect);
  const stream = await dave.events(`/sse/chats/events/listen_to_chat/${conversation.id}`);
  const sent = { content: 'from the hub', conversationId: String(conversation.id) };
  await hub.ask('SendMessageToConversation', sent);
  const heard = await stream.event('the message', ({ Type }) => Type === 'message_created');
  expect(heard).toMatchObject({ ChatId: conversation.id, Actor: 'user', UserId: alice.id, ClientId: null });
  await dave.ask(`/chats/send/${conversation.id}`, { LocalId: 1, Text: 'from the desk' });
  const isOurs = ({ content }: { readonly content: string }) => content === 'from the desk';
  expect(await hub.events.next('OnNewMessage', isOurs)).toMatchObject({ conversationId: String(conversation.id) });
  await hub.close();
});
