/** Spaces and memberships changed under the log's lock. Judges no rights. */
import { DomainError, type Space, type SpacePatch, type SpaceRole, type SpaceTx } from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import type { TxContext } from './db.ts';
import { setExternalIds } from './external-ids.ts';
import { type MemberRow, type SpaceRow, spaceColumns, toMember, toSpace } from './space-rows.ts';

export function createSpaceTx(tx: TxContext): SpaceTx {
  const { db, at, nextPosition } = tx;
  const now = Prisma.sql`to_timestamp(${at}::float8 / 1000.0)`;

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

    async members(id, userIds) {
      const rows = await db.$queryRaw<{ member: MemberRow }[]>`
        select to_json(m) as member from space_members m
         where m.space_id = ${id}::bigint and m.left_at is null
           and (${userIds ?? null}::bigint[] is null or m.user_id = any(${userIds ?? null}::bigint[]))
         order by m.id`;
      return rows.map(({ member }) => toMember(member));
    },

    async insert(s) {
      const rows = await db.$queryRaw<SpaceRow[]>`
        insert into spaces as s (kind, name, title, description, avatar, created_by, settings, created_at, updated_at, changed_position)
        values (${s.kind}, ${s.name}, ${s.title}, ${s.description}, ${s.avatar}, ${s.createdBy}::bigint,
          ${JSON.stringify(s.settings)}::jsonb, ${now}, ${now}, ${nextPosition()}::bigint)
        returning ${spaceColumns}`;
      return only(rows);
    },

    async update(id, patch) {
      const assignments = assignmentsOf(patch);
      const rows =
        assignments.length === 0
          ? await db.$queryRaw<SpaceRow[]>`select ${spaceColumns} from spaces s where s.id = ${id}::bigint`
          : await db.$queryRaw<SpaceRow[]>`
              update spaces s set ${Prisma.join(assignments)} where s.id = ${id}::bigint returning ${spaceColumns}`;
      return only(rows);
    },

    setExternalIds: (id, externalIds) => setExternalIds(tx, { kind: 'space', id }, externalIds),

    async setMembers(id, members, positions) {
      if (members.length === 0) return [];
      const step = positions === 'each' ? 1 : 0;
      const wanted = members.map(({ userId, role }, index) => ({ ordinal: index, user_id: userId, role }));
      const rows = await db.$queryRaw<{ member: MemberRow; previous_role: string | null }[]>`
        with wanted as (
          select w.*, ${nextPosition()}::bigint + ${step}::bigint * w.ordinal as position, old.role as previous_role
            from json_to_recordset(${JSON.stringify(wanted)}::json) as w(ordinal int, user_id bigint, role text)
            left join space_members old on old.space_id = ${id}::bigint and old.user_id = w.user_id and old.left_at is null),
        written as (
          insert into space_members as m (space_id, user_id, role, joined_at, created_at, changed_position)
          select ${id}::bigint, w.user_id, w.role, ${now}, ${now}, w.position from wanted w order by w.ordinal
          on conflict (space_id, user_id) do update
             set role = excluded.role, joined_at = case when m.left_at is null then m.joined_at else excluded.joined_at end,
                 left_at = null, changed_position = excluded.changed_position
          returning to_json(m) as member, m.user_id),
        moved as (
          update spaces s set changed_position = (select max(position) from wanted) where s.id = ${id}::bigint)
        select written.member, wanted.previous_role from wanted join written using (user_id) order by wanted.ordinal`;
      return rows.map((row) => ({
        member: toMember(row.member),
        previousRole: row.previous_role as SpaceRole | null,
      }));
    },

    async removeMember(id, userId) {
      const rows = await db.$queryRaw<{ member: MemberRow }[]>`
        with moved as (update spaces set changed_position = ${nextPosition()}::bigint where id = ${id}::bigint)
        update space_members m set left_at = ${now}, changed_position = ${nextPosition()}::bigint
         where m.space_id = ${id}::bigint and m.user_id = ${userId}::bigint and m.left_at is null
        returning to_json(m) as member`;
      if (!rows[0]) throw new DomainError('not_found', 'No member of the space', { subject: 'user' });
      return toMember(rows[0].member);
    },

    async remove(id) {
      const rows = await db.$queryRaw<SpaceRow[]>`
        with parted as (
          update space_members set left_at = ${now}, changed_position = ${nextPosition()}::bigint
           where space_id = ${id}::bigint and left_at is null),
        freed as (
          delete from external_ids where kind = 'space' and object_id = ${id}::bigint)
        update spaces s set deleted_at = ${now}, changed_position = ${nextPosition()}::bigint
         where s.id = ${id}::bigint and s.deleted_at is null
        returning ${spaceColumns}`;
      return only(rows);
    },
  };
}

function first(rows: readonly SpaceRow[]): Space | null {
  return rows[0] ? toSpace(rows[0]) : null;
}

function only(rows: readonly SpaceRow[]): Space {
  const found = first(rows);
  if (!found) throw new DomainError('not_found', 'The space is gone', { subject: 'space' });
  return found;
}

function assignmentsOf(patch: SpacePatch): Prisma.Sql[] {
  const { name, title, description, avatar, settings, updatedAt, changedPosition } = patch;
  const assignments: Prisma.Sql[] = [];
  if (name !== undefined) assignments.push(Prisma.sql`name = ${name}`);
  if (title !== undefined) assignments.push(Prisma.sql`title = ${title}`);
  if (description !== undefined) assignments.push(Prisma.sql`description = ${description}`);
  if (avatar !== undefined) assignments.push(Prisma.sql`avatar = ${avatar}`);
  if (settings !== undefined) assignments.push(Prisma.sql`settings = settings || ${JSON.stringify(settings)}::jsonb`);
  if (updatedAt !== undefined) assignments.push(Prisma.sql`updated_at = to_timestamp(${updatedAt}::float8 / 1000.0)`);
  if (changedPosition !== undefined) assignments.push(Prisma.sql`changed_position = ${changedPosition}::bigint`);
  return assignments;
}
