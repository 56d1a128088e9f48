/** Calls between people with several devices: who rings, who hears of what, and every way in which a call ends. */

import type { NetaloClient } from '@switchboard/protocol-netalo/testing';
import { createFakeClock } from '@switchboard/testing';
import { createNet, type Net, type NetOptions, rest } from './support/net.ts';

interface Call {
  readonly call_id: string;
  readonly [key: string]: unknown;
}

const KEYS = [
  'accepted_at',
  'accepted_uins',
  'call_id',
  'call_status',
  'call_type',
  'callee_uins',
  'caller_uin',
  'connected_at',
  'group_avatar',
  'group_id',
  'group_name',
  'media_type',
  'message_id',
  'send_avatar',
  'sender_avatar',
  'sender_name',
  'started_at',
  'stopped_at',
];

describe('calls', () => {
  let net: Net;
  let last = 0;
  let uins: string[];
  let group_id: string;

  beforeAll(async () => {
    net = await createNet();
  });
  afterAll(() => net.close());

  /** Two devices of each of so many new people in a new group, quiet. */
  async function people(count: number, world = net): Promise<[NetaloClient, NetaloClient][]> {
    uins = Array.from({ length: count }, () => String(++last));
    const pairs: [NetaloClient, NetaloClient][] = [];
    for (const uin of uins) pairs.push([await world.connect(uin), await world.connect(uin)]);
    group_id = await world.group((pairs[0] as [NetaloClient, NetaloClient])[0], uins.slice(1));
    await rest(world, ...pairs.flat());
    return pairs;
  }

  async function ring(client: NetaloClient, fields = {}): Promise<Call> {
    return (await client.ask<{ call: Call }>('create_call', { group_id, media_type: 2, ...fields })).call;
  }

  const statusOf = async (client: NetaloClient, call_id: string) =>
    (await client.ask<{ call_status: number }>('call_status', { call_id })).call_status;

  it('ring on every device, are taken by one, relayed between the two, and leave a record', async () => {
    const [[alice, alicePhone], [bob, bobPhone]] = (await people(2)) as [
      [NetaloClient, NetaloClient],
      [NetaloClient, NetaloClient],
    ];
    const [a, b] = uins as [string, string];
    const all = [alice, alicePhone, bob, bobPhone];
    const call = await ring(alice, { caller_uin: a, callee_uins: [b], sender_name: 'Al' });
    expect(Object.keys(call).sort()).toEqual(KEYS);
    expect(call).toMatchObject({
      group_id,
      media_type: 2,
      call_type: 1,
      call_status: 1,
      caller_uin: a,
      callee_uins: [b, a],
      accepted_uins: [],
      sender_name: 'Al',
      accepted_at: '0',
      connected_at: '0',
      stopped_at: '0',
      message_id: '0',
    });
    const { call_id } = call;
    expect(await bob.next('start_call')).toEqual({ result: 0, call });
    expect(await bobPhone.next('start_call')).toEqual({ result: 0, call });
    // A device that comes while it rings, rings too.
    const late = await net.connect(b);
    expect(await late.next('start_call')).toEqual({ result: 0, call });
    expect(late.pushes.map(({ name }) => name)).toEqual(['login', 'start_call', 'user_status']);
    expect(await alice.call('answer_call', { call_id, answer: 1 })).toEqual({ result: 4, call_id });

    expect(await bob.call('answer_call', { call_id, group_id, uin: b })).toEqual({ result: 0 });
    expect(await alice.next('answer_call')).toEqual({ call_id, group_id, uin: b, callee_uin: b, answer: 1 });
    const stopped = { call_id, group_id, uin: b, answer: 1, call_status: 1 };
    expect(await bobPhone.next('stop_call')).toEqual(stopped);
    expect(await late.next('stop_call')).toEqual(stopped);
    expect(await rest(net, ...all)).toEqual([[], [], [], []]);
    expect(await bob.call('answer_call', { call_id })).toEqual({ result: 0 });
    expect(await bob.call('answer_call', { call_id, answer: 2 })).toEqual({ result: 16, call_id });
    expect(await bobPhone.call('answer_call', { call_id })).toEqual({ result: 16, call_id });

    const sdp = { call_id, sender_uin: '999', receiver_uin: b, type: 1, sdp: 'v=0\r\n' };
    expect(await alice.call('ice_sdp', sdp)).toEqual({ result: 0 });
    expect(await bob.next('ice_sdp')).toEqual({ ...sdp, group_id, sender_uin: a });
    bob.emit('ice_candidate', { call_id, receiver_uin: a, candidate: '', sdp_mid: '0', sdp_mline_index: '0' });
    expect(await alice.next('ice_candidate')).toEqual({
      call_id,
      group_id,
      sender_uin: b,
      receiver_uin: a,
      candidate: '',
      sdp_mid: '0',
      sdp_mline_index: 0,
    });
    expect(await alice.call('ice_sdp', { ...sdp, sdp: '' })).toMatchObject({ result: 4 });
    expect(await alice.call('ice_sdp', { ...sdp, receiver_uin: '999' })).toMatchObject({ result: 1 });
    expect(await alice.call('ice_sdp', { ...sdp, type: 3 })).toMatchObject({ result: 5 });
    expect(await rest(net, ...all)).toEqual([[], [], [], []]);

    expect(await alice.call('create_call', { group_id, media_type: 1 })).toMatchObject({
      result: 17,
      call: { call_id },
    });
    expect(await statusOf(bobPhone, call_id)).toBe(1);
    expect(await bob.call('stop_call', { call_id, group_id, uin: b, answer: 2 })).toEqual({ result: 0 });
    const over = { call_id, group_id, uin: b, answer: 2, call_status: 3 };
    for (const client of [alice, alicePhone, bobPhone]) expect(await client.next('stop_call')).toEqual(over);
    const record = await bob.next<{ attachments: string; message_id: string }>('message');
    expect(record).toMatchObject({ type: 1, message: '', sender_uin: a });
    const kept = JSON.parse(record.attachments) as Call;
    expect(Object.keys(kept).sort()).toEqual(KEYS);
    expect(kept).toMatchObject({
      call_id,
      call_status: 3,
      accepted_uins: [b],
      message_id: record.message_id,
      callee_uins: [b, a],
    });
    expect(kept.stopped_at).not.toBe('0');
    expect(kept.connected_at).toBe(kept.accepted_at);
    expect(await rest(net, ...all)).toEqual([['message'], ['message'], [], ['message']]);
    expect(await bob.call('stop_call', { call_id })).toEqual({ result: 0 });
    expect(await alice.call('answer_call', { call_id })).toMatchObject({ result: 4 });
    expect(await bob.call('answer_call', { call_id })).toEqual({ result: 16, call_id });
    expect(await alice.call('ice_sdp', sdp)).toMatchObject({ result: 16 });
    expect(await statusOf(alice, call_id)).toBe(3);
    expect(await alice.call('call_status', { call_id, group_id: '424242' })).toMatchObject({ result: 1 });
    expect(await rest(net, ...all)).toEqual([[], [], [], []]);
  });

  it('are rejected by the only callee, which ends them', async () => {
    const [[alice, alicePhone], [bob, bobPhone]] = (await people(2)) as [
      [NetaloClient, NetaloClient],
      [NetaloClient, NetaloClient],
    ];
    const [, b] = uins as [string, string];
    const { call_id } = await ring(alice);
    bob.emit('answer_call', { call_id, uin: b, answer: 2 });
    expect(await alice.next('answer_call')).toMatchObject({ uin: b, answer: 2 });
    const over = { call_id, group_id, uin: b, answer: 2, call_status: 3 };
    expect(await alice.next('stop_call')).toEqual(over);
    expect(await alicePhone.next('stop_call')).toEqual(over);
    expect(await rest(net, bobPhone)).toEqual([['start_call', 'stop_call', 'stop_call', 'message']]);
    expect(await alice.ask('list_message', { group_id })).toMatchObject({
      messages: [{ type: 1, attachments: expect.stringContaining('"accepted_at":"0"') }],
    });
  });

  it('that a client gives up as not answered are timeouts', async () => {
    const [[alice], [bob]] = (await people(2)) as [[NetaloClient, NetaloClient], [NetaloClient, NetaloClient]];
    const { call_id } = await ring(alice);
    await bob.ask('answer_call', { call_id, answer: 3 });
    expect(await alice.next('stop_call')).toMatchObject({ answer: 3, call_status: 2 });
    expect(await statusOf(alice, call_id)).toBe(2);
  });

  it('of more than two lose who leaves, and end with the last but one', async () => {
    const [[alice], [bob, bobPhone], [carol]] = (await people(3)) as [NetaloClient, NetaloClient][] as [
      [NetaloClient, NetaloClient],
      [NetaloClient, NetaloClient],
      [NetaloClient, NetaloClient],
    ];
    const [a, b, c] = uins as [string, string, string];
    const call = await ring(alice);
    const { call_id } = call;
    expect(call).toMatchObject({ call_type: 2 });
    expect((call.callee_uins as string[]).toSorted()).toEqual([a, b, c].toSorted());
    await bob.ask('answer_call', { call_id });
    expect(await alice.next('answer_call')).toMatchObject({ uin: b });
    expect(carol.take().map(({ name }) => name)).toEqual(['start_call']);
    await carol.ask('answer_call', { call_id });
    expect(await bob.next('answer_call')).toMatchObject({ uin: c });
    await rest(net, alice, bob, bobPhone, carol);
    await bob.ask('stop_call', { call_id });
    expect(await bobPhone.next('stop_call')).toMatchObject({ uin: b, call_status: 1 });
    expect(await rest(net, alice, bob, bobPhone, carol)).toEqual([[], [], [], []]);
    expect(await statusOf(bob, call_id)).toBe(1);
    await carol.ask('stop_call', { call_id });
    expect(await alice.next('stop_call')).toMatchObject({ uin: c, call_status: 3 });
  });

  it('take people out of the call that they are in', async () => {
    const [[alice, alicePhone], [bob]] = (await people(2)) as [
      [NetaloClient, NetaloClient],
      [NetaloClient, NetaloClient],
    ];
    const first = await ring(alice);
    await bob.ask('answer_call', { call_id: first.call_id });
    const elsewhere = await net.group(alice, [String(++last)]);
    await rest(net, alice, alicePhone, bob);
    await ring(alice, { group_id: elsewhere });
    expect(await bob.next('stop_call')).toMatchObject({ call_id: first.call_id, call_status: 3 });
    expect(await statusOf(alice, first.call_id)).toBe(3);
  });

  it('end when a participant leaves the group', async () => {
    const [[alice], [bob]] = (await people(2)) as [[NetaloClient, NetaloClient], [NetaloClient, NetaloClient]];
    const { call_id } = await ring(alice);
    await bob.ask('answer_call', { call_id });
    await rest(net, alice);
    await bob.ask('leave_group', { group_id });
    expect(await rest(net, alice)).toEqual([['stop_call', 'message', 'update_group']]);
  });

  it.each([
    ['somebody who is not in the group', { callee_uins: ['424242'] }, 8],
    ['nobody', { callee_uins: 'self' }, 4],
    ['without a kind of media', { media_type: undefined }, 4],
    ['with an unknown kind of media', { media_type: 7 }, 5],
    ['for somebody else', { caller_uin: '424242' }, 10],
    ['in no group', { group_id: '424242' }, 1],
  ])('are not made to %s', async (_what, fields, result) => {
    const [[alice]] = (await people(2)) as [[NetaloClient, NetaloClient]];
    const callee =
      'callee_uins' in fields && fields.callee_uins === 'self' ? { callee_uins: uins.slice(0, 1) } : fields;
    expect(await alice.call('create_call', { group_id, media_type: 1, ...callee })).toMatchObject({ result });
  });

  describe('in time', () => {
    let clock: ReturnType<typeof createFakeClock>;
    let timed: Net;

    async function open(options: NetOptions = {}): Promise<void> {
      clock = createFakeClock();
      timed = await createNet({ ...options, core: { clock, ...options.core } });
    }
    afterEach(() => timed.close());

    it('stop ringing after a minute', async () => {
      await open();
      const [[alice], [bob]] = (await people(2, timed)) as [[NetaloClient, NetaloClient], [NetaloClient, NetaloClient]];
      const { call_id } = await ring(alice);
      await clock.advance(61_000);
      const over = { call_id, group_id, uin: '0', answer: 3, call_status: 2 };
      expect(await alice.next('stop_call')).toEqual(over);
      expect(await bob.next('stop_call')).toEqual(over);
    });

    it('outlive a lost connection for a while, wherever the person comes back', async () => {
      await open();
      const [[alice], [bob, bobPhone]] = (await people(2, timed)) as [
        [NetaloClient, NetaloClient],
        [NetaloClient, NetaloClient],
      ];
      const [a, b] = uins as [string, string];
      const { call_id } = await ring(alice);
      await bob.ask('answer_call', { call_id });
      await rest(timed, alice, bobPhone);
      bobPhone.close();
      bob.close();
      const user = await timed.person(b);
      while (timed.host.hub.ofUser(user.id).length > 0) await new Promise((resolve) => setImmediate(resolve));
      const again = await timed.connect(b);
      await alice.ask('ice_sdp', { call_id, receiver_uin: b, type: 1, sdp: 'v=0' });
      expect(await again.next('ice_sdp')).toMatchObject({ sender_uin: a });
      await clock.advance(60_000);
      expect(await statusOf(alice, call_id)).toBe(1);
      again.close();
      while ((await timed.test.core.calls.legOf(user.id))?.graceUntil === null) await timed.settled();
      await clock.advance(20_000);
      expect(await alice.next('stop_call')).toMatchObject({ call_id, uin: b, call_status: 3 });
    });

    it('go on between two nodes', async () => {
      await open();
      const other = await createNet({ test: await timed.test.another() });
      try {
        const [[alice]] = (await people(2, timed)) as [[NetaloClient, NetaloClient]];
        const [a, b] = uins as [string, string];
        const bob = await other.connect(b);
        const bobHere = await timed.connect(b);
        await rest(timed, alice, bobHere);
        const { call_id } = await ring(alice);
        await bob.next('start_call');
        await bob.ask('answer_call', { call_id });
        expect(await alice.next('answer_call')).toMatchObject({ uin: b });
        expect(await bobHere.next('stop_call')).toMatchObject({ uin: b, answer: 1 });
        await alice.ask('ice_sdp', { call_id, receiver_uin: b, type: 1, sdp: 'v=0' });
        expect(await bob.next('ice_sdp')).toMatchObject({ sender_uin: a });
        await bob.ask('stop_call', { call_id });
        expect(await alice.next('stop_call')).toMatchObject({ uin: b, call_status: 3 });
        expect(bobHere.pushes.some(({ name }) => name === 'ice_sdp')).toBe(false);
      } finally {
        await other.close();
      }
    });
  });
});
