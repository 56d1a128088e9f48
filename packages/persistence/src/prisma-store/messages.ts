/**
 * Reading messages: lists, pages, newest ones, and what one may see of them. Who may is judged in the same statement, from participants and
 * space members as they are, never from a cache. Unread counts stand in unread.ts.
 */
import type { MessageId, MessageReader, MessageStore } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { type MessageRow, toMessage } from '../message-row.ts';
import type { Db } from './db.ts';
import { createUnreadReads } from './unread.ts';

/** Conversations `c` that the reader may look into, with what decides what it sees there. Join on `access.conversation_id`. */
function accessOf({ userId }: MessageReader, conversationIds: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(
    select c.id as conversation_id, coalesce(p.cleared_to_seq, 0) as cleared, x.staff
      from conversations c
      left join participants p on p.conversation_id = c.id and p.user_id = ${userId}::bigint and p.active
      cross join lateral (select coalesce(p.side = 'staff', false) or (c.kind = 'support' and exists (
        select from space_members sm where sm.space_id = c.space_id and sm.user_id = ${userId}::bigint and sm.left_at is null
           and sm.role in ('staff', 'admin'))) as staff) x
     where c.id ${conversationIds} and c.deleted_at is null and (${userId}::bigint is null or p.id is not null or x.staff))`;
}

/** Of message `m` under `access`. */
function visibleTo({ userId, namespace }: MessageReader): Prisma.Sql {
  if (userId === null) return Prisma.sql`true`;
  return Prisma.sql`(
    m.seq > access.cleared
    and (m.visibility = 'all' or m.sender_id = ${userId}::bigint or (m.visibility = 'staff' and access.staff)
         or m.visibility = ${`namespace:${namespace}`})
    and not exists (select from messages_hidden h
                     where h.conversation_id = m.conversation_id and h.user_id = ${userId}::bigint and h.seq = m.seq))`;
}

export function createMessageStore(db: Db): MessageStore {
  return {
    async list(reader, query) {
      const {
        conversationId,
        beforeId,
        afterId,
        afterSeq,
        from,
        limit,
        offset = 0,
        search,
        tombstones = false,
      } = query;
      const order = from === 'newest' ? Prisma.sql`desc` : Prisma.sql`asc`;
      const bounds = [
        beforeId === undefined
          ? null
          : Prisma.sql`m.seq < (select seq_at(${conversationId}::bigint, ${beforeId}::bigint))`,
        afterId === undefined
          ? null
          : Prisma.sql`m.seq >= (select seq_at(${conversationId}::bigint, ${afterId}::bigint + 1))`,
        afterSeq === undefined ? null : Prisma.sql`m.seq > ${afterSeq}::bigint`,
        tombstones ? null : Prisma.sql`m.deleted_at is null`,
        search ? Prisma.sql`position(lower(${search}) in lower(m.text)) > 0` : null,
      ].filter((bound) => bound !== null);
      const rows = await db.$queryRaw<{ message: MessageRow | null }[]>`
        select page.message from ${accessOf(reader, Prisma.sql`= ${conversationId}::bigint`)} access
          left join lateral (
            select m.seq, to_json(m) as message from messages m
             where m.conversation_id = access.conversation_id and ${visibleTo(reader)}
               and ${bounds.length === 0 ? Prisma.sql`true` : Prisma.join(bounds, ' and ')}
             order by m.seq ${order} limit ${limit}::bigint offset ${offset}::bigint) page on true
         order by page.seq ${order}`;
      if (rows.length === 0) return null;
      return rows.flatMap(({ message }) => (message ? [toMessage(message)] : []));
    },

    async findBySeq(reader, { conversationId, ranges, limit, exceptSenderId }) {
      const froms = ranges.map(([from]) => from);
      const tos = ranges.map(([, to]) => to);
      const rows = await db.$queryRaw<{ message: MessageRow | null }[]>`
        select found.message from ${accessOf(reader, Prisma.sql`= ${conversationId}::bigint`)} access
          left join lateral (
            select m.seq, m.message from unnest(${froms}::bigint[], ${tos}::bigint[]) as r(low, high)
             cross join lateral (
               select m.seq, to_json(m) as message from messages m
                where m.conversation_id = access.conversation_id and m.seq between r.low and r.high and m.deleted_at is null
                  and ${visibleTo(reader)}
                  and (${exceptSenderId}::bigint is null or m.sender_id <> ${exceptSenderId}::bigint)
                order by m.seq desc limit ${limit}::bigint) m
             order by m.seq desc limit ${limit}::bigint) found on true
         order by found.seq`;
      if (rows.length === 0) return null;
      return rows.flatMap(({ message }) => (message ? [toMessage(message)] : []));
    },

    async find(reader, messageIds) {
      if (messageIds.length === 0) return [];
      const rows = await db.$queryRaw<{ message: MessageRow }[]>`
        select to_json(m) as message
          from unnest(${messageIds}::bigint[]) with ordinality as wanted(id, ordinal)
          join messages m on m.id = wanted.id
          join lateral ${accessOf(reader, Prisma.sql`= m.conversation_id`)} access on true
         where ${visibleTo(reader)}
         order by wanted.ordinal`;
      return rows.map(({ message }) => toMessage(message));
    },

    async latestVisible(reader, conversationIds) {
      if (conversationIds.length === 0) return [];
      const rows = await db.$queryRaw<{ message: MessageRow }[]>`
        select newest.message from ${accessOf(reader, Prisma.sql`= any(${conversationIds}::bigint[])`)} access
          cross join lateral (
            select to_json(m) as message from messages m
             where m.conversation_id = access.conversation_id and ${visibleTo(reader)}
             order by m.seq desc limit 1) newest`;
      return rows.map(({ message }) => toMessage(message));
    },

    async idsAt(places) {
      if (places.length === 0) return [];
      const conversationIds = places.map(({ conversationId }) => conversationId);
      const seqs = places.map(({ seq }) => seq);
      const rows = await db.$queryRaw<{ id: number | null }[]>`
        select m.id::float8 as id
          from unnest(${conversationIds}::bigint[], ${seqs}::bigint[]) with ordinality w(conversation_id, seq, place)
          left join messages m on m.conversation_id = w.conversation_id and m.seq = w.seq
         order by w.place`;
      return rows.map(({ id }) => id as MessageId | null);
    },

    async hiddenBy(messageIds) {
      const rows = await db.$queryRaw<{ message_id: number; user_id: number }[]>`
        select h.message_id::float8 as message_id, h.user_id::float8 as user_id from messages_hidden h
         where h.message_id = any(${messageIds}::bigint[]) order by h.hidden_at, h.user_id`;
      return rows.map((row) => ({ messageId: row.message_id, userId: row.user_id })) as unknown as Awaited<
        ReturnType<MessageStore['hiddenBy']>
      >;
    },

    async sendHint(userId, conversationId) {
      const rows = await db.$queryRaw<{ awaits: boolean }[]>`
        select coalesce(s.kind = 'queue' and p.side is distinct from 'staff', false) as awaits
          from conversations c
          left join spaces s on s.id = c.space_id
          left join participants p on p.conversation_id = c.id and p.user_id = ${userId}::bigint and p.active
         where c.id = ${conversationId}::bigint`;
      return { awaitsStaff: rows[0]?.awaits ?? false };
    },

    ...createUnreadReads(db),

    async readersOf(reader, conversationId, seqs) {
      const rows = await db.$queryRaw<{ seq: number | null; user_id: number | null }[]>`
        select readers.seq::float8 as seq, readers.user_id::float8 as user_id
          from ${accessOf(reader, Prisma.sql`= ${conversationId}::bigint`)} access
          left join lateral (
            select m.seq, p.user_id, p.read_at from messages m
              join participants p on p.conversation_id = m.conversation_id and p.user_id <> m.sender_id
               and ((m.seq > p.joined_seq and m.seq <= p.read_seq) or p.read_above @> m.seq)
             where m.conversation_id = access.conversation_id and m.seq = any(${seqs}::bigint[])) readers on true
         order by readers.seq, readers.read_at desc nulls last, readers.user_id`;
      if (rows.length === 0) return null;
      return rows.flatMap((row) =>
        row.seq === null || row.user_id === null ? [] : [{ seq: row.seq, userId: row.user_id }],
      ) as unknown as Awaited<ReturnType<MessageStore['readersOf']>>;
    },
  };
}
