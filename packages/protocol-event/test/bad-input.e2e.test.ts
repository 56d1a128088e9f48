import type { EventClient } from '../testing/driver.ts';
import { createStage, enter, type Stage } from './support/stage.ts';

const UNREADABLE = 'error marshaling message';
const PARSING = 'message parsing error: ';

let stage: Stage;
let alice: EventClient;
let bob: EventClient;
let stored: number[];

const rows = () =>
  Promise.all((['users', 'conversations', 'messages', 'participants', 'spaces'] as const).map(stage.count));

beforeAll(async () => {
  stage = await createStage();
  alice = await stage.customer(1);
  bob = await stage.customer(2);
  await enter(alice, 100);
  await enter(bob, 100);
  stored = await rows();
});

/** Whatever a client sends, nobody else notices, nothing is stored, and the connection goes on. */
afterEach(async () => {
  await stage.settled(alice, bob);
  expect([alice.waiting, bob.waiting, bob.frames.length]).toEqual([[], [], 1]);
  expect(await rows()).toEqual(stored);
  expect(await alice.ask('Event.GetUnreadInfo', { user_id: 1 })).toEqual({ user_id: 1, unread_count: 0 });
});

afterAll(() => stage.close());

async function answerTo(frame: string | Uint8Array): Promise<unknown> {
  alice.send(frame);
  return alice.answer();
}

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('a frame that is no envelope', () => {
  it.each([
    ['nothing', '', 'invalid JSON'],
    ['no JSON', 'hello', 'invalid JSON'],
    ['half an object', '{"name":"Event.SendMessage"', 'invalid JSON'],
    ['two objects', '{}{}', 'invalid JSON'],
    ['a number', '1', 'not an object'],
    ['a text', '"Event.SendMessage"', 'not an object'],
    ['an array', '[{"name":"Event.SendMessage"}]', 'not an object'],
    ['a name that is a number', '{"name":1}', 'name is no string'],
    ['a name that is an object', '{"name":{"name":"x"}}', 'name is no string'],
    ['too deep', `{"name":"Event.GetUnreadInfo","args":${nested(40)}}`, 'nested too deep'],
    ['too many members', `{"name":"Event.GetUnreadInfo","x":[${'1,'.repeat(20_000)}1]}`, 'too many members'],
  ])('%s is answered with a bare text', async (_what, frame, reason) => {
    expect(await answerTo(frame)).toBe(PARSING + reason);
  });

  it('of a million brackets costs no more than others', async () => {
    expect(await answerTo('['.repeat(500_000))).toBe(`${PARSING}nested too deep`);
  });

  it('in bytes that are no UTF-8 is no JSON', async () => {
    expect(await answerTo(Buffer.from([0xff, 0xfe, 0x00]))).toBe(`${PARSING}invalid JSON`);
  });
});

describe('a name that nobody knows', () => {
  it.each([
    'Event.DeleteMessage',
    'event.sendmessage',
    'Event.ReceiveMessage',
    '',
    '__proto__',
    'constructor',
    'toString',
  ])('"%s" is answered with a bare text, whatever the arguments', async (name) => {
    expect(await answerTo(JSON.stringify({ name, args: nested(100) }))).toBe(`not supported event: ${name}`);
  });

  it.each(['null', '{}', '{"name":null}', '{"args":"{}"}'])('%s has none', async (frame) => {
    expect(await answerTo(frame)).toBe('not supported event: ');
  });
});

describe('arguments that cannot be read', () => {
  const NAME = 'Event.GetUnreadInfo';
  it.each([
    ['missing', undefined],
    ['null', null],
    ['a number', 7],
    ['a boolean', true],
    ['an array', [{ user_id: 1 }]],
    ['a text that is no JSON', 'user_id=1'],
    ['an empty text', ''],
    ['a text with an array', '[1]'],
    ['a text with a number', '1'],
    ['a text in a text', '"{}"'],
    ['too deep', `{"user_id":1,"x":${nested(40)}}`],
    ['too many members', `{"user_id":1,"x":[${'1,'.repeat(20_000)}1]}`],
    ['a text for an id', '{"user_id":"1"}'],
    ['a negative id', '{"user_id":-1}'],
    ['a fraction', '{"user_id":1.5}'],
    ['an id beyond 2^53', '{"user_id":9007199254740993}'],
    ['an id without end', '{"user_id":1e999}'],
    ['an object for an id', '{"user_id":{"valueOf":1}}'],
    ['a boolean for an id', '{"user_id":true}'],
  ])('%s', async (_what, args) => {
    expect(await answerTo(JSON.stringify({ name: NAME, args }))).toEqual({ name: NAME, ok: false, result: UNREADABLE });
  });

  it('of the other operations', async () => {
    for (const [name, args] of [
      ['Event.SendMessage', '{"session_channel":100,"sender_id":1,"content":"x"}'],
      ['Event.SendMessage', '{"session_channel":"100","sender_id":1,"content":7}'],
      ['Event.GetMessageList', '{"session_channel":100,"executor_id":1}'],
      ['Event.ReadMessage', '{"executor_id":1,"message_id":"7"}'],
      ['Event.AddConversation', '{"user_id":1,"application_id":[100]}'],
    ]) {
      expect(await answerTo(JSON.stringify({ name, args }))).toEqual({ name, ok: false, result: UNREADABLE });
    }
  });
});

describe('what is read all the same', () => {
  const ANSWER = { name: 'Event.GetUnreadInfo', ok: true, result: { user_id: 1, unread_count: 0 } };
  it.each([
    ['an object for arguments', '{"name":"Event.GetUnreadInfo","args":{"user_id":1}}'],
    ['member names in other case', '{"NAME":"Event.GetUnreadInfo","Args":"{\\"User_ID\\":1}"}'],
    ['the last of several spellings', '{"name":"x","Name":"Event.GetUnreadInfo","args":{"user_id":2,"USER_ID":1}}'],
    ['unknown members', '{"id":7,"name":"Event.GetUnreadInfo","args":"{\\"user_id\\":1,\\"x\\":{}}"}'],
    [
      'members with the names of prototypes',
      '{"__proto__":{"name":"x"},"name":"Event.GetUnreadInfo","args":{"__proto__":{"user_id":2},"constructor":{},"user_id":1}}',
    ],
    ['integers in other spellings', '{"name":"Event.GetUnreadInfo","args":{"user_id":1.0e0}}'],
    ['blanks and line breaks', '\n { "name" : "Event.GetUnreadInfo" ,\r\n "args" : "{ \\"user_id\\" : 1 }" } '],
  ])('%s', async (_what, frame) => {
    expect(await answerTo(frame)).toEqual(ANSWER);
  });

  it('a text "null" for arguments is an empty object, whose ids are 0', async () => {
    const result = 'a registered user is different from one you are trying to use';
    for (const args of ['null', '{}', {}, { user_id: null }]) {
      const frame = JSON.stringify({ name: 'Event.GetUnreadInfo', args });
      expect(await answerTo(frame)).toEqual({ name: 'Event.GetUnreadInfo', ok: false, result });
    }
  });
});

describe('ids that somebody has made up', () => {
  it.each([
    ['Event.AddConversation', { user_id: 1, application_id: 1_000_000_777 }, 'conversation not found'],
    ['Event.GetMessageList', { executor_id: 1, session_channel: '1000000777' }, 'conversation not found'],
    ['Event.SendMessage', { sender_id: 1, session_channel: '777', content: 'x' }, 'conversation not found'],
    [
      'Event.SendMessage',
      { sender_id: 3_000_000_002, session_channel: '100', content: 'x' },
      'a registered user is different from one you are trying to use',
    ],
  ])('%s of %j', async (name, args, result) => {
    expect(await alice.call(name, args)).toEqual({ name, ok: false, result });
  });
});
