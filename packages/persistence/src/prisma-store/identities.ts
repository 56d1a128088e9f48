/** Outside ids: who stands behind them. Knows nothing of synthetic ids, which are kept nowhere. */
import type { ExternalId, User, UserStore, UserTx } from '@switchboard/core';
import type { Db, TxContext } from './db.ts';
import { toUser, USER, type UserRow } from './user-rows.ts';

export type IdentityStore = Pick<UserStore, 'findByIdentities'>;
export type IdentityTx = Pick<UserTx, 'findByIdentities' | 'setIdentity' | 'removeIdentity'>;

interface NamedRow extends UserRow {
  readonly wanted_namespace: string;
  readonly wanted_id: string;
}

async function findByIdentities(
  db: Db,
  wanted: readonly ExternalId[],
): Promise<readonly (ExternalId & { readonly user: User })[]> {
  if (wanted.length === 0) return [];
  const rows = await db.$queryRaw<NamedRow[]>`
    select w.namespace as wanted_namespace, w.external_id as wanted_id, ${USER}
      from unnest(${wanted.map((one) => one.namespace)}::text[], ${wanted.map((one) => one.externalId)}::text[]) w(namespace, external_id)
      join identities n on n.namespace = w.namespace and n.external_id = w.external_id
      join users u on u.id = n.user_id
     where u.deleted_at is null`;
  return rows.map((row) => ({ namespace: row.wanted_namespace, externalId: row.wanted_id, user: toUser(row) }));
}

export function createIdentityStore(db: Db): IdentityStore {
  return { findByIdentities: (wanted) => findByIdentities(db, wanted) };
}

export function createIdentityTx({ db, at }: TxContext): IdentityTx {
  return {
    findByIdentities: (wanted) => findByIdentities(db, wanted),
    async setIdentity(userId, namespace, externalId) {
      await db.$executeRaw`
        insert into identities (namespace, external_id, user_id, created_at)
        values (${namespace}, ${externalId}, ${userId}::bigint, to_timestamp(${at}::float8 / 1000))
            on conflict (namespace, user_id) do update set external_id = excluded.external_id, created_at = excluded.created_at`;
    },
    async removeIdentity(userId, namespace) {
      await db.$executeRaw`delete from identities where user_id = ${userId}::bigint and namespace = ${namespace}`;
    },
  };
}
