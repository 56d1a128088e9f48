/**
 * People and their profiles, and their erasing. Outside ids, accounts and push targets have files of their own and are joined here to
 * what the port asks for.
 */
import type { FileId, UserId, UserStore, UserTx } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { type AccountStore, type AccountTx, createAccountStore, createAccountTx } from './accounts.ts';
import type { Db, TxContext } from './db.ts';
import { createIdentityStore, createIdentityTx, type IdentityStore, type IdentityTx } from './identities.ts';
import { createPushTargetStore, type PushTargetStore } from './push-targets.ts';
import { toUser, USER, type UserRow } from './user-rows.ts';

type ProfileStore = Omit<UserStore, keyof (AccountStore & IdentityStore & PushTargetStore)>;

export function createUserStore(db: Db): UserStore {
  const profiles: ProfileStore = {
    async findMany(ids) {
      if (ids.length === 0) return [];
      const rows = await db.$queryRaw<UserRow[]>`
        select ${USER} from users u where u.id = any(${ids}::bigint[]) order by u.id`;
      return rows.map(toUser);
    },

    async list({ limit, afterId = 0, namespace, externalId, kind }) {
      // Which ids are asked for decides which index is good: three statements in one text would have one plan.
      const named =
        namespace !== undefined && externalId !== undefined
          ? Prisma.sql`and u.id in (select user_id from identities where namespace = ${namespace} and external_id = ${externalId})`
          : namespace !== undefined
            ? Prisma.sql`and exists (select 1 from identities w where w.user_id = u.id and w.namespace = ${namespace})`
            : externalId !== undefined
              ? Prisma.sql`and u.id in (select user_id from identities where external_id = ${externalId})`
              : Prisma.empty;
      const ofKind = kind === undefined ? Prisma.empty : Prisma.sql`and u.kind = ${kind}`;
      const rows = await db.$queryRaw<UserRow[]>`
        select ${USER} from users u where u.deleted_at is null and u.id > ${afterId}::bigint ${named} ${ofKind} order by u.id limit ${limit}::int`;
      return rows.map(toUser);
    },

    async touchLastSeen(seen) {
      if (seen.length === 0) return;
      // In the order of ids: two nodes that write the same people do not wait for each other in a circle.
      await db.$executeRaw`
        with seen as materialized (
          select u.id, to_timestamp(s.at / 1000) as at
            from unnest(${seen.map(({ userId }) => userId)}::bigint[], ${seen.map(({ at }) => at)}::float8[]) s(id, at)
            join users u on u.id = s.id
           where u.deleted_at is null and (u.last_seen_at is null or u.last_seen_at < to_timestamp(s.at / 1000))
           order by u.id for update of u
        )
        update users u set last_seen_at = seen.at from seen where u.id = seen.id`;
    },
  };
  return { ...profiles, ...createAccountStore(db), ...createIdentityStore(db), ...createPushTargetStore(db) };
}

type ProfileTx = Omit<UserTx, keyof (AccountTx & IdentityTx)>;

export function createUserTx(tx: TxContext): UserTx {
  const { db, at } = tx;
  const profiles: ProfileTx = {
    async find(id) {
      const rows = await db.$queryRaw<UserRow[]>`
        select ${USER} from users u where u.id = ${id}::bigint and u.deleted_at is null`;
      return rows[0] ? toUser(rows[0]) : null;
    },

    async insert(users) {
      if (users.length === 0) return [];
      const rows = await db.$queryRaw<{ n: number; id: number }[]>`
        with made as materialized (
          select n, nextval('users_id_seq') as id, kind, display_name, avatar, language, attributes, identities
            from jsonb_to_recordset(${JSON.stringify(
              users.map((user, n) => ({
                n,
                kind: user.kind,
                display_name: user.displayName,
                avatar: user.avatar,
                language: user.language,
                attributes: user.attributes,
                identities: user.identities,
              })),
            )}::jsonb)
              as t(n int, kind text, display_name text, avatar text, language text, attributes jsonb, identities jsonb)
        ), stored as (
          insert into users (id, kind, display_name, avatar, language, attributes, created_at, updated_at)
          select id, kind, display_name, avatar, language, attributes, to_timestamp(${at}::float8 / 1000), to_timestamp(${at}::float8 / 1000)
            from made
        ), named as (
          insert into identities (namespace, external_id, user_id, created_at)
          select i.key, i.value, m.id, to_timestamp(${at}::float8 / 1000) from made m cross join lateral jsonb_each_text(m.identities) i
        )
        select n, id::float8 from made order by n`;
      return users.map((user, n) => ({
        ...user,
        id: rows[n]?.id as UserId,
        account: null,
        timeZone: null,
        statusText: '',
        createdAt: at,
        updatedAt: at,
        lastSeenAt: null,
        deletedAt: null,
      }));
    },

    async save(user) {
      await db.$executeRaw`
        update users
           set kind = ${user.kind}, display_name = ${user.displayName}, avatar = ${user.avatar}, language = ${user.language},
               time_zone = ${user.timeZone}, status_text = ${user.statusText}, attributes = ${JSON.stringify(user.attributes)}::jsonb,
               updated_at = to_timestamp(${user.updatedAt}::float8 / 1000)
         where id = ${user.id}::bigint`;
    },

    async hasTraces(userId) {
      const id = BigInt(userId);
      // Whoever sends takes part, so participants stand for messages too; imported ones are found through their conversations.
      const rows = await db.$queryRaw<{ traces: boolean }[]>`
        select exists (select 1 from participants where user_id = ${id})
            or exists (select 1 from space_members where user_id = ${id})
            or exists (select 1 from sessions where user_id = ${id})
            or exists (select 1 from accounts where user_id = ${id})
            or exists (select 1 from push_targets where user_id = ${id})
            or exists (select 1 from files where owner_id = ${id})
            or exists (select 1 from conversations where customer_id = ${id})
            or (select count(*) from identities where user_id = ${id}) > 1 as traces`;
      return rows[0]?.traces ?? false;
    },

    async erase(userId) {
      const id = BigInt(userId);
      await db.$executeRaw`
        update users
           set display_name = '', avatar = null, language = null, time_zone = null, status_text = '', attributes = '{}', last_seen_at = null,
               updated_at = to_timestamp(${at}::float8 / 1000), deleted_at = to_timestamp(${at}::float8 / 1000)
         where id = ${id}`;
      await db.$executeRaw`delete from identities where user_id = ${id}`;
      await db.$executeRaw`delete from accounts where user_id = ${id}`;
      await db.$executeRaw`delete from push_targets where user_id = ${id}`;
      await db.$executeRaw`delete from one_time_codes where user_id = ${id} or created_by = ${id}`;
      await db.$executeRaw`
        update sessions set revoked_at = coalesce(revoked_at, to_timestamp(${at}::float8 / 1000)), device = null, claims = '{}'
         where user_id = ${id}`;
      const files = await db.$queryRaw<{ id: string }[]>`
        update files set state = 'deleted', deleted_at = to_timestamp(${at}::float8 / 1000), name = ''
         where owner_id = ${id} and state <> 'deleted' returning id::text`;
      return files.map((file) => file.id as FileId);
    },

    async blankMessages(userId, limit) {
      // By way of the conversations, whose index on (conversation, sender) saves one on the sender alone.
      return db.$executeRaw`
        update messages
           set text = '', parts = null, prompt = null, meta = null, kind = case when kind in ('call', 'notice') then kind else 'text' end
         where id in (
           select m.id from participants p join messages m on m.conversation_id = p.conversation_id and m.sender_id = p.user_id
            where p.user_id = ${userId}::bigint
              and (m.text <> '' or m.parts is not null or m.prompt is not null or m.meta is not null)
            limit ${limit}::int)`;
    },
  };
  return { ...profiles, ...createAccountTx(tx), ...createIdentityTx(tx) };
}
