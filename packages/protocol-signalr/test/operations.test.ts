/** The operations and events as clients of the newest library see them. */
import { adminActor } from '@switchboard/core';
import type { SignalrConversation, SignalrMessage } from '@switchboard/protocol-signalr/testing';
import { createStage, type Stage } from './support/stage.ts';

describe('operations', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await createStage();
  });
  afterEach(() => stage.close());

  it('brings a message to everybody, the sender included, and stores it', async () => {
    const [alice, bob] = [await stage.connect('alice'), await stage.connect('bob')];
    const conversationId = String(stage.world.lobby.id);
    const userMeta = { FileId: 'f-7', nested: { Key: [1, 2.5, null, 'x'] } };
    const message = await alice.ask<SignalrMessage>('SendMessageToConversation', {
      content: 'سلام',
      conversationId,
      userMeta,
    });
    expect(message).toEqual({
      id: expect.stringMatching(/^\d{16}$/),
      content: 'سلام',
      senderId: 'alice',
      conversationId,
      seenCount: 0,
      isSeenByYou: true,
      createdDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      userMeta,
    });
    const event = { messageId: message.id, conversationId, content: 'سلام', senderId: 'alice', seenCount: 0, userMeta };
    expect(await bob.events.next('OnNewMessage')).toEqual(event);
    expect(await alice.events.next('OnNewMessage')).toEqual(event);
    const list = await bob.ask<SignalrMessage[]>('GetConversationInstanceMessages', { conversationId });
    expect(list).toEqual([{ ...message, isSeenByYou: false }]);
  });

  it('tells everybody of a message that was seen, once', async () => {
    const [alice, bob, carol] = [
      await stage.connect('alice'),
      await stage.connect('bob'),
      await stage.connect('carol'),
    ];
    const conversationId = String(stage.world.lobby.id);
    const send = (content: string) =>
      alice.ask<SignalrMessage>('SendMessageToConversation', { content, conversationId });
    const [one, two] = [await send('one'), await send('two')];
    expect(await bob.ask('SeenMessage', { messageIds: [two.id, 'nonsense', '5', null] })).toBeNull();
    const update = { messageId: two.id, conversationId, seenCount: 1 };
    for (const client of [alice, bob, carol]) expect(await client.events.next('OnMessageUpdate')).toEqual(update);
    await bob.ask('SeenMessage', { messageIds: [two.id] });
    await carol.ask('SeenMessage', { messageIds: [one.id, two.id] });
    expect(await alice.events.next('OnMessageUpdate')).toEqual({ messageId: one.id, conversationId, seenCount: 1 });
    expect(await alice.events.next('OnMessageUpdate')).toEqual({ messageId: two.id, conversationId, seenCount: 2 });
    const seen = await bob.ask<SignalrMessage[]>('GetConversationInstanceMessages', { conversationId });
    expect(seen.map((message) => [message.seenCount, message.isSeenByYou])).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  it('lists conversations, most recent activity first', async () => {
    const alice = await stage.connect('alice');
    const { lobby, direct } = stage.world;
    await alice.ask('SendMessageToConversation', { content: 'hi', conversationId: String(lobby.id) });
    const list = await alice.ask<SignalrConversation[]>('GetConversationList', {});
    expect(list).toEqual([
      {
        id: String(lobby.id),
        createdDate: expect.any(String),
        participants: ['alice', 'bob', 'carol', 'dave'],
        isTurnedTheNotificationOff: false,
        type: 'group',
        title: 'Lobby',
        identityGroups: {},
      },
      expect.objectContaining({ id: String(direct.id), type: 'direct', title: 'Bob', participants: ['alice', 'bob'] }),
    ]);
    expect(await alice.ask('GetConversationList')).toHaveLength(2);
    expect(await alice.ask('GetConversationList', null)).toHaveLength(2);
  });

  it('tells of conversations to those who asked for it', async () => {
    const [alice, bob] = [await stage.connect('alice'), await stage.connect('bob')];
    await alice.ask('StartReceivingConversationUpdates');
    const { core, lobby, people } = stage.world;
    await core.conversations.update(adminActor(), lobby.id, { title: 'Hall' });
    await core.conversations.removeParticipants(adminActor(), lobby.id, [people.dave.id]);
    const update = { conversationId: String(lobby.id), conversationTitle: 'Hall', identityGroups: {} };
    expect(await alice.events.next('OnConversationUpdate')).toEqual({
      ...update,
      conversationParticipants: ['alice', 'bob', 'carol', 'dave'],
    });
    expect(await alice.events.next('OnConversationUpdate')).toEqual({
      ...update,
      conversationParticipants: ['alice', 'bob', 'carol'],
    });
    await alice.ask('StopReceivingConversationUpdates');
    await core.conversations.update(adminActor(), lobby.id, { title: 'Lobby' });
    await alice.ask('SendMessageToConversation', { content: 'a sign', conversationId: String(lobby.id) });
    await bob.events.next('OnNewMessage');
    await alice.events.next('OnNewMessage');
    expect(alice.events.all.filter(({ name }) => name === 'OnConversationUpdate')).toHaveLength(2);
    expect(bob.events.all.filter(({ name }) => name === 'OnConversationUpdate')).toHaveLength(0);
  });

  it('shows who is online, and tells of changes', async () => {
    const alice = await stage.connect('alice');
    await alice.ask('SubscribeToIdentitiesStatusUpdates', { identities: ['bob', 'stranger', 'alice', 'bob'] });
    const of = (identity: string) => (update: { identityId: string }) => update.identityId === identity;
    const told = ['bob', 'stranger', 'alice'].map((one) => alice.events.next('OnIdentityStatusUpdate', of(one)));
    expect(await Promise.all(told)).toEqual([
      { status: 2, identityId: 'bob' },
      { status: 0, identityId: 'stranger' },
      { status: 1, identityId: 'alice' },
    ]);
    expect(alice.events.all.filter(({ name }) => name === 'OnIdentityStatusUpdate')).toHaveLength(3);
    await stage.connect('bob');
    expect(await alice.events.next('OnIdentityStatusUpdate')).toEqual({ status: 1, identityId: 'bob' });
  });
});
