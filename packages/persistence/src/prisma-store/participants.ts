/**
 * Who joins, leaves and changes, under the log's lock: rows, floors and spans together, one statement whatever the number of people.
 * Judges no rights.
 */
import type {
  ConversationId,
  ConversationTx,
  Joined,
  Joining,
  Leaving,
  Left,
  Participant,
  ParticipantPatch,
  Positions,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { type ParticipantRow, toParticipant } from './conversation-rows.ts';
import type { TxContext } from './db.ts';

export type ParticipantTx = Pick<
  ConversationTx,
  'participants' | 'countActive' | 'join' | 'leave' | 'updateParticipants'
>;

export function createParticipantTx({ db, at, nextPosition }: TxContext): ParticipantTx {
  const now = Prisma.sql`to_timestamp(${at}::float8 / 1000.0)`;
  /** The position of the row with this ordinal, counted from 1. */
  const positionOf = (positions: Positions) =>
    positions === 'each'
      ? Prisma.sql`${nextPosition()}::bigint + w.ordinal - 1`
      : Prisma.sql`${nextPosition()}::bigint`;

  return {
    async participants(id, userIds) {
      const rows = await db.$queryRaw<{ participant: ParticipantRow }[]>`
        select to_json(p) as participant from participants p
         where p.conversation_id = ${id}::bigint
           and (${userIds ?? null}::bigint[] is null or p.user_id = any(${userIds ?? null}::bigint[]))
         order by p.joined_at, p.id`;
      return rows.map(({ participant }) => toParticipant(participant));
    },

    async countActive(ids) {
      const rows = await db.$queryRaw<{ id: number; active: number }[]>`
        select conversation_id::float8 as id, count(*)::int as active from participants
         where conversation_id = any(${ids}::bigint[]) and active group by conversation_id`;
      return new Map(rows.map(({ id, active }) => [id as ConversationId, active]));
    },

    async join(joinings, positions) {
      if (joinings.length === 0) return [];
      // The floor rises to the last seq; what was read between the old floor and the watermark stays read.
      const rows = await db.$queryRaw<{ participant: ParticipantRow; first: boolean }[]>`
        with wanted as (
          select w.*, c.last_seq, ${positionOf(positions)} as position
            from json_to_recordset(${JSON.stringify(joinings.map(toJoiningRow))}::json)
              as w(ordinal int, conversation_id bigint, user_id bigint, role text, side text, groups text[])
            join conversations c on c.id = w.conversation_id),
        joined as (
          insert into participants as p (conversation_id, user_id, role, groups, side, active, present, joined_at, joined_seq, created_at,
                                         changed_position)
          select w.conversation_id, w.user_id, w.role, w.groups, w.side, true, true, ${now}, w.last_seq, ${now}, w.position
            from wanted w order by w.ordinal
          on conflict (conversation_id, user_id) do update
             set role = excluded.role, groups = excluded.groups, side = excluded.side, active = true, present = true,
                 joined_at = excluded.joined_at, left_at = null, removed_at = null, hidden_at_seq = null,
                 read_above = case when p.read_seq > p.joined_seq
                   then p.read_above + int8multirange(int8range(p.joined_seq, p.read_seq, '(]')) else p.read_above end,
                 joined_seq = excluded.joined_seq, changed_position = excluded.changed_position
          returning to_json(p) as participant, p.xmax = 0 as first, p.conversation_id, p.user_id, p.joined_seq, p.side,
                    p.changed_position),
        spans as (
          insert into participant_spans (conversation_id, user_id, from_position, from_seq, side)
          select conversation_id, user_id, changed_position, joined_seq + 1, side from joined),
        heads as (
          update conversations c
             set changed_position = moved.position,
                 last_activity_at = case when c.kind = 'support' then ${now} else c.last_activity_at end
            from (select j.conversation_id, max(j.changed_position) as position
                    from joined j join conversations k on k.id = j.conversation_id
                   where k.kind <> 'support' or j.side <> 'member' group by j.conversation_id) moved
           where c.id = moved.conversation_id)
        select joined.participant, joined.first
          from wanted join joined using (conversation_id, user_id) order by wanted.ordinal`;
      return rows.map(({ participant, first }): Joined => ({ participant: toParticipant(participant), first }));
    },

    async leave(leavings, positions) {
      if (leavings.length === 0) return [];
      const rows = await db.$queryRaw<LeftRow[]>`
        with gone as (
          update participants p
             set active = false, present = false, left_at = ${now}, changed_position = ${positionOf(positions)},
                 past_seqs = p.past_seqs + int8multirange(int8range(p.joined_seq, c.last_seq, '(]')),
                 removed_at = case when w.removed then ${now} else p.removed_at end
            from json_to_recordset(${JSON.stringify(leavings.map(toLeavingRow))}::json)
                   as w(ordinal int, conversation_id bigint, user_id bigint, removed boolean)
            join participants old on old.conversation_id = w.conversation_id and old.user_id = w.user_id and old.active
            join conversations c on c.id = w.conversation_id
           where p.id = old.id
          returning to_json(p) as participant, old.present as was_present, w.ordinal, p.conversation_id, p.user_id, p.changed_position,
                    p.side, c.last_seq, c.assignee_id is not distinct from p.user_id as was_assigned),
        spans as (
          update participant_spans s set to_position = gone.changed_position, to_seq = gone.last_seq
            from gone
           where s.conversation_id = gone.conversation_id and s.user_id = gone.user_id and s.to_position is null),
        heads as (
          update conversations c
             set changed_position = moved.position,
                 last_activity_at = case when c.kind = 'support' then ${now} else c.last_activity_at end,
                 assignee_id = case when moved.assigned then null else c.assignee_id end
            from (select g.conversation_id, max(g.changed_position) as position, bool_or(g.was_assigned) as assigned
                    from gone g join conversations k on k.id = g.conversation_id
                   where k.kind <> 'support' or g.side <> 'member' group by g.conversation_id) moved
           where c.id = moved.conversation_id)
        select participant, was_present, was_assigned from gone order by ordinal`;
      return rows.map(
        (row): Left => ({
          participant: toParticipant(row.participant),
          wasPresent: row.was_present,
          wasAssigned: row.was_assigned,
        }),
      );
    },

    async updateParticipants(id, userIds, patch) {
      if (userIds.length === 0) return [];
      const rows = await db.$queryRaw<{ participant: ParticipantRow }[]>`
        update participants p set ${Prisma.join(assignmentsOf(patch))},
               changed_position = case when ${isPersonal(patch)} then p.changed_position else ${nextPosition()}::bigint end
         where p.conversation_id = ${id}::bigint and p.user_id = any(${userIds}::bigint[])
        returning to_json(p) as participant`;
      if (patch.side !== undefined) {
        await db.$executeRaw`
          update participant_spans set side = ${patch.side}
           where conversation_id = ${id}::bigint and user_id = any(${userIds}::bigint[]) and to_position is null`;
      }
      const byUser = new Map<number, Participant>();
      for (const { participant } of rows) byUser.set(participant.user_id, toParticipant(participant));
      return userIds.flatMap((userId) => byUser.get(userId) ?? []);
    },
  };
}

interface LeftRow {
  readonly participant: ParticipantRow;
  readonly was_present: boolean;
  readonly was_assigned: boolean;
}

function toJoiningRow({ conversationId, userId, role, side, groups }: Joining, index: number) {
  return { ordinal: index + 1, conversation_id: conversationId, user_id: userId, role, side, groups };
}

function toLeavingRow({ conversationId, userId, removed }: Leaving, index: number) {
  return { ordinal: index + 1, conversation_id: conversationId, user_id: userId, removed };
}

/** Preferences are nobody else's business: as others see it, the participant has not changed. */
function isPersonal({ muted, pinnedAt, hiddenAtSeq, clearedToSeq, ...shared }: ParticipantPatch): boolean {
  return Object.keys(shared).length === 0;
}

function assignmentsOf(patch: ParticipantPatch): Prisma.Sql[] {
  const { role, groups, side, present, joinedAt, assignedAt, blockedAt, blockedBy, muted, pinnedAt } = patch;
  const { hiddenAtSeq, clearedToSeq } = patch;
  const assignments: Prisma.Sql[] = [];
  if (role !== undefined) assignments.push(Prisma.sql`role = ${role}`);
  if (groups !== undefined) assignments.push(Prisma.sql`groups = ${groups}::text[]`);
  if (side !== undefined) assignments.push(Prisma.sql`side = ${side}`);
  if (present !== undefined) assignments.push(Prisma.sql`present = ${present}`);
  if (joinedAt !== undefined) assignments.push(Prisma.sql`joined_at = ${time(joinedAt)}`);
  if (assignedAt !== undefined) assignments.push(Prisma.sql`assigned_at = ${time(assignedAt)}`);
  if (blockedAt !== undefined) assignments.push(Prisma.sql`blocked_at = ${time(blockedAt)}`);
  if (blockedBy !== undefined) assignments.push(Prisma.sql`blocked_by = ${blockedBy}::bigint`);
  if (muted !== undefined) assignments.push(Prisma.sql`muted = ${muted}`);
  if (pinnedAt !== undefined) assignments.push(Prisma.sql`pinned_at = ${time(pinnedAt)}`);
  if (hiddenAtSeq !== undefined) assignments.push(Prisma.sql`hidden_at_seq = ${hiddenAtSeq}::bigint`);
  if (clearedToSeq !== undefined) assignments.push(Prisma.sql`cleared_to_seq = ${clearedToSeq}::bigint`);
  return assignments;
}

function time(ms: number | null): Prisma.Sql {
  return Prisma.sql`to_timestamp(${ms}::float8 / 1000.0)`;
}
