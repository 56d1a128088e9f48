import { adminActor, type ConversationId } from '@switchboard/core';
import type { EventClient } from '../testing/driver.ts';
import { createStage, enter, type Stage } from './support/stage.ts';

let stage: Stage;

/** What happens just before, and just after, somebody's attendance is noted; once. */
let before: (() => Promise<unknown>) | null;
let meanwhile: (() => Promise<unknown>) | null;

async function setUp(): Promise<void> {
  before = null;
  meanwhile = null;
  stage = await createStage({
    override: ({ presence }) => ({
      presence: {
        ...presence,
        async attend(...about) {
          const [first, then] = [before, meanwhile];
          before = null;
          meanwhile = null;
          await first?.();
          await presence.attend(...about);
          await then?.();
        },
      },
    }),
  });
}

afterEach(() => stage.close());

const send = (client: EventClient, content: string) =>
  client.call('Event.SendMessage', { session_channel: '100', sender_id: client.sid, content });

const turn = () => new Promise((resolve) => setImmediate(resolve));
const attending = () => stage.test.presence.attending(1 as ConversationId);

it('answers a send when those on this node have been told, not before', async () => {
  await setUp();
  const { bus } = stage.test;
  const publish = bus.publishCommit.bind(bus);
  let held: (() => void)[] | null = null;
  Object.assign(bus, {
    async publishCommit(commit: Parameters<typeof publish>[0]) {
      if (!held) return publish(commit);
      held.push(() => void publish(commit));
    },
  });
  const [alice, bob] = [await stage.customer(1), await stage.customer(2)];
  await enter(alice, 100);
  await enter(bob, 100);
  held = [];
  const answer = send(alice, 'hello');
  let isAnswered = false;
  void answer.then(() => {
    isAnswered = true;
  });
  while (held.length === 0) await turn();
  await alice.roundTrip();
  await bob.roundTrip();
  expect([isAnswered, bob.waiting]).toEqual([false, []]);
  for (const release of held.splice(0)) release();
  expect(await answer).toMatchObject({ ok: true });
  await bob.roundTrip();
  expect(bob.waiting).toMatchObject([{ content: 'hello' }]);
});

it.each(['Event.AddConversation', 'Event.GetMessageList', 'Event.SendMessage'])(
  'leaves nobody joined who is taken out during %s',
  async (name) => {
    await setUp();
    const [alice, bob] = [await stage.customer(1), await stage.customer(2)];
    const { id } = await enter(bob, 100);
    await enter(alice, 100);
    const phone = await stage.customer(1);
    const { id: user } = await stage.userOf(1);
    alice.terminate();
    await alice.ended;
    while ((await attending()).length > 1) await turn();
    meanwhile = async () => {
      await stage.core.conversations.removeParticipants(adminActor(), id as ConversationId, [user]);
      await stage.test.settled();
    };
    const args = {
      user_id: 1,
      executor_id: 1,
      sender_id: 1,
      application_id: 100,
      session_channel: '100',
      content: 'x',
    };
    await phone.call(name, args);
    const isIn = await stage.core.conversations.participation(user, id as ConversationId);
    // AddConversation comes after its own attendance, and takes part again.
    expect((await attending()).length).toBe(isIn ? 2 : 1);
    expect(isIn === null).toBe(name !== 'Event.AddConversation');
    await send(bob, 'who hears this?');
    await stage.settled(phone);
    expect(phone.waiting.length).toBe(isIn ? 1 : 0);
  },
);

it('leaves no place taken by a connection that ended while it joined', async () => {
  await setUp();
  const alice = await stage.customer(1);
  const ended = new Promise<void>((resolve) => {
    before = async () => {
      alice.terminate();
      while (stage.host.hub.size > 0) await turn();
      // Presence hears of the end a few turns after the hub.
      for (let turns = 0; turns < 20; turns += 1) await turn();
      resolve();
    };
  });
  await alice.call('Event.AddConversation', { user_id: 1, application_id: 100 }).catch(() => 'cut');
  await ended;
  while ((await stage.count('participants')) === 0) await turn();
  while ((await attending()).length > 0) await turn();
  expect(await stage.count('participants')).toBe(1);
});

it('keeps no pongs for a client that pings without reading', async () => {
  await setUp();
  const alice = await stage.customer(1);
  await enter(alice, 100);
  const [connection] = stage.host.hub.ofUser((await stage.userOf(1)).id);
  alice.pause();
  await alice.floodPings(200_000);
  expect(connection?.transport.bufferedBytes()).toBeLessThan(512 * 1024);
  alice.resume();
  expect(await send(alice, 'still there')).toMatchObject({ ok: true });
});
