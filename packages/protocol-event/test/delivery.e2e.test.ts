import { adminActor, type ConversationId } from '@switchboard/core';
import { createTestHost, type TestHost } from '@switchboard/testing';
import { createEventAdapter } from '../src/index.ts';
import { connectEvent, type EventClient, type EventMessage } from '../testing/driver.ts';
import { createStage, enter, type Stage, type StageOptions, syntheticOf } from './support/stage.ts';
import { CUSTOMER, MODERATOR, SECRET } from './support/tokens.ts';

let stage: Stage;

async function setUp(options: StageOptions = {}): Promise<void> {
  stage = await createStage(options);
}

afterEach(() => stage.close());

async function send(client: EventClient, applicationId: number, content: string): Promise<EventMessage> {
  const args = { session_channel: String(applicationId), sender_id: client.sid, content };
  return (await client.ask<{ message: EventMessage }>('Event.SendMessage', args)).message;
}

const list = (client: EventClient, applicationId: number) =>
  client.ask<{ Messages: EventMessage[] }>('Event.GetMessageList', {
    session_channel: String(applicationId),
    executor_id: client.sid,
  });

/** What these clients were told, once nothing is under way any more. */
async function told(...clients: EventClient[]): Promise<string[][]> {
  await stage.settled(...clients);
  return clients.map((client) => client.waiting.map(({ content }) => content));
}

describe('Event.ReceiveMessage', () => {
  beforeEach(() => setUp());

  it('goes to every joined connection but the sending one, before the answer', async () => {
    const [alice, phone, bob, idle] = [
      await stage.customer(1),
      await stage.customer(1),
      await stage.customer(2),
      await stage.customer(2),
    ];
    for (const client of [alice, phone, bob]) await enter(client, 100);
    const message = await send(alice, 100, 'hello');
    // The answer has come: on this node the others have been written to before.
    expect(await told(alice, phone, bob, idle)).toEqual([[], ['hello'], ['hello'], []]);
    expect(await bob.message()).toEqual(message);
    const frame = bob.frames.at(-1) as string;
    expect(frame).toBe(JSON.stringify({ name: 'Event.ReceiveMessage', ok: true, result: { message } }));
    expect(phone.frames.at(-1)).toBe(frame);
  });

  it('is the only event: nobody is told of joins, reads, edits or deletes', async () => {
    const [alice, bob] = [await stage.customer(1), await stage.customer(2)];
    const { id } = await enter(alice, 100);
    await enter(bob, 100);
    const { id: messageId } = await send(alice, 100, 'hello');
    await bob.message();
    await bob.ask('Event.ReadMessage', { executor_id: 2, message_id: messageId });
    const author = stage.test.actor(await stage.userOf(1));
    await stage.core.messages.edit(author, { messageId: messageId as never, text: 'hello!' });
    await enter(await stage.customer(3), 100);
    await stage.core.presence.setTyping(author, id as ConversationId, true);
    await stage.core.messages.remove(author, { messageId: messageId as never, scope: 'all' });
    const before = [alice.frames.length, bob.frames.length];
    await stage.settled(alice, bob);
    expect([alice.frames.length, bob.frames.length]).toEqual(before);
    expect(before).toEqual([2, 3]);
  });

  it('shows an edit in the next list alone', async () => {
    const alice = await stage.customer(1);
    await enter(alice, 100);
    const { id } = await send(alice, 100, 'helo');
    await stage.test.clock.advance(60_000);
    await stage.core.messages.edit(stage.test.actor(await stage.userOf(1)), { messageId: id as never, text: 'hello' });
    const [message] = (await list(alice, 100)).Messages;
    expect(message?.content).toBe('hello');
    expect(Date.parse(message?.update_at as string) - Date.parse(message?.create_at as string)).toBe(60_000);
  });

  it('comes from other protocols, with the numbers of those who have none here', async () => {
    const [alice, zoe] = [await stage.customer(1), await stage.stranger('Zoe')];
    const group = await stage.group(await stage.userOf(1), zoe);
    await enter(alice, syntheticOf(group));
    await stage.core.messages.send(stage.test.actor(zoe), { conversationId: group.id, text: 'from elsewhere' });
    expect(await alice.message()).toMatchObject({
      content: 'from elsewhere',
      sender_id: 3_000_000_000 + zoe.id,
      session_channel: String(syntheticOf(group)),
    });
  });

  it('is not held up by one who does not read', async () => {
    const [alice, bob, slow] = [await stage.customer(1), await stage.customer(2), await stage.customer(3)];
    for (const client of [alice, bob, slow]) await enter(client, 100);
    slow.pause();
    for (let at = 0; at < 200; at += 1) {
      await send(alice, 100, `${at} ${'x'.repeat(20_000)}`);
      expect((await bob.message()).content.split(' ')[0]).toBe(String(at));
    }
  });
});

describe('a connection that has joined nothing', () => {
  beforeEach(() => setUp());

  it('joins by the first list or send of a participant, and hears what is answered to it', async () => {
    const [alice, bob] = [await stage.customer(1), await stage.customer(2)];
    await enter(alice, 100);
    await enter(bob, 100);
    alice.terminate();
    const waiting = await stage.customer(1);
    await send(bob, 100, 'not heard');
    expect(await told(waiting)).toEqual([[]]);
    const byList = await stage.customer(1);
    await list(byList, 100);
    const bySend = await stage.customer(1);
    await send(bySend, 100, 'mine');
    await send(bob, 100, 'heard');
    expect(await told(byList, bySend)).toEqual([['mine', 'heard'], ['heard']]);
  });

  it('is not joined by a moderator who only reads', async () => {
    const [alice, bob, moderator] = [await stage.customer(1), await stage.customer(2), await stage.moderator(9)];
    await enter(alice, 100);
    await enter(bob, 100);
    await list(moderator, 100);
    await send(alice, 100, 'attended by bob');
    expect(await told(moderator)).toEqual([[]]);
    expect(await stage.core.conversations.participation((await stage.userOf(9)).id, 1 as ConversationId)).toBeNull();
  });

  it('hears no more of what it was taken out of, on any connection, until it comes back by itself', async () => {
    const [alice, phone, bob] = [await stage.customer(1), await stage.customer(1), await stage.customer(2)];
    const { id } = await enter(bob, 100);
    for (const client of [alice, phone]) await enter(client, 100);
    const user = (await stage.userOf(1)).id;
    await stage.core.conversations.removeParticipants(adminActor(), id as ConversationId, [user]);
    await stage.settled(alice, phone);
    await send(bob, 100, 'without alice');
    for (const client of [alice, phone]) {
      const args = { session_channel: '100', sender_id: 1, content: 'still here?' };
      const joinFirst = 'error finding a chat room, you shoud join first';
      expect(await client.call('Event.SendMessage', args)).toMatchObject({ ok: false, result: joinFirst });
      const asked = { session_channel: '100', executor_id: 1 };
      const notFound = { ok: false, result: 'conversation not found' };
      expect(await client.call('Event.GetMessageList', asked)).toMatchObject(notFound);
    }
    expect(await told(alice, phone)).toEqual([[], []]);
    expect(await stage.test.presence.attending(id as ConversationId)).toHaveLength(1);
    await stage.core.conversations.addParticipants(adminActor(), id as ConversationId, [{ userId: user }]);
    await stage.settled(alice);
    await send(bob, 100, 'not joined again');
    expect(await told(alice)).toEqual([[]]);
    await enter(alice, 100);
    await send(bob, 100, 'joined again');
    expect(await told(alice, phone)).toEqual([['joined again'], []]);
  });

  it('is let go of a conversation that is gone', async () => {
    const [alice, zoe] = [await stage.customer(1), await stage.stranger('Zoe')];
    const group = await stage.group(await stage.userOf(1), zoe);
    await enter(alice, syntheticOf(group));
    await stage.core.conversations.remove(adminActor(), group.id);
    await stage.settled(alice);
    expect(await stage.test.presence.attending(group.id)).toEqual([]);
    const args = { session_channel: String(syntheticOf(group)), sender_id: 1, content: 'x' };
    expect(await alice.call('Event.SendMessage', args)).toMatchObject({ ok: false, result: 'conversation not found' });
  });
});

describe('moderators who have joined nothing', () => {
  it("hear of a customer whom nobody attends, and not of each other's messages", async () => {
    await setUp();
    const [alice, phone, moderator, other] = [
      await stage.customer(1),
      await stage.customer(1),
      await stage.moderator(8),
      await stage.moderator(9),
    ];
    await enter(alice, 100);
    await enter(phone, 100);
    // The sender's own second window is nobody else.
    await send(alice, 100, 'anybody?');
    expect(await told(moderator, other)).toEqual([['anybody?'], ['anybody?']]);
    await enter(moderator, 100);
    await send(moderator, 100, 'here');
    await send(alice, 100, 'good');
    expect(await told(moderator, other)).toEqual([['anybody?', 'good'], ['anybody?']]);
    moderator.terminate();
    await moderator.ended;
    while ((await stage.test.presence.attending(1 as ConversationId)).length > 2) await new Promise(setImmediate);
    await send(alice, 100, 'gone?');
    expect((await told(other))[0]).toEqual(['anybody?', 'gone?']);
  });

  it('hear nothing when a customer is attended by somebody online on another protocol', async () => {
    await setUp();
    const [alice, moderator] = [await stage.customer(1), await stage.moderator(9)];
    const { id } = await enter(alice, 100);
    const zoe = await stage.stranger('Zoe');
    await stage.core.conversations.addParticipants(adminActor(), id as ConversationId, [{ userId: zoe.id }]);
    await send(alice, 100, 'zoe is away');
    const elsewhere = {
      ...stage.test.actor(zoe, { namespace: 'netalo', via: 'netalo' }),
      connectionId: 'zoe-1' as never,
    };
    await stage.core.presence.connected(elsewhere, { graceMs: 0 });
    await send(alice, 100, 'zoe is there');
    expect((await told(moderator))[0]).toEqual(['zoe is away']);
  });

  it('hear of a sender on another protocol while whoever takes part here has not joined', async () => {
    await setUp();
    const [alice, moderator] = [await stage.customer(1), await stage.moderator(9)];
    const { id } = await enter(alice, 100);
    const zoe = await stage.stranger('Zoe');
    await stage.core.conversations.addParticipants(adminActor(), id as ConversationId, [{ userId: zoe.id }]);
    const netalo = stage.test.actor(zoe, { namespace: 'netalo', via: 'netalo' });
    const write = (text: string) => stage.core.messages.send(netalo, { conversationId: id as ConversationId, text });
    await write('alice attends');
    alice.terminate();
    await alice.ended;
    while ((await stage.test.presence.attending(id as ConversationId)).length > 0) await new Promise(setImmediate);
    // She is here again, and has not joined.
    await stage.customer(1);
    await write('nobody attends');
    expect(await told(moderator)).toEqual([['nobody attends']]);
  });

  it('hear nothing of conversations outside the queue', async () => {
    await setUp();
    const [alice, moderator] = [await stage.customer(1), await stage.moderator(9)];
    const group = await stage.group(await stage.userOf(1), await stage.stranger('Zoe'));
    await enter(alice, syntheticOf(group));
    await send(alice, syntheticOf(group), 'among ourselves');
    expect(await told(moderator)).toEqual([[]]);
  });

  it('hear nothing at all with the switch off, and have it unread all the same', async () => {
    await setUp({ adapter: { notifyIdleModerators: false } });
    const [alice, moderator] = [await stage.customer(1), await stage.moderator(9)];
    await enter(alice, 100);
    await send(alice, 100, 'anybody?');
    expect(await told(moderator)).toEqual([[]]);
    expect(await moderator.ask('Event.GetUnreadInfo', { user_id: 9 })).toMatchObject({ unread_count: 1 });
  });
});

describe('a room', () => {
  it('holds so many connections over all nodes, and lets participants write without joining when it is full', async () => {
    await setUp({ adapter: { roomLimit: 3 } });
    const node = await stage.test.another();
    const elsewhere: TestHost = await createTestHost(node, createEventAdapter({ secret: SECRET, roomLimit: 3 }));
    const there = (sid: number, claims: object) =>
      connectEvent({ url: `${elsewhere.url.replace('http', 'ws')}/ws?sid=${sid}`, token: stage.token(claims) });
    try {
      const [alice, bob, moderator] = [await stage.customer(1), await there(2, CUSTOMER), await there(9, MODERATOR)];
      for (const client of [alice, bob, moderator]) await enter(client, 100);
      const late = await there(1, CUSTOMER);
      const full = { name: 'Event.AddConversation', ok: false, result: 'error while joining a chat room' };
      expect(await late.call('Event.AddConversation', { user_id: 1, application_id: 100 })).toEqual(full);
      const stranger = await stage.customer(4);
      expect(await stranger.call('Event.AddConversation', { user_id: 4, application_id: 100 })).toEqual(full);
      expect(await stage.count('participants')).toBe(3);
      expect(await enter(alice, 100)).toMatchObject({ application_id: 100 });

      await send(late, 100, 'from the full room');
      expect((await alice.message()).content).toBe('from the full room');
      await send(alice, 100, 'not heard');
      await node.settled();
      expect((await bob.message()).content).toBe('from the full room');
      expect((await bob.message()).content).toBe('not heard');
      await late.roundTrip();
      expect(late.waiting).toEqual([]);

      bob.terminate();
      while ((await stage.test.presence.attending(1 as ConversationId)).length > 2) await new Promise(setImmediate);
      expect(await enter(late, 100)).toMatchObject({ application_id: 100 });
      late.terminate();
    } finally {
      await elsewhere.close();
    }
  });

  it('has 50 places unless told otherwise', async () => {
    await setUp();
    const clients = await Promise.all(Array.from({ length: 51 }, () => stage.customer(1)));
    const last = clients.pop() as EventClient;
    await Promise.all(clients.map((client) => enter(client, 100)));
    const answer = await last.call('Event.AddConversation', { user_id: 1, application_id: 100 });
    expect(answer).toMatchObject({ ok: false, result: 'error while joining a chat room' });
  });
});
