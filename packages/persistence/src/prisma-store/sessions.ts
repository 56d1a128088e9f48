/** Sessions: hashes of their secrets, rotations, ends. One-time codes stand in codes.ts. Knows no secret. */
import type {
  JsonObject,
  Session,
  SessionId,
  SessionKind,
  SessionStore,
  SessionTx,
  SpaceId,
  UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { type CodeStore, createCodeStore } from './codes.ts';
import type { Db, TxContext } from './db.ts';

interface SessionRow {
  readonly id: number;
  readonly public_id: string;
  readonly user_id: number;
  readonly namespace: string;
  readonly space_id: number | null;
  readonly device: string | null;
  readonly kind: string;
  readonly claims: JsonObject;
  readonly counter: number;
  readonly access_expires_at: number | null;
  readonly expires_at: number | null;
  readonly idle_timeout_ms: number | null;
  readonly created_at: number;
  readonly last_used_at: number;
  readonly revoked_at: number | null;
}

/** For `from sessions s`. */
const SESSION = Prisma.sql`
  s.id::float8, s.public_id::text, s.user_id::float8, s.namespace, s.space_id::float8, s.device, s.kind, s.claims, s.counter,
  (extract(epoch from s.access_expires_at) * 1000)::float8 as access_expires_at,
  (extract(epoch from s.expires_at) * 1000)::float8 as expires_at, s.idle_timeout_ms::float8,
  (extract(epoch from s.created_at) * 1000)::float8 as created_at, (extract(epoch from s.last_used_at) * 1000)::float8 as last_used_at,
  (extract(epoch from s.revoked_at) * 1000)::float8 as revoked_at`;

function toSession(row: SessionRow): Session {
  return {
    id: row.id as SessionId,
    publicId: row.public_id,
    userId: row.user_id as UserId,
    namespace: row.namespace,
    spaceId: row.space_id as SpaceId | null,
    device: row.device,
    kind: row.kind as SessionKind,
    claims: row.claims,
    counter: row.counter,
    accessExpiresAt: row.access_expires_at,
    expiresAt: row.expires_at,
    idleTimeoutMs: row.idle_timeout_ms,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}

export function createSessionStore(db: Db): SessionStore {
  const sessions: Omit<SessionStore, keyof CodeStore> = {
    async nextId() {
      const rows = await db.$queryRaw<{ id: number }[]>`select nextval('sessions_id_seq')::float8 as id`;
      return rows[0]?.id as SessionId;
    },

    async insert(session) {
      // The row lock keeps the erasing of the user from passing by unseen.
      const written = await db.$executeRaw`
        with owner as (select id from users where id = ${session.userId}::bigint and deleted_at is null for share)
        insert into sessions (id, public_id, user_id, namespace, space_id, device, kind, claims, secret_hash, refresh_hash,
                              access_expires_at, expires_at, ttl_ms, access_ttl_ms, idle_timeout_ms, created_at, last_used_at)
        select ${session.id}::bigint, ${session.publicId}::uuid, id, ${session.namespace}, ${session.spaceId}::bigint, ${session.device},
               ${session.kind}, ${JSON.stringify(session.claims)}::jsonb, ${session.secretHash}, ${session.refreshHash},
               to_timestamp(${session.accessExpiresAt}::float8 / 1000), to_timestamp(${session.expiresAt}::float8 / 1000),
               ${session.ttlMs}::bigint, ${session.accessTtlMs}::bigint, ${session.idleTimeoutMs}::bigint,
               to_timestamp(${session.createdAt}::float8 / 1000), to_timestamp(${session.createdAt}::float8 / 1000)
          from owner`;
      return written > 0;
    },

    async findMany(ids) {
      if (ids.length === 0) return [];
      const rows = await db.$queryRaw<
        SessionRow[]
      >`select ${SESSION} from sessions s where s.id = any(${ids}::bigint[])`;
      return rows.map(toSession);
    },

    async findBySecrets(hashes) {
      const wanted = [...hashes];
      const rows = await db.$queryRaw<(SessionRow & { readonly hash: string })[]>`
        select s.secret_hash as hash, ${SESSION} from sessions s where s.secret_hash = any(${wanted}::text[])
        union all
        select s.previous_secret_hash as hash, ${SESSION} from sessions s where s.previous_secret_hash = any(${wanted}::text[])`;
      return new Map(rows.map((row) => [row.hash, toSession(row)]));
    },

    async findPair(namespace, secretHash, refreshHash) {
      const rows = await db.$queryRaw<
        (SessionRow & { current: boolean; ttl_ms: number | null; access_ttl_ms: number | null })[]
      >`
        select s.secret_hash = ${secretHash} as current, s.ttl_ms::float8, s.access_ttl_ms::float8, ${SESSION}
          from sessions s
         where s.namespace = ${namespace} and s.kind = 'pair'
           and (s.secret_hash = ${secretHash} and s.refresh_hash = ${refreshHash}
                or s.previous_secret_hash = ${secretHash} and s.previous_refresh_hash = ${refreshHash})`;
      const [row] = rows;
      if (!row) return null;
      return {
        session: toSession(row),
        ttlMs: row.ttl_ms,
        accessTtlMs: row.access_ttl_ms,
        shown: row.current ? 'current' : 'previous',
      };
    },

    async rotate(session, next) {
      const rows = await db.$queryRaw<SessionRow[]>`
        update sessions s
           set counter = s.counter + 1, previous_secret_hash = s.secret_hash, previous_refresh_hash = s.refresh_hash,
               secret_hash = ${next.secretHash}, refresh_hash = ${next.refreshHash},
               access_expires_at = to_timestamp(${next.accessExpiresAt}::float8 / 1000),
               expires_at = to_timestamp(${next.expiresAt}::float8 / 1000), last_used_at = to_timestamp(${next.at}::float8 / 1000)
         where s.id = ${session.id}::bigint and s.counter = ${session.counter}::int and s.revoked_at is null
         returning ${SESSION}`;
      return rows[0] ? toSession(rows[0]) : null;
    },

    async listOf(userId, at) {
      const rows = await db.$queryRaw<SessionRow[]>`
        select ${SESSION} from sessions s
         where s.user_id = ${userId}::bigint and s.revoked_at is null
           and (s.expires_at is null or s.expires_at > to_timestamp(${at}::float8 / 1000))
           and (s.idle_timeout_ms is null
                or s.last_used_at + s.idle_timeout_ms * interval '1 millisecond' > to_timestamp(${at}::float8 / 1000))
         order by s.id desc`;
      return rows.map(toSession);
    },

    async touch(ids, at) {
      if (ids.length === 0) return;
      await db.$executeRaw`
        update sessions set last_used_at = to_timestamp(${at}::float8 / 1000)
         where id = any(${ids}::bigint[]) and last_used_at < to_timestamp(${at}::float8 / 1000)`;
    },

    async removeEnded(before, limit) {
      return db.$executeRaw`
        with horizon as (select to_timestamp(${before}::float8 / 1000) as at)
        delete from sessions
         where id = any(array(
           select s.id from sessions s, horizon h
            where s.revoked_at < h.at or s.expires_at < h.at or s.last_used_at + s.idle_timeout_ms * interval '1 millisecond' < h.at
            limit ${limit}::int))`;
    },
  };
  return { ...sessions, ...createCodeStore(db) };
}

export function createSessionTx({ db, at }: TxContext): SessionTx {
  return {
    async find(id) {
      const rows = await db.$queryRaw<SessionRow[]>`select ${SESSION} from sessions s where s.id = ${id}::bigint`;
      return rows[0] ? toSession(rows[0]) : null;
    },
    async revoke(id) {
      const revoked = await db.$executeRaw`
        update sessions set revoked_at = to_timestamp(${at}::float8 / 1000) where id = ${id}::bigint and revoked_at is null`;
      return revoked > 0;
    },
    async revokeAll(userId, namespace) {
      return db.$executeRaw`
        update sessions set revoked_at = to_timestamp(${at}::float8 / 1000)
         where user_id = ${userId}::bigint and (${namespace}::text is null or namespace = ${namespace}) and revoked_at is null`;
    },
  };
}
