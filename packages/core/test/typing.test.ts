import { adminActor, type Conversation, type DeliveredEvent, type User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { type ConnectedActor, connect, type Heard, listen } from './support/live.ts';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let lobby: Conversation;
let phone: ConnectedActor;
let heard: Heard;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol] = (await test.people('Alice', 'Bob', 'Carol')) as [User, User, User];
  const participants = [{ userId: bob.id }];
  const made = await test.core.conversations.create(test.actor(alice), { kind: 'group', title: 'Lobby', participants });
  lobby = made.conversation;
  phone = await connect(test, alice);
  heard = listen(test);
});

afterEach(() => test.close());

const told = () => heard.of('typing.changed').map(({ typing }) => typing);

it('tells every renewal, and the end by hand', async () => {
  await test.core.presence.setTyping(phone, lobby.id, true);
  await test.core.presence.setTyping(phone, lobby.id, true);
  await test.core.presence.setTyping(phone, lobby.id, false);
  await heard.next('typing.changed', 3);
  expect(told()).toEqual([true, true, false]);
  expect(heard.of('typing.changed')[0]).toMatchObject({ conversationId: lobby.id, userId: alice.id });
});

it('ends 6 s after the last renewal', async () => {
  await test.core.presence.setTyping(phone, lobby.id, true);
  await test.clock.advance(5_000);
  await test.core.presence.setTyping(phone, lobby.id, true);
  await heard.next('typing.changed', 2);
  await test.clock.advance(5_900);
  expect(told()).toEqual([true, true]);
  await test.clock.advance(100);
  await heard.next('typing.changed', 3);
  expect(told()).toEqual([true, true, false]);
});

it('ends with a message', async () => {
  await test.core.presence.setTyping(phone, lobby.id, true);
  await test.core.messages.send(phone, { conversationId: lobby.id, text: 'here it is' });
  await heard.next('typing.changed', 2);
  expect(told()).toEqual([true, false]);
});

describe('through another node', () => {
  let tablet: ConnectedActor;
  let other: TestCore;

  beforeEach(async () => {
    other = await test.another();
    tablet = await connect(other, alice);
    await test.core.presence.setTyping(phone, lobby.id, true);
    await heard.next('typing.changed');
    await test.clock.advance(100);
  });

  it('ends with a message', async () => {
    await other.core.messages.send(tablet, { conversationId: lobby.id, text: 'here it is' });
    await heard.next('typing.changed', 2);
    await test.clock.advance(10_000);
    expect(told()).toEqual([true, false]);
  });

  it('goes on for 6 s after the last renewal there, and ends once', async () => {
    await test.clock.advance(3_000);
    await other.core.presence.setTyping(tablet, lobby.id, true);
    await heard.next('typing.changed', 2);
    await test.clock.advance(5_900);
    expect(told()).toEqual([true, true]);
    await test.clock.advance(100);
    await heard.next('typing.changed', 3);
    await test.clock.advance(10_000);
    expect(told()).toEqual([true, true, false]);
  });

  it('ends by hand, once', async () => {
    await other.core.presence.setTyping(tablet, lobby.id, false);
    await heard.next('typing.changed', 2);
    await test.clock.advance(10_000);
    expect(told()).toEqual([true, false]);
  });
});

it('ends with the connection it came from, and not with another', async () => {
  const laptop = await connect(test, alice);
  await test.core.presence.setTyping(phone, lobby.id, true);
  await test.core.presence.disconnected(laptop);
  await test.core.presence.disconnected(phone);
  await heard.next('typing.changed', 2);
  expect(told()).toEqual([true, false]);
});

it('is refused to whoever takes no part', async () => {
  const stranger = await connect(test, carol);
  await expect(test.core.presence.setTyping(stranger, lobby.id, true)).rejects.toMatchObject({
    code: 'forbidden',
    details: { reason: 'no_participant' },
  });
});

it('is heard on every node', async () => {
  const other = listen(await test.another());
  await test.core.presence.setTyping(phone, lobby.id, true);
  expect(await other.next('typing.changed')).toMatchObject({ userId: alice.id, typing: true });
});

describe('hints of one wire', () => {
  it('pass within the namespace, to those named or to all', async () => {
    await test.core.signals.relay(phone, { name: 'event', conversationId: lobby.id, to: [bob.id], data: { type: 7 } });
    expect(await heard.next('wire.signal')).toMatchObject({
      namespace: 'test',
      name: 'event',
      to: [bob.id],
      data: { type: 7 },
    });
    await test.core.signals.relay(phone, { name: 'event', to: [bob.id], data: 1 });
    expect(await heard.next('wire.signal', 2)).toMatchObject({ conversationId: null });
  });

  it('are refused among people who share nothing', async () => {
    const refused = { code: 'not_found' };
    const { relay } = test.core.signals;
    await expect(relay(phone, { name: 'event', to: [carol.id], data: 1 })).rejects.toMatchObject(refused);
    await expect(
      relay(phone, { name: 'event', conversationId: lobby.id, to: [carol.id], data: 1 }),
    ).rejects.toMatchObject(refused);
    const stranger = await connect(test, carol);
    await expect(relay(stranger, { name: 'event', conversationId: lobby.id, data: 1 })).rejects.toMatchObject(refused);
  });
});

it('lets the staff of a queue type and hear before they take part, and nobody else', async () => {
  const { space } = await test.core.spaces.create(adminActor(), {
    kind: 'queue',
    members: [{ userId: bob.id, role: 'staff' }],
  });
  const { conversation } = await test.core.conversations.create(test.actor(alice), {
    kind: 'support',
    spaceId: space.id,
    customerId: alice.id,
    participants: [],
  });
  const desk = await connect(test, bob);
  await test.core.directory.membershipsOf(bob.id);
  const staff = { ...desk, capacity: 'staff' as const };
  const delivered: DeliveredEvent[] = [];
  test.core.events.subscribe({ onEvents: (batch) => void delivered.push(...batch), onReset: () => undefined });
  await test.core.presence.setTyping(phone, conversation.id, true);
  await test.core.presence.setTyping(staff, conversation.id, true);
  await heard.next('typing.changed', 2);
  const typings = delivered.filter(({ event }) => event.type === 'typing.changed');
  expect(typings.map(({ audience }) => audience.staffOf)).toEqual([space.id, space.id]);
  const stranger = { ...(await connect(test, carol)), capacity: 'staff' as const };
  await expect(test.core.presence.setTyping(stranger, conversation.id, true)).rejects.toMatchObject({
    code: 'forbidden',
  });
});
