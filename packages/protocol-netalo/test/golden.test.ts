/**
 * Every example of the document, sent as it is printed: what it parses to, what it means, and what it is answered. `<id>`, `<sec>` and
 * `<usec>` stand for any digits, `<number>` for a number, `<any>` for anything.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallId, ConversationId, MessageId } from '@switchboard/core';
import { decodePayload } from '../src/codec.ts';
import * as wire from '../src/wire.ts';
import { createNet, type Net } from './support/net.ts';

interface Example {
  readonly section: string;
  readonly event: string;
  readonly raw_argument: string;
  readonly parsed: object;
  readonly normalized: Readonly<Record<string, unknown>>;
  readonly handled_as: string;
  readonly session_uin: string;
  readonly given: string;
  readonly ack: object | null;
}

const examples = JSON.parse(readFileSync(join(__dirname, 'golden/document.json'), 'utf8')) as Example[];

const SCHEMAS: Readonly<Record<string, { safeParse(data: unknown): unknown }>> = {
  register_profile_token: wire.registerTokenArgs,
  unregister_profile_token: wire.unregisterTokenArgs,
  create_group: wire.createGroupArgs,
  update_group: wire.updateGroupArgs,
  leave_group: wire.groupArgs,
  delete_conversation: wire.groupArgs,
  list_group: wire.listGroupArgs,
  block_user: wire.blockUserArgs,
  unblock_user: wire.unblockUserArgs,
  check_group: wire.checkGroupArgs,
  mute_group: wire.groupArgs,
  unmute_group: wire.groupArgs,
  pin_group: wire.groupArgs,
  unpin_group: wire.groupArgs,
  create_message: wire.createMessageArgs,
  update_message: wire.updateMessageArgs,
  delete_message: wire.deleteMessageArgs,
  list_message: wire.listMessageArgs,
  create_call: wire.createCallArgs,
  answer_call: wire.answerCallArgs,
  stop_call: wire.stopCallArgs,
  call_status: wire.callStatusArgs,
  ice_sdp: wire.iceSdpArgs,
  ice_candidate: wire.iceCandidateArgs,
};

/** What this wire overwrites whatever a client says is not even read. */
const UNREAD = ['sender_uin', 'sender_name'];

describe('the examples of the document', () => {
  it('are all here', () => expect(examples).toHaveLength(25));

  it.each(examples)('$section: $event parses', ({ raw_argument, parsed, normalized, handled_as, event }) => {
    const { fields } = decodePayload([raw_argument], { depth: 32, members: 10_000 });
    expect(fields).toEqual(parsed);
    expect(event === 'create_group' && wire.isUpdate(fields) ? 'update_group' : event).toBe(handled_as);
    const schema = SCHEMAS[handled_as] as (typeof SCHEMAS)[string];
    const { data } = schema.safeParse(fields) as { data: Record<string, unknown> };
    for (const [name, value] of Object.entries(normalized)) {
      if (data[name] === undefined && (UNREAD.includes(name) || handled_as.startsWith('unregister'))) continue;
      expect([name, data[name]]).toEqual([name, value]);
    }
  });

  describe('are answered', () => {
    let net: Net;

    beforeEach(async () => {
      net = await createNet();
    });
    afterEach(() => net.close());

    it.each(examples)('$section: $event by $session_uin', async (example) => {
      await (GIVEN[example.section] as (net: Net) => Promise<void>)(net);
      await net.test.settled();
      const client = await net.connect(example.session_uin);
      if (example.ack) {
        match(await client.call(example.event, example.raw_argument), example.ack, example.event);
        return;
      }
      // Without an acknowledgement function nothing comes back; with one, that it went well.
      client.emit(example.event, example.raw_argument);
      await net.settled();
      const back = client.pushes.filter(({ name }) => name === example.event);
      expect(back).toEqual([]);
    });
  });
});

/** Groups with the example's own ids. */
async function makeGroup(
  net: Net,
  { id, type = 2, uins }: { readonly id: number; readonly type?: number; readonly uins: readonly string[] },
): Promise<ConversationId> {
  const { core, sql } = net.test;
  const users = [];
  for (const uin of uins) users.push(await net.person(uin));
  const [owner, ...others] = users.map((user) => net.test.actor(user, { via: 'netalo', namespace: 'netalo' }));
  if (!owner) throw new Error('nobody');
  await sql(`select setval(pg_get_serial_sequence('conversations', 'id'), $1, $2)`, [Math.max(1, id - 1), id > 1]);
  const { conversation } = await core.conversations.create(owner, {
    kind: type === 2 ? 'group' : 'direct',
    ...(type === 1 && { pair: 'netalo-1' }),
    attributes: { netalo: { type } },
    participants: others.map(({ userId }) => ({ userId })),
  });
  expect(conversation.id).toBe(id);
  return conversation.id;
}

/** A message with the example's own id. */
async function say(
  net: Net,
  { id, uin, text, in: conversationId }: { id: number; uin: string; text: string; in: ConversationId },
) {
  const { core, sql } = net.test;
  const actor = net.test.actor(await net.person(uin), { via: 'netalo', namespace: 'netalo' });
  const { message } = await core.messages.send(actor, { conversationId, text });
  await net.test.settled();
  await sql('update messages set id = $1 where id = $2', [id, message.id]);
  await sql('update conversations set last_message_id = $1, last_public_message_id = $1 where id = $2', [
    id,
    conversationId,
  ]);
  core.directory.forget(conversationId);
  return id as MessageId;
}

async function ring(
  net: Net,
  {
    id,
    from,
    in: conversationId,
    accepted = null,
  }: { id: number; from: string; in: ConversationId; accepted?: string | null },
) {
  const { core, sql } = net.test;
  await sql(`select setval(pg_get_serial_sequence('calls', 'id'), $1)`, [id - 1]);
  const device = (uin: string) => ({ via: 'netalo', namespace: 'netalo', connectionId: `desk of ${uin}` as never });
  const call = await core.calls.start(net.test.actor(await net.person(from), device(from)), {
    conversationId,
    callMedia: 'audio',
    graceMs: 15_000,
  });
  expect(call.id).toBe(id);
  if (accepted === null) return;
  const callee = net.test.actor(await net.person(accepted), device(accepted));
  await core.calls.answer(callee, { callId: id as CallId, answer: 'accept', graceMs: 15_000 });
}

async function actorOf(net: Net, uin: string) {
  return net.test.actor(await net.person(uin), { via: 'netalo', namespace: 'netalo' });
}

const nothing = async () => undefined;
const inGroup = async (net: Net) => void (await makeGroup(net, { id: 123, uins: ['123', '456'] }));
const inNewGroup = async (net: Net) => void (await makeGroup(net, { id: 9001, uins: ['123', '456'] }));
const oldMessage = async (net: Net) => {
  const id = await makeGroup(net, { id: 123, uins: ['123', '456'] });
  await say(net, { id: 456, uin: '123', text: 'old', in: id });
};
const inCall = async (net: Net) => {
  const id = await makeGroup(net, { id: 456, uins: ['123', '789'] });
  await ring(net, { id: 123, from: '123', in: id, accepted: '789' });
};

/** The state that each example assumes, in its own words: `given` in the file. */
const GIVEN: Readonly<Record<string, (net: Net) => Promise<void>>> = {
  Overview: inNewGroup,
  'Register profile token': nothing,
  async 'Unregister profile token'(net) {
    const actor = await actorOf(net, '123');
    const target = {
      userId: actor.userId,
      namespace: 'netalo',
      scope: '',
      platform: 'android',
      token: 'abc',
      device: null,
    };
    await net.test.core.users.addPushTarget(actor, target);
  },
  'Create Group': nothing,
  'Update Group': async (net) => void (await makeGroup(net, { id: 123, uins: ['123', '789', '102'] })),
  'Leave Group': inGroup,
  'Delete Conversation': inGroup,
  'List Group': inNewGroup,
  'Block user': inGroup,
  async 'Unblock user'(net) {
    const id = await makeGroup(net, { id: 123, uins: ['123', '456'] });
    await net.test.core.conversations.block(await actorOf(net, '123'), id, (await net.person('456')).id);
  },
  'Check Group': async (net) => void (await makeGroup(net, { id: 9002, type: 1, uins: ['123', '456'] })),
  'Mute Group': inGroup,
  async 'Unmute Group'(net) {
    const id = await makeGroup(net, { id: 123, uins: ['123', '456'] });
    await net.test.core.conversations.setPreferences(await actorOf(net, '123'), id, { muted: true });
  },
  'Pin Group': inGroup,
  async 'Unpin Group'(net) {
    const id = await makeGroup(net, { id: 123, uins: ['123', '456'] });
    await net.test.core.conversations.setPreferences(await actorOf(net, '123'), id, { pinned: true });
  },
  'Create Message': inGroup,
  'Update Message': oldMessage,
  'Delete Message': oldMessage,
  async 'List Message'(net) {
    const id = await makeGroup(net, { id: 123, uins: ['123', '456'] });
    await say(net, { id: 1598155020, uin: '456', text: 'hi', in: id });
    await say(net, { id: 1598157020, uin: '456', text: 'again', in: id });
  },
  'Create Call': inGroup,
  async 'Answer Call'(net) {
    const id = await makeGroup(net, { id: 456, uins: ['123', '789'] });
    await ring(net, { id: 123, from: '123', in: id });
  },
  'Stop Call': inCall,
  async 'Call Status'(net) {
    const id = await makeGroup(net, { id: 1, uins: ['123', '456'] });
    await ring(net, { id: 123, from: '123', in: id });
  },
  'ICE SDP': inCall,
  'Ice candidate': inCall,
};

/** All is literal but the placeholders; what is shown may not be missing, and nothing else may be there. */
function match(found: unknown, expected: unknown, at: string): void {
  if (expected === '<any>') expect([at, found]).not.toEqual([at, undefined]);
  else if (expected === '<number>') expect([at, typeof found]).toEqual([at, 'number']);
  else if (expected === '<id>' || expected === '<sec>' || expected === '<usec>') {
    expect([at, found]).toEqual([at, expect.stringMatching(/^[1-9][0-9]*$/)]);
  } else if (typeof expected !== 'object' || expected === null) expect([at, found]).toEqual([at, expected]);
  else {
    expect([at, Object.keys(found as object).sort()]).toEqual([at, Object.keys(expected).sort()]);
    for (const [key, value] of Object.entries(expected)) {
      match((found as Record<string, unknown>)[key], value, `${at}.${key}`);
    }
  }
}
