/** Reading spaces and who belongs to them. Each read is one statement, whatever the number of members. Judges no rights. */
import type { Space, SpaceStore } from '@switchboard/core';
import type { Db } from './db.ts';
import { type MemberRow, type SpaceRow, spaceColumns, toMember, toSpace } from './space-rows.ts';

export function createSpaceStore(db: Db): SpaceStore {
  const memberships: SpaceStore['memberships'] = async (wanted) => {
    const [userIds, spaceIds] = [wanted.map(({ userId }) => userId), wanted.map(({ spaceId }) => spaceId)];
    const rows = await db.$queryRaw<{ member: MemberRow }[]>`
      select to_json(m) as member
        from unnest(${userIds}::bigint[], ${spaceIds}::bigint[]) w(user_id, space_id)
        join space_members m on m.space_id = w.space_id and m.user_id = w.user_id and m.left_at is null
        join spaces s on s.id = m.space_id and s.deleted_at is null`;
    return rows.map((row) => toMember(row.member));
  };

  return {
    async find(id) {
      return first(
        await db.$queryRaw<SpaceRow[]>`
        select ${spaceColumns} from spaces s where s.id = ${id}::bigint and s.deleted_at is null`,
      );
    },

    async findByName(kind, name) {
      return first(
        await db.$queryRaw<SpaceRow[]>`
        select ${spaceColumns} from spaces s where s.kind = ${kind} and s.name = ${name} and s.deleted_at is null`,
      );
    },

    async findByExternalId(namespace, externalId) {
      return first(
        await db.$queryRaw<SpaceRow[]>`
        select ${spaceColumns} from external_ids x join spaces s on s.id = x.object_id and s.deleted_at is null
         where x.namespace = ${namespace} and x.kind = 'space' and x.external_id = ${externalId}`,
      );
    },

    async listFor(userId, kind) {
      const rows = await db.$queryRaw<(SpaceRow & { member: MemberRow })[]>`
        select ${spaceColumns}, to_json(m) as member
          from space_members m join spaces s on s.id = m.space_id and s.deleted_at is null
         where m.user_id = ${userId}::bigint and m.left_at is null and (${kind}::text is null or s.kind = ${kind}::text)
         order by s.id`;
      return rows.map((row) => ({ space: toSpace(row), member: toMember(row.member) }));
    },

    async list({ kind, limit, offset }) {
      const rows = await db.$queryRaw<SpaceRow[]>`
        select ${spaceColumns} from spaces s
         where s.deleted_at is null and (${kind}::text is null or s.kind = ${kind}::text)
         order by s.id limit ${limit}::bigint offset ${offset}::bigint`;
      return rows.map(toSpace);
    },

    async members(id, { limit, offset }) {
      const rows = await db.$queryRaw<{ member: MemberRow }[]>`
        select to_json(m) as member from space_members m
         where m.space_id = ${id}::bigint and m.left_at is null
         order by m.id limit ${limit}::bigint offset ${offset}::bigint`;
      return rows.map((row) => toMember(row.member));
    },

    membership: async (userId, id) => (await memberships([{ userId, spaceId: id }]))[0] ?? null,
    memberships,

    async loadSpaces(ids) {
      const rows = await db.$queryRaw<LoadedRow[]>`
        select log.head, ${spaceColumns}, (
                 select coalesce(json_agg(m order by m.id), '[]') from space_members m
                  where m.space_id = s.id and m.left_at is null) as members
          from (select coalesce(max(position), 0)::float8 as head from events) log
          left join spaces s on s.id = any(${ids}::bigint[])`;
      const spaces = rows
        .filter((row) => row.space !== null)
        .map((row) => ({ space: toSpace(row), members: row.members.map(toMember) }));
      return { head: rows[0]?.head ?? 0, spaces };
    },
  };
}

interface LoadedRow extends SpaceRow {
  readonly head: number;
  readonly members: MemberRow[];
}

function first(rows: readonly SpaceRow[]): Space | null {
  return rows[0] ? toSpace(rows[0]) : null;
}
