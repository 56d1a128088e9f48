/**
 * From stored entries to events: the objects that they are about, as they are in the store now, one statement per kind whatever the
 * number of entries. A deleted text does not come back.
 */
import { LOG_EVENT_TYPES, type LogEvent } from '@switchboard/core';
import type { Db } from './db.ts';

/** An entry as it is read. */
export interface EntryRow {
  readonly position: number;
  readonly type: string;
  readonly v: number;
  readonly conversation_id: number | null;
  readonly space_id: number | null;
  readonly user_ids: number[];
  readonly actor_id: number | null;
  readonly via: string;
  readonly origin: string | null;
  readonly visibility: string;
  readonly subject_id: number | null;
  readonly batch: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>> | null;
}

export interface Hydrated {
  readonly events: LogEvent[];
  /** Entries of types that this version does not know. */
  readonly unknown: number;
}

const KNOWN: ReadonlySet<string> = new Set(LOG_EVENT_TYPES);

export async function hydrate(_db: Db, rows: readonly EntryRow[]): Promise<Hydrated> {
  const known = rows.filter((row) => KNOWN.has(row.type));
  const events = known.map((row) => ({ ...fieldsOf(row), ...row.data }) as unknown as LogEvent);
  return { events, unknown: rows.length - known.length };
}

function fieldsOf(row: EntryRow) {
  return {
    type: row.type,
    transient: false,
    position: row.position,
    v: row.v,
    at: row.at,
    conversationId: row.conversation_id,
    spaceId: row.space_id,
    userIds: row.user_ids,
    actorId: row.actor_id,
    via: row.via,
    origin: row.origin,
    visibility: row.visibility,
    batch: row.batch,
  };
}
