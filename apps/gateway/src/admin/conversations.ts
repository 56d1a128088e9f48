/** Conversations, who takes part in them, and what was said. */
import type {
  ConversationId,
  ConversationWithParticipants,
  NewParticipant,
  Participant,
  SpaceId,
  UserId,
} from '@switchboard/core';
import { z } from 'zod';
import { externalIdSchema, idSchema, idText, namespaceSchema, type Route, route, timeSchema } from './route.ts';

const KINDS = ['direct', 'group', 'support', 'channel'] as const;
const ROLES = ['owner', 'admin', 'moderator', 'user'] as const;
const SIDES = ['customer', 'staff', 'member'] as const;

const participantSchema = z
  .object({
    userId: z.int(),
    role: z.enum(ROLES),
    side: z.enum(SIDES),
    groups: z.array(z.string()),
    active: z.boolean(),
    blocked: z.boolean(),
    joinedAt: timeSchema,
    leftAt: timeSchema.nullable(),
  })
  .meta({ id: 'Participant' });

const conversationSchema = z
  .object({
    id: z.int(),
    kind: z.enum(KINDS),
    type: z.string().nullable(),
    title: z.string(),
    description: z.string(),
    avatar: z.string().nullable(),
    visibility: z.enum(['public', 'private']),
    spaceId: z.int().nullable(),
    ownerId: z.int().nullable(),
    customerId: z.int().nullable(),
    assigneeId: z.int().nullable(),
    open: z.boolean(),
    lastSeq: z.int(),
    lastMessageId: z.int().nullable(),
    externalIds: z.record(z.string(), z.string()),
    participants: z.array(participantSchema).describe('Who takes part or ever did, in joining order.'),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Conversation' });

function toParticipant(participant: Participant): z.infer<typeof participantSchema> {
  const { userId, role, side, groups, active, blockedAt, joinedAt, leftAt } = participant;
  return { userId, role, side, groups: [...groups], active, blocked: blockedAt !== null, joinedAt, leftAt };
}

function toConversation({
  conversation,
  participants,
}: ConversationWithParticipants): z.infer<typeof conversationSchema> {
  const { id, kind, typeLabel, title, description, avatar, visibility, spaceId, ownerId, customerId } = conversation;
  const { assigneeId, open, lastSeq, lastMessageId, externalIds, createdAt, updatedAt } = conversation;
  return {
    id,
    kind,
    type: typeLabel,
    title,
    description,
    avatar,
    visibility,
    spaceId,
    ownerId,
    customerId,
    assigneeId,
    open,
    lastSeq,
    lastMessageId,
    externalIds: { ...externalIds },
    participants: participants.map(toParticipant),
    createdAt,
    updatedAt,
  };
}

const byId = z.strictObject({ id: idText<ConversationId>() });
const byParticipant = z.strictObject({ id: idText<ConversationId>(), userId: idText<UserId>() });
const groupNames = z.array(z.string().min(1).max(200)).max(100);
const participantInput = z.union([
  idSchema<UserId>().transform((userId): NewParticipant => ({ userId })),
  z.strictObject({
    userId: idSchema<UserId>(),
    role: z.enum(ROLES).optional(),
    side: z.enum(SIDES).optional(),
    groups: groupNames.optional(),
  }),
]);

export const conversationRoutes: readonly Route[] = [
  route('POST /conversations', {
    summary: 'Make a conversation. The direct one of two people is found again (200).',
    body: z.strictObject({
      kind: z.enum(KINDS),
      title: z.string().trim().max(500).optional(),
      type: z.string().min(1).max(100).optional(),
      description: z.string().max(10_000).optional(),
      visibility: z.enum(['public', 'private']).optional(),
      spaceId: idSchema<SpaceId>().optional(),
      participants: z.array(participantInput).max(1_000),
      customerId: idSchema<UserId>().optional(),
      ownerId: idSchema<UserId>().optional(),
      externalIds: z.record(namespaceSchema, externalIdSchema).optional(),
    }),
    status: 201,
    answer: conversationSchema,
    refusals: [200, 404, 409],
    async run({ core, actor }, { body: { type, ...command } }) {
      const made = await core.conversations.create(actor(), { ...command, ...(type ? { typeLabel: type } : {}) });
      return { answeredStatus: made.existed ? 200 : 201, value: toConversation(made) };
    },
  }),

  route('GET /conversations/{id}', {
    summary: 'A conversation with its participants.',
    params: byId,
    answer: conversationSchema,
    refusals: [404],
    async run({ core, actor }, { params: { id } }) {
      return toConversation(await core.conversations.get(actor(), id));
    },
  }),

  route('PATCH /conversations/{id}', {
    summary: 'Change a conversation. Absent fields stay; an external id of null is taken away.',
    params: byId,
    body: z.strictObject({
      title: z.string().trim().max(500).optional(),
      type: z.string().min(1).max(100).nullable().optional(),
      description: z.string().max(10_000).optional(),
      avatar: z.string().max(2_000).nullable().optional(),
      visibility: z.enum(['public', 'private']).optional(),
      ownerId: idSchema<UserId>().optional(),
      externalIds: z.record(namespaceSchema, externalIdSchema.nullable()).optional(),
    }),
    answer: conversationSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id }, body: { type, ...change } }) {
      const admin = actor();
      await core.conversations.update(admin, id, { ...change, ...(type === undefined ? {} : { typeLabel: type }) });
      return toConversation(await core.conversations.get(admin, id));
    },
  }),

  route('DELETE /conversations/{id}', {
    summary: 'Remove a conversation.',
    params: byId,
    refusals: [404],
    async run({ core, actor }, { params: { id } }) {
      await core.conversations.remove(actor(), id);
    },
  }),

  route('POST /conversations/{id}/open', {
    summary: 'Open a support conversation. One that is open stays so.',
    params: byId,
    answer: conversationSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id } }) {
      const admin = actor();
      await core.conversations.open(admin, id);
      return toConversation(await core.conversations.get(admin, id));
    },
  }),

  route('POST /conversations/{id}/close', {
    summary: 'Close a support conversation. The next message of its customer opens it again.',
    params: byId,
    answer: conversationSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id } }) {
      const admin = actor();
      await core.conversations.close(admin, id);
      return toConversation(await core.conversations.get(admin, id));
    },
  }),

  route('PUT /conversations/{id}/participants/{userId}', {
    summary: 'Let somebody take part, or change its role and groups.',
    params: byParticipant,
    body: z.strictObject({
      role: z.enum(ROLES).optional(),
      side: z.enum(SIDES).optional(),
      groups: groupNames.optional(),
    }),
    answer: conversationSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id, userId }, body: { role, side, groups } }) {
      const admin = actor();
      const part = await core.conversations.participation(userId, id);
      if (part) {
        if (role !== undefined && role !== part.role) await core.conversations.setRole(admin, id, { userId, role });
        if (groups !== undefined) await core.conversations.setGroups(admin, id, { userId, groups });
      } else {
        const joining = { userId, ...(role ? { role } : {}), ...(side ? { side } : {}), ...(groups ? { groups } : {}) };
        await core.conversations.addParticipants(admin, id, [joining]);
      }
      return toConversation(await core.conversations.get(admin, id));
    },
  }),

  route('DELETE /conversations/{id}/participants/{userId}', {
    summary: 'Take somebody out of a conversation.',
    params: byParticipant,
    refusals: [404],
    async run({ core, actor }, { params: { id, userId } }) {
      await core.conversations.removeParticipants(actor(), id, [userId]);
    },
  }),
];
