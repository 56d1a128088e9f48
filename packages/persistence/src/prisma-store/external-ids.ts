/** Outside ids of spaces and conversations, changed under the log's lock. Removed objects have given theirs up. */
import { DomainError } from '@switchboard/core';
import type { TxContext } from './db.ts';

/** Null removes. `already_exists` when another live object has one of them. */
export async function setExternalIds(
  { db, at }: TxContext,
  object: { readonly kind: 'space' | 'conversation'; readonly id: number },
  externalIds: Readonly<Record<string, string | null>>,
): Promise<void> {
  const namespaces = Object.keys(externalIds);
  if (namespaces.length === 0) return;
  const wanted = Object.entries(externalIds).flatMap(([namespace, external_id]) =>
    external_id === null ? [] : [{ namespace, external_id }],
  );
  await db.$executeRaw`
    delete from external_ids
     where kind = ${object.kind} and object_id = ${object.id}::bigint and namespace = any(${namespaces}::text[])`;
  if (wanted.length === 0) return;
  const written = await db.$executeRaw`
    insert into external_ids (namespace, kind, external_id, object_id, created_at)
    select w.namespace, ${object.kind}, w.external_id, ${object.id}::bigint, to_timestamp(${at}::float8 / 1000.0)
      from json_to_recordset(${JSON.stringify(wanted)}::json) as w(namespace text, external_id text)
    on conflict (namespace, kind, external_id) do nothing`;
  if (written === wanted.length) return;
  throw new DomainError('already_exists', `Another ${object.kind} has this external id`, {
    subject: object.kind,
    field: 'externalIds',
  });
}
