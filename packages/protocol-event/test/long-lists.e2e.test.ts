import type { ConversationId } from '@switchboard/core';
import type { EventClient, EventMessage } from '../testing/driver.ts';
import { createStage, enter, type Stage } from './support/stage.ts';

const COUNT = 20_000;

let stage: Stage;
let alice: EventClient;
/** As the store has them: sends that are under way at once come in no order of their own. */
let stored: string[];

beforeAll(async () => {
  stage = await createStage();
  const first = await stage.customer(1);
  const { id } = await enter(first, 100);
  await first.close();
  const author = stage.test.actor(await stage.userOf(1));
  for (let from = 0; from < COUNT; from += 1_000) {
    const texts = Array.from({ length: 1_000 }, (_, at) => `message ${from + at}`);
    const conversationId = id as ConversationId;
    await Promise.all(texts.map((text) => stage.core.messages.send(author, { conversationId, text })));
  }
  const rows = await stage.test.sql<{ text: string }>('select text from messages order by id');
  stored = rows.map(({ text }) => text);
  expect(new Set(stored).size).toBe(COUNT);
}, 120_000);

beforeEach(async () => {
  alice = await stage.customer(1);
});

afterAll(() => stage.close());

const LIST = JSON.stringify({ name: 'Event.GetMessageList', args: '{"session_channel":"100","executor_id":1}' });

it('brings a history of 20,000 messages as one message, and the connection lives', async () => {
  alice.send(LIST);
  const { result } = (await alice.answer()) as { result: { Messages: EventMessage[] } };
  expect(result.Messages.map(({ content }) => content)).toEqual(stored);
  expect(await alice.ask('Event.GetUnreadInfo', { user_id: 1 })).toMatchObject({ unread_count: 0 });
});

it('makes it as fast as it is read: pings pass between its pieces, events wait until it is complete', async () => {
  const bob = await stage.customer(2);
  await enter(bob, 100);
  await enter(alice, 100);
  alice.pause();
  alice.send(LIST);
  await bob.ask('Event.SendMessage', { session_channel: '100', sender_id: 2, content: 'meanwhile' });
  // Far less than the list is under way for somebody who does not read.
  const [connection] = stage.host.hub.ofUser((await stage.userOf(1)).id).slice(-1);
  expect(connection?.transport.bufferedBytes()).toBeLessThan(1024 * 1024);
  alice.resume();
  await alice.roundTrip();
  const { result } = (await alice.answer()) as { result: { Messages: EventMessage[] } };
  expect(result.Messages.length).toBeGreaterThanOrEqual(COUNT);
  if (result.Messages.length === COUNT) expect((await alice.message()).content).toBe('meanwhile');
  expect(alice.frames.at(-1)).toContain('meanwhile');
});

it('counts and lists at most 10,000 unread messages, the oldest', async () => {
  const moderator = await stage.moderator(9);
  await enter(moderator, 100);
  await stage.test.sql('update participants set joined_seq = 0 where user_id = $1', [(await stage.userOf(9)).id]);
  expect(await moderator.ask('Event.GetUnreadInfo', { user_id: 9 })).toMatchObject({ unread_count: 10_000 });
  const { Messages } = await moderator.ask<{ Messages: EventMessage[] }>('Event.GetUnreadMessages', { executor_id: 9 });
  expect(Messages.map(({ content }) => content)).toEqual(stored.slice(0, 10_000));
});
