import { Readable } from 'node:stream';
import {
  adminActor,
  type CallId,
  type ConversationId,
  type InviteId,
  LOG_EVENT_TYPES,
  type LogEvent,
  type Message,
  type SpaceId,
  type User,
  type UserActor,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { type ConnectedActor, connect } from './support/live.ts';
import { passUntil } from './support/places.ts';

/** The operation of a use case, and what it should at least tell. */
type Step = readonly [what: string, run: () => Promise<unknown>];

let test: TestCore;
const admin = adminActor;

beforeAll(async () => {
  test = await createTestCore();
});

afterAll(() => test.close());

/**
 * Objects that a later entry of the same transaction moved on come back in their final state: whatever was told of them before is
 * compared without what moves by itself.
 */
function withoutMoving(event: LogEvent, isLast: boolean): unknown {
  if (isLast) return event;
  const copy = structuredClone(event) as unknown as Record<string, Record<string, unknown> | undefined>;
  for (const name of ['conversation', 'space', 'call', 'participant', 'member', 'message', 'user']) {
    const object = copy[name];
    if (object) copy[name] = { id: object.id };
  }
  return copy;
}

it('reads every event back as it was told', async () => {
  const { core } = test;
  const names = ['Alice', 'Bob', 'Carol', 'Dave'];
  const users = await Promise.all(names.map((displayName) => core.users.create(admin(), { displayName })));
  const [alice, bob, carol, dave] = users as [User, User, User, User];
  const [a, b, c, d] = [alice, bob, carol, dave].map(({ id }) => test.actor(id)) as [
    UserActor,
    UserActor,
    UserActor,
    UserActor,
  ];
  let queue = 0 as SpaceId;
  let workspace = 0 as SpaceId;
  let group = 0 as ConversationId;
  let chat = 0 as ConversationId;
  let said: Message | undefined;
  const send = async (actor: UserActor, conversationId: ConversationId, text: string) => {
    said = (await core.messages.send(actor, { conversationId, text, clientRef: text })).message;
  };
  const last = () => said as Message;
  const at = (actor: ConnectedActor) => ({ ...actor, lastPosition: 0 });
  const [phone, laptop, tablet] = [await connect(test, alice), await connect(test, bob), await connect(test, bob)];
  const desk = await connect(test, dave);
  const [pocket, graceMs] = [await connect(test, carol), 60_000];
  let call = 0 as CallId;

  const steps: Step[] = [
    [
      'a user',
      () => core.users.create(admin(), { displayName: 'Eve', identities: [{ namespace: 'test', externalId: 'eve' }] }),
    ],
    ['a new name', () => core.users.update(admin(), bob.id, { displayName: 'Bobby' })],
    [
      'a session and its end',
      async () => {
        const { session } = await core.sessions.issue(a, { userId: alice.id, namespace: 'test', kind: 'opaque' });
        await core.sessions.revoke(a, session.id);
      },
    ],
    ['the end of all sessions', () => core.sessions.revokeAll(a, alice.id)],
    [
      'a queue',
      async () => {
        const members = [{ userId: dave.id, role: 'admin' }] as const;
        queue = (await core.spaces.create(admin(), { kind: 'queue', name: 'support', members })).space.id;
      },
    ],
    [
      'a workspace',
      async () => {
        workspace = (await core.spaces.create(a, { kind: 'workspace', title: 'Demo' })).space.id;
      },
    ],
    ['a new title of a space', () => core.spaces.update(admin(), workspace, { title: 'Demonstration' })],
    ['a member', () => core.spaces.setMember(admin(), workspace, { userId: bob.id, role: 'user' })],
    ['a new role', () => core.spaces.setMember(admin(), workspace, { userId: bob.id, role: 'moderator' })],
    ['staff', () => core.spaces.ensureStaff(b, queue)],
    [
      'a group',
      async () => {
        const participants = [{ userId: alice.id }, { userId: bob.id }];
        const command = { kind: 'group', title: 'Lobby', participants, externalIds: { test: 'lobby' } } as const;
        group = (await core.conversations.create(admin(), command)).conversation.id;
      },
    ],
    ['a new title', () => core.conversations.update(admin(), group, { title: 'Hall' })],
    [
      'somebody more',
      () => core.conversations.addParticipants(admin(), group, [{ userId: carol.id }, { userId: dave.id }]),
    ],
    ['somebody less', () => core.conversations.removeParticipants(admin(), group, [dave.id])],
    ['leaving', () => core.conversations.leave(c, group)],
    ['coming back', () => core.conversations.addParticipants(admin(), group, [{ userId: carol.id }])],
    ['a role', () => core.conversations.setRole(admin(), group, { userId: bob.id, role: 'admin' })],
    ['a preference', () => core.conversations.setPreferences(b, group, { muted: true, pinned: true })],
    ['a message', () => send(a, group, 'hello')],
    ['an edit', () => core.messages.edit(a, { messageId: last().id, text: 'hello!' })],
    ['a mark', () => core.receipts.mark(b, { kind: 'received', messageIds: [last().id] })],
    ['marks up to', () => core.receipts.markUpTo(b, { kind: 'read', conversationId: group, seq: 1 })],
    ['hiding', () => core.messages.remove(b, { messageId: last().id, scope: 'self' })],
    ['a deletion', () => core.messages.remove(a, { messageId: last().id, scope: 'all' })],
    [
      'a prompt and its answer',
      async () => {
        const prompt = { kind: 'rating', state: 'pending' } as const;
        said = (await core.messages.send(a, { conversationId: group, text: 'How was it?', prompt })).message;
        await test.settled();
      },
    ],
    [
      'an update',
      () =>
        core.messages.update(b, {
          messageId: last().id,
          what: 'prompt',
          prompt: { kind: 'rating', state: 'answered', answer: 5 },
        }),
    ],
    [
      'a support conversation',
      async () => {
        const participants = [
          { userId: carol.id, side: 'customer' },
          { userId: dave.id, side: 'staff' },
        ] as const;
        const command = {
          kind: 'support',
          spaceId: queue,
          customerId: carol.id,
          key: 'k',
          open: true,
          participants,
        } as const;
        chat = (await core.conversations.create(admin(), command)).conversation.id;
      },
    ],
    ['a question', () => send(c, chat, 'help')],
    ['its first reading', () => core.receipts.mark(d, { kind: 'read', messageIds: [last().id] })],
    ['assigning', () => core.conversations.assign(d, chat, bob.id)],
    ['unassigning', () => core.conversations.unassign(d, chat)],
    ['closing', () => core.conversations.close(d, chat)],
    ['opening', () => core.conversations.open(d, chat)],
    [
      'a call',
      async () => {
        call = (await core.calls.start(phone, { conversationId: group, callMedia: 'audio', graceMs })).id;
      },
    ],
    ['an answer', () => core.calls.answer(laptop, { callId: call, answer: 'accept', graceMs })],
    ['a call that is turned down', () => core.calls.answer(pocket, { callId: call, answer: 'reject', graceMs })],
    ['voices', () => core.calls.connected(laptop, call)],
    ['a device that is gone', () => core.calls.dropped(at(laptop))],
    ['a device that comes back', () => core.calls.resume(tablet, { previous: laptop.connectionId })],
    ['another device', () => core.calls.join(laptop, { conversationId: group, graceMs })],
    ['hanging up', () => core.calls.leave(laptop, { conversationId: group })],
    ['a call in a queue', () => core.calls.join(desk, { conversationId: chat, graceMs })],
    [
      'an invite and its answer',
      async () => {
        const command = { conversationId: chat, userId: carol.id, message: { text: 'Come' }, answerNeeded: true };
        const invite = await core.calls.invite(desk, command);
        await core.calls.answerInvite(pocket, { inviteId: invite?.id as InviteId, response: 'later' });
      },
    ],
    [
      'an invite that is not needed any more',
      async () => {
        const command = { conversationId: chat, userId: carol.id, message: {}, answerNeeded: true };
        await core.calls.invite(desk, command);
        await core.calls.join(pocket, { conversationId: chat, graceMs });
      },
    ],
    ['moving to another call', () => core.calls.join(pocket, { conversationId: group, graceMs })],
    ['the last one who leaves', () => core.calls.leave(desk, { conversationId: chat })],
    [
      'a file and its end',
      async () => {
        const command = { name: 'a.txt', conversationId: group, access: 'conversation' } as const;
        const file = await core.files.upload(a, command, Readable.from([Buffer.from('text')]));
        await core.files.remove(a, file.id);
      },
    ],
    ['the end of a membership', () => core.spaces.removeMember(admin(), workspace, bob.id)],
    ['the end of a conversation', () => core.conversations.remove(admin(), group)],
    ['the end of a space', () => core.spaces.remove(admin(), workspace)],
    ['the end of a user', () => core.users.erase(admin(), dave.id)],
    [
      'a log that went backwards',
      async () => {
        const position = await test.store.log.jump((await test.store.log.head()) + 3);
        await passUntil(test, position as number);
      },
    ],
  ];

  const told = new Set<string>();
  for (const [what, run] of steps) {
    const before = await test.store.log.head();
    await run();
    await test.settled();
    const live = test.delivered.map(({ event }) => event).filter(({ position }) => position > before);
    const { events: read, through } = await test.store.log.read(before);
    const shape = (events: readonly LogEvent[]) =>
      events.map((event, index) => withoutMoving(event, index === events.length - 1));
    expect({ what, events: shape(read), through }).toEqual({
      what,
      events: shape(live),
      through: live.at(-1)?.position,
    });
    for (const { type } of live) told.add(type);
  }
  expect(LOG_EVENT_TYPES.filter((type) => !told.has(type))).toEqual([]);
  expect(
    misplaced(
      test.delivered.map(({ event }) => event),
      new Map([[chat, queue]]),
    ),
  ).toEqual([]);
});

/** What happens in a conversation of a space is found there, too, unless it is one user's own matter. */
function misplaced(events: readonly LogEvent[], spaces: ReadonlyMap<ConversationId, SpaceId>): readonly string[] {
  const personal = ['message.hidden', 'participant.preferences_changed', 'call.invited', 'call.invite_answered'];
  const inSpace = events.filter((event) => ![...personal, 'call.invite_cancelled'].includes(event.type));
  const wrong = inSpace.filter(
    ({ conversationId, spaceId }) => conversationId !== null && spaceId !== (spaces.get(conversationId) ?? null),
  );
  return wrong.map(({ type }) => type);
}
