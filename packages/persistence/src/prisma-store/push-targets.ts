/** Where a push to somebody goes. No entry of the log tells of these. */
import type { PushTarget, UserId, UserStore } from '@switchboard/core';
import type { Db } from './db.ts';

export type PushTargetStore = Pick<UserStore, 'pushTargets' | 'putPushTarget' | 'removePushTarget'>;

interface PushTargetRow {
  readonly user_id: number;
  readonly namespace: string;
  readonly scope: string;
  readonly platform: string;
  readonly token: string;
  readonly device: string | null;
}

export function createPushTargetStore(db: Db): PushTargetStore {
  return {
    async pushTargets(userIds) {
      if (userIds.length === 0) return [];
      const rows = await db.$queryRaw<PushTargetRow[]>`
        select user_id::float8, namespace, scope, platform, token, device
          from push_targets where user_id = any(${userIds}::bigint[]) order by user_id, id`;
      return rows.map(({ user_id, ...target }): PushTarget => ({ ...target, userId: user_id as UserId }));
    },

    async putPushTarget(target, at) {
      // The row lock keeps the erasing of the user from passing by unseen.
      const written = await db.$executeRaw`
        with owner as (select id from users where id = ${target.userId}::bigint and deleted_at is null for share)
        insert into push_targets (user_id, namespace, scope, platform, token, device, created_at, updated_at)
        select id, ${target.namespace}, ${target.scope}, ${target.platform}, ${target.token}, ${target.device},
               to_timestamp(${at}::float8 / 1000), to_timestamp(${at}::float8 / 1000)
          from owner
            on conflict (namespace, scope, platform, token) do update
           set user_id = excluded.user_id, device = excluded.device, updated_at = excluded.updated_at`;
      return written > 0;
    },

    async removePushTarget(userId, namespace, token) {
      await db.$executeRaw`
        delete from push_targets where user_id = ${userId}::bigint and namespace = ${namespace} and token = ${token}`;
    },
  };
}
