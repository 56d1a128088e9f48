/** Spaces and memberships as PostgreSQL writes them in JSON (`to_json`), and the model's. */
import type {
  JsonObject,
  Space,
  SpaceId,
  SpaceKind,
  SpaceMember,
  SpaceMemberId,
  SpaceRole,
  UserId,
} from '@switchboard/core';
import { Prisma } from '../generated/client.ts';
import { toMs } from './conversation-rows.ts';

/** Columns of a statement over `spaces s`. */
export interface SpaceRow {
  readonly space: SpaceColumns;
  readonly external_ids: Readonly<Record<string, string>> | null;
}

interface SpaceColumns {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly avatar: string | null;
  readonly created_by: number | null;
  readonly settings: JsonObject;
  readonly created_at: string;
  readonly updated_at: string;
  readonly changed_position: number;
  readonly deleted_at: string | null;
}

/** `to_json` of a row of `space_members`. */
export interface MemberRow {
  readonly id: number;
  readonly space_id: number;
  readonly user_id: number;
  readonly role: string;
  readonly joined_at: string;
  readonly left_at: string | null;
  readonly calls_count: number;
  readonly latest_call_at: string | null;
  readonly created_at: string;
  readonly changed_position: number;
}

/** The columns of `SpaceRow`, also after `returning`. */
export const spaceColumns = Prisma.sql`to_json(s) as space, (
  select json_object_agg(e.namespace, e.external_id) from external_ids e where e.kind = 'space' and e.object_id = s.id) as external_ids`;

export function toSpace({ space: s, external_ids }: SpaceRow): Space {
  return {
    id: s.id as SpaceId,
    kind: s.kind as SpaceKind,
    name: s.name,
    title: s.title,
    description: s.description,
    avatar: s.avatar,
    createdBy: s.created_by as UserId | null,
    settings: s.settings,
    externalIds: external_ids ?? {},
    createdAt: Date.parse(s.created_at),
    updatedAt: Date.parse(s.updated_at),
    changedPosition: s.changed_position,
    deletedAt: toMs(s.deleted_at),
  };
}

export function toMember(m: MemberRow): SpaceMember {
  return {
    id: m.id as SpaceMemberId,
    spaceId: m.space_id as SpaceId,
    userId: m.user_id as UserId,
    role: m.role as SpaceRole,
    joinedAt: Date.parse(m.joined_at),
    leftAt: toMs(m.left_at),
    callsCount: m.calls_count,
    latestCallAt: toMs(m.latest_call_at),
    createdAt: Date.parse(m.created_at),
    changedPosition: m.changed_position,
  };
}
