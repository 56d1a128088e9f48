import { type Core, DomainError } from '@switchboard/core';
import type { EventClient } from '../testing/driver.ts';
import { createStage, enter, type Stage } from './support/stage.ts';

type Fault = () => Promise<never>;
const away: Fault = () => Promise.reject(new DomainError('unavailable', 'the store is away', { subject: 'store' }));
const broken: Fault = () => Promise.reject(new TypeError('select secret_column from messages'));
const limited: Fault = () => Promise.reject(new DomainError('rate_limited', 'too often', { retryAfterMs: 1_000 }));

/** A core whose use cases fail once `fault` is set; before that they are the real ones. */
let fault: { readonly name: string; readonly run: Fault } | null;
let stage: Stage;
let alice: EventClient;
let moderator: EventClient;

function failing<T extends object>(noun: string, cases: T): T {
  return new Proxy(cases, {
    get: (target, key) => {
      const real = Reflect.get(target, key);
      if (typeof real !== 'function') return real;
      return (...args: unknown[]) =>
        fault?.name === `${noun}.${String(key)}` ? fault.run() : real.apply(target, args);
    },
  });
}

beforeAll(async () => {
  stage = await createStage({
    override: (core: Core) => ({
      conversations: failing('conversations', core.conversations),
      messages: failing('messages', core.messages),
      receipts: failing('receipts', core.receipts),
      presence: failing('presence', core.presence),
    }),
  });
  alice = await stage.customer(1);
  moderator = await stage.moderator(9);
  await enter(alice, 100);
});

beforeEach(() => {
  fault = null;
});

afterAll(() => stage.close());

const add = (application_id: number) => ({ user_id: 1, application_id });
/** One that nobody has joined yet, each time it is written out. */
let applications = 1_000;
const addNew = {
  toJSON() {
    applications += 1;
    return add(applications);
  },
};
const inChannel = { session_channel: '100', executor_id: 1 };
const message = { session_channel: '100', sender_id: 1, content: 'hello' };

describe.each([
  ['AddConversation', 'conversations.findByExternalId', addNew, 'error while getting a conversation'],
  ['AddConversation', 'conversations.enterByExternalId', addNew, 'error while creating a new conversation'],
  ['AddConversation', 'presence.attend', addNew, 'error while joining a chat room'],
  ['GetConversationList', 'conversations.listFor', { user_id: 1 }, 'error while getting list of conversations'],
  ['GetMessageList', 'conversations.findByExternalId', inChannel, 'error while getting messages by conversation id'],
  ['SendMessage', 'messages.send', message, 'error while creating a new message'],
  ['ReadMessage', 'receipts.mark', { executor_id: 1, message_id: 5 }, 'error while updating a message'],
  ['GetUnreadInfo', 'receipts.unreadTotal', { user_id: 1 }, 'error while reading user messages'],
])('%s, when %s fails,', (operation, name, args, text) => {
  it.each([
    ['because the store is away', away],
    ['for a reason of ours', broken],
  ])('says so in the words of the original, %s, and works again afterwards', async (_why, run) => {
    const lines = stage.host.lines.length;
    fault = { name, run };
    expect(await alice.call(`Event.${operation}`, args)).toEqual({
      name: `Event.${operation}`,
      ok: false,
      result: text,
    });
    fault = null;
    expect(await alice.call(`Event.${operation}`, args)).toMatchObject({ ok: true });
    const logged = stage.host.lines.slice(lines);
    expect(logged.length).toBe(run === broken ? 1 : 0);
  });
});

it('names the participant where the conversation was known', async () => {
  await enter(await stage.customer(2), 300);
  fault = { name: 'conversations.enterByExternalId', run: away };
  const joining = { name: 'Event.AddConversation', ok: false, result: 'error while joining a chat room' };
  expect(await alice.call('Event.AddConversation', add(300))).toEqual(joining);
  fault = null;
  const { id } = await enter(alice, 300);
  expect(await stage.test.presence.attending(id as never)).toHaveLength(2);
});

it('words a limit on sends as a failed send', async () => {
  fault = { name: 'messages.send', run: limited };
  expect(await alice.call('Event.SendMessage', message)).toMatchObject({
    ok: false,
    result: 'error while creating a new message',
  });
});

it('words a failed list of unread messages', async () => {
  const broken = async function* () {
    yield* [];
    throw new DomainError('unavailable', 'the store is away');
  };
  fault = { name: 'receipts.unreadPages', run: broken as never };
  const refused = { name: 'Event.GetUnreadMessages', ok: false, result: 'error while reading user messages' };
  expect(await moderator.call('Event.GetUnreadMessages', { executor_id: 9 })).toEqual(refused);
});

it('lets people write and read while nobody can be counted', async () => {
  fault = { name: 'presence.attend', run: away };
  const again = await stage.customer(1);
  expect(await again.call('Event.SendMessage', { ...message, content: 'x' })).toMatchObject({ ok: true });
  expect(await again.call('Event.GetMessageList', inChannel)).toMatchObject({ ok: true });
});
