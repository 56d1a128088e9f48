-- The fast lane: one call judges and writes a batch of sends, edits, deletes and marks, in this order, under the log's lock, and answers
-- a verdict per command. A refusal is a verdict; only values that PostgreSQL itself cannot take raise an error.
--
-- Every statement reaches the big tables through their indexes alone: the plans are made once per connection, perhaps on empty tables,
-- and must stay good when there are millions of rows. Hence the settings of the function.
--
-- Heads and marks are updated in place all the time: leave room on their pages, so that an update touches no index.
ALTER TABLE "conversations" SET (fillfactor = 70);
ALTER TABLE "participants" SET (fillfactor = 80);

-- The parts, apply_marks of the next migration among them, write their entries after `_head` and answer how many. Only apply_batch calls
-- them: they go by its lock and its settings.

-- Sends come as one array per field (null = nobody has a value there), `_file…` names the files that their parts carry (command, file).
CREATE FUNCTION apply_sends(
  _batch text, _head bigint, _now_us bigint, _now_at timestamptz,
  _conv bigint[], _actor bigint[], _via text[], _origin text[], _ref text[], _kind text[], _txt text[], _parts jsonb[], _reply bigint[],
  _prompt jsonb[], _vis text[], _meta jsonb[], _unattended boolean[], _created bigint[],
  _file_n int[], _file_id uuid[],
  OUT sends json, OUT originals json, OUT written bigint
) LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  last_id bigint;
  bad int[];
  repeats bigint[];
BEGIN
  SELECT greatest(coalesce(max(m.id), 0), _now_us - 1) INTO last_id FROM messages m;

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
             AND (SELECT s.kind = 'queue' FROM spaces s WHERE s.id = cv.space_id) IS TRUE AS waiting,
           -- What is no message of this conversation that the sender may see is no answer to anything.
           CASE WHEN c.reply IS NOT NULL THEN (
             SELECT m.id FROM messages m
              WHERE m.id = c.reply AND m.conversation_id = c.conv
                AND (m.visibility = 'all' OR m.sender_id = c.actor OR (m.visibility = 'staff' AND pa.side = 'staff')
                     OR m.visibility = 'namespace:' || c.via)) END AS reply_to
      FROM command c
      LEFT JOIN conversations cv ON cv.id = c.conv
      LEFT JOIN participants pa ON pa.conversation_id = c.conv AND pa.user_id = c.actor
      LEFT JOIN messages old ON old.conversation_id = c.conv AND old.sender_id = c.actor AND old.client_ref = c.ref
  ), ranked AS (
    SELECT f.*, f.outcome = 'sent' AND (f.ref IS NULL OR f.first_n = f.n) AS fresh
      FROM (SELECT j.*, first_value(j.n) OVER (PARTITION BY j.conv, j.actor, j.ref, j.outcome ORDER BY j.n) AS first_n FROM judged j) f
  ), numbered AS MATERIALIZED (
    SELECT r.*, last_id + count(*) FILTER (WHERE r.fresh) OVER (ORDER BY r.n) AS id,
           _head + count(*) FILTER (WHERE r.fresh) OVER (ORDER BY r.n) AS pos,
           r.last_seq + count(*) FILTER (WHERE r.fresh) OVER (PARTITION BY r.conv ORDER BY r.n) AS seq
      FROM ranked r
  ), stored AS (
    INSERT INTO messages (id, conversation_id, seq, episode, sender_id, client_ref, via, kind, text, parts, reply_to_id, prompt,
                          visibility, meta, waiting_for_staff, created_at, changed_position)
    SELECT s.id, s.conv, s.seq, s.episode, s.actor, s.ref, s.via, coalesce(s.kind, 'text'), s.txt, s.parts, s.reply_to, s.prompt,
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
    SELECT s.pos, 'message.sent', 1, s.conv, s.space_id, '{}', s.actor, s.via, s.origin, s.visibility, s.id, _batch, _now_at
      FROM numbered s WHERE s.fresh ORDER BY s.n
  )
  -- A repeat of a stored message answers its id, a repeat within the batch (outcome sent, but not fresh) the number of the first one.
  SELECT json_agg(CASE WHEN s.fresh THEN json_build_array('sent', s.id, s.seq, s.pos, s.episode, s.waiting, s.space_id, s.reply_to)
                       WHEN s.outcome = 'sent' THEN json_build_array('again', s.first_n)
                       ELSE json_build_array(s.outcome, s.old_id) END ORDER BY s.n),
         array_agg(s.old_id) FILTER (WHERE s.old_id IS NOT NULL), count(*) FILTER (WHERE s.fresh)
    INTO sends, repeats, written
    FROM numbered s;
  IF repeats IS NOT NULL THEN
    SELECT json_object_agg(m.id, to_json(m)) INTO originals FROM messages m WHERE m.id = ANY (repeats);
  END IF;
END $$;

-- Edits and deletes come as JSON rows {n, op: edit | all | self, actor, via, origin, message, conv?, txt?, parts?, meta?, files?}.
CREATE FUNCTION apply_changes(
  _batch text, _head bigint, _now_at timestamptz, _changes jsonb, OUT changes json, OUT written bigint
) LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  bad int[];
BEGIN
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
    SELECT j.*, _head + count(*) FILTER (WHERE j.outcome = 'done') OVER (ORDER BY j.n) AS pos FROM judged j
  ), changed AS (
    UPDATE messages m
       SET text = CASE s.op WHEN 'all' THEN '' ELSE coalesce(s.txt, m.text) END,
           parts = CASE WHEN s.op = 'all' THEN NULL WHEN s.parts IS NULL THEN m.parts ELSE nullif(s.parts, '[]') END,
           meta = CASE WHEN s.op = 'all' THEN NULL WHEN s.meta IS NULL THEN m.meta ELSE coalesce(m.meta, '{}') || s.meta END,
           prompt = CASE s.op WHEN 'all' THEN NULL ELSE m.prompt END,
           waiting_for_staff = m.waiting_for_staff AND s.op <> 'all',
           edited_at = CASE s.op WHEN 'edit' THEN _now_at ELSE m.edited_at END,
           deleted_at = CASE s.op WHEN 'all' THEN _now_at END,
           changed_position = s.pos
      FROM numbered s WHERE s.outcome = 'done' AND s.op <> 'self' AND m.id = s.message
    RETURNING m.id, to_json(m) AS row
  ), hid AS (
    INSERT INTO messages_hidden (conversation_id, user_id, seq, message_id, hidden_at)
    SELECT s.conversation_id, s.actor, s.seq, s.message, _now_at FROM numbered s WHERE s.outcome = 'done' AND s.op = 'self'
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
           s.message, _batch, _now_at, CASE s.op WHEN 'self' THEN jsonb_build_object('userId', s.actor) END
      FROM numbered s WHERE s.outcome = 'done'
  )
  SELECT json_agg(json_build_array(s.n, s.outcome, s.pos, s.space_id,
                                   CASE WHEN s.outcome IN ('done', 'repeated') THEN coalesce(c.row, s.row) END) ORDER BY s.n),
         count(*) FILTER (WHERE s.outcome = 'done')
    INTO changes, written
    FROM numbered s LEFT JOIN changed c ON c.id = s.message;
END $$;

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
  now_us bigint;
  now_at timestamptz;
  written bigint;
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
    SELECT * INTO sends, originals, written
      FROM apply_sends(_batch, head, now_us, now_at, _conv, _actor, _via, _origin, _ref, _kind, _txt, _parts, _reply, _prompt, _vis, _meta,
                       _unattended, _created, _file_n, _file_id);
    head := head + written;
  END IF;
  IF _changes IS NOT NULL THEN
    SELECT * INTO changes, written FROM apply_changes(_batch, head, now_at, _changes);
    head := head + written;
  END IF;
  IF _mark_n IS NOT NULL THEN
    SELECT * INTO marks, written
      FROM apply_marks(_batch, head, now_at, _mark_n, _mark_actor, _mark_read, _mark_staff, _mark_via, _mark_origin, _mark_conv,
                       _mark_message, _mark_seq);
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
