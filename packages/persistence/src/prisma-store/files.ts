/** Files: what is known of them, and through which messages they may be seen. Knows no bytes. */
import type {
  ConversationId,
  FileAccess,
  FileId,
  FileKind,
  FileState,
  FileStore,
  FileTx,
  MessageId,
  StoredFile,
  UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import type { Db, TxContext } from './db.ts';

interface FileRow {
  readonly id: string;
  readonly owner_id: number | null;
  readonly conversation_id: number | null;
  readonly access: string;
  readonly kind: string;
  readonly name: string;
  readonly size_bytes: number;
  readonly content_type: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly duration_ms: number | null;
  readonly state: string;
  readonly via: string;
  readonly created_at: number;
}

/** For `from files f`. */
const FILE = Prisma.sql`
  f.id::text, f.owner_id::float8, f.conversation_id::float8, f.access, f.kind, f.name, f.size_bytes::float8, f.content_type, f.width, f.height,
  f.duration_ms::float8, f.state, f.via, (extract(epoch from f.created_at) * 1000)::float8 as created_at`;

function toFile(row: FileRow): StoredFile {
  return {
    id: row.id as FileId,
    ownerId: row.owner_id as UserId | null,
    conversationId: row.conversation_id as ConversationId | null,
    access: row.access as FileAccess,
    kind: row.kind as FileKind,
    name: row.name,
    sizeBytes: row.size_bytes,
    contentType: row.content_type,
    width: row.width,
    height: row.height,
    durationMs: row.duration_ms,
    state: row.state as FileState,
    via: row.via,
    createdAt: row.created_at,
  };
}

export function createFileStore(db: Db): FileStore {
  return {
    async insert(file) {
      await db.$executeRaw`
        insert into files (id, owner_id, conversation_id, access, kind, name, size_bytes, content_type, width, height, duration_ms, state,
                           via, created_at)
        values (${file.id}::uuid, ${file.ownerId}::bigint, ${file.conversationId}::bigint, ${file.access}, ${file.kind}, ${file.name},
                ${file.sizeBytes}::bigint, ${file.contentType}, ${file.width}::int, ${file.height}::int, ${file.durationMs}::bigint,
                ${file.state}, ${file.via}, to_timestamp(${file.createdAt}::float8 / 1000))`;
    },

    async finish(id, content) {
      const rows = await db.$queryRaw<FileRow[]>`
        update files f
           set state = 'ready', kind = ${content.kind}, size_bytes = ${content.sizeBytes}::bigint, content_type = ${content.contentType},
               width = ${content.width}::int, height = ${content.height}::int
         where f.id = ${id}::uuid and f.state = 'uploading'
         returning ${FILE}`;
      return rows[0] ? toFile(rows[0]) : null;
    },

    async findMany(ids) {
      if (ids.length === 0) return [];
      const rows = await db.$queryRaw<FileRow[]>`select ${FILE} from files f where f.id = any(${ids}::uuid[])`;
      return rows.map(toFile);
    },

    async seenInMessages({ userId, namespace }, ids) {
      const rows = await db.$queryRaw<{ id: string }[]>`
        select distinct f.file_id::text as id
          from message_files f
          join messages m on m.id = f.message_id
          join conversations c on c.id = m.conversation_id
          left join participants p on p.conversation_id = m.conversation_id and p.user_id = ${userId}::bigint and p.active
          left join space_members s on s.space_id = c.space_id and s.user_id = ${userId}::bigint and s.left_at is null
           and s.role in ('staff', 'admin') and c.kind = 'support'
         where f.file_id = any(${ids}::uuid[]) and m.deleted_at is null and c.deleted_at is null
           and (p.user_id is not null or s.user_id is not null)
           and m.seq > coalesce(p.cleared_to_seq, 0)
           and case m.visibility when 'all' then true when 'staff' then p.side = 'staff' or s.user_id is not null
               else m.visibility = ${`namespace:${namespace}`} end
           and not exists (select 1 from messages_hidden h
                            where h.conversation_id = m.conversation_id and h.user_id = ${userId}::bigint and h.seq = m.seq)`;
      return new Set(rows.map((row) => row.id as FileId));
    },

    async abandoned(before, limit) {
      const rows = await db.$queryRaw<{ id: string }[]>`
        select id::text from files where state = 'uploading' and created_at < to_timestamp(${before}::float8 / 1000) limit ${limit}::int`;
      return rows.map((row) => row.id as FileId);
    },

    async deletedBetween(from, to, limit) {
      const rows = await db.$queryRaw<{ id: string }[]>`
        select id::text from files
         where state = 'deleted' and deleted_at >= to_timestamp(${from}::float8 / 1000) and deleted_at < to_timestamp(${to}::float8 / 1000)
         limit ${limit}::int`;
      return rows.map((row) => row.id as FileId);
    },

    async forget(ids) {
      if (ids.length === 0) return;
      await db.$executeRaw`delete from files where id = any(${ids}::uuid[]) and state = 'uploading'`;
    },
  };
}

export function createFileTx({ db, at }: TxContext): FileTx {
  return {
    async find(id) {
      const rows = await db.$queryRaw<FileRow[]>`select ${FILE} from files f where f.id = ${id}::uuid`;
      return rows[0] ? toFile(rows[0]) : null;
    },
    async setState(id, state) {
      await db.$executeRaw`
        update files
           set state = ${state}, deleted_at = case when ${state} = 'deleted' then to_timestamp(${at}::float8 / 1000) else deleted_at end
         where id = ${id}::uuid`;
    },
    async messagesWith(id) {
      const rows = await db.$queryRaw<{ conversation_id: number; message_ids: number[] }[]>`
        select conversation_id::float8, array_agg(message_id order by message_id)::float8[] as message_ids
          from message_files where file_id = ${id}::uuid group by conversation_id order by conversation_id`;
      return new Map(rows.map((row) => [row.conversation_id as ConversationId, row.message_ids as MessageId[]]));
    },
  };
}
