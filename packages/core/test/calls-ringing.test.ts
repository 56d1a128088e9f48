import { type Call, type CallId, type Conversation, DomainError, type User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { type ConnectedActor, connect, type Heard, listen } from './support/live.ts';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let dave: User;
let group: Conversation;
let caller: ConnectedActor;
let callee: ConnectedActor;
let heard: Heard;

const GRACE = { graceMs: 15_000 };

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol, dave] = (await test.people('Alice', 'Bob', 'Carol', 'Dave')) as [User, User, User, User];
  group = await conversation([bob, carol]);
  caller = await connect(test, alice);
  callee = await connect(test, bob);
  heard = listen(test);
});

afterEach(() => test.close());

async function conversation(others: readonly User[]): Promise<Conversation> {
  const participants = others.map(({ id }) => ({ userId: id }));
  const made = await test.core.conversations.create(test.actor(alice), { kind: 'group', title: 'Tea', participants });
  return made.conversation;
}

const ring = (calleeIds = [bob.id], from = caller, conversationId = group.id) =>
  test.core.calls.start(from, { conversationId, callMedia: 'audio', calleeIds, ...GRACE });
const answer = (actor: ConnectedActor, call: Call, given: 'accept' | 'reject' | 'failed' | 'timeout') =>
  test.core.calls.answer(actor, { callId: call.id, answer: given, ...GRACE });
const now = async (call: Call) => (await test.store.calls.find([call.id]))[0] as Call;
const refused = (code: string, reason: string) => ({ code, details: { reason } });

describe('ringing', () => {
  it('asks those named, keeps their order, and makes the caller its first device', async () => {
    const call = await ring([carol.id, bob.id]);
    expect(call).toMatchObject({
      mode: 'ringing',
      state: 'ringing',
      initiatorId: alice.id,
      participants: [
        { userId: carol.id, state: 'asked', askedBy: alice.id },
        { userId: bob.id, state: 'asked' },
        { userId: alice.id, state: 'accepted' },
      ],
      legs: [{ userId: alice.id, connectionId: caller.connectionId, graceUntil: null }],
      acceptedAt: null,
    });
    await heard.next('call.leg_joined');
    expect(heard.events.map(({ type }) => type).filter((type) => type.startsWith('call'))).toEqual([
      'call.started',
      'call.leg_joined',
    ]);
    expect(await test.core.calls.liveFor(bob.id)).toMatchObject([{ id: call.id }]);
  });

  it('asks everybody else when nobody is named', async () => {
    const call = await ring([]);
    expect(call.participants.map(({ userId }) => userId).sort()).toEqual([alice.id, bob.id, carol.id].sort());
  });

  it('refuses strangers, oneself alone, those outside and a second call', async () => {
    const stranger = await connect(test, dave);
    await expect(ring([dave.id])).rejects.toMatchObject(refused('invalid', 'no_participant'));
    await expect(ring([alice.id])).rejects.toMatchObject(refused('invalid', 'empty'));
    await expect(ring([bob.id], stranger)).rejects.toMatchObject(refused('forbidden', 'no_participant'));
    const call = await ring();
    await expect(ring([alice.id], callee)).rejects.toMatchObject({ code: 'conflict', details: { id: call.id } });
  });

  it('lets one of two calls through that begin at the same time on two nodes', async () => {
    const other = await test.another();
    const there = await connect(other, bob);
    const results = await Promise.allSettled([
      ring([bob.id]),
      other.core.calls.start(there, { conversationId: group.id, callMedia: 'audio', calleeIds: [alice.id], ...GRACE }),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('answers', () => {
  it('makes the call active with the first accept', async () => {
    const call = await ring([bob.id, carol.id]);
    await test.clock.advance(3_000);
    const { call: active } = await answer(callee, call, 'accept');
    expect(active).toMatchObject({ state: 'active', acceptedAt: test.clock.now(), connectedAt: test.clock.now() });
    expect(active.legs.map(({ userId }) => userId)).toEqual([alice.id, bob.id]);
    expect(await heard.next('call.answered')).toMatchObject({ userId: bob.id, state: 'accepted', reason: null });
  });

  it('takes the same answer from the same device again, and no other', async () => {
    const call = await ring([bob.id, carol.id]);
    await answer(callee, call, 'accept');
    expect(await answer(callee, call, 'accept')).toMatchObject({ repeated: true });
    await expect(answer(callee, call, 'reject')).rejects.toMatchObject(refused('conflict', 'answered'));
    const second = await connect(test, bob);
    await expect(answer(second, call, 'accept')).rejects.toMatchObject(refused('conflict', 'answered'));
    const third = await connect(test, carol);
    await answer(third, call, 'reject');
    expect(await answer(third, call, 'reject')).toMatchObject({ repeated: true });
    await expect(answer(third, call, 'accept')).rejects.toMatchObject(refused('conflict', 'answered'));
  });

  it('accepts on one device when two answer at once on two nodes', async () => {
    const call = await ring();
    const other = await test.another();
    const there = await connect(other, bob);
    const results = await Promise.allSettled([
      answer(callee, call, 'accept'),
      other.core.calls.answer(there, { callId: call.id, answer: 'accept', ...GRACE }),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await now(call)).legs.filter(({ userId }) => userId === bob.id)).toHaveLength(1);
  });

  it.each([
    ['reject', 'rejected'],
    ['failed', 'failed'],
    ['timeout', 'timeout'],
  ] as const)('ends when the last callee answers %s', async (given, endReason) => {
    const call = await ring();
    await answer(callee, call, given);
    expect(await now(call)).toMatchObject({ state: 'ended', endReason, endedBy: bob.id, legs: [] });
    expect((await heard.next('call.ended')).legs).toMatchObject([{ userId: alice.id }]);
    await expect(answer(callee, call, 'accept')).rejects.toMatchObject(refused('conflict', 'ended'));
  });

  it('rings on while somebody is left to answer', async () => {
    const call = await ring([bob.id, carol.id]);
    await answer(callee, call, 'reject');
    expect(await now(call)).toMatchObject({ state: 'ringing' });
  });

  it('refuses the caller and strangers', async () => {
    const call = await ring();
    await expect(answer(caller, call, 'accept')).rejects.toMatchObject(refused('invalid', 'own_call'));
    const stranger = await connect(test, carol);
    await expect(answer(stranger, call, 'accept')).rejects.toMatchObject({ code: 'not_found' });
    await expect(answer(callee, { ...call, id: 999 as CallId }, 'accept')).rejects.toBeInstanceOf(DomainError);
  });
});

describe('the end', () => {
  it('comes after 60 s without an answer, also when the node was started again meanwhile', async () => {
    const call = await ring();
    await test.core.close();
    const again = await test.another();
    const there = listen(again);
    const back = await connect(again, alice);
    await again.core.calls.resume(back, { previous: caller.connectionId });
    await again.clock.advance(61_000);
    expect((await there.next('call.ended')).call).toMatchObject({ id: call.id, endReason: 'timeout', endedBy: null });
    expect(there.of('call.answered')).toEqual([]);
  });

  it('stops asking after 60 s and goes on with those who are in', async () => {
    const call = await ring([bob.id, carol.id]);
    await answer(callee, call, 'accept');
    await test.clock.advance(61_000);
    expect(await heard.next('call.answered', 2)).toMatchObject({
      userId: carol.id,
      state: 'rejected',
      reason: 'timeout',
    });
    expect(await now(call)).toMatchObject({ state: 'active' });
  });

  it('comes when one of two hangs up, and stopping again changes nothing', async () => {
    const call = await ring();
    await answer(callee, call, 'accept');
    expect(await test.core.calls.stop(callee, call.id)).toMatchObject({ repeated: false, call: { endedBy: bob.id } });
    expect(await test.core.calls.stop(caller, call.id)).toMatchObject({ repeated: true });
  });

  it('comes for all when the caller gives up ringing', async () => {
    const call = await ring([bob.id, carol.id]);
    await test.core.calls.stop(caller, call.id);
    expect(await now(call)).toMatchObject({ state: 'ended', endReason: 'stopped', acceptedAt: null });
  });

  it('comes for one alone while two others are left, and for all with the second last', async () => {
    const call = await ring([bob.id, carol.id]);
    const third = await connect(test, carol);
    await answer(callee, call, 'accept');
    await answer(third, call, 'accept');
    await test.core.calls.stop(callee, call.id);
    expect(await now(call)).toMatchObject({ state: 'active' });
    expect(await heard.next('call.leg_left')).toMatchObject({ leg: { userId: bob.id }, reason: 'left' });
    await test.core.calls.stop(third, call.id);
    expect(await now(call)).toMatchObject({ state: 'ended', endReason: 'left' });
  });

  it('leaves a record, a message of the caller that says who accepted', async () => {
    const call = await ring([bob.id, carol.id]);
    await answer(callee, call, 'accept');
    await test.core.calls.stop(caller, call.id);
    await test.core.calls.stop(callee, call.id);
    await heard.next('call.ended');
    const { message } = await heard.next('message.sent');
    const { recordMessageId } = await now(call);
    expect(message).toMatchObject({ id: recordMessageId, kind: 'call', senderId: alice.id, text: '' });
    expect(message.meta.call).toMatchObject({
      callId: call.id,
      participantIds: [bob.id, carol.id, alice.id],
      acceptedIds: [bob.id],
    });
  });

  it('comes when a participant is taken out of the conversation, or the conversation is removed', async () => {
    const call = await ring();
    await answer(callee, call, 'accept');
    await test.core.conversations.removeParticipants(test.actor(alice), group.id, [bob.id]);
    expect(await now(call)).toMatchObject({ state: 'ended', endReason: 'removed' });
    const second = await ring([carol.id]);
    await test.core.conversations.remove(test.actor(alice), group.id);
    expect(await now(second)).toMatchObject({ state: 'ended', endReason: 'conversation_ended', recordMessageId: null });
  });
});

describe('one call at a time', () => {
  it('leaves the other call when somebody accepts', async () => {
    const tea = await conversation([bob]);
    const first = await ring();
    await answer(callee, first, 'accept');
    const second = await connect(test, alice);
    const other = await test.core.calls.start(second, { conversationId: tea.id, callMedia: 'video', ...GRACE });
    expect(await now(first)).toMatchObject({ state: 'ended', endReason: 'moved', legs: [] });
    expect((await now(other)).legs).toMatchObject([{ userId: alice.id, connectionId: second.connectionId }]);
  });
});

describe('a lost connection', () => {
  it('ends a call of two 15 s later', async () => {
    const call = await ring();
    await answer(callee, call, 'accept');
    await test.core.calls.dropped(callee);
    expect((await heard.next('call.leg_dropped')).leg).toMatchObject({
      userId: bob.id,
      graceUntil: test.clock.now() + 15_000,
    });
    await test.clock.advance(14_000);
    expect(await now(call)).toMatchObject({ state: 'active' });
    await test.clock.advance(2_000);
    expect((await heard.next('call.ended')).call).toMatchObject({ endReason: 'lost', endedBy: bob.id });
  });

  it('passes to another device of the user where the wire wants it', async () => {
    const call = await ring();
    await answer(callee, call, 'accept');
    const second = await connect(test, bob);
    await test.core.calls.dropped(callee, { anyDevice: true });
    expect((await now(call)).legs[1]).toMatchObject({ connectionId: second.connectionId, graceUntil: null });
    expect(await heard.next('call.leg_resumed')).toMatchObject({ previousConnectionId: callee.connectionId });
  });

  it('does not pass to a device that has gone, however late presence hears of it', async () => {
    const call = await ring();
    await answer(callee, call, 'accept');
    const second = await connect(test, bob);
    await test.core.calls.dropped(second, { anyDevice: true });
    await test.core.calls.dropped(callee, { anyDevice: true });
    expect((await now(call)).legs[1]).toMatchObject({
      connectionId: callee.connectionId,
      graceUntil: expect.any(Number),
    });
  });

  it('is made up for by the next connection of the user on another node', async () => {
    const call = await ring();
    await answer(callee, call, 'accept');
    await test.core.calls.dropped(callee);
    const other = await test.another();
    const there = await connect(other, bob);
    expect(await other.core.calls.resume(there)).toMatchObject({ previous: { connectionId: callee.connectionId } });
    await test.clock.advance(20_000);
    await test.settled();
    expect(await now(call)).toMatchObject({ state: 'active', legs: [{}, { connectionId: there.connectionId }] });
  });
});

describe('what passes between devices', () => {
  const relay = (to: User, name = 'ice_sdp') => ({ name, to: [to.id], data: { sdp: 'v=0' } });

  it('goes to the device in the call, or to all devices of somebody who still rings', async () => {
    const call = await ring();
    await test.core.signals.relayInCall(caller, { callId: call.id, ...relay(bob) });
    expect(await heard.next('call.signal')).toMatchObject({ to: [bob.id], connections: [] });
    await answer(callee, call, 'accept');
    await test.core.signals.relayInCall(caller, { callId: call.id, ...relay(bob) });
    expect(await heard.next('call.signal', 2)).toMatchObject({ to: [bob.id], connections: [callee.connectionId] });
  });

  it('is refused among others, after the end, and when nobody is there', async () => {
    const call = await ring();
    const { relayInCall } = test.core.signals;
    const stranger = await connect(test, carol);
    await expect(relayInCall(stranger, { callId: call.id, ...relay(bob) })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(relayInCall(caller, { callId: call.id, ...relay(carol) })).rejects.toMatchObject({
      code: 'not_found',
    });
    await test.core.presence.disconnected(callee);
    await expect(relayInCall(caller, { callId: call.id, ...relay(bob) })).rejects.toMatchObject({
      code: 'not_found',
      details: { subject: 'leg' },
    });
    await test.core.calls.stop(caller, call.id);
    await expect(relayInCall(caller, { callId: call.id, ...relay(bob) })).rejects.toMatchObject(
      refused('conflict', 'ended'),
    );
  });
});
