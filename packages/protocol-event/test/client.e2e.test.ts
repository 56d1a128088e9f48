import type { EventClient, EventConversation, EventMessage } from '../testing/driver.ts';
import { createStage, enter, type Stage, syntheticOf } from './support/stage.ts';

const NOT_SELF = 'a registered user is different from one you are trying to use';
const NOT_FOUND = 'conversation not found';
const BAD_CHANNEL = 'received session channel value is invalid';
const BAD_VALUE = 'received event arguments invalid';
const JOIN_FIRST = 'error finding a chat room, you shoud join first';
const UNREADABLE = 'error marshaling message';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let stage: Stage;
let alice: EventClient;
let bob: EventClient;
let moderator: EventClient;

beforeEach(async () => {
  stage = await createStage();
  alice = await stage.customer(1);
  bob = await stage.customer(2);
  moderator = await stage.moderator(9);
});

afterEach(() => stage.close());

async function refusalOf(client: EventClient, name: string, args: object): Promise<unknown> {
  const { ok, result, ...rest } = await client.call(`Event.${name}`, args);
  expect([ok, rest]).toEqual([false, { name: `Event.${name}` }]);
  return result;
}

const send = (client: EventClient, channel: string, content: string, more: object = {}) =>
  client.ask<{ message: EventMessage }>('Event.SendMessage', {
    session_channel: channel,
    sender_id: client.sid,
    content,
    ...more,
  });

async function list(client: EventClient, channel: string): Promise<EventMessage[]> {
  const args = { session_channel: channel, executor_id: client.sid };
  return (await client.ask<{ Messages: EventMessage[] }>('Event.GetMessageList', args)).Messages;
}

const read = (client: EventClient, { id }: { readonly id: number }) =>
  client.call('Event.ReadMessage', { executor_id: client.sid, message_id: id });

async function unread(client: EventClient): Promise<number> {
  const args = { user_id: client.sid };
  return (await client.ask<{ unread_count: number }>('Event.GetUnreadInfo', args)).unread_count;
}

const textsOf = (messages: readonly EventMessage[]) => messages.map(({ content }) => content);

describe('Event.AddConversation', () => {
  it('makes the conversation of an application once, whoever comes first and however often', async () => {
    const [first, second] = await Promise.all([enter(alice, 100), enter(bob, 100)]);
    expect(second).toEqual(first);
    expect(await enter(alice, 100)).toEqual(first);
    expect(await enter(alice, 4_294_967_295)).toMatchObject({ session_channel: '4294967295' });
    expect(first).toMatchObject({ session_channel: '100', application_id: 100, update_at: first.create_at });
    expect(first.create_at).toMatch(TIME);
    expect(await stage.count('conversations')).toBe(2);
  });

  it('makes it a support conversation of the queue: first customer, later members, moderators as staff', async () => {
    const { id } = await enter(alice, 100);
    await enter(bob, 100);
    await enter(moderator, 100);
    const { conversation, participants } = await stage.core.conversations.get(
      stage.test.actor((await stage.userOf(9)).id),
      id as never,
    );
    const queue = await stage.core.spaces.findByName('queue', 'event');
    expect(conversation).toMatchObject({ kind: 'support', spaceId: queue?.id, title: '#100', open: true });
    expect(participants.map(({ side }) => side)).toEqual(['customer', 'member', 'staff']);
    expect(conversation.customerId).toBe((await stage.userOf(1)).id);
  });

  it('takes the first customer for its customer, even when a moderator was there before', async () => {
    const { id } = await enter(moderator, 100);
    await enter(alice, 100);
    await enter(bob, 100);
    const found = await stage.core.conversations.find(id as never);
    expect(found?.customerId).toBe((await stage.userOf(1)).id);
  });

  it('checks arguments, own id and number in this order', async () => {
    expect(await refusalOf(alice, 'AddConversation', { user_id: 'x', application_id: 0 })).toBe(UNREADABLE);
    expect(await refusalOf(alice, 'AddConversation', { user_id: 2, application_id: 0 })).toBe(NOT_SELF);
    expect(await refusalOf(alice, 'AddConversation', { application_id: 100 })).toBe(NOT_SELF);
    for (const application_id of [0, 4_294_967_296, undefined, null]) {
      expect(await refusalOf(alice, 'AddConversation', { user_id: 1, application_id })).toBe(BAD_VALUE);
    }
    expect(await stage.count('conversations')).toBe(0);
  });

  it('opens a synthetic number to participants alone, moderators included among the others', async () => {
    const [anna, zoe] = [await stage.userOf(1), await stage.stranger('Zoe')];
    const group = await stage.group(anna, zoe);
    const number = syntheticOf(group);
    expect(await enter(alice, number)).toMatchObject({ id: group.id, session_channel: String(number) });
    for (const client of [bob, moderator]) {
      const args = { user_id: client.sid, application_id: number };
      expect(await refusalOf(client, 'AddConversation', args)).toBe(NOT_FOUND);
    }
    const nobody = { user_id: 1, application_id: number + 1 };
    expect(await refusalOf(alice, 'AddConversation', nobody)).toBe(NOT_FOUND);
    expect(await stage.count('conversations')).toBe(1);
    expect(await stage.count('participants')).toBe(2);
  });

  it('does not name by a synthetic number what has an application id', async () => {
    const { id } = await enter(alice, 100);
    const args = { user_id: 1, application_id: 1_000_000_000 + id };
    expect(await refusalOf(alice, 'AddConversation', args)).toBe(NOT_FOUND);
  });
});

describe('Event.GetConversationList', () => {
  it("lists the caller's own by ascending id, those of other protocols by synthetic number", async () => {
    const [anna, zoe] = [await stage.userOf(1), await stage.stranger('Zoe')];
    const second = await enter(alice, 200);
    const group = await stage.group(anna, zoe);
    const third = await enter(alice, 100);
    await enter(bob, 300);
    const { conversations } = await alice.ask<{ conversations: EventConversation[] }>('Event.GetConversationList', {
      user_id: 1,
    });
    expect(conversations.map(({ id }) => id)).toEqual([second.id, group.id, third.id]);
    expect(conversations.map(({ application_id }) => application_id)).toEqual([200, syntheticOf(group), 100]);
  });

  it('refuses another id, and joins nothing', async () => {
    await enter(alice, 100);
    await enter(bob, 100);
    const phone = await stage.customer(1);
    expect(await phone.ask('Event.GetConversationList', { user_id: 1 })).toMatchObject({ conversations: [{}] });
    expect(await refusalOf(phone, 'GetConversationList', { user_id: 2 })).toBe(NOT_SELF);
    await send(bob, '100', 'hello');
    await alice.message();
    await stage.settled(phone);
    expect(phone.waiting).toEqual([]);
  });
});

describe('Event.GetMessageList', () => {
  it('checks arguments, channel, own id and conversation in this order', async () => {
    const refused = (args: object) => refusalOf(alice, 'GetMessageList', args);
    expect(await refused({ session_channel: 100, executor_id: 2 })).toBe(UNREADABLE);
    for (const session_channel of ['', '1_2', '-1', '1.5', 'x', ' 1', '4294967296', undefined]) {
      expect(await refused({ session_channel, executor_id: 2 })).toBe(BAD_CHANNEL);
    }
    expect(await refused({ session_channel: '999', executor_id: 2 })).toBe(NOT_SELF);
    expect(await refused({ session_channel: '999', executor_id: 1 })).toBe(NOT_FOUND);
    expect(await refused({ session_channel: '0', executor_id: 1 })).toBe(NOT_FOUND);
  });

  it('shows a conversation to its participants and, in the queue, to moderators, to nobody else', async () => {
    await enter(alice, 100);
    await send(alice, '100', 'one');
    await send(alice, '100', 'two');
    expect(textsOf(await list(alice, '100'))).toEqual(['one', 'two']);
    expect(textsOf(await list(moderator, '0000000100'))).toEqual(['one', 'two']);
    expect(await refusalOf(bob, 'GetMessageList', { session_channel: '100', executor_id: 2 })).toBe(NOT_FOUND);
    const group = await stage.group(await stage.userOf(1), await stage.stranger('Zoe'));
    const args = { session_channel: String(syntheticOf(group)), executor_id: 9 };
    expect(await refusalOf(moderator, 'GetMessageList', args)).toBe(NOT_FOUND);
    expect(await list(alice, args.session_channel)).toEqual([]);
  });

  it('marks nothing as read', async () => {
    await enter(alice, 100);
    await enter(bob, 100);
    await send(alice, '100', 'one');
    expect(await list(bob, '100')).toMatchObject([{ read: false, status: 0 }]);
    expect(await list(bob, '100')).toMatchObject([{ read: false, status: 0 }]);
    expect(await unread(bob)).toBe(1);
  });

  it('leaves out what other protocols show to some alone, and what is deleted', async () => {
    const { id } = await enter(alice, 100);
    const other = await stage.moderator(8);
    await enter(other, 100);
    await enter(moderator, 100);
    const dave = await stage.userOf(9);
    const actor = stage.test.actor(dave, { capacity: 'staff' });
    const conversationId = id as never;
    await stage.core.messages.send(actor, { conversationId, text: 'among staff', visibility: 'staff' });
    await stage.core.messages.send(actor, { conversationId, text: 'test users', visibility: 'namespace:test' });
    const { message } = await stage.core.messages.send(actor, { conversationId, text: 'a slip' });
    await stage.core.messages.remove(actor, { messageId: message.id, scope: 'all' });
    await stage.core.messages.send(actor, { conversationId, text: 'for all' });
    expect(textsOf(await list(alice, '100'))).toEqual(['for all']);
    expect(textsOf(await list(moderator, '100'))).toEqual(['for all']);
    await stage.settled(alice, moderator);
    expect(textsOf(alice.waiting)).toEqual(['a slip', 'for all']);
    expect(textsOf(moderator.waiting)).toEqual(['a slip', 'for all']);
    // Staff like the sender: it has what staff say among themselves unread elsewhere, not here.
    expect([await unread(alice), await unread(other)]).toEqual([1, 1]);
  });

  it('shows what it has no number for as a text, and an image by its address', async () => {
    const group = await stage.group(await stage.userOf(1), await stage.stranger('Zoe'));
    const actor = stage.test.actor(await stage.stranger('Yan'));
    await stage.core.conversations.addParticipants({ ...actor, userId: null, via: 'admin' }, group.id, [actor]);
    const post = (command: object) =>
      stage.core.messages.send(actor, { conversationId: group.id, text: '', ...command });
    await post({ kind: 'image', parts: [{ kind: 'image', url: 'https://x.example/1.png' }] });
    await post({ kind: 'image', text: 'look', parts: [{ kind: 'image', url: 'https://x.example/2.png' }] });
    await post({ kind: 'file', parts: [{ kind: 'file', name: 'a.pdf' }] });
    await post({ kind: 'audio', parts: [{ kind: 'audio', durationMs: 3 }] });
    const messages = await list(alice, String(syntheticOf(group)));
    expect(messages.map(({ content, content_type }) => [content, content_type])).toEqual([
      ['https://x.example/1.png', 2],
      ['look\nhttps://x.example/2.png', 1],
      ['a.pdf', 1],
      ['[audio]', 1],
    ]);
    expect(messages[0]?.sender_id).toBe(3_000_000_000 + (actor.userId as number));
  });
});

describe('Event.SendMessage', () => {
  it('checks arguments, own id, channel, conversation, part and content in this order', async () => {
    await enter(bob, 200);
    const refused = (args: object) => refusalOf(alice, 'SendMessage', args);
    expect(await refused({ session_channel: 5, sender_id: 2, content: '' })).toBe(UNREADABLE);
    expect(await refused({ session_channel: 'x', sender_id: 2, content: '' })).toBe(NOT_SELF);
    expect(await refused({ session_channel: 'x', sender_id: 1, content: '' })).toBe(BAD_CHANNEL);
    expect(await refused({ session_channel: '999', sender_id: 1, content: '' })).toBe(NOT_FOUND);
    expect(await refused({ session_channel: '200', sender_id: 1, content: '' })).toBe(JOIN_FIRST);
    expect(await refused({ session_channel: '200', sender_id: 1, content: 'hey' })).toBe(JOIN_FIRST);
    await enter(alice, 200);
    expect(await refused({ session_channel: '200', sender_id: 1, content: '' })).toBe(BAD_VALUE);
    expect(await refused({ session_channel: '200', sender_id: 1 })).toBe(BAD_VALUE);
    expect(await stage.count('messages')).toBe(0);
  });

  it('refuses a moderator who has not joined, and lets it in afterwards', async () => {
    await enter(alice, 100);
    const args = { session_channel: '100', sender_id: 9, content: 'hello' };
    expect(await refusalOf(moderator, 'SendMessage', args)).toBe(JOIN_FIRST);
    await enter(moderator, 100);
    expect(await send(moderator, '100', 'hello')).toMatchObject({ message: { sender_id: 9, status: 0, read: false } });
  });

  it('takes the longest text and refuses a longer one; counts UTF-16 units', async () => {
    await enter(alice, 100);
    const longest = '\u{1F600}'.repeat(16_384);
    expect((await send(alice, '100', longest)).message.content).toBe(longest);
    const args = { session_channel: '100', sender_id: 1, content: `${longest}x` };
    expect(await refusalOf(alice, 'SendMessage', args)).toBe(BAD_VALUE);
    expect((await list(alice, '100')).length).toBe(1);
  });

  it('stores what no store keeps as U+FFFD', async () => {
    await enter(alice, 100);
    const { message } = await send(alice, '100', 'a\u0000b\ud800c');
    expect(message.content).toBe('a\ufffdb\ufffdc');
  });

  it.each([
    [undefined, 1],
    [null, 1],
    [1, 1],
    [2, 2],
    [9, 1],
    ['2', 1],
    [-1, 1],
    [1.5, 1],
    [{ type: 2 }, 1],
    [[2], 1],
    [true, 1],
  ])('takes the content type %j for %i', async (content_type, expected) => {
    await enter(alice, 100);
    const { message } = await send(alice, '100', 'https://files.example.org/1.png', { content_type });
    expect(message).toMatchObject({ content: 'https://files.example.org/1.png', content_type: expected });
    expect(await list(alice, '100')).toEqual([message]);
  });

  it("passes an image's content unchanged, whatever it is", async () => {
    await enter(alice, 100);
    for (const content of [
      'data:image/png;base64,AAAA',
      'no address',
      'https://x.example/ü?q=1#f',
      `http://x/${'y'.repeat(5_000)}`,
    ]) {
      expect((await send(alice, '100', content, { content_type: 2 })).message).toMatchObject({
        content,
        content_type: 2,
      });
    }
  });

  it('opens again what operators have closed on another protocol', async () => {
    const { id } = await enter(alice, 100);
    await stage.core.conversations.close(stage.test.actor(await stage.userOf(9)), id as never);
    expect(await enter(alice, 100)).toMatchObject({ id });
    expect((await send(alice, '100', 'once more')).message.content).toBe('once more');
    expect(await stage.core.conversations.find(id as never)).toMatchObject({ open: true });
    expect(textsOf(await list(alice, '100'))).toEqual(['once more']);
  });

  it('is a second message when it is repeated', async () => {
    await enter(alice, 100);
    const [one, two] = [await send(alice, '100', 'hey'), await send(alice, '100', 'hey')];
    expect(two.message.id).toBeGreaterThan(one.message.id);
    expect(String(one.message.id)).toMatch(/^[0-9]{16}$/);
    expect((await list(alice, '100')).length).toBe(2);
  });

  it('answers requests in their order, however many are under way', async () => {
    await enter(alice, 100);
    for (let at = 0; at < 300; at += 1) {
      const args = JSON.stringify({ session_channel: '100', sender_id: 1, content: String(at) });
      alice.send(JSON.stringify({ name: 'Event.SendMessage', args }));
    }
    for (let at = 0; at < 300; at += 1) {
      expect(await alice.answer()).toMatchObject({ ok: true, result: { message: { content: String(at) } } });
    }
    expect(textsOf(await list(alice, '100'))).toEqual(Array.from({ length: 300 }, (_, at) => String(at)));
  });
});

describe('Event.ReadMessage', () => {
  it('marks this one message, none before it, and again without effect', async () => {
    await enter(alice, 100);
    await enter(bob, 100);
    const { message: one } = await send(alice, '100', 'one');
    const { message: two } = await send(alice, '100', 'two');
    expect(await read(bob, two)).toEqual({ name: 'Event.ReadMessage', ok: true, result: null });
    expect((await list(bob, '100')).map(({ status }) => status)).toEqual([0, 1]);
    expect((await list(alice, '100')).map((message) => message.read)).toEqual([false, true]);
    expect(await unread(bob)).toBe(1);
    expect(await read(bob, two)).toMatchObject({ ok: true });
    await read(bob, one);
    expect(await unread(bob)).toBe(0);
  });

  it('lets unknown messages and those of others be', async () => {
    const { message } = await (async () => {
      await enter(bob, 200);
      return send(bob, '200', 'private');
    })();
    for (const message_id of [0, 5, message.id, 9_007_199_254_740_991, undefined]) {
      const args = { executor_id: 1, message_id };
      expect(await alice.call('Event.ReadMessage', args)).toMatchObject({ ok: true, result: null });
    }
    expect(await refusalOf(alice, 'ReadMessage', { executor_id: 2, message_id: message.id })).toBe(NOT_SELF);
    expect(await refusalOf(alice, 'ReadMessage', { executor_id: 1, message_id: '5' })).toBe(UNREADABLE);
    expect((await list(bob, '200')).map((one) => one.read)).toEqual([false]);
  });

  it('does not look at the session channel, whatever it is', async () => {
    for (const session_channel of [7, '', 'nonsense', null]) {
      const args = { session_channel, executor_id: 1, message_id: 1 };
      expect(await alice.call('Event.ReadMessage', args)).toMatchObject({ ok: true });
    }
  });

  it('lets a moderator clear what waits for any, without taking part, and the customer see it', async () => {
    await enter(alice, 100);
    const { message } = await send(alice, '100', 'anybody?');
    const other = await stage.moderator(8);
    expect([await unread(moderator), await unread(other)]).toEqual([1, 1]);
    await read(moderator, message);
    expect([await unread(moderator), await unread(other)]).toEqual([0, 0]);
    expect(await list(alice, '100')).toMatchObject([{ read: true, status: 1 }]);
    expect(await list(moderator, '100')).toMatchObject([{ read: true }]);
  });

  it('lets a second customer see that a moderator, who takes no part, has read it', async () => {
    await enter(alice, 100);
    await enter(bob, 100);
    alice.terminate();
    await alice.ended;
    while ((await stage.test.presence.attending(1 as never)).length > 1)
      await new Promise((resolve) => setImmediate(resolve));
    const { message } = await send(bob, '100', 'anybody?');
    expect(await list(bob, '100')).toMatchObject([{ read: false }]);
    await read(moderator, message);
    expect(await list(bob, '100')).toMatchObject([{ read: true }]);
  });

  it('keeps the mark of a message from before the caller came', async () => {
    await enter(alice, 100);
    const { message } = await send(alice, '100', 'early');
    await enter(bob, 100);
    expect(await unread(bob)).toBe(0);
    await read(bob, message);
    expect(await list(bob, '100')).toMatchObject([{ read: true }]);
    expect(await list(alice, '100')).toMatchObject([{ read: true }]);
  });
});

describe('Event.GetUnreadInfo and Event.GetUnreadMessages', () => {
  it('count over all conversations, each message once, since the caller came', async () => {
    for (const number of [100, 200]) {
      await enter(alice, number);
      await send(alice, String(number), 'before');
      await enter(bob, number);
      await send(alice, String(number), 'after');
    }
    expect(await bob.ask('Event.GetUnreadInfo', { user_id: 2 })).toEqual({ user_id: 2, unread_count: 2 });
    expect(await unread(alice)).toBe(0);
    expect(await refusalOf(bob, 'GetUnreadInfo', { user_id: 1 })).toBe(NOT_SELF);
  });

  it('list for moderators what is counted, ascending and unread', async () => {
    await enter(alice, 100);
    await enter(moderator, 200);
    await enter(bob, 200);
    await send(alice, '100', 'waits');
    await send(bob, '200', 'for the moderator');
    const { Messages } = await moderator.ask<{ Messages: EventMessage[] }>('Event.GetUnreadMessages', {
      executor_id: 9,
    });
    expect(Messages.map(({ content, read: isRead }) => [content, isRead])).toEqual([
      ['waits', false],
      ['for the moderator', false],
    ]);
    expect(await unread(moderator)).toBe(2);
    expect(await refusalOf(moderator, 'GetUnreadMessages', { executor_id: 1 })).toBe(NOT_SELF);
  });

  it('refuse the list to customers before anything is looked at', async () => {
    expect(await refusalOf(alice, 'GetUnreadMessages', { executor_id: 1 })).toBe(NOT_SELF);
    expect(await refusalOf(alice, 'GetUnreadMessages', { executor_id: 'x' })).toBe(NOT_SELF);
    alice.send('{"name":"Event.GetUnreadMessages"}');
    expect(await alice.answer()).toEqual({ name: 'Event.GetUnreadMessages', ok: false, result: NOT_SELF });
  });

  it('leave out what waits in queues of other protocols', async () => {
    const zoe = await stage.stranger('Zoe');
    const admin = { ...stage.test.actor(zoe), userId: null, via: 'admin' } as const;
    const { space } = await stage.core.spaces.create(admin, {
      kind: 'queue',
      name: 'elsewhere',
      members: [{ userId: (await stage.userOf(9)).id, role: 'staff' }],
    });
    const { conversation } = await stage.core.conversations.create(admin, {
      kind: 'support',
      spaceId: space.id,
      customerId: zoe.id,
      participants: [],
    });
    await stage.core.messages.send(stage.test.actor(zoe), { conversationId: conversation.id, text: 'elsewhere' });
    await stage.settled(moderator);
    expect(await unread(moderator)).toBe(0);
    expect(await moderator.ask('Event.GetUnreadMessages', { executor_id: 9 })).toEqual({ Messages: [] });
    expect(moderator.waiting).toEqual([]);
  });
});
