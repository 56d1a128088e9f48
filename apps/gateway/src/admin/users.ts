/** People: making, finding, changing and erasing them, and what they are called on each protocol. */
import { DomainError, type User, type UserId } from '@switchboard/core';
import { z } from 'zod';
import {
  countText,
  externalIdSchema,
  idText,
  nameSchema,
  namespaceSchema,
  type Route,
  route,
  timeSchema,
} from './route.ts';

const KINDS = ['person', 'guest', 'bot', 'system'] as const;
const identity = z.strictObject({ protocol: namespaceSchema, externalId: externalIdSchema });

export const userSchema = z
  .object({
    id: z.int(),
    displayName: z.string(),
    kind: z.enum([...KINDS, 'placeholder']),
    identities: z.array(identity),
    avatar: z.string().nullable(),
    language: z.string().nullable(),
    timeZone: z.string().nullable(),
    statusText: z.string(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
    lastSeenAt: timeSchema.nullable(),
  })
  .meta({ id: 'User' });

export function toUser(user: User): z.infer<typeof userSchema> {
  const { id, displayName, kind, avatar, language, timeZone, statusText, createdAt, updatedAt, lastSeenAt } = user;
  const identities = Object.entries(user.identities)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([protocol, externalId]) => ({ protocol, externalId }));
  return {
    id,
    displayName,
    kind,
    identities,
    avatar,
    language,
    timeZone,
    statusText,
    createdAt,
    updatedAt,
    lastSeenAt,
  };
}

const byId = z.strictObject({ id: idText<UserId>() });
const byIdentity = z.strictObject({ id: idText<UserId>(), namespace: namespaceSchema });

export function notFound(
  subject: 'user' | 'space' | 'conversation' | 'participant' | 'session',
  id: number,
): DomainError {
  return new DomainError('not_found', `no ${subject} ${id}`, { subject, id });
}

export const userRoutes: readonly Route[] = [
  route('POST /users', {
    summary: 'Make a user, with its identities on the protocols.',
    body: z.strictObject({
      displayName: nameSchema,
      kind: z.enum(KINDS).optional(),
      identities: z.array(identity).max(20).optional(),
      avatar: z.string().max(2_000).nullable().optional(),
      language: z.string().max(35).nullable().optional(),
    }),
    status: 201,
    answer: userSchema,
    refusals: [409],
    async run({ core, actor }, { body: { identities, ...fields } }) {
      const named = identities?.map(({ protocol, externalId }) => ({ namespace: protocol, externalId }));
      return toUser(await core.users.create(actor(), { ...fields, ...(named ? { identities: named } : {}) }));
    },
  }),

  route('GET /users', {
    summary: 'List users by ascending id, or find the one behind an identity.',
    query: z
      .strictObject({
        protocol: namespaceSchema.optional(),
        externalId: externalIdSchema.optional(),
        limit: countText(1, 500).optional(),
        after: idText<UserId>().optional(),
      })
      .refine(({ protocol, externalId }) => externalId === undefined || protocol !== undefined, {
        error: 'is missing where externalId is given',
        path: ['protocol'],
      }),
    answer: z.object({
      users: z.array(userSchema),
      next: z.int().nullable().describe('The `after` of the next page; null = this was the last.'),
    }),
    async run({ core, actor }, { query: { protocol, externalId, limit = 100, after } }) {
      const users = await core.users.list(actor(), {
        limit: limit + 1,
        ...(after === undefined ? {} : { afterId: after }),
        ...(protocol === undefined ? {} : { namespace: protocol }),
        ...(externalId === undefined ? {} : { externalId }),
      });
      const page = users.slice(0, limit);
      return { users: page.map(toUser), next: users.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
  }),

  route('GET /users/{id}', {
    summary: 'A user.',
    params: byId,
    answer: userSchema,
    refusals: [404],
    async run({ core }, { params: { id } }) {
      const user = await core.users.find(id);
      if (!user) throw notFound('user', id);
      return toUser(user);
    },
  }),

  route('PATCH /users/{id}', {
    summary: 'Change what a user is called and how it is shown. Absent fields stay.',
    params: byId,
    body: z.strictObject({
      displayName: nameSchema.optional(),
      kind: z.enum(KINDS).optional(),
      avatar: z.string().max(2_000).nullable().optional(),
      language: z.string().max(35).nullable().optional(),
      timeZone: z.string().max(64).nullable().optional(),
      statusText: z.string().max(500).optional(),
    }),
    answer: userSchema,
    refusals: [404],
    async run({ core, actor }, { params: { id }, body }) {
      return toUser(await core.users.update(actor(), id, body));
    },
  }),

  route('DELETE /users/{id}', {
    summary: 'Erase a user: names, identities, sessions, files and message texts go, ids stay.',
    params: byId,
    refusals: [404],
    async run({ core, actor }, { params: { id } }) {
      await core.users.erase(actor(), id);
    },
  }),

  route('DELETE /users/{id}/sessions', {
    summary: 'End all sessions of a user. Open connections fall within 5 s.',
    params: byId,
    query: z.strictObject({ protocol: namespaceSchema.optional() }),
    refusals: [404],
    async run({ core, actor }, { params: { id }, query: { protocol } }) {
      await core.sessions.revokeAll(actor(), id, protocol);
    },
  }),

  route('PUT /users/{id}/identities/{namespace}', {
    summary: 'Say what a user is called on a protocol. A bare placeholder that holds the id gives way.',
    params: byIdentity,
    body: z.strictObject({ externalId: externalIdSchema }),
    answer: userSchema,
    refusals: [404, 409],
    async run({ core, actor }, { params: { id, namespace }, body: { externalId } }) {
      return toUser(await core.identities.link(actor(), id, { namespace, externalId }));
    },
  }),

  route('DELETE /users/{id}/identities/{namespace}', {
    summary: 'Take the identity on a protocol away.',
    params: byIdentity,
    answer: userSchema,
    refusals: [404],
    async run({ core, actor }, { params: { id, namespace } }) {
      return toUser(await core.identities.unlink(actor(), id, namespace));
    },
  }),
];
