import { adminActor, type Conversation, type User, type UserActor } from '@switchboard/core';
import type { SocketClient } from '../testing/driver.ts';
import { type Clerk, createOffice, heardOf, type Office, type Shape } from './support/office.ts';

let office: Office;
let alice: Clerk;
let desk: SocketClient;
let outside: SocketClient;
let conversation: Conversation;
let dave: User;
let daves: UserActor;

async function open(storeMiniChat = true): Promise<void> {
  office = await createOffice({ adapter: { storeMiniChat } });
  const { core } = office;
  alice = await office.hire('Alice');
  const bob = await office.hire('Bob');
  const workspace = await office.found(alice, bob);
  desk = await alice.sit(workspace.id);
  outside = await bob.sit(workspace.id, { version: '4.8' });
  await alice.select(workspace.general, desk);
  const found = await core.conversations.findByExternalId('workspace', workspace.general);
  if (!found) throw new Error('no channel');
  conversation = found;
  dave = await core.users.create(adminActor(), { displayName: 'Dave' });
  daves = office.test.actor(dave, { via: 'signalr', namespace: 'signalr' });
  await core.conversations.addParticipants(adminActor(), conversation.id, [{ userId: dave.id }]);
  await office.settled(desk);
}
afterEach(() => office.close());

const textsOf = async () => {
  const { messages } = office.core;
  const list = await messages.list(adminActor() as never, {
    conversationId: conversation.id,
    from: 'oldest',
    limit: 100,
  });
  return list.map(({ text, senderId }) => [text, senderId]);
};

const broadcasts = (socket: SocketClient) =>
  heardOf(socket, 'conversation-broadcast').map(([, payload]) => payload as Shape);

it('is broadcast as it came, and a message there', async () => {
  await open();
  const sent = office.test.core.events;
  desk.emit('conversation-broadcast', {
    action: 'mini-chat',
    userId: 'x',
    data: { message: 'it&#039;s me &amp; you &lt;3' },
  });
  expect(await desk.next('conversation-broadcast')).toEqual({
    action: 'mini-chat',
    userId: alice.id,
    data: { message: 'it&#039;s me &amp; you &lt;3' },
  });
  while ((await textsOf()).length === 0) await sent.delivered(sent.position);
  const user = await office.core.users.findByEmail(alice.email);
  expect(await textsOf()).toEqual([["it's me & you <3", user?.id]]);
  for (const data of [{ message: '' }, { message: 5 }, null, 'text', { message: 'x'.repeat(40_000) }]) {
    desk.emit('conversation-broadcast', { action: 'mini-chat', data });
    expect(await desk.next('conversation-broadcast')).toMatchObject({ data });
  }
  desk.emit('conversation-broadcast', { action: 'hand-up', data: { message: 'no text' } });
  await desk.next('conversation-broadcast', ({ action }) => action === 'hand-up');
  await office.settled(desk, outside);
  expect(await textsOf()).toHaveLength(1);
  expect(broadcasts(outside)).toEqual([]);
  expect(broadcasts(desk)).toHaveLength(7);
});

it('brings what other wires say to those in the call, once, and to nobody else', async () => {
  await open();
  const { messages } = office.core;
  const said = (message: string) => ({
    action: 'mini-chat',
    userId: `00000000-0000-8100-8000-${dave.id.toString(16).padStart(12, '0')}`,
    data: { message },
  });
  const { message } = await messages.send(daves, { conversationId: conversation.id, text: 'a < b & c &amp; &#39; &x' });
  await messages.send(daves, { conversationId: conversation.id, text: 'plain' });
  await messages.edit(daves, { messageId: message.id, text: 'changed' });
  await office.settled(desk, outside);
  expect(broadcasts(desk)).toEqual([said('a &lt; b & c &amp;amp; &amp;#39; &x'), said('plain')]);
  expect(broadcasts(outside)).toEqual([]);
});

it('is neither kept nor shown when the switch is off', async () => {
  await open(false);
  desk.emit('conversation-broadcast', { action: 'mini-chat', data: { message: 'hello' } });
  await desk.next('conversation-broadcast');
  await office.core.messages.send(daves, { conversationId: conversation.id, text: 'hello' });
  await office.settled(desk);
  expect(broadcasts(desk)).toHaveLength(1);
  expect(await textsOf()).toHaveLength(1);
});
