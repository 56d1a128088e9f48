/** Rows of users to people. Outside ids are read with every one of them. */
import type { JsonObject, User, UserId, UserKind } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';

export interface UserRow {
  readonly id: number;
  readonly kind: string;
  readonly display_name: string;
  readonly avatar: string | null;
  readonly language: string | null;
  readonly time_zone: string | null;
  readonly status_text: string;
  readonly attributes: JsonObject;
  readonly identities: Readonly<Record<string, string>> | null;
  readonly account: User['account'];
  readonly created_at: number;
  readonly updated_at: number;
  readonly last_seen_at: number | null;
  readonly deleted_at: number | null;
}

/** For `from users u`. */
export const USER = Prisma.sql`
  u.id::float8, u.kind, u.display_name, u.avatar, u.language, u.time_zone, u.status_text, u.attributes,
  (select jsonb_object_agg(i.namespace, i.external_id) from identities i where i.user_id = u.id) as identities,
  (select jsonb_build_object('email', a.email, 'verifiedAt', (extract(epoch from a.verified_at) * 1000)::float8)
     from accounts a where a.user_id = u.id) as account,
  (extract(epoch from u.created_at) * 1000)::float8 as created_at, (extract(epoch from u.updated_at) * 1000)::float8 as updated_at,
  (extract(epoch from u.last_seen_at) * 1000)::float8 as last_seen_at, (extract(epoch from u.deleted_at) * 1000)::float8 as deleted_at`;

export function toUser(row: UserRow): User {
  return {
    id: row.id as UserId,
    kind: row.kind as UserKind,
    displayName: row.display_name,
    avatar: row.avatar,
    language: row.language,
    timeZone: row.time_zone,
    statusText: row.status_text,
    attributes: row.attributes,
    identities: row.identities ?? {},
    account: row.account,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastSeenAt: row.last_seen_at,
    deletedAt: row.deleted_at,
  };
}
