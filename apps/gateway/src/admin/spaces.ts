/** Workspaces and queues, and who belongs to them. */
import type { Space, SpaceId, SpaceMember, UserId } from '@switchboard/core';
import { z } from 'zod';
import {
  countText,
  externalIdSchema,
  idSchema,
  idText,
  nameSchema,
  namespaceSchema,
  type Route,
  route,
  timeSchema,
} from './route.ts';
import { notFound } from './users.ts';

const KINDS = ['workspace', 'queue'] as const;
const ROLES = ['admin', 'moderator', 'user', 'guest', 'staff'] as const;

const memberSchema = z
  .object({ userId: z.int(), role: z.enum(ROLES), joinedAt: timeSchema })
  .meta({ id: 'SpaceMember' });

const spaceFields = z.object({
  id: z.int(),
  kind: z.enum(KINDS),
  name: z.string(),
  title: z.string(),
  description: z.string(),
  avatar: z.string().nullable(),
  externalIds: z.record(z.string(), z.string()),
  createdAt: timeSchema,
  updatedAt: timeSchema,
});
const spaceSchema = spaceFields.extend({ members: z.array(memberSchema) }).meta({ id: 'Space' });

function toMember({ userId, role, joinedAt }: SpaceMember): z.infer<typeof memberSchema> {
  return { userId, role, joinedAt };
}

function toFields(space: Space): z.infer<typeof spaceFields> {
  const { id, kind, name, title, description, avatar, externalIds, createdAt, updatedAt } = space;
  return { id, kind, name, title, description, avatar, externalIds: { ...externalIds }, createdAt, updatedAt };
}

function toSpace(space: Space, members: readonly SpaceMember[]): z.infer<typeof spaceSchema> {
  return { ...toFields(space), members: members.map(toMember) };
}

const byId = z.strictObject({ id: idText<SpaceId>() });
const byMember = z.strictObject({ id: idText<SpaceId>(), userId: idText<UserId>() });
const externalIds = z.record(namespaceSchema, externalIdSchema);

export const spaceRoutes: readonly Route[] = [
  route('POST /spaces', {
    summary: 'Make a workspace or a queue. Its name is its unique key; what people call it is the title.',
    body: z.strictObject({
      kind: z.enum(KINDS),
      name: nameSchema,
      title: nameSchema.optional(),
      description: z.string().max(10_000).optional(),
      externalIds: externalIds.optional(),
      members: z
        .array(z.strictObject({ userId: idSchema<UserId>(), role: z.enum(ROLES) }))
        .max(1_000)
        .optional(),
    }),
    status: 201,
    answer: spaceSchema,
    refusals: [404, 409],
    async run({ core, actor }, { body }) {
      const { space, members } = await core.spaces.create(actor(), body);
      return toSpace(space, members);
    },
  }),

  route('GET /spaces', {
    summary: 'List spaces by ascending id, without their members.',
    query: z.strictObject({
      kind: z.enum(KINDS).optional(),
      limit: countText(1, 500).optional(),
      offset: countText(0, 1_000_000_000).optional(),
    }),
    answer: z.object({
      spaces: z.array(spaceFields),
      next: z.int().nullable().describe('The `offset` of the next page; null = this was the last.'),
    }),
    async run({ core, actor }, { query: { kind, limit = 100, offset = 0 } }) {
      const spaces = await core.spaces.list(actor(), { ...(kind ? { kind } : {}), limit: limit + 1, offset });
      return {
        spaces: spaces.slice(0, limit).map(toFields),
        next: spaces.length > limit ? offset + limit : null,
      };
    },
  }),

  route('GET /spaces/{id}', {
    summary: 'A space with its members.',
    params: byId,
    answer: spaceSchema,
    refusals: [404],
    async run({ core }, { params: { id } }) {
      const [space, members] = await Promise.all([core.spaces.find(id), core.spaces.members(id)]);
      if (!space) throw notFound('space', id);
      return toSpace(space, members);
    },
  }),

  route('PATCH /spaces/{id}', {
    summary: 'Change a space. Absent fields stay; an external id of null is taken away.',
    params: byId,
    body: z.strictObject({
      name: nameSchema.optional(),
      title: nameSchema.optional(),
      description: z.string().max(10_000).optional(),
      avatar: z.string().max(2_000).nullable().optional(),
      externalIds: z.record(namespaceSchema, externalIdSchema.nullable()).optional(),
    }),
    answer: spaceSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id }, body }) {
      const space = await core.spaces.update(actor(), id, body);
      return toSpace(space, await core.spaces.members(id));
    },
  }),

  route('DELETE /spaces/{id}', {
    summary: 'Remove a space and its conversations.',
    params: byId,
    refusals: [404],
    async run({ core, actor }, { params: { id } }) {
      await core.spaces.remove(actor(), id);
    },
  }),

  route('PUT /spaces/{id}/members/{userId}', {
    summary: 'Make somebody a member, or change its role.',
    params: byMember,
    body: z.strictObject({ role: z.enum(ROLES) }),
    answer: memberSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id, userId }, body: { role } }) {
      return toMember(await core.spaces.setMember(actor(), id, { userId, role }));
    },
  }),

  route('DELETE /spaces/{id}/members/{userId}', {
    summary: 'Take somebody out of a space and of its conversations.',
    params: byMember,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id, userId } }) {
      await core.spaces.removeMember(actor(), id, userId);
    },
  }),
];
