import type { Call, Conversation, User } from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { type ConnectedActor, connect, type Heard, listen } from './support/live.ts';

let test: TestCore;
let alice: User;
let bob: User;
let carol: User;
let stand: Conversation;
let tea: Conversation;
let phone: ConnectedActor;
let heard: Heard;

const GRACE = { graceMs: 60_000 };

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob, carol] = (await test.people('Alice', 'Bob', 'Carol')) as [User, User, User];
  [stand, tea] = [await channel('Stand'), await channel('Tea')];
  phone = await connect(test, alice);
  heard = listen(test);
});

afterEach(() => test.close());

async function channel(title: string, options: { temporary?: boolean; expiresAt?: number } = {}) {
  const participants = [{ userId: bob.id }];
  const made = await test.core.conversations.create(test.actor(alice), {
    kind: 'channel',
    title,
    participants,
    ...options,
  });
  return made.conversation;
}

const join = (actor: ConnectedActor, { id }: Conversation, of = test) =>
  of.core.calls.join(actor, { conversationId: id, ...GRACE });
const leave = (actor: ConnectedActor, { id }: Conversation) => test.core.calls.leave(actor, { conversationId: id });
const live = async ({ id }: Conversation) => (await test.store.calls.liveIn([id]))[0];
const told = () => heard.events.map(({ type }) => type).filter((type) => type.startsWith('call.'));
/** Resolves when statements that were under way have been answered. */
const looked = () => test.sql('select pg_sleep(0.05)');
const refused = (code: string, reason: string) => ({ code, details: { reason } });

describe('a room', () => {
  it('begins with the first device and ends with the last, without a record', async () => {
    const { call, leg, previous } = await join(phone, stand);
    expect(call).toMatchObject({ mode: 'room', state: 'active', participants: [], legs: [{ userId: alice.id }] });
    expect([leg.connectionId, previous]).toEqual([phone.connectionId, null]);
    const laptop = await connect(test, bob);
    await join(laptop, stand);
    await leave(phone, stand);
    const ended = await leave(laptop, stand);
    expect(ended).toMatchObject({
      id: call.id,
      state: 'ended',
      endReason: 'left',
      endedBy: bob.id,
      recordMessageId: null,
    });
    await heard.next('call.ended');
    expect(told()).toEqual([
      'call.started',
      'call.leg_joined',
      'call.leg_joined',
      'call.leg_left',
      'call.leg_left',
      'call.ended',
    ]);
  });

  it('refuses whoever takes no part, and the same device twice', async () => {
    const stranger = await connect(test, carol);
    await expect(join(stranger, stand)).rejects.toMatchObject(refused('forbidden', 'no_participant'));
    await join(phone, stand);
    await expect(join(phone, stand)).rejects.toMatchObject(refused('conflict', 'already_joined'));
    await expect(leave(phone, tea)).rejects.toMatchObject(refused('conflict', 'not_joined'));
    const second = await connect(test, alice);
    await expect(leave(second, stand)).rejects.toMatchObject(refused('conflict', 'not_joined'));
  });

  it('is entered for a connection that another node holds, and for no other', async () => {
    const other = await test.another();
    const device = { connectionId: phone.connectionId, device: 'headset' };
    const from = other.actor(alice);
    const { leg } = await other.core.calls.join(from, { conversationId: stand.id, ...device, ...GRACE });
    expect(leg).toMatchObject({ ...device, nodeId: test.nodeId });
    const unknown = { conversationId: stand.id, connectionId: 'nobody' as typeof phone.connectionId, ...GRACE };
    await expect(other.core.calls.join(from, unknown)).rejects.toMatchObject({
      code: 'not_found',
      details: { subject: 'leg' },
    });
  });

  it('counts the calls of a workspace member', async () => {
    const space = await test.core.spaces.create(test.actor(alice), { kind: 'workspace', title: 'Demo' });
    const { conversation } = await test.core.conversations.create(test.actor(alice), {
      kind: 'channel',
      title: 'In it',
      spaceId: space.space.id,
      participants: [],
    });
    await join(phone, conversation);
    expect(await test.core.spaces.membership(alice.id, space.space.id)).toMatchObject({
      callsCount: 1,
      latestCallAt: test.clock.now(),
    });
  });
});

describe('one leg per user', () => {
  it('leaves the old room before the new one is entered, on the same device', async () => {
    await join(phone, stand);
    const { previous } = await join(phone, tea);
    expect(previous).toMatchObject({ conversationId: stand.id });
    expect(await live(stand)).toBeUndefined();
    await heard.next('call.leg_moved');
    expect(told().slice(2)).toEqual(['call.started', 'call.leg_left', 'call.ended', 'call.leg_moved']);
  });

  it('enters the new room before the old one is left, on another device', async () => {
    await join(phone, stand);
    await join(await connect(test, alice), tea);
    await heard.next('call.ended');
    expect(told().slice(2)).toEqual(['call.started', 'call.leg_moved', 'call.leg_left', 'call.ended']);
    expect(heard.of('call.leg_left')[0]).toMatchObject({ leg: { connectionId: phone.connectionId }, reason: 'moved' });
  });

  it('stays in the room when another device takes over', async () => {
    await join(phone, stand);
    const laptop = await connect(test, alice);
    await join(laptop, stand);
    expect(await heard.next('call.leg_moved')).toMatchObject({
      leg: { connectionId: laptop.connectionId },
      from: { connectionId: phone.connectionId },
    });
    expect(told()).toEqual(['call.started', 'call.leg_joined', 'call.leg_moved']);
  });

  it('is one when the user enters two rooms on two nodes at once', async () => {
    const other = await test.another();
    const there = await connect(other, alice);
    await Promise.all([join(phone, stand), join(there, tea, other)]);
    const calls = [await live(stand), await live(tea)].filter((call): call is Call => call !== undefined);
    expect(calls.flatMap(({ legs }) => legs)).toHaveLength(1);
  });

  it('accepts a call that rings for the user by coming in', async () => {
    const laptop = await connect(test, bob);
    const ringing = await test.core.calls.start(laptop, { conversationId: stand.id, callMedia: 'audio', ...GRACE });
    const { call } = await join(phone, stand);
    expect(call).toMatchObject({ id: ringing.id, mode: 'ringing', state: 'active' });
    expect(call.legs.map(({ userId }) => userId)).toEqual([bob.id, alice.id]);
  });
});

describe('a lost connection', () => {
  it('keeps the place for its grace, and gives it back under a new id on any node, nothing changed', async () => {
    await test.core.calls.join(phone, {
      conversationId: stand.id,
      media: { microphone: true },
      mediaTokens: { channel: 'secret' },
      ...GRACE,
    });
    await test.core.calls.dropped(phone);
    const other = await test.another();
    const back = await connect(other, alice);
    const resumed = await other.core.calls.resume(back, { previous: phone.connectionId, device: 'new' });
    expect(resumed?.leg).toMatchObject({
      connectionId: back.connectionId,
      device: 'new',
      nodeId: other.nodeId,
      graceUntil: null,
      media: { microphone: true },
      mediaTokens: { channel: 'secret' },
    });
    await heard.next('call.leg_resumed');
    expect(told().slice(2)).toEqual(['call.leg_dropped', 'call.leg_resumed']);
  });

  it('is resumed although the old connection is not known to be gone, and never by another user', async () => {
    await join(phone, stand);
    const stranger = await connect(test, bob);
    expect(await test.core.calls.resume(stranger, { previous: phone.connectionId })).toBeNull();
    const back = await connect(test, alice);
    expect(await test.core.calls.resume(back, { previous: 'other' as typeof phone.connectionId })).toBeNull();
    expect(await test.core.calls.resume(back, { previous: phone.connectionId })).not.toBeNull();
    await test.core.calls.dropped(phone);
    expect((await live(stand))?.legs).toMatchObject([{ connectionId: back.connectionId, graceUntil: null }]);
  });

  it('leaves when its grace has passed, and at once without one', async () => {
    await join(phone, stand);
    await test.core.presence.disconnected(phone);
    await test.core.calls.dropped(phone);
    await test.clock.advance(61_000);
    expect(await heard.next('call.leg_left')).toMatchObject({ reason: 'lost' });
    const again = await connect(test, alice);
    await join(again, stand);
    await test.core.calls.dropped(again, { graceMs: 0 });
    expect(await heard.next('call.leg_left', 2)).toMatchObject({ reason: 'left' });
  });

  it('is noticed when it happens while the device is coming in', async () => {
    const dropping = test.core.calls.dropped(phone);
    await Promise.all([join(phone, stand), dropping]);
    expect((await live(stand))?.legs[0]?.graceUntil).not.toBeNull();
  });

  it('is made up for when the store could not take it', async () => {
    await join(phone, stand);
    const away = new (await import('@switchboard/core')).DomainError('unavailable', 'away');
    const spy = jest.spyOn(test.store, 'transaction').mockRejectedValueOnce(away);
    await test.core.calls.dropped(phone);
    spy.mockRestore();
    expect(heard.of('call.leg_dropped')).toEqual([]);
    await test.clock.advance(5_000);
    await heard.next('call.leg_dropped');
  });

  it('gives legs of a node that is gone their grace from the moment that is noticed', async () => {
    await join(phone, stand);
    await test.sql('update call_legs set node_id = $1', ['a node that died']);
    await test.clock.advance(5_000);
    const { leg } = await heard.next('call.leg_dropped');
    expect(leg.graceUntil).toBe(test.clock.now() + 60_000);
  });

  it('waits with a node that shows no life until all have had their time to show it', async () => {
    await join(phone, stand);
    await test.sql('update call_legs set node_id = $1', ['a silent node']);
    await test.sql(
      `insert into nodes (id, started_at, heartbeat_at, bus_id, version) values ($1, now(), now() - interval '20 s', '', '')`,
      ['a silent node'],
    );
    test.clock.skip(30_000);
    const pass = async (looks: number) => {
      for (let i = 0; i < looks; i += 1) {
        await test.clock.advance(5_000);
        await looked();
      }
    };
    await pass(2);
    await test.settled();
    expect(heard.of('call.leg_dropped')).toEqual([]);
    await pass(3);
    await heard.next('call.leg_dropped');
  });

  it('is taken back by a node that stood still while its connections lived on', async () => {
    await join(phone, stand);
    const untilMs = test.clock.now() + 60_000;
    await test.sql('update call_legs set grace_until = to_timestamp($1::float8 / 1000)', [untilMs]);
    await test.clock.advance(5_000);
    const { leg, previousConnectionId } = await heard.next('call.leg_resumed');
    expect([leg.connectionId, leg.graceUntil, previousConnectionId]).toEqual([
      phone.connectionId,
      null,
      phone.connectionId,
    ]);
  });

  it('gives the legs that a node held before it was started again their grace', async () => {
    await join(phone, stand);
    const again = await test.another({ nodeId: test.nodeId });
    await again.settled();
    expect((await live(stand))?.legs[0]?.graceUntil).toBe(test.clock.now() + 60_000);
  });
});

describe('media', () => {
  it('tells flags at once, with the moments they went on, and stores them at most once a second', async () => {
    await join(phone, stand);
    const save = jest.spyOn(test.store.calls, 'saveMedia');
    const start = test.clock.now();
    await test.core.calls.setMedia(phone, { media: { microphone: true, speaking: true } });
    await test.clock.advance(300);
    await test.core.calls.setMedia(phone, { media: { camera: true } });
    await test.core.calls.setMedia(phone, { media: { microphone: false } });
    expect((await heard.next('call.media_changed', 3)).media).toEqual({
      microphone: false,
      speakers: true,
      screen: false,
      camera: true,
      speaking: false,
      startSpeakingAt: start,
      startCameraAt: start + 300,
    });
    expect(save).toHaveBeenCalledTimes(1);
    await test.clock.advance(1_000);
    expect(save).toHaveBeenCalledTimes(2);
    await Promise.all(save.mock.results.map(({ value }) => value));
    expect((await live(stand))?.legs[0]?.media).toMatchObject({ camera: true, microphone: false });
  });

  it('are only for the device that is in', async () => {
    await join(phone, stand);
    const second = await connect(test, alice);
    await expect(test.core.calls.setMedia(second, { media: {} })).rejects.toMatchObject(
      refused('conflict', 'not_joined'),
    );
  });

  it('lets one ask another in the same call to be silent', async () => {
    await join(phone, stand);
    const laptop = await connect(test, bob);
    await expect(test.core.calls.requestMute(phone, { userId: bob.id })).rejects.toMatchObject(
      refused('conflict', 'not_same_call'),
    );
    await join(laptop, stand);
    await test.core.calls.requestMute(phone, { userId: bob.id });
    expect(await heard.next('call.signal')).toMatchObject({
      name: 'mute',
      to: [bob.id],
      data: { connectionId: laptop.connectionId },
    });
  });

  it('relays to all devices in the call, the sender included', async () => {
    const { call } = await join(phone, stand);
    const laptop = await connect(test, bob);
    await join(laptop, stand);
    await test.core.signals.relayInCall(phone, { callId: call.id, name: 'hand-up', data: { state: true } });
    expect(await heard.next('call.signal')).toMatchObject({
      to: [alice.id, bob.id],
      connections: [phone.connectionId, laptop.connectionId],
    });
  });
});

describe('invites', () => {
  const invite = (answerNeeded = true) =>
    test.core.calls.invite(phone, {
      conversationId: stand.id,
      userId: bob.id,
      message: { action: 'invite' },
      answerNeeded,
    });

  it('rings once while pending, and hears the answer', async () => {
    const made = await invite();
    expect(await invite()).toEqual(made);
    const laptop = await connect(test, bob);
    await expect(
      test.core.calls.answerInvite(phone, { inviteId: made?.id as never, response: {} }),
    ).rejects.toMatchObject({ code: 'not_found' });
    await test.core.calls.answerInvite(laptop, { inviteId: made?.id as never, response: { later: true } });
    expect(await heard.next('call.invite_answered')).toMatchObject({
      invite: made,
      response: { later: true },
      userIds: [alice.id],
    });
    expect(heard.of('call.invited')).toHaveLength(1);
  });

  it('hears that there was no answer within 40 s', async () => {
    await invite();
    await test.clock.advance(41_000);
    expect((await heard.next('call.invite_answered')).response).toBeNull();
  });

  it('is taken back when the invited comes in, leaves, or the conversation goes', async () => {
    const laptop = await connect(test, bob);
    await invite();
    await join(laptop, stand);
    expect(await heard.next('call.invite_cancelled')).toMatchObject({ userIds: [bob.id] });
    expect(await invite()).toBeNull();
    await leave(laptop, stand);
    await invite();
    await test.core.conversations.leave(laptop, stand.id);
    await heard.next('call.invite_cancelled', 2);
    await test.core.calls.invite(phone, { conversationId: tea.id, userId: bob.id, message: {}, answerNeeded: true });
    await test.core.conversations.remove(test.actor(alice), tea.id);
    await heard.next('call.invite_cancelled', 3);
  });

  it('keeps nothing when no answer is needed, and is for participants only', async () => {
    await invite(false);
    await heard.next('call.invited');
    await invite(false);
    await heard.next('call.invited', 2);
    const to = { conversationId: stand.id, message: {}, answerNeeded: true };
    await expect(test.core.calls.invite(phone, { ...to, userId: carol.id })).rejects.toMatchObject(
      refused('invalid', 'no_participant'),
    );
    await expect(test.core.calls.invite(phone, { ...to, userId: alice.id })).rejects.toMatchObject(
      refused('invalid', 'own'),
    );
  });
});

describe('temporary conversations', () => {
  it('go when the last device has left', async () => {
    const talk = await channel('Talk', { temporary: true });
    await join(phone, talk);
    await leave(phone, talk);
    await test.clock.advance(2_000);
    await heard.next('conversation.deleted');
  });

  it('stay until their time has come, and then until their call has ended', async () => {
    const talk = await channel('Talk', { temporary: true, expiresAt: test.clock.now() + 10_000 });
    await join(phone, talk);
    await leave(phone, talk);
    await test.clock.advance(5_000);
    await join(phone, talk);
    await test.clock.advance(10_000);
    await test.settled();
    expect(heard.of('conversation.deleted')).toEqual([]);
    await leave(phone, talk);
    await test.clock.advance(2_000);
    await heard.next('conversation.deleted');
  });
});

describe('read back from the log', () => {
  it('calls are told as they were told live, but for what has changed since', async () => {
    const laptop = await connect(test, bob);
    await join(phone, stand);
    await join(await connect(test, alice), stand);
    await test.core.calls.dropped(laptop);
    const ringing = await test.core.calls.start(laptop, { conversationId: tea.id, callMedia: 'audio', ...GRACE });
    await test.core.calls.answer(phone, { callId: ringing.id, answer: 'accept', ...GRACE });
    await test.core.calls.dropped(laptop);
    const back = await connect(test, bob);
    await test.core.calls.resume(back, { previous: laptop.connectionId });
    await test.core.calls.invite(phone, { conversationId: stand.id, userId: bob.id, message: {}, answerNeeded: true });
    await join(back, stand);
    await test.settled();
    const isCall = ({ type }: { readonly type: string }) => type.startsWith('call.');
    const live = heard.events.filter(isCall);
    const read = (await test.store.log.read(0)).events.filter(isCall);
    const types = new Set(live.map(({ type }) => type));
    for (const type of ['leg_moved', 'leg_resumed', 'leg_left', 'answered', 'invited', 'invite_cancelled', 'ended']) {
      expect(types).toContain(`call.${type}`);
    }
    const withoutCall = (event: object) => ({ ...event, call: 'call' in event ? (event.call as Call).id : null });
    expect(read.map(withoutCall)).toEqual(live.map(withoutCall));
  });
});
