/**
 * What a database consists of, as text that two databases can be compared by: one line per object, read from
 * PostgreSQL's own catalogs, so that it also holds what Prisma has no word for. Leaves out rows, rights and the books
 * of the migrations.
 */
import pg from 'pg';

/** `<kind> <name>` → definition. Kinds: table, options, column, index, constraint, sequence, enum, type, function, trigger, view, extension. */
export type Catalog = ReadonlyMap<string, string>;

const OBJECTS = `
WITH spaces AS (
  SELECT oid, CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END AS prefix
    FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
), own AS (
  -- What an extension brought belongs to the extension.
  SELECT c.oid, s.prefix || c.relname AS name, c.relname, c.relkind, c.relpersistence, c.reloptions
    FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace
   WHERE c.relname <> '_prisma_migrations'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'table ' || name AS object, relkind::text || relpersistence::text AS definition FROM own WHERE relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'options ' || name, array_to_string(reloptions, ', ') FROM own WHERE relkind IN ('r', 'p') AND reloptions IS NOT NULL
UNION ALL
SELECT 'column ' || o.name || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                 CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text END,
                 CASE WHEN a.attgenerated <> '' THEN 'generated ' || a.attgenerated::text END,
                 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
                 CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation::text END)
  FROM own o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE o.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'index ' || o.name, pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
  FROM own o JOIN pg_index i ON i.indexrelid = o.oid
 WHERE i.indrelid IN (SELECT oid FROM own)
UNION ALL
-- NOT NULL is a constraint of its own from version 18 on; it is part of the column here.
SELECT 'constraint ' || o.name || '.' || c.conname, pg_get_constraintdef(c.oid)
  FROM own o JOIN pg_constraint c ON c.conrelid = o.oid WHERE c.contype <> 'n'
UNION ALL
SELECT 'sequence ' || o.name, concat_ws(' ', s.seqtypid::regtype, s.seqmin, s.seqmax, s.seqstart, s.seqincrement, s.seqcycle, s.seqcache)
  FROM own o JOIN pg_sequence s ON s.seqrelid = o.oid
UNION ALL
SELECT 'enum ' || s.prefix || t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
  FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY 1
UNION ALL
SELECT 'type ' || s.prefix || t.typname,
       CASE t.typtype WHEN 'd' THEN 'domain ' || format_type(t.typbasetype, t.typtypmod)
                      WHEN 'c' THEN (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                                       FROM pg_attribute a WHERE a.attrelid = t.typrelid AND NOT a.attisdropped)
                      ELSE t.typtype::text END
  FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace
 WHERE t.typtype IN ('d', 'r') OR (t.typtype = 'c' AND EXISTS (SELECT FROM own o WHERE o.oid = t.typrelid AND o.relkind = 'c'))
UNION ALL
SELECT 'function ' || s.prefix || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', pg_get_functiondef(p.oid)
  FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace
 WHERE p.prokind IN ('f', 'p')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'trigger ' || o.name || '.' || t.tgname, pg_get_triggerdef(t.oid)
  FROM own o JOIN pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'view ' || name, pg_get_viewdef(oid) FROM own WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'extension ' || extname, '' FROM pg_extension WHERE extname <> 'plpgsql'`;

export async function readCatalog(connectionString: string): Promise<Catalog> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ object: string; definition: string }>(OBJECTS);
    return new Map(rows.map((row) => [row.object, row.definition]));
  } finally {
    await client.end();
  }
}
