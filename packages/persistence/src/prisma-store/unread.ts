/**
 * What is unread: messages of others that neither the marks of the participant cover nor it can no longer see. Counted as far as asked for,
 * never further. Notices are never unread.
 */
import type { MessageReader, MessageStore, UnreadSelection } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { type MessageRow, toMessage } from '../message-row.ts';
import type { Db } from './db.ts';

/** Of message `m` for participant `p`, above a seq. */
function unreadOf({ userId, namespace }: MessageReader, above: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    m.conversation_id = p.conversation_id and m.seq > greatest(${above}, p.cleared_to_seq) and not p.read_above @> m.seq
    and m.sender_id <> ${userId}::bigint and m.deleted_at is null and m.kind <> 'notice'
    and (m.visibility = 'all' or (m.visibility = 'staff' and p.side = 'staff') or m.visibility = ${`namespace:${namespace}`})
    and not exists (select from messages_hidden h
                     where h.conversation_id = m.conversation_id and h.user_id = ${userId}::bigint and h.seq = m.seq)`;
}

const SINCE_FLOOR = Prisma.sql`greatest(p.joined_seq, p.read_seq)`;
const SINCE_WATERMARK = Prisma.sql`p.read_seq`;

/** Ids of unread messages after `afterId`, each conversation's oldest `limit` among them. */
function unreadIds(reader: MessageReader, window: UnreadSelection & { afterId: number; limit: number }): Prisma.Sql {
  const { includeWaiting, waitingIn, publicOnly = false, afterId, limit } = window;
  const shown = publicOnly ? Prisma.sql`and m.visibility = 'all'` : Prisma.empty;
  const own = Prisma.sql`
    select u.id from participants p
      join conversations c on c.id = p.conversation_id and c.deleted_at is null
      cross join lateral (
        select m.id from messages m where ${unreadOf(reader, SINCE_FLOOR)} ${shown} and m.id > ${afterId}::bigint
         order by m.seq limit ${limit}::bigint) u
     where p.user_id = ${reader.userId}::bigint and p.active`;
  if (!includeWaiting) return own;
  const ofQueue = waitingIn === undefined ? Prisma.empty : Prisma.sql`and sm.space_id = ${waitingIn}::bigint`;
  return Prisma.sql`${own}
    union
    select m.id from space_members sm
      join spaces s on s.id = sm.space_id and s.kind = 'queue' and s.deleted_at is null
      join conversations c on c.space_id = s.id and c.deleted_at is null
      join messages m on m.conversation_id = c.id and m.waiting_for_staff
     where sm.user_id = ${reader.userId}::bigint and sm.left_at is null and sm.role in ('staff', 'admin') ${ofQueue} ${shown}
       and m.sender_id <> ${reader.userId}::bigint and m.deleted_at is null and m.id > ${afterId}::bigint`;
}

export function createUnreadReads(db: Db): Pick<MessageStore, 'unreadCounts' | 'unread' | 'unreadTotal'> {
  return {
    async unreadCounts(reader, { since, conversationIds, cap }) {
      if (conversationIds.length === 0) return [];
      const above = since === 'floor' ? SINCE_FLOOR : SINCE_WATERMARK;
      const rows = await db.$queryRaw<{ id: number; count: number }[]>`
        select p.conversation_id::float8 as id, n.count::float8 as count from participants p
          cross join lateral (
            select count(*) from (select from messages m where ${unreadOf(reader, above)} limit ${cap}::bigint) capped) n
         where p.user_id = ${reader.userId}::bigint and p.active and p.conversation_id = any(${conversationIds}::bigint[]) and n.count > 0`;
      return rows.map(({ id, count }) => ({ conversationId: id, count })) as unknown as Awaited<
        ReturnType<MessageStore['unreadCounts']>
      >;
    },

    async unread(reader, query) {
      const rows = await db.$queryRaw<{ message: MessageRow }[]>`
        select to_json(m) as message from messages m
         where m.id in (select found.id from (${unreadIds(reader, query)}) found order by found.id limit ${query.limit}::bigint)
         order by m.id`;
      return rows.map(({ message }) => toMessage(message));
    },

    async unreadTotal(reader, { cap, ...selection }) {
      const rows = await db.$queryRaw<{ count: number }[]>`
        select count(*)::float8 as count
          from (select from (${unreadIds(reader, { ...selection, afterId: 0, limit: cap })}) found limit ${cap}::bigint) capped`;
      return rows[0]?.count ?? 0;
    },
  };
}
