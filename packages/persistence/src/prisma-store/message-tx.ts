/**
 * What the slow lane writes of messages, under the log's lock: notices and call records, and the state of prompts. The ids and seqs
 * follow the same rule as the fast lane's (see the migration `fast_lane`).
 */
import type { Message, MessageTx } from '@switchboard/core';
import { DomainError } from '@switchboard/core';
import { type MessageRow, toMessage } from '../message-row.ts';
import type { TxContext } from './db.ts';

interface LockedRow {
  readonly message: MessageRow;
  readonly space_id: number | null;
  readonly active: boolean;
  readonly staff: boolean;
}

export function createMessageTx({ db, at, nextPosition }: TxContext): MessageTx {
  return {
    async insert(message) {
      const visibility = message.visibility ?? 'all';
      const rows = await db.$queryRaw<{ message: MessageRow }[]>`
        with head as (
          update conversations c
             set last_seq = c.last_seq + 1, last_message_id = next.id,
                 last_public_message_id = case when ${visibility} = 'all' then next.id else c.last_public_message_id end,
                 last_activity_at = to_timestamp(${at}::float8 / 1000.0), changed_position = ${nextPosition()}::bigint,
                 customer_unread = c.customer_unread + (c.kind = 'support' and ${visibility} = 'all' and ${message.kind} <> 'notice'
                                     and c.customer_id is distinct from ${message.senderId}::bigint)::int,
                 staff_unread = c.staff_unread + (c.kind = 'support' and ${visibility} = 'all' and ${message.kind} <> 'notice'
                                     and c.customer_id is not distinct from ${message.senderId}::bigint)::int
            from (select greatest(coalesce(max(id), 0) + 1, ${at}::bigint * 1000) as id from messages) next
           where c.id = ${message.conversationId}::bigint and c.deleted_at is null
          returning c.id as conversation_id, c.last_seq, c.episode, next.id)
        insert into messages as m (id, conversation_id, seq, episode, sender_id, via, kind, text, parts, prompt, visibility, meta,
                                   created_at, changed_position)
        select head.id, head.conversation_id, head.last_seq, head.episode, ${message.senderId}::bigint, ${message.via}, ${message.kind},
               ${message.text ?? ''}, ${jsonOrNull(message.parts)}::jsonb, ${jsonOrNull(message.prompt)}::jsonb, ${visibility},
               ${jsonOrNull(message.meta)}::jsonb, to_timestamp(${at}::float8 / 1000.0), ${nextPosition()}::bigint
          from head
        returning to_jsonb(m) as message`;
      return only(rows);
    },

    async lock(userId, messageId) {
      const rows = await db.$queryRaw<LockedRow[]>`
        select to_jsonb(m) as message, c.space_id::float8 as space_id, coalesce(p.active, false) as active,
               coalesce(p.active and p.side = 'staff', false) or exists (
                 select from space_members sm
                  where sm.space_id = c.space_id and sm.user_id = ${userId}::bigint and sm.left_at is null
                    and sm.role in ('staff', 'admin') and c.kind = 'support') as staff
          from messages m
          join conversations c on c.id = m.conversation_id and c.deleted_at is null
          left join participants p on p.conversation_id = c.id and p.user_id = ${userId}::bigint
         where m.id = ${messageId}::bigint and m.deleted_at is null`;
      const row = rows[0];
      if (!row) return null;
      const { space_id, active, staff } = row;
      return { message: toMessage(row.message), spaceId: space_id, active, staff } as Awaited<
        ReturnType<MessageTx['lock']>
      >;
    },

    async update({ messageId, prompt, meta }) {
      const rows = await db.$queryRaw<{ message: MessageRow }[]>`
        update messages m
           set prompt = case when ${prompt !== undefined} then ${jsonOrNull(prompt)}::jsonb else m.prompt end,
               meta = case when ${meta !== undefined} then coalesce(m.meta, '{}') || ${jsonOrNull(meta)}::jsonb else m.meta end,
               changed_position = ${nextPosition()}::bigint
         where m.id = ${messageId}::bigint and m.deleted_at is null
        returning to_jsonb(m) as message`;
      return only(rows);
    },
  };
}

/** Empty lists and objects are stored as null. */
function jsonOrNull(value: object | null | undefined): string | null {
  if (value === null || value === undefined || Object.keys(value).length === 0) return null;
  return JSON.stringify(value);
}

function only(rows: readonly { readonly message: MessageRow }[]): Message {
  const row = rows[0];
  if (!row) throw new DomainError('not_found', 'The conversation or message is gone', { subject: 'message' });
  return toMessage(row.message);
}
