/** Conversations and messages for tests of the log, made below the use cases: these tests are about what is told, not about who may. */
import type {
  Conversation,
  ConversationId,
  FastCommand,
  MessageId,
  Participant,
  ParticipantSide,
  SendCommand,
  SpaceId,
  UserId,
  Verdict,
} from '@switchboard/core';
import type { TestCore } from '@switchboard/testing';

const origin = (actorId: UserId) => ({ actorId, via: 'test', connectionId: null });

export async function makeConversation(
  test: TestCore,
  userIds: readonly UserId[],
  options: { readonly spaceId?: SpaceId; readonly customerId?: UserId } = {},
): Promise<Conversation> {
  const { spaceId = null, customerId = null } = options;
  const { value } = await test.store.transaction(origin(userIds[0] as UserId), async (tx) => {
    const conversation = await tx.conversations.insert({
      kind: customerId === null ? 'group' : 'support',
      typeLabel: null,
      key: null,
      spaceId,
      visibility: 'private',
      title: 'Test',
      description: '',
      avatar: null,
      createdBy: userIds[0] ?? null,
      ownerId: userIds[0] ?? null,
      customerId,
      open: true,
      temporary: false,
      expiresAt: null,
      attributes: {},
    });
    const joined = await tx.conversations.join(
      userIds.map((userId) => ({
        conversationId: conversation.id,
        userId,
        role: 'user',
        side: (customerId === null ? 'member' : userId === customerId ? 'customer' : 'staff') as ParticipantSide,
        groups: [],
      })),
      'one',
    );
    const participants = joined.map(({ participant }) => participant);
    tx.append('conversation.created', { conversationId: conversation.id, spaceId }, { conversation, participants });
    return conversation;
  });
  return value;
}

export async function join(test: TestCore, conversation: Conversation, userId: UserId): Promise<Participant> {
  const { value } = await test.store.transaction(origin(userId), async (tx) => {
    const joining = { conversationId: conversation.id, userId, role: 'user', side: 'member', groups: [] } as const;
    const [joined] = await tx.conversations.join([joining], 'each');
    const now = (await tx.conversations.findMany([conversation.id]))[0];
    if (!joined || !now) throw new Error('nobody joined');
    const { participant, first } = joined;
    const fields = {
      conversationId: now.id,
      spaceId: now.spaceId,
      subjectId: participant.id,
      data: { first, how: 'joined' },
    };
    tx.append('participant.joined', fields, { conversation: now, participant, first, how: 'joined' });
    return participant;
  });
  return value;
}

export async function leave(test: TestCore, conversation: Conversation, userId: UserId): Promise<void> {
  await test.store.transaction(origin(userId), async (tx) => {
    const [left] = await tx.conversations.leave([{ conversationId: conversation.id, userId, removed: false }], 'each');
    const now = (await tx.conversations.findMany([conversation.id]))[0];
    if (!left || !now) throw new Error('nobody left');
    const { participant, ...rest } = left;
    const data = { removed: false, side: participant.side, ...rest };
    tx.append(
      'participant.left',
      { conversationId: now.id, spaceId: now.spaceId, subjectId: participant.id, data },
      { conversation: now, participant, ...data },
    );
  });
}

const base = (actorId: UserId) => ({ actorId, via: 'test', origin: null });

export function sending(conversationId: ConversationId, actorId: UserId, text: string): SendCommand {
  return {
    ...base(actorId),
    kind: 'send',
    conversationId,
    clientRef: null,
    messageKind: 'text',
    text,
    parts: [],
    replyToId: null,
    prompt: null,
    visibility: 'all',
    meta: {},
    unattended: false,
    createdAt: null,
  };
}

export const editing = (messageId: MessageId, actorId: UserId, text: string): FastCommand => ({
  ...base(actorId),
  kind: 'edit',
  messageId,
  conversationId: null,
  text,
  parts: null,
  meta: null,
});

export const deleting = (messageId: MessageId, actorId: UserId): FastCommand => ({
  ...base(actorId),
  kind: 'delete',
  messageId,
  conversationId: null,
  scope: 'all',
});

export const marking = (
  actorId: UserId,
  mark: 'received' | 'read',
  what: readonly MessageId[] | { readonly conversationId: ConversationId; readonly seq: number },
): FastCommand => ({
  ...base(actorId),
  kind: 'mark',
  mark,
  messageIds: 'seq' in what ? [] : what,
  upTo: 'seq' in what ? what : null,
  asStaff: false,
});

export async function sent(test: TestCore, command: FastCommand): Promise<Extract<Verdict, { ok: true }>> {
  const verdict = await test.committer.submit(command);
  if (!verdict.ok) throw new Error(`refused: ${verdict.refusal}`);
  return verdict;
}

/** Faster than the machine's own time, and slow enough for what the node asks the store meanwhile. */
const SPEED = 4;

/** Lets the node's time pass, with the store's answers in between, until it has delivered the position. Answers how long that took it. */
export async function passUntil(test: TestCore, position: number, mostMs = 5_000): Promise<number> {
  const begun = performance.now();
  let passed = 0;
  for (; test.core.events.position < position && passed < mostMs; passed += 20) {
    await test.clock.advance(20);
    do await test.store.ping();
    while (test.core.events.position < position && (performance.now() - begun) * SPEED < passed + 20);
  }
  return passed;
}
