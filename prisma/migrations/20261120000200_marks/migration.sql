-- The fast lane's marks (apply_batch in the migration before): what each participant has received and read, and in support conversations
-- which message the other side has for the first time. See hasRead of packages/core/src/model/conversation.ts for what the marks mean.
--
-- Marks come as one row per marked message or, where `_mark_conv` is set, per "everything up to" (a message or a seq).
CREATE FUNCTION apply_marks(
  _batch text, _head bigint, _now_at timestamptz,
  _mark_n int[], _mark_actor bigint[], _mark_read boolean[], _mark_staff boolean[], _mark_via text[], _mark_origin text[],
  _mark_conv bigint[], _mark_message bigint[], _mark_seq bigint[],
  OUT marks json, OUT written bigint
) LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
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
    SELECT e.*, _head + row_number() OVER (ORDER BY e.is_read, e.mid, e.cid) AS pos,
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
    SELECT f.pos, 'receipts.advanced', 1, f.cid, f.space_id, '{}', f.actor, f.via, f.origin, 'all', f.mid, _batch, _now_at, f.data FROM filled f
  ), moved_marks AS (
    UPDATE participants p
       SET read_seq = a.w2, read_above = a.above2, received_seq = a.rc2, read_at = CASE WHEN a.read_moved THEN _now_at ELSE p.read_at END,
           changed_position = a.pos
      FROM (SELECT m.*, e.pos FROM advance m JOIN entry e ON e.cid = m.cid AND e.leads) a
     WHERE p.id = a.pid
  ), first_times AS (
    UPDATE messages m
       SET first_received_at = coalesce(m.first_received_at, _now_at),
           first_read_at = CASE WHEN g.was_read THEN coalesce(m.first_read_at, _now_at) ELSE m.first_read_at END,
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
END $$;
