/** What happens on other wires, as this one tells it: the column of ARCHITECTURE.md, "What each wire can say". */
import { adminActor, type MessageId } from '@switchboard/core';
import type { SignalrClient, SignalrConversation, SignalrMessage } from '@switchboard/protocol-signalr/testing';
import { createStage, type Stage } from './support/stage.ts';

interface Update {
  readonly messageId: string;
  readonly seenCount: number;
}

describe('what other wires do', () => {
  let stage: Stage;
  let alice: SignalrClient;
  let conversationId: string;
  beforeEach(async () => {
    stage = await createStage({
      adapter: { conversationTypes: { order: { title: 'سفارش', identityGroups: [{ name: 'drivers', title: 'x' }] } } },
    });
    alice = await stage.connect('alice');
    conversationId = String(stage.world.lobby.id);
  });
  afterEach(() => stage.close());

  const history = () => alice.ask<SignalrMessage[]>('GetConversationInstanceMessages', { conversationId });
  const post = async (fields: object = {}) => {
    const { core, lobby } = stage.world;
    const { message } = await core.messages.send(stage.world.actor('bob'), {
      conversationId: lobby.id,
      text: 'hello',
      ...fields,
    });
    return message;
  };
  /** Nothing came that was not asked for: what is sent now comes next. */
  async function comesNext(name: string): Promise<void> {
    const before = alice.events.all.length;
    const sign = await post({ text: 'a sign' });
    await alice.events.next('OnNewMessage', ({ messageId }: Update) => messageId === String(sign.id));
    expect(alice.events.all.slice(before).map((event) => event.name)).toEqual([name]);
  }

  it('shows what a message carries by its address or name, with its structured form in the bag', async () => {
    const image = { kind: 'image', url: 'https://files.example.org/1.png', width: 10 } as const;
    const file = { kind: 'file', name: 'invoice.pdf' } as const;
    await post({ text: '', kind: 'image', parts: [image] });
    await post({ text: '', kind: 'file', parts: [file] });
    await post({ text: 'look', kind: 'image', parts: [image] });
    const shown = (await history()).map(({ content, userMeta }) => [content, userMeta]);
    expect(shown).toEqual([
      ['https://files.example.org/1.png', { kind: 'image', parts: [image] }],
      ['invoice.pdf', { kind: 'file', parts: [file] }],
      ['look', { kind: 'image', parts: [image] }],
    ]);
    expect(await alice.events.next('OnNewMessage')).toMatchObject({ content: 'https://files.example.org/1.png' });
  });

  it('tells of an edit by the unchanged count, and of a deletion by nothing', async () => {
    const message = await post();
    await alice.events.next('OnNewMessage');
    await alice.ask('SeenMessage', { messageIds: [String(message.id)] });
    await alice.events.next('OnMessageUpdate');
    const { core } = stage.world;
    await core.messages.edit(stage.world.actor('bob'), { messageId: message.id, text: 'better' });
    expect(await alice.events.next('OnMessageUpdate')).toEqual({
      messageId: String(message.id),
      conversationId,
      seenCount: 1,
    });
    expect((await history())[0]).toMatchObject({ content: 'better', seenCount: 1 });
    await core.messages.remove(stage.world.actor('bob'), { messageId: message.id, scope: 'all' });
    expect(await history()).toEqual([]);
    await comesNext('OnNewMessage');
  });

  it('tells of nothing that is for staff, for others, or passes', async () => {
    const { core, lobby } = stage.world;
    await core.presence.setTyping(stage.world.actor('bob'), lobby.id, true);
    await core.messages.send(stage.world.actor('bob', { namespace: 'other' }), {
      conversationId: lobby.id,
      text: 'among us',
      visibility: 'namespace:other',
    });
    await comesNext('OnNewMessage');
    expect((await history()).map(({ content }) => content)).toEqual(['a sign']);
  });

  it('tells a mark that covers everything for the newest 200 messages, however long ago they were sent', async () => {
    const { core, lobby } = stage.world;
    for (let count = 0; count < 300; count += 1) await post({ text: `message ${count}` });
    const last = await post({ text: 'last' });
    await alice.events.next('OnNewMessage', ({ messageId }: Update) => messageId === String(last.id));
    await core.receipts.markUpTo(stage.world.actor('carol'), {
      kind: 'read',
      conversationId: lobby.id,
      messageId: last.id,
    });
    await alice.events.next('OnMessageUpdate', ({ messageId }: Update) => messageId === String(last.id));
    const told = alice.events.all.filter(({ name }) => name === 'OnMessageUpdate').map(({ args }) => args[0] as Update);
    expect(told).toHaveLength(200);
    expect(told.every(({ seenCount }) => seenCount === 1)).toBe(true);
    expect(told.map(({ messageId }) => messageId)).toEqual(told.map(({ messageId }) => messageId).toSorted());
    expect((await history()).every(({ seenCount }) => seenCount === 1)).toBe(true);
  });

  it('tells a mark of a message that nobody here has heard of, before what comes after it', async () => {
    const { core } = stage.world;
    const old: MessageId[] = [];
    for (let count = 0; count < 300; count += 1) old.push((await post({ text: `message ${count}` })).id);
    await stage.world.test.settled();
    const before = alice.events.all.length;
    await core.receipts.mark(stage.world.actor('carol'), { kind: 'read', messageIds: [old[0] as MessageId] });
    const next = await post({ text: 'next' });
    await alice.events.next('OnNewMessage', ({ messageId }: Update) => messageId === String(next.id));
    const came = alice.events.all.slice(before).map(({ name, args }) => [name, (args[0] as Update).messageId]);
    expect(came.slice(-2)).toEqual([
      ['OnMessageUpdate', String(old[0])],
      ['OnNewMessage', String(next.id)],
    ]);
  });

  it('tells whoever is taken out once, and then nothing', async () => {
    const { core, lobby, people } = stage.world;
    await alice.ask('StartReceivingConversationUpdates');
    await core.conversations.removeParticipants(adminActor(), lobby.id, [people.alice.id]);
    expect(await alice.events.next('OnConversationUpdate')).toMatchObject({
      conversationParticipants: ['bob', 'carol', 'dave'],
    });
    await post();
    await core.conversations.update(adminActor(), lobby.id, { title: 'Hall' });
    await core.messages.send(stage.world.actor('bob'), { conversationId: stage.world.direct.id, text: 'a sign' });
    await alice.events.next('OnNewMessage', ({ content }: { content: string }) => content === 'a sign');
    expect(alice.events.all.filter(({ name }) => name === 'OnConversationUpdate')).toHaveLength(1);
    await expect(history()).rejects.toThrow('HubException: Conversation not found.');
  });

  it('tells of conversations that come and go, with the name of the other in a direct one', async () => {
    const { core, people } = stage.world;
    await alice.ask('StartReceivingConversationUpdates');
    const pair = [{ userId: people.alice.id }, { userId: people.carol.id }];
    const { conversation } = await core.conversations.create(adminActor(), { kind: 'direct', participants: pair });
    const shown = { conversationId: String(conversation.id), conversationTitle: 'Carol', identityGroups: {} };
    expect(await alice.events.next('OnConversationUpdate')).toEqual({
      ...shown,
      conversationParticipants: ['alice', 'carol'],
    });
    await core.conversations.remove(adminActor(), conversation.id);
    expect(await alice.events.next('OnConversationUpdate')).toEqual({ ...shown, conversationParticipants: [] });
  });

  it('tells of groups that are configured for the type', async () => {
    const { core, people } = stage.world;
    const { conversation } = await core.conversations.create(adminActor(), {
      kind: 'group',
      typeLabel: 'order',
      title: 'Order 7',
      participants: [{ userId: people.alice.id }, { userId: people.dave.id, groups: ['cooks'] }],
    });
    await stage.world.test.settled();
    await alice.ask('StartReceivingConversationUpdates');
    await core.conversations.setGroups(adminActor(), conversation.id, {
      userId: people.dave.id,
      groups: ['drivers', 'cooks'],
    });
    expect(await alice.events.next('OnConversationUpdate')).toMatchObject({ identityGroups: { drivers: ['dave'] } });
    const list = await alice.ask<SignalrConversation[]>('GetConversationList', {});
    expect(list.find(({ id }) => id === String(conversation.id))).toMatchObject({
      type: 'order',
      title: 'Order 7',
      identityGroups: { drivers: ['dave'] },
    });
  });

  it('shows as unknown who shares a conversation no more, and tells nothing of it', async () => {
    const { core, lobby, people } = stage.world;
    await alice.ask('SubscribeToIdentitiesStatusUpdates', { identities: ['dave'] });
    await alice.events.next('OnIdentityStatusUpdate');
    await core.conversations.removeParticipants(adminActor(), lobby.id, [people.dave.id]);
    await stage.world.test.settled();
    const dave = await stage.connect('dave');
    await comesNext('OnNewMessage');
    await alice.ask('SubscribeToIdentitiesStatusUpdates', { identities: ['dave'] });
    expect(await alice.events.next('OnIdentityStatusUpdate')).toEqual({ status: 0, identityId: 'dave' });
    await dave.close();
  });
});
