/** Credentials with which clients of a protocol speak as a user. Their making and their words are the adapter's own. */
import type { SessionId, SpaceId, UserId } from '@switchboard/core';
import { z } from 'zod';
import { PROTOCOL_NAMES } from '../config/schema.ts';
import { createProblem, ProblemError } from './problem.ts';
import { type AdminContext, idSchema, idText, type Route, route, timeSchema } from './route.ts';
import { notFound } from './users.ts';

const TEN_YEARS_SECONDS = 10 * 365 * 86_400;

const credentialSchema = z
  .object({
    id: z.int().describe('To revoke it by.'),
    protocol: z.enum(PROTOCOL_NAMES),
    userId: z.int(),
    expiresAt: timeSchema.nullable(),
    connect: z.record(z.string(), z.unknown()).describe('All that a client of the protocol needs to connect.'),
  })
  .meta({ id: 'Credential' });

export const credentialRoutes: readonly Route[] = [
  route('POST /credentials', {
    summary: 'Issue a credential. What `connect` holds is the protocol’s own.',
    body: z.strictObject({
      protocol: z.enum(PROTOCOL_NAMES),
      userId: idSchema<UserId>(),
      role: z.string().min(1).max(50).optional(),
      spaceId: idSchema<SpaceId>().optional(),
      ttlSeconds: z.int().min(1).max(TEN_YEARS_SECONDS).optional(),
    }),
    status: 201,
    answer: credentialSchema,
    refusals: [404, 409, 501],
    async run(context, { body: { protocol, userId, ttlSeconds, role, spaceId } }) {
      const { mounted, baseUrl } = findAdapter(context, protocol);
      if (!(await context.core.users.find(userId))) throw notFound('user', userId);
      const { sessionId, expiresAt, connect } = await mounted.issueCredential({
        actor: context.actor(),
        userId,
        baseUrl: baseUrl(),
        ...(role === undefined ? {} : { role }),
        ...(spaceId === undefined ? {} : { spaceId }),
        ...(ttlSeconds === undefined ? {} : { ttlMs: ttlSeconds * 1_000 }),
      });
      return { id: sessionId, protocol, userId, expiresAt, connect: { ...connect } };
    },
  }),

  route('DELETE /credentials/{id}', {
    summary: 'Revoke a credential. Its open connections fall within 5 s; revoking it again changes nothing.',
    params: z.strictObject({ id: idText<SessionId>() }),
    refusals: [404],
    async run({ core, actor }, { params: { id } }) {
      await core.sessions.revoke(actor(), id);
    },
  }),
];

function findAdapter({ running }: AdminContext, protocol: string) {
  const adapter = running.find(({ name }) => name === protocol);
  if (!adapter) {
    const detail = `The protocol "${protocol}" is not built into this gateway, or switched off in its configuration.`;
    throw new ProblemError(createProblem(501, detail, { code: 'unsupported', reason: 'not_built_in' }));
  }
  const { mounted, baseUrl } = adapter;
  const { issueCredential } = mounted;
  if (!issueCredential) {
    const detail = `The protocol "${protocol}" issues no credentials.`;
    throw new ProblemError(createProblem(501, detail, { code: 'unsupported' }));
  }
  return { mounted: { issueCredential: issueCredential.bind(mounted) }, baseUrl };
}
