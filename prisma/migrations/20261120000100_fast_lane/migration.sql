-- The fast lane: one call judges and writes a batch of sends, edits, deletes and marks, in this order, under the log's lock, and answers
-- a verdict per command. A refusal is a verdict; only values that PostgreSQL itself cannot take raise an error.
--
-- Every statement reaches the big tables through their indexes alone: the plans are made once per connection, perhaps on empty tables,
-- and must stay good when there are millions of rows. Hence the settings of the function.
--
-- Heads and marks are updated in place all the time: leave room on their pages, so that an update touches no index.
ALTER TABLE "conversations" SET (fillfactor = 70);
ALTER TABLE "participants" SET (fillfactor = 80);

-- Sends come as one array per field (null = nobody has a value there), `_file…` names the files that their parts carry (command, file);
-- edits and deletes come as JSON rows {n, op: edit | all | self, actor, via, origin, message, conv?, txt?, parts?, meta?, files?};
-- marks as one row per marked message or, where `_mark_conv` is set, per "everything up to" (a message or a seq).
-- `_now` in Unix milliseconds stands in for the clock of the server.
CREATE FUNCTION apply_batch(
  _batch text, _now bigint,
  _conv bigint[], _actor bigint[], _via text[], _origin text[], _ref text[], _kind text[], _txt text[], _parts jsonb[], _reply bigint[],
  _prompt jsonb[], _vis text[], _meta jsonb[], _unattended boolean[], _created bigint[],
  _file_n int[], _file_id uuid[],
  _changes jsonb,
  _mark_n int[], _mark_actor bigint[], _mark_read boolean[], _mark_staff boolean[], _mark_via text[], _mark_origin text[],
  _mark_conv bigint[], _mark_message bigint[], _mark_seq bigint[]
) RETURNS json LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET enable_material = off
AS $$
DECLARE
  head bigint;
  last_id bigint;
  now_us bigint;
  now_at timestamptz;
  bad int[];
  written bigint;
  repeats bigint[];
  sends json;
  originals json;
  changes json;
  marks json;
BEGIN
  -- LOG_LOCK_KEY of packages/persistence/src/log-lock.ts. A statement of its own: all that follow see what was committed before it.
  PERFORM pg_advisory_xact_lock(4242001);
  SELECT coalesce(max(e.position), 0) INTO head FROM events e;
  now_us := coalesce(_now * 1000, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
  now_at := to_timestamp((now_us / 1000)::float8 / 1000);

  IF _conv IS NOT NULL THEN
    SELECT greatest(coalesce(max(m.id), 0), now_us - 1) INTO last_id FROM messages m;

    IF _file_n IS NOT NULL THEN
      SELECT array_agg(DISTINCT f.n) INTO bad
        FROM unnest(_file_n, _file_id) f(n, id) LEFT JOIN files x ON x.id = f.id
       WHERE x.state IS DISTINCT FROM 'ready' OR (x.owner_id IS DISTINCT FROM _actor[f.n] AND x.access <> 'public');
    END IF;

    WITH command AS (
      SELECT * FROM unnest(_conv, _actor, _via, _origin, _ref, _kind, _txt, _parts, _reply, _prompt, _vis, _meta, _unattended, _created)
        WITH ORDINALITY AS c(conv, actor, via, origin, ref, kind, txt, parts, reply, prompt, vis, meta, unattended, created, n)
    ), judged AS (
      SELECT c.*, coalesce(c.vis, 'all') AS visibility, cv.last_seq, cv.episode, cv.space_id, cv.kind AS conv_kind, cv.customer_id, old.id AS old_id,
             CASE WHEN cv.id IS NULL OR cv.deleted_at IS NOT NULL THEN 'not_found'
                  WHEN old.id IS NOT NULL THEN 'repeated'
                  WHEN pa.active IS NOT TRUE THEN
                    CASE WHEN pa.id IS NOT NULL OR EXISTS (
                           SELECT FROM space_members sm WHERE sm.space_id = cv.space_id AND sm.user_id = c.actor AND sm.left_at IS NULL
                              AND (cv.visibility = 'public' OR sm.role IN ('staff', 'admin')))
                         THEN 'not_participant' ELSE 'not_found' END
                  WHEN pa.blocked_at IS NOT NULL THEN 'blocked'
                  WHEN c.vis = 'staff' AND pa.side <> 'staff' THEN 'forbidden'
                  WHEN c.n = ANY (bad) THEN 'invalid'
                  WHEN cv.kind = 'support' AND NOT cv.open THEN 'closed'
                  ELSE 'sent' END AS outcome,
             coalesce(c.unattended AND coalesce(c.vis, 'all') = 'all' AND pa.side <> 'staff', false)
               AND (SELECT s.kind = 'queue' FROM spaces s WHERE s.id = cv.space_id) IS TRUE AS waiting
        FROM command c
        LEFT JOIN conversations cv ON cv.id = c.conv
        LEFT JOIN participants pa ON pa.conversation_id = c.conv AND pa.user_id = c.actor
        LEFT JOIN messages old ON old.conversation_id = c.conv AND old.sender_id = c.actor AND old.client_ref = c.ref
    ), ranked AS (
      SELECT f.*, f.outcome = 'sent' AND (f.ref IS NULL OR f.first_n = f.n) AS fresh
        FROM (SELECT j.*, first_value(j.n) OVER (PARTITION BY j.conv, j.actor, j.ref, j.outcome ORDER BY j.n) AS first_n FROM judged j) f
    ), numbered AS MATERIALIZED (
      SELECT r.*, last_id + count(*) FILTER (WHERE r.fresh) OVER (ORDER BY r.n) AS id,
             head + count(*) FILTER (WHERE r.fresh) OVER (ORDER BY r.n) AS pos,
             r.last_seq + count(*) FILTER (WHERE r.fresh) OVER (PARTITION BY r.conv ORDER BY r.n) AS seq
        FROM ranked r
    ), stored AS (
      INSERT INTO messages (id, conversation_id, seq, episode, sender_id, client_ref, via, kind, text, parts, reply_to_id, prompt,
                            visibility, meta, waiting_for_staff, created_at, changed_position)
      SELECT s.id, s.conv, s.seq, s.episode, s.actor, s.ref, s.via, coalesce(s.kind, 'text'), s.txt, s.parts, s.reply, s.prompt,
             s.visibility, s.meta, s.waiting, to_timestamp(coalesce(s.created, s.id / 1000)::float8 / 1000), s.pos
        FROM numbered s WHERE s.fresh ORDER BY s.n
    ), attached AS (
      INSERT INTO message_files (file_id, conversation_id, message_id)
      SELECT f.id, s.conv, s.id FROM unnest(_file_n, _file_id) f(n, id) JOIN numbered s ON s.n = f.n AND s.fresh
      ON CONFLICT DO NOTHING
    ), heads AS (
      UPDATE conversations cv
         SET last_seq = h.seq, last_message_id = h.id, last_public_message_id = coalesce(h.public_id, cv.last_public_message_id),
             last_activity_at = to_timestamp((h.id / 1000)::float8 / 1000), changed_position = h.pos,
             customer_unread = cv.customer_unread + h.for_customer, staff_unread = cv.staff_unread + h.for_staff
        FROM (SELECT s.conv, max(s.seq) AS seq, max(s.id) AS id, max(s.id) FILTER (WHERE s.visibility = 'all') AS public_id, max(s.pos) AS pos,
                     (count(*) FILTER (WHERE s.conv_kind = 'support' AND s.visibility = 'all' AND s.kind IS DISTINCT FROM 'notice'
                                         AND s.actor IS DISTINCT FROM s.customer_id))::int AS for_customer,
                     (count(*) FILTER (WHERE s.conv_kind = 'support' AND s.visibility = 'all' AND s.kind IS DISTINCT FROM 'notice'
                                         AND s.actor = s.customer_id))::int AS for_staff
                FROM numbered s WHERE s.fresh GROUP BY s.conv) h
       WHERE cv.id = h.conv
    ), told AS (
      INSERT INTO events (position, type, v, conversation_id, space_id, user_ids, actor_id, via, origin, visibility, subject_id, batch, at)
      SELECT s.pos, 'message.sent', 1, s.conv, s.space_id, '{}', s.actor, s.via, s.origin, s.visibility, s.id, _batch, now_at
        FROM numbered s WHERE s.fresh ORDER BY s.n
    )
    -- A repeat of a stored message answers its id, a repeat within the batch (outcome sent, but not fresh) the number of the first one.
    SELECT json_agg(CASE WHEN s.fresh THEN json_build_array('sent', s.id, s.seq, s.pos, s.episode, s.waiting, s.space_id)
                         WHEN s.outcome = 'sent' THEN json_build_array('again', s.first_n)
                         ELSE json_build_array(s.outcome, s.old_id) END ORDER BY s.n),
           array_agg(s.old_id) FILTER (WHERE s.old_id IS NOT NULL), count(*) FILTER (WHERE s.fresh)
      INTO sends, repeats, written
      FROM numbered s;
    head := head + written;
    IF repeats IS NOT NULL THEN
      SELECT json_object_agg(m.id, to_json(m)) INTO originals FROM messages m WHERE m.id = ANY (repeats);
    END IF;
  END IF;

  IF _changes IS NOT NULL THEN
    SELECT array_agg(DISTINCT c.n) INTO bad
      FROM jsonb_to_recordset(_changes) AS c(n int, actor bigint, files uuid[]), unnest(c.files) f(id)
      LEFT JOIN files x ON x.id = f.id
     WHERE x.state IS DISTINCT FROM 'ready' OR (x.owner_id IS DISTINCT FROM c.actor AND x.access <> 'public');

    WITH command AS (
      SELECT * FROM jsonb_to_recordset(_changes)
        AS c(n int, op text, actor bigint, via text, origin text, message bigint, conv bigint, txt text, parts jsonb, meta jsonb, files uuid[])
    ), known AS (
      SELECT c.*, m.conversation_id, m.seq, m.sender_id, m.visibility, m.deleted_at, cv.space_id, to_json(m) AS row, pa.active IS TRUE AS active,
             pa.id IS NOT NULL AS was_in, pa.blocked_at, pa.role, cv.id AS cid, cv.deleted_at IS NOT NULL AS conversation_gone, cv.kind AS conv_kind, cv.owner_id, m.parts AS old_parts,
             -- What the deletion takes from the unread totals of a support conversation.
             cv.kind = 'support' AND m.visibility = 'all' AND m.kind <> 'notice' AND m.first_read_at IS NULL AS counts,
             m.sender_id IS NOT DISTINCT FROM cv.customer_id AS by_customer,
             coalesce(pa.active AND pa.side = 'staff', false) OR (cv.kind = 'support' AND EXISTS (
               SELECT FROM space_members sm WHERE sm.space_id = cv.space_id AND sm.user_id = c.actor AND sm.left_at IS NULL
                  AND sm.role IN ('staff', 'admin'))) AS staff
        FROM command c
        LEFT JOIN messages m ON m.id = c.message AND (c.conv IS NULL OR m.conversation_id = c.conv)
        LEFT JOIN conversations cv ON cv.id = m.conversation_id
        LEFT JOIN LATERAL (SELECT * FROM participants x WHERE x.conversation_id = m.conversation_id AND x.user_id = c.actor OFFSET 0) pa ON true
    ), judged AS (
      SELECT k.*,
             CASE WHEN k.cid IS NULL OR k.conversation_gone THEN 'not_found'
                  WHEN NOT k.active AND NOT (k.staff AND k.op = 'all') THEN CASE WHEN k.was_in OR k.staff THEN 'not_participant' ELSE 'not_found' END
                  WHEN NOT (k.visibility = 'all' OR k.sender_id = k.actor OR (k.visibility = 'staff' AND k.staff)
                            OR k.visibility = 'namespace:' || k.via) THEN 'not_found'
                  WHEN k.op = 'edit' THEN
                    CASE WHEN k.sender_id <> k.actor THEN 'forbidden' WHEN k.blocked_at IS NOT NULL THEN 'blocked'
                         WHEN k.deleted_at IS NOT NULL THEN 'deleted' WHEN k.n = ANY (bad) THEN 'invalid' ELSE 'done' END
                  WHEN k.op = 'all' THEN
                    CASE WHEN (k.sender_id = k.actor OR (k.conv_kind <> 'direct' AND (k.role IN ('owner', 'admin') OR k.owner_id = k.actor))
                               OR (k.conv_kind = 'support' AND k.staff)) IS NOT TRUE THEN 'forbidden'
                         WHEN k.deleted_at IS NOT NULL THEN 'repeated' ELSE 'done' END
                  WHEN EXISTS (SELECT FROM messages_hidden h WHERE h.conversation_id = k.conversation_id AND h.user_id = k.actor AND h.seq = k.seq)
                    THEN 'repeated'
                  ELSE 'done' END AS outcome
        FROM known k
    ), numbered AS MATERIALIZED (
      SELECT j.*, head + count(*) FILTER (WHERE j.outcome = 'done') OVER (ORDER BY j.n) AS pos FROM judged j
    ), changed AS (
      UPDATE messages m
         SET text = CASE s.op WHEN 'all' THEN '' ELSE coalesce(s.txt, m.text) END,
             parts = CASE WHEN s.op = 'all' THEN NULL WHEN s.parts IS NULL THEN m.parts ELSE nullif(s.parts, '[]') END,
             meta = CASE WHEN s.op = 'all' THEN NULL WHEN s.meta IS NULL THEN m.meta ELSE coalesce(m.meta, '{}') || s.meta END,
             prompt = CASE s.op WHEN 'all' THEN NULL ELSE m.prompt END,
             waiting_for_staff = m.waiting_for_staff AND s.op <> 'all',
             edited_at = CASE s.op WHEN 'edit' THEN now_at ELSE m.edited_at END,
             deleted_at = CASE s.op WHEN 'all' THEN now_at END,
             changed_position = s.pos
        FROM numbered s WHERE s.outcome = 'done' AND s.op <> 'self' AND m.id = s.message
      RETURNING m.id, to_json(m) AS row
    ), hid AS (
      INSERT INTO messages_hidden (conversation_id, user_id, seq, message_id, hidden_at)
      SELECT s.conversation_id, s.actor, s.seq, s.message, now_at FROM numbered s WHERE s.outcome = 'done' AND s.op = 'self'
      ON CONFLICT DO NOTHING
    ), detached AS (
      DELETE FROM message_files mf
       USING (SELECT DISTINCT s.conversation_id, s.message, (p.part ->> 'fileId')::uuid AS file_id
                FROM numbered s, jsonb_array_elements(coalesce(s.old_parts, '[]')) p(part)
               WHERE s.outcome = 'done' AND s.op <> 'self' AND p.part ? 'fileId'
                 AND (s.op = 'all' OR (s.parts IS NOT NULL AND NOT (p.part ->> 'fileId')::uuid = ANY (coalesce(s.files, '{}'))))) gone
       WHERE mf.file_id = gone.file_id AND mf.conversation_id = gone.conversation_id AND mf.message_id = gone.message
    ), attached AS (
      INSERT INTO message_files (file_id, conversation_id, message_id)
      SELECT f.id, s.conversation_id, s.message FROM numbered s, unnest(s.files) f(id) WHERE s.outcome = 'done' AND s.op = 'edit'
      ON CONFLICT DO NOTHING
    ), heads AS (
      UPDATE conversations cv
         SET changed_position = g.pos, customer_unread = greatest(0, cv.customer_unread - g.of_others),
             staff_unread = greatest(0, cv.staff_unread - g.of_customer)
        FROM (SELECT s.conversation_id, max(s.pos) AS pos, (count(*) FILTER (WHERE s.counts AND NOT s.by_customer))::int AS of_others,
                     (count(*) FILTER (WHERE s.counts AND s.by_customer))::int AS of_customer
                FROM numbered s WHERE s.outcome = 'done' AND s.op = 'all' GROUP BY s.conversation_id) g
       WHERE cv.id = g.conversation_id
    ), told AS (
      INSERT INTO events (position, type, v, conversation_id, space_id, user_ids, actor_id, via, origin, visibility, subject_id, batch, at, data)
      SELECT s.pos, CASE s.op WHEN 'edit' THEN 'message.edited' WHEN 'all' THEN 'message.deleted' ELSE 'message.hidden' END, 1,
             s.conversation_id, s.space_id, CASE s.op WHEN 'self' THEN ARRAY[s.actor] ELSE '{}' END, s.actor, s.via, s.origin, s.visibility,
             s.message, _batch, now_at, CASE s.op WHEN 'self' THEN jsonb_build_object('userId', s.actor) END
        FROM numbered s WHERE s.outcome = 'done'
    )
    SELECT json_agg(json_build_array(s.n, s.outcome, s.pos, s.space_id,
                                     CASE WHEN s.outcome IN ('done', 'repeated') THEN coalesce(c.row, s.row) END) ORDER BY s.n),
           count(*) FILTER (WHERE s.outcome = 'done')
      INTO changes, written
      FROM numbered s LEFT JOIN changed c ON c.id = s.message;
    head := head + written;
  END IF;

  IF _mark_n IS NOT NULL THEN
    WITH mark AS (
      SELECT * FROM unnest(_mark_n, _mark_actor, _mark_read, _mark_staff, _mark_via, _mark_origin, _mark_conv, _mark_message, _mark_seq)
        WITH ORDINALITY AS k(n, actor, is_read, as_staff, via, origin, conv, message, upto_seq, ord)
    ), resolved AS (
      SELECT k.n, k.ord, k.actor, k.is_read, k.via, k.origin, k.conv IS NOT NULL AS upto, cv.id AS cid, cv.kind = 'support' AS support,
             cv.space_id, cv.customer_id, m.id AS mid, m.sender_id, m.visibility, m.deleted_at,
             least(coalesce(m.seq, k.upto_seq), cv.last_seq) AS seq,
             CASE WHEN pa.active THEN pa.id END AS pid, pa.joined_seq AS floor, pa.read_seq AS w, pa.read_above AS above, pa.received_seq AS rc, pa.cleared_to_seq AS cleared,
             coalesce(pa.active AND pa.side = 'staff', false) OR (k.as_staff AND cv.kind = 'support' AND EXISTS (
               SELECT FROM space_members sm WHERE sm.space_id = cv.space_id AND sm.user_id = k.actor AND sm.left_at IS NULL
                  AND sm.role IN ('staff', 'admin'))) AS staff
        FROM mark k
        LEFT JOIN messages m ON m.id = k.message
        CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = coalesce(k.conv, m.conversation_id) OFFSET 0) cv
        LEFT JOIN LATERAL (SELECT * FROM participants x WHERE x.conversation_id = cv.id AND x.user_id = k.actor OFFSET 0) pa ON true
       WHERE cv.deleted_at IS NULL AND (k.message IS NULL OR m.conversation_id = cv.id)
    ), target AS MATERIALIZED (
      SELECT r.*,
             r.pid IS NOT NULL AND CASE WHEN r.is_read THEN (r.seq > r.floor AND r.seq <= r.w) OR r.above @> r.seq ELSE r.seq <= r.rc END AS covered
        FROM resolved r
       WHERE (r.pid IS NOT NULL OR r.staff)
         AND CASE WHEN r.upto THEN r.seq >= 1
                  ELSE r.sender_id <> r.actor AND r.deleted_at IS NULL
                       AND (r.visibility = 'all' OR (r.visibility = 'staff' AND r.staff) OR r.visibility = 'namespace:' || r.via) END
    ), mine AS (
      -- One row per participant. `single`: for each message marked by itself [p + 1, seq], where p is the newest earlier message that it could
      -- have read (of others, no notice, neither deleted nor invisible to it), looked for above everything that counts as read.
      SELECT t.pid, t.cid, t.actor, max(t.floor) AS floor, max(t.w) AS w, (array_agg(t.above))[1] AS above, max(t.rc) AS rc,
             max(t.seq) FILTER (WHERE t.is_read AND t.upto) AS upto_read, max(t.seq) FILTER (WHERE NOT t.is_read) AS received, min(t.via) AS via,
             CASE WHEN min(t.origin) = max(t.origin) AND count(*) = count(t.origin) THEN min(t.origin) END AS origin,
             range_agg(int8range(CASE
               WHEN t.seq > t.floor AND t.seq <= greatest(t.w, t.floor) + 1 THEN t.seq
               ELSE 1 + coalesce(
                 (SELECT x.seq FROM messages x
                   WHERE x.conversation_id = t.cid AND x.seq < t.seq AND x.deleted_at IS NULL AND x.sender_id <> t.actor AND x.kind <> 'notice'
                     AND x.seq > greatest(t.cleared, CASE WHEN t.seq > t.floor THEN greatest(t.w, t.floor) ELSE t.seq - 1000 END)
                     AND (x.visibility = 'all' OR (x.visibility = 'staff' AND t.staff) OR x.visibility = 'namespace:' || t.via)
                     AND NOT EXISTS (SELECT FROM messages_hidden h WHERE h.conversation_id = t.cid AND h.user_id = t.actor AND h.seq = x.seq OFFSET 0)
                   ORDER BY x.seq DESC LIMIT 1),
                 CASE WHEN t.seq > t.floor THEN greatest(t.w, t.floor) ELSE greatest(t.seq - 1000, 0) END) END, t.seq + 1))
               FILTER (WHERE t.is_read AND NOT t.upto AND NOT t.covered) AS single
        FROM target t WHERE t.pid IS NOT NULL AND (t.upto OR NOT t.covered)
       GROUP BY t.pid, t.cid, t.actor
    ), moved AS (
      SELECT p.*, p.above + coalesce(p.single, '{}') AS read_all, greatest(p.w, coalesce(p.upto_read, 0)) AS w1 FROM mine p
    ), absorbed AS (
      -- The watermark goes on to the end of the range that it (or the floor) touches; what it covers above the floor leaves the ranges.
      SELECT m.*, coalesce((SELECT upper(x.r) - 1 FROM unnest(m.read_all) x(r) WHERE x.r @> greatest(m.w1, m.floor) + 1), m.w1) AS w2
        FROM moved m
    ), marked AS (
      SELECT a.*, a.read_all - int8multirange(int8range(a.floor + 1, greatest(a.w2, a.floor) + 1)) AS above2 FROM absorbed a
    ), implied AS (
      -- What was read has been received: as far as the new marks reach.
      SELECT m.*, m.w2 <> m.w OR m.above2 <> m.above AS read_moved,
             CASE WHEN m.w2 <> m.w OR m.above2 <> m.above THEN greatest(m.rc, m.w2, upper(m.above2) - 1) ELSE m.rc END AS rc1
        FROM marked m
    ), advance AS MATERIALIZED (
      SELECT i.*, greatest(i.rc1, i.received) AS rc2, coalesce(i.received > i.rc1, false) AS received_moved
        FROM implied i WHERE i.read_moved OR i.received > i.rc1
    ), marks_of AS (
      SELECT a.cid, count(DISTINCT a.actor) AS actors, min(a.actor) AS actor, min(a.via) AS via, min(a.origin) AS origin,
             jsonb_agg(jsonb_build_object(
               'userId', a.actor, 'kind', kind.name, 'origin', a.origin,
               'seq', CASE kind.name WHEN 'read' THEN a.w2 ELSE a.rc2 END, 'previousSeq', CASE kind.name WHEN 'read' THEN a.w ELSE a.rc END,
               'readAbove', CASE kind.name WHEN 'read' THEN (
                   SELECT coalesce(jsonb_agg(jsonb_build_array(lower(x.r), upper(x.r) - 1)), '[]') FROM unnest(a.above2) x(r)) ELSE '[]' END,
               'added', CASE kind.name WHEN 'read' THEN (
                   SELECT coalesce(jsonb_agg(jsonb_build_array(lower(x.r), upper(x.r) - 1)), '[]')
                     FROM (SELECT y.r FROM unnest(a.above2 + int8multirange(int8range(a.floor + 1, greatest(a.w2, a.floor) + 1))
                             - a.above - int8multirange(int8range(a.floor + 1, greatest(a.w, a.floor) + 1))) y(r)
                            ORDER BY y.r DESC LIMIT 200) x)
                 ELSE jsonb_build_array(jsonb_build_array(a.rc + 1, a.rc2)) END) ORDER BY a.pid) AS marks
        FROM advance a, unnest(ARRAY['received', 'read']) kind(name)
       WHERE CASE kind.name WHEN 'read' THEN a.read_moved ELSE a.received_moved END
       GROUP BY a.cid
    ), first AS MATERIALIZED (
      -- Messages of a support conversation that the other side has for the first time: staff those of the customer, the customer all others,
      -- and either of them those of further members.
      SELECT DISTINCT ON (x.id, t.is_read) t.cid, t.space_id, x.id AS mid, t.is_read, t.staff, t.actor, t.via, t.origin, t.n,
             x.first_read_at IS NULL AS unread, x.sender_id IS NOT DISTINCT FROM t.customer_id AS by_customer
        FROM target t
        CROSS JOIN LATERAL (
          SELECT m.* FROM messages m WHERE NOT t.upto AND m.id = t.mid
          UNION ALL
          SELECT m.* FROM messages m
           WHERE t.upto AND m.conversation_id = t.cid AND m.seq <= t.seq
             AND m.seq > greatest(t.seq - 10000, coalesce(CASE WHEN t.is_read THEN t.w ELSE t.rc END, 0))) x
        LEFT JOIN participants sender ON sender.conversation_id = t.cid AND sender.user_id = x.sender_id
       WHERE t.support AND x.deleted_at IS NULL AND x.visibility = 'all' AND x.kind <> 'notice' AND x.sender_id <> t.actor
         AND (x.first_read_at IS NULL AND (t.is_read OR x.first_received_at IS NULL) OR t.is_read AND t.staff AND x.waiting_for_staff)
         AND (t.pid IS NOT NULL AND t.actor = t.customer_id
              OR t.staff AND (x.sender_id = t.customer_id OR sender.side = 'member' OR x.waiting_for_staff))
       ORDER BY x.id, t.is_read, t.ord
    ), entry AS MATERIALIZED (
      SELECT e.*, head + row_number() OVER (ORDER BY e.is_read, e.mid, e.cid) AS pos,
             row_number() OVER (PARTITION BY e.cid ORDER BY e.is_read, e.mid) = 1 AS leads
        FROM (SELECT f.cid, f.mid, f.is_read, f.staff, f.unread, f.by_customer, f.actor, f.via, f.origin FROM first f
              UNION ALL
              SELECT m.cid, NULL, false, false, false, false, CASE WHEN m.actors = 1 THEN m.actor END, m.via, CASE WHEN m.actors = 1 THEN m.origin END
                FROM marks_of m WHERE NOT EXISTS (SELECT FROM first f WHERE f.cid = m.cid)) e
    ), filled AS MATERIALIZED (
      SELECT e.*, cv.space_id,
             jsonb_build_object('marks', CASE WHEN e.leads THEN coalesce((SELECT m.marks FROM marks_of m WHERE m.cid = e.cid), '[]') ELSE '[]' END,
               'first', CASE WHEN e.mid IS NOT NULL
                 THEN jsonb_build_object('kind', CASE WHEN e.is_read THEN 'read' ELSE 'received' END, 'by', e.actor) END) AS data
        FROM entry e CROSS JOIN LATERAL (SELECT x.space_id FROM conversations x WHERE x.id = e.cid OFFSET 0) cv
    ), told AS (
      INSERT INTO events (position, type, v, conversation_id, space_id, user_ids, actor_id, via, origin, visibility, subject_id, batch, at, data)
      SELECT f.pos, 'receipts.advanced', 1, f.cid, f.space_id, '{}', f.actor, f.via, f.origin, 'all', f.mid, _batch, now_at, f.data FROM filled f
    ), moved_marks AS (
      UPDATE participants p
         SET read_seq = a.w2, read_above = a.above2, received_seq = a.rc2, read_at = CASE WHEN a.read_moved THEN now_at ELSE p.read_at END,
             changed_position = a.pos
        FROM (SELECT m.*, e.pos FROM advance m JOIN entry e ON e.cid = m.cid AND e.leads) a
       WHERE p.id = a.pid
    ), first_times AS (
      UPDATE messages m
         SET first_received_at = coalesce(m.first_received_at, now_at),
             first_read_at = CASE WHEN g.was_read THEN coalesce(m.first_read_at, now_at) ELSE m.first_read_at END,
             waiting_for_staff = m.waiting_for_staff AND NOT g.by_staff, changed_position = g.pos
        FROM (SELECT e.mid, bool_or(e.is_read) AS was_read, bool_or(e.is_read AND e.staff) AS by_staff, max(e.pos) AS pos
                FROM entry e WHERE e.mid IS NOT NULL GROUP BY e.mid) g
       WHERE m.id = g.mid
      RETURNING m.id, to_json(m) AS row
    ), totals AS (
      UPDATE conversations cv
         SET customer_unread = greatest(0, cv.customer_unread - g.of_others), staff_unread = greatest(0, cv.staff_unread - g.of_customer),
             changed_position = g.pos
        FROM (SELECT e.cid, max(e.pos) AS pos, (count(*) FILTER (WHERE e.unread AND NOT e.by_customer))::int AS of_others,
                     (count(*) FILTER (WHERE e.unread AND e.by_customer))::int AS of_customer
                FROM entry e WHERE e.mid IS NOT NULL AND e.is_read GROUP BY e.cid) g
       WHERE cv.id = g.cid
    )
    SELECT json_build_object(
             'commands', (SELECT json_agg(json_build_array(c.n, c.advanced)) FROM (
                SELECT t.n, sum(CASE WHEN t.pid IS NULL THEN (EXISTS (SELECT FROM first f WHERE f.n = t.n))::int
                                     WHEN t.upto THEN greatest(0, t.seq - CASE WHEN t.is_read THEN t.w ELSE t.rc END)
                                     ELSE (NOT t.covered)::int END) AS advanced
                  FROM target t GROUP BY t.n) c),
             'entries', (SELECT json_agg(json_build_array(f.pos, f.cid, f.space_id, f.mid, f.actor, f.via, f.origin, f.data) ORDER BY f.pos) FROM filled f),
             'messages', (SELECT json_object_agg(m.id, m.row) FROM first_times m)),
           (SELECT count(*) FROM entry)
      INTO marks, written;
    head := head + written;
  END IF;

  RETURN json_build_object('head', head, 'at', now_us / 1000, 'sends', sends, 'originals', originals, 'changes', changes, 'marks', marks);
END $$;

-- What became of a batch whose answer was lost: its entries, with the messages that they are about. Taken under the lock, so what is not
-- there now will never be. `_after`: a head known before the batch was sent; a log that went backwards is searched from its end.
CREATE FUNCTION find_batch(_batch text, _after bigint) RETURNS json LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
AS $$
DECLARE
  head bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(4242001);
  SELECT coalesce(max(e.position), 0) INTO head FROM events e;
  RETURN (
    SELECT json_build_object('head', head, 'entries', coalesce(json_agg(
             json_build_object('position', e.position, 'type', e.type, 'actor', e.actor_id, 'subject', e.subject_id, 'message', to_json(m)) ORDER BY e.position), '[]'))
      FROM events e LEFT JOIN messages m ON m.id = e.subject_id
     WHERE e.position > least(_after, head - 10000) AND e.batch = _batch);
END $$;

-- Where an id stands in its conversation: the lowest seq whose message has this id or a greater one, one beyond the last when there is none.
-- Ids and seqs ascend together, so pages of a conversation need no index on both.
CREATE FUNCTION seq_at(_conversation bigint, _id bigint) RETURNS bigint LANGUAGE plpgsql STABLE
AS $$
DECLARE
  low bigint := 1;
  high bigint;
  middle bigint;
  found record;
BEGIN
  SELECT m.seq INTO middle FROM messages m WHERE m.id = _id AND m.conversation_id = _conversation;
  IF middle IS NOT NULL THEN
    RETURN middle;
  END IF;
  SELECT coalesce(max(m.seq), 0) + 1 INTO high FROM messages m WHERE m.conversation_id = _conversation;
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT m.seq, m.id INTO found FROM messages m WHERE m.conversation_id = _conversation AND m.seq >= middle ORDER BY m.seq LIMIT 1;
    IF found.id IS NULL OR found.id >= _id THEN
      high := middle;
    ELSE
      low := found.seq + 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;
