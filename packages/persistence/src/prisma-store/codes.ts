/** One-time codes: what they are for, and how often they may still be used. Knows their hashes alone. */
import type { ConversationId, JsonObject, OneTimeCode, SessionStore, SpaceId, UserId } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import type { Db } from './db.ts';

export type CodeStore = Pick<
  SessionStore,
  'insertCode' | 'findCode' | 'useCode' | 'listCodes' | 'removeCode' | 'removeSpentCodes'
>;

interface CodeRow {
  readonly id: string;
  readonly purpose: string;
  readonly user_id: number | null;
  readonly space_id: number | null;
  readonly conversation_id: number | null;
  readonly email: string | null;
  readonly data: JsonObject;
  readonly created_by: number | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly uses_left: number | null;
}

/** For `from one_time_codes c`. */
const CODE = Prisma.sql`
  c.id::text, c.purpose, c.user_id::float8, c.space_id::float8, c.conversation_id::float8, c.email, c.data, c.created_by::float8,
  (extract(epoch from c.created_at) * 1000)::float8 as created_at, (extract(epoch from c.expires_at) * 1000)::float8 as expires_at,
  c.uses_left`;

function usableAt(at: number) {
  return Prisma.sql`(c.uses_left is null or c.uses_left > 0)
    and (c.expires_at is null or c.expires_at > to_timestamp(${at}::float8 / 1000))`;
}

function toCode(row: CodeRow): OneTimeCode {
  return {
    id: row.id,
    purpose: row.purpose,
    userId: row.user_id as UserId | null,
    spaceId: row.space_id as SpaceId | null,
    conversationId: row.conversation_id as ConversationId | null,
    email: row.email,
    data: row.data,
    createdBy: row.created_by as UserId | null,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usesLeft: row.uses_left,
  };
}

export function createCodeStore(db: Db): CodeStore {
  return {
    async insertCode(code) {
      const written = await db.$executeRaw`
        insert into one_time_codes (id, purpose, code_hash, user_id, space_id, conversation_id, email, data, uses_left, created_by,
                                    created_at, expires_at)
        values (${code.id}::uuid, ${code.purpose}, ${code.codeHash}, ${code.userId}::bigint, ${code.spaceId}::bigint,
                ${code.conversationId}::bigint, ${code.email}, ${JSON.stringify(code.data)}::jsonb, ${code.usesLeft}::int,
                ${code.createdBy}::bigint, to_timestamp(${code.createdAt}::float8 / 1000), to_timestamp(${code.expiresAt}::float8 / 1000))
            on conflict (code_hash) do nothing`;
      return written > 0;
    },

    async findCode(purpose, codeHash) {
      const rows = await db.$queryRaw<CodeRow[]>`
        select ${CODE} from one_time_codes c where c.code_hash = ${codeHash} and c.purpose = ${purpose}`;
      return rows[0] ? toCode(rows[0]) : null;
    },

    async useCode(purpose, codeHash, at) {
      // Two at once: the second waits for the first one's row and judges it anew.
      const rows = await db.$queryRaw<CodeRow[]>`
        update one_time_codes c set uses_left = c.uses_left - 1, used_at = to_timestamp(${at}::float8 / 1000)
         where c.code_hash = ${codeHash} and c.purpose = ${purpose} and ${usableAt(at)}
         returning ${CODE}`;
      return rows[0] ? toCode(rows[0]) : null;
    },

    async listCodes({ purpose, spaceId = null, conversationId = null }, at) {
      const rows = await db.$queryRaw<CodeRow[]>`
        select ${CODE} from one_time_codes c
         where c.purpose = ${purpose} and (${spaceId}::bigint is null or c.space_id = ${spaceId}::bigint)
           and (${conversationId}::bigint is null or c.conversation_id = ${conversationId}::bigint) and ${usableAt(at)}
         order by c.created_at desc, c.id`;
      return rows.map(toCode);
    },

    async removeCode(id, by) {
      const rows = await db.$queryRaw<{ found: boolean; removed: boolean }[]>`
        with wanted as (
          select c.id,
                 ${by}::bigint is null or c.created_by = ${by}::bigint
                 or exists (select 1 from space_members m where m.space_id = c.space_id and m.user_id = ${by}::bigint
                               and m.left_at is null and m.role in ('admin', 'moderator'))
                 or exists (select 1 from participants p where p.conversation_id = c.conversation_id and p.user_id = ${by}::bigint
                               and p.active and p.role in ('owner', 'admin', 'moderator')) as allowed
            from one_time_codes c where c.id = ${id}::uuid
        ), gone as (
          delete from one_time_codes where id in (select id from wanted where allowed) returning id
        )
        select exists (select 1 from wanted) as found, exists (select 1 from gone) as removed`;
      if (rows[0]?.removed) return 'removed';
      return rows[0]?.found ? 'forbidden' : 'not_found';
    },

    async removeSpentCodes(before, limit) {
      return db.$executeRaw`
        with horizon as (select to_timestamp(${before}::float8 / 1000) as at)
        delete from one_time_codes
         where id = any(array(
           select c.id from one_time_codes c, horizon h
            where c.expires_at < h.at or (c.uses_left = 0 and c.used_at < h.at) limit ${limit}::int))`;
    },
  };
}
