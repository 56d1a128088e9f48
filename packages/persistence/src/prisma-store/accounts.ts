/** Sign-ins by e-mail and password: addresses and hashes. Knows no algorithm. */
import type { Account, UserId, UserStore, UserTx } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import type { Db, TxContext } from './db.ts';

export type AccountStore = Pick<UserStore, 'account' | 'accountByEmail' | 'credentials'>;
export type AccountTx = Pick<UserTx, 'account' | 'setAccount'>;

interface AccountRow {
  readonly user_id: number;
  readonly email: string;
  readonly verified_at: number | null;
}

const ACCOUNT = Prisma.sql`a.user_id::float8, a.email, (extract(epoch from a.verified_at) * 1000)::float8 as verified_at`;

function toAccount(rows: readonly AccountRow[]): Account | null {
  const [row] = rows;
  return row ? { userId: row.user_id as UserId, email: row.email, verifiedAt: row.verified_at } : null;
}

async function accountOf(db: Db, userId: UserId): Promise<Account | null> {
  return toAccount(await db.$queryRaw`select ${ACCOUNT} from accounts a where a.user_id = ${userId}::bigint`);
}

export function createAccountStore(db: Db): AccountStore {
  return {
    account: (userId) => accountOf(db, userId),
    async accountByEmail(email) {
      return toAccount(await db.$queryRaw`select ${ACCOUNT} from accounts a where a.email = ${email}`);
    },
    async credentials(email) {
      const rows = await db.$queryRaw<{ user_id: number; password_hash: string }[]>`
        select user_id::float8, password_hash from accounts where email = ${email}`;
      return rows[0] ? { userId: rows[0].user_id as UserId, passwordHash: rows[0].password_hash } : null;
    },
  };
}

export function createAccountTx({ db, at }: TxContext): AccountTx {
  return {
    account: (userId) => accountOf(db, userId),
    async setAccount({ userId, email, verifiedAt, passwordHash }) {
      const written = await db.$executeRaw`
        insert into accounts (user_id, email, password_hash, verified_at, created_at, updated_at)
        select ${userId}::bigint, ${email}, coalesce(${passwordHash}, ''), to_timestamp(${verifiedAt}::float8 / 1000),
               to_timestamp(${at}::float8 / 1000), to_timestamp(${at}::float8 / 1000)
         where not exists (select 1 from accounts where email = ${email} and user_id <> ${userId}::bigint)
            on conflict (user_id) do update
           set email = excluded.email, password_hash = coalesce(${passwordHash}, accounts.password_hash),
               verified_at = excluded.verified_at, updated_at = excluded.updated_at`;
      return written > 0;
    },
  };
}
