/** Deadlines: rows that wait for their moment. Who fires them, and what happens then, is core's. */
import type { Deadline, DeadlineStore, DeadlineTx, JsonObject } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import type { Db, TxContext } from './db.ts';

interface DeadlineRow {
  readonly kind: string;
  readonly subject: string;
  readonly due_at: number;
  readonly data: JsonObject;
}

const DEADLINE = Prisma.sql`kind, subject, (extract(epoch from due_at) * 1000)::float8 as due_at, data`;

export function createDeadlineStore(db: Db): DeadlineStore {
  return {
    async due(until, limit) {
      const rows = await db.$queryRaw<DeadlineRow[]>`
        select ${DEADLINE} from deadlines
         where due_at <= to_timestamp(${until}::float8 / 1000) order by due_at, id limit ${limit}::int`;
      return rows.map(toDeadline);
    },

    async postpone({ kind, subject, dueAt }, later) {
      await db.$executeRaw`
        update deadlines set due_at = to_timestamp(${later}::float8 / 1000)
         where kind = ${kind} and subject = ${subject} and due_at <= to_timestamp(${dueAt}::float8 / 1000)`;
    },
  };
}

export function createDeadlineTx({ db, at }: TxContext): DeadlineTx {
  return {
    async set({ kind, subject, dueAt, data }) {
      await db.$executeRaw`
        insert into deadlines (kind, subject, due_at, data, created_at)
        values (${kind}, ${subject}, to_timestamp(${dueAt}::float8 / 1000), ${JSON.stringify(data)}::jsonb, to_timestamp(${at}::float8 / 1000))
        on conflict (kind, subject) do update set due_at = excluded.due_at, data = excluded.data`;
    },

    async clear(kind, subject) {
      await db.$executeRaw`delete from deadlines where kind = ${kind} and subject = ${subject}`;
    },

    async waiting(kind, matches) {
      const rows = await db.$queryRaw<DeadlineRow[]>`
        select ${DEADLINE} from deadlines
         where kind = ${kind} and data @> any(${matches.map((match) => JSON.stringify(match))}::text[]::jsonb[]) order by due_at, id`;
      return rows.map(toDeadline);
    },

    async take(kind, subject) {
      const rows = await db.$queryRaw<DeadlineRow[]>`
        delete from deadlines
         where kind = ${kind} and subject = ${subject} and due_at <= to_timestamp(${at}::float8 / 1000)
        returning ${DEADLINE}`;
      return rows[0] ? toDeadline(rows[0]) : null;
    },
  };
}

function toDeadline(row: DeadlineRow): Deadline {
  return { kind: row.kind, subject: row.subject, dueAt: row.due_at, data: row.data };
}
