/** Who is connected, over all nodes, and showing somebody the door. */
import type { ConnectionId, ConnectionRecord, UserId } from '@switchboard/core';
import { z } from 'zod';
import { createProblem, ProblemError } from './problem.ts';
import { countText, idText, namespaceSchema, type Route, route, timeSchema } from './route.ts';

const connectionSchema = z
  .object({
    id: z.string(),
    protocol: z.string(),
    userId: z.int(),
    nodeId: z.string(),
    asleep: z.boolean(),
    connectedAt: timeSchema,
    info: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .meta({ id: 'Connection' });

function toConnection(record: ConnectionRecord): z.infer<typeof connectionSchema> {
  const { id, namespace, userId, nodeId, asleep, connectedAt, info } = record;
  return { id, protocol: namespace, userId, nodeId, asleep, connectedAt, info: { ...info } };
}

export const connectionRoutes: readonly Route[] = [
  route('GET /connections', {
    summary: 'Live connections of all nodes, longest connected first.',
    query: z.strictObject({
      protocol: namespaceSchema.optional(),
      userId: idText<UserId>().optional(),
      limit: countText(1, 1_000).optional(),
      offset: countText(0, 1_000_000_000).optional(),
    }),
    answer: z.object({
      connections: z.array(connectionSchema),
      total: z.int(),
      next: z.int().nullable().describe('The `offset` of the next page; null = this was the last.'),
    }),
    async run({ core }, { query: { protocol, userId, limit = 100, offset = 0 } }) {
      const records = await core.presence.connections({
        ...(protocol === undefined ? {} : { namespace: protocol }),
        ...(userId === undefined ? {} : { userId }),
      });
      const live = records
        .filter(({ endedAt }) => endedAt === null)
        .sort((one, other) => one.connectedAt - other.connectedAt || (one.id < other.id ? -1 : 1));
      return {
        connections: live.slice(offset, offset + limit).map(toConnection),
        total: live.length,
        next: live.length > offset + limit ? offset + limit : null,
      };
    },
  }),

  route('DELETE /connections/{id}', {
    summary: 'End a connection, on whatever node it is.',
    params: z.strictObject({ id: z.string().min(1).max(200) }),
    refusals: [404],
    async run({ core, hub, log }, { params }) {
      const id = params.id as ConnectionId;
      if (!hub.get(id)) {
        const records = await core.presence.connections();
        if (!records.some((record) => record.id === id && record.endedAt === null)) {
          throw new ProblemError(createProblem(404, 'There is no such connection.', { code: 'not_found' }));
        }
      }
      log('info', 'a connection is ended by the administration', { connection: id });
      hub.end(id, 'kicked');
    },
  }),
];
