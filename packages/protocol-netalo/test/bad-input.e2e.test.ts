/** Whatever clients send: a result code, nothing changed, and the socket lives. */
import type { NetaloClient } from '@switchboard/protocol-netalo/testing';
import { OP } from '../src/wire.ts';
import { createNet, type Net, rest } from './support/net.ts';

describe('bad input', () => {
  let net: Net;
  let alice: NetaloClient;
  let bob: NetaloClient;
  let group_id: string;
  let message_id: string;
  let foreign: string;
  let head: number;

  beforeAll(async () => {
    net = await createNet({ adapter: { rate: null } });
    alice = await net.connect('1');
    bob = await net.connect('2');
    const carol = await net.connect('3');
    group_id = await net.group(alice, ['2']);
    ({ message_id } = (
      await alice.ask<{ message: { message_id: string } }>('create_message', { group_id, message: 'x' })
    ).message);
    foreign = await net.group(carol, ['4']);
  });
  beforeEach(async () => {
    await rest(net, alice, bob);
    head = await net.test.store.log.head();
  });
  afterEach(async () => {
    expect(await net.test.store.log.head()).toBe(head);
    expect(await rest(net, alice, bob)).toEqual([[], []]);
    expect(alice.socket.connected).toBe(true);
  });
  afterAll(() => net.close());

  const known = Object.values(OP);

  it.each([
    [[]],
    [[null]],
    [[7]],
    [[true]],
    [[[1]]],
    [["{'a'"]],
    [['[1]']],
    [['plain text']],
    [[Buffer.from('{}')]],
    [['{"a":'.repeat(20)]],
  ])('a payload like %j is answered 6 by every request', async (args) => {
    for (const name of known) {
      const { result } = await alice.call(name, ...args);
      expect([name, [6, 18]]).toEqual([name, expect.arrayContaining([result])]);
    }
  });

  it('an unknown event is answered 18, and without a function not at all', async () => {
    expect(await alice.call('fly', { group_id })).toEqual({ result: 18 });
    expect(await alice.call('toString', {})).toEqual({ result: 18 });
    expect(await alice.call('constructor')).toEqual({ result: 18 });
    alice.emit('fly', {});
    alice.emit('create_message', 7);
    alice.emit('mute_group', null);
  });

  it('missing ids and ids that are none are answered 4', async () => {
    const needing = known.filter(
      (name) => name !== OP.listGroup && name !== OP.blockedList && name !== OP.updateMessage,
    );
    for (const name of needing) {
      const { result } = await alice.call(name, {});
      expect([name, [4, 18]]).toEqual([name, expect.arrayContaining([result])]);
    }
    for (const bad of [
      -1,
      1.5,
      2 ** 60,
      '1x',
      ' 1',
      '',
      '0',
      0,
      null,
      true,
      {},
      [],
      [1],
      '123456789012345678901',
      Number.NaN,
    ]) {
      const { result } = await alice.call('leave_group', { group_id: bad });
      expect([bad, result]).toEqual([bad, 4]);
    }
  });

  it('foreign and unknown ids are answered alike', async () => {
    for (const id of [foreign, '424242', '9007199254740993', '99999999999999999999']) {
      const failed = { result: 1, group_id: id };
      for (const name of [
        'leave_group',
        'mute_group',
        'pin_group',
        'delete_conversation',
        'list_message',
        'update_group',
        'delete_group',
      ]) {
        expect([name, await alice.call(name, { group_id: id })]).toEqual([name, failed]);
      }
      expect(await alice.call('create_message', { group_id: id, message: 'x' })).toEqual(failed);
      expect(await alice.call('create_call', { group_id: id, media_type: 1 })).toEqual(failed);
      expect(await alice.call('block_user', { group_id: id, blocked_uin: '2' })).toEqual(failed);
      expect(await alice.call('block_user', { group_id: id, blocked_uin: '424242' })).toEqual(failed);
      expect(await alice.call('event', { group_id: id, type: 9 })).toEqual(failed);
      expect(await alice.call('update_message', { message_id, group_id: id, message: 'x' })).toMatchObject({
        result: 1,
      });
      expect(await alice.call('update_message', { message_id: id, message: 'x' })).toMatchObject({ result: 1 });
      expect(await alice.call('delete_message', { message_id: id })).toMatchObject({ result: 1 });
      expect(await alice.call('answer_call', { call_id: id })).toMatchObject({ result: 1 });
      expect(await alice.call('stop_call', { call_id: id })).toMatchObject({ result: 1 });
      expect(await alice.call('call_status', { call_id: id })).toMatchObject({ result: 1 });
      expect(await alice.call('ice_sdp', { call_id: id, receiver_uin: '2', type: 1, sdp: 'x' })).toMatchObject({
        result: 1,
      });
    }
  });

  it("somebody else's name is answered 10", async () => {
    expect(await alice.call('create_group', { type: 2, owner_uin: '2' })).toEqual({ result: 10 });
    expect(await alice.call('list_group', { uin: '2' })).toEqual({ result: 10, uin: '2' });
    expect(await alice.call('register_profile_token', { uin: 2, type: 1, token: 't' })).toEqual({
      result: 10,
      uin: '2',
    });
    expect(await alice.call('unregister_profile_token', { uin: 2, token: 't' })).toEqual({ result: 10, uin: '2' });
    expect(await alice.call('create_call', { group_id, media_type: 1, caller_uin: '2' })).toMatchObject({ result: 10 });
    expect(await alice.call('answer_call', { call_id: '1', uin: '2' })).toMatchObject({ result: 10 });
  });

  it('values outside their list are answered 5', async () => {
    expect(await alice.call('register_profile_token', { type: 9, token: 't' })).toEqual({ result: 5 });
    expect(await alice.call('create_group', { type: 4 })).toEqual({ result: 5 });
    expect(await alice.call('list_group', { sort_by: 3 })).toEqual({ result: 5 });
    expect(await alice.call('check_group', { type: 2, occupants_uins: ['2'] })).toEqual({ result: 5 });
    expect(await alice.call('update_message', { message_id, status: 9 })).toEqual({ result: 5, message_id });
    expect(await alice.call('answer_call', { call_id: '1', answer: 9 })).toEqual({ result: 5, call_id: '1' });
  });

  it('people who do not exist are answered 3 where they cannot be made', async () => {
    for (const uin of ['9000000000000999', '9000001294967295', '9007199254740993', '99999999999999999999']) {
      expect(await alice.call('create_group', { type: 2, occupants_uins: ['2', uin] })).toEqual({ result: 3 });
      expect(await alice.call('update_group', { group_id, push_all: [uin] })).toEqual({ result: 3, group_id });
    }
  });

  it('what is too long is answered 4 or 19', async () => {
    const long = (length: number) => 'x'.repeat(length);
    const create = async (fields: object) =>
      (await alice.call('create_message', { group_id, message: 'x', ...fields })).result;
    expect(await create({ message: long(32_769) })).toBe(19);
    expect(await create({ attachments: long(256 * 1024 + 1) })).toBe(19);
    expect(await create({ nonce: long(129) })).toBe(4);
    expect(await create({ sender_name: long(256) })).toBe(4);
    expect(await create({ group_avatar: long(2_049) })).toBe(4);
    expect((await alice.call('create_group', { type: 2, name: long(256) })).result).toBe(4);
    expect((await alice.call('register_profile_token', { type: 1, token: long(4_097) })).result).toBe(4);
    const sdp = { call_id: '1', receiver_uin: '2', type: 1 };
    expect((await alice.call('ice_sdp', { ...sdp, sdp: long(256 * 1024 + 1) })).result).toBe(19);
    expect((await alice.call('ice_candidate', { ...sdp, candidate: long(8_193) })).result).toBe(19);
    const crowd = Array.from({ length: 1_001 }, (_, at) => String(1_000_000 + at));
    expect((await alice.call('check_group', { type: 3, occupants_uins: crowd })).result).toBe(1);
  });
});
