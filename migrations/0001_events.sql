-- Events: one row for every change of state, written by the statement that changes.
--
-- A number drawn before commit says nothing about the order of commits, so an event
-- gets its place for readers afterwards: the writer leaves its number in event_queue,
-- and event_tick_1(), one caller at a time, moves it into event_order. Readers follow
-- event_order.position, which has no gaps and never grows behind their back.
--
-- Which index serves which question:
--   the stream, oldest or newest first ... event_order_pkey, then event_pkey
--   one model's events, in that order .... event_order_of_model, then event_pkey
--   by time .............................. event_at (BRIN: events arrive in its order)
--   kind, actor, project, subject ........ filters over the stream, newest first
--
-- Checks, foreign keys and indexes are few here: every change of anything pays for them.

CREATE TABLE event (
	id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL,
	model_id uuid,
	kind text COLLATE "C" NOT NULL,
	actor text COLLATE "C" NOT NULL,
	project text COLLATE "C",
	subject text COLLATE "C" NOT NULL,
	request_id text COLLATE "C",
	body text COLLATE "C" NOT NULL
);
CREATE INDEX event_at ON event USING brin (at);
COMMENT ON TABLE event IS 'One change of state each: the audit trail, the outbox of webhooks and the leaves of the log. Rows are only ever added.';
COMMENT ON COLUMN event.id IS 'Drawn before commit: names the event, does not order it (event_order does).';
COMMENT ON COLUMN event.at IS 'When the change was made, by the clock of the database.';
COMMENT ON COLUMN event.model_id IS 'The model it is about, whatever its name is today; NULL when it is about none.';
COMMENT ON COLUMN event.kind IS 'What happened: noun.participle, such as version.published.';
COMMENT ON COLUMN event.actor IS 'The principal that did it.';
COMMENT ON COLUMN event.project IS 'The project it happened in; NULL when it concerns the whole registry.';
COMMENT ON COLUMN event.subject IS 'What it happened to, in the words of that day: project, project/model, project/model@1.0.0, project/model@1.0.0:path, project/model@@alias, keys/ID, tokens/ID.';
COMMENT ON COLUMN event.request_id IS 'The request that asked for it, as in the access log.';
COMMENT ON COLUMN event.body IS 'JSON {kind, actor, at, project, subject, before, after}, made once and never rewritten: digests of it stay true.';

CREATE TABLE event_queue (
	event_id int8 NOT NULL,
	model_id uuid
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000);
COMMENT ON TABLE event_queue IS 'Events that have no position yet. No index: it is short, and writers should pay as little as possible.';
COMMENT ON COLUMN event_queue.event_id IS 'event.id';
COMMENT ON COLUMN event_queue.model_id IS 'event.model_id';

CREATE TABLE event_order (
	position int8 PRIMARY KEY,
	event_id int8 NOT NULL,
	model_id uuid
);
CREATE UNIQUE INDEX event_order_of_event ON event_order (event_id);
CREATE INDEX event_order_of_model ON event_order (model_id, position) WHERE model_id IS NOT NULL;
COMMENT ON TABLE event_order IS 'The one order of events that every reader sees: 1, 2, 3 … without gaps, given after commit.';
COMMENT ON COLUMN event_order.position IS 'The place, dense from 1.';
COMMENT ON COLUMN event_order.event_id IS 'event.id';
COMMENT ON COLUMN event_order.model_id IS 'event.model_id';

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed nor removed', TG_TABLE_NAME
		USING ERRCODE = 'restrict_violation';
END $$;
COMMENT ON FUNCTION append_only() IS 'Trigger: refuses whatever it is fired for.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
	FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_order
	FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Times in JSON depend on the session's zone; events and manifests must not.
CREATE FUNCTION utc_text_1(p_at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION utc_text_1(timestamptz) IS 'RFC 3339 in UTC with six digits of fraction.';

CREATE FUNCTION event_body_1(p_kind text, p_actor text, p_project text, p_subject text, p_at timestamptz,
	p_before text, p_after text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT '{"kind":' || to_json(p_kind) || ',"actor":' || to_json(p_actor) || ',"at":"' || utc_text_1(p_at)
		|| '","project":' || coalesce(to_json(p_project)::text, 'null') || ',"subject":' || to_json(p_subject)
		|| ',"before":' || coalesce(p_before, 'null') || ',"after":' || coalesce(p_after, 'null') || '}'
$$;
COMMENT ON FUNCTION event_body_1(text, text, text, text, timestamptz, text, text) IS
	'What an event says, canonical; before and after are JSON.';

CREATE FUNCTION event_write_1(p_kind text, p_actor text, p_request text, p_project text, p_model uuid,
	p_subject text, p_at timestamptz, p_before json, p_after json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	WITH written AS (
		INSERT INTO event (at, model_id, kind, actor, project, subject, request_id, body)
		VALUES (p_at, p_model, p_kind, p_actor, p_project, p_subject, p_request,
			event_body_1(p_kind, p_actor, p_project, p_subject, p_at, p_before::text, p_after::text))
		RETURNING id)
	INSERT INTO event_queue (event_id, model_id) SELECT w.id, p_model FROM written w;
END $$;
COMMENT ON FUNCTION event_write_1(text, text, text, text, uuid, text, timestamptz, json, json) IS
	'Records one change: the event and its place in the queue. Every function that changes something calls it, once for each change.';

-- What a row looked like and looks like now, reduced to the members that differ.
-- json, not jsonb: parameters keep the text they came with.
CREATE FUNCTION json_changes_1(p_old anyelement, p_new anyelement, OUT before json, OUT after json)
LANGUAGE plpgsql STABLE SET timezone = 'UTC' AS $$
BEGIN
	SELECT '{' || string_agg(to_json(o.key) || ':' || o.value, ',' ORDER BY o.place) || '}',
	       '{' || string_agg(to_json(o.key) || ':' || n.value, ',' ORDER BY o.place) || '}'
	  INTO before, after
	  FROM json_each(row_to_json(p_old)) WITH ORDINALITY AS o (key, value, place)
	  JOIN json_each(row_to_json(p_new)) AS n (key, value) ON n.key = o.key
	 WHERE o.key NOT IN ('row_version', 'updated_at') AND o.value::text <> n.value::text;
END $$;
COMMENT ON FUNCTION json_changes_1(anyelement, anyelement) IS 'The before and after of an event: only the members that differ, row_version and updated_at aside.';

CREATE FUNCTION event_change_1(p_kind text, p_actor text, p_request text, p_project text, p_model uuid, p_subject text,
	p_old anyelement, p_new anyelement) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	changes record;
BEGIN
	SELECT c.before, c.after INTO changes FROM json_changes_1(p_old, p_new) c;
	PERFORM event_write_1(p_kind, p_actor, p_request, p_project, p_model, p_subject, now(), changes.before, changes.after);
END $$;
COMMENT ON FUNCTION event_change_1(text, text, text, text, uuid, text, anyelement, anyelement) IS
	'Records that a row changed, by what is different.';

CREATE FUNCTION row_json_1(p_row anyelement) RETURNS json LANGUAGE plpgsql STABLE SET timezone = 'UTC' AS $$
BEGIN
	RETURN row_to_json(p_row);
END $$;
COMMENT ON FUNCTION row_json_1(anyelement) IS 'A row as compact JSON with its times in UTC.';

CREATE FUNCTION event_tick_1(p_limit int8, OUT first int8, OUT last int8) LANGUAGE plpgsql AS $$
BEGIN
	-- One sequencer at a time. The lock is let go after the commit is visible, so
	-- the next statement of whoever gets it sees every position given before.
	IF NOT pg_try_advisory_xact_lock(hashtextextended('hallmark.event_tick', 0)) THEN
		RETURN;
	END IF;
	SELECT coalesce(max(o.position), 0) INTO last FROM event_order o;
	WITH taken AS (
		DELETE FROM event_queue q
		 WHERE q.ctid = ANY (ARRAY(SELECT w.ctid FROM event_queue w LIMIT p_limit))
		RETURNING q.event_id, q.model_id),
	placed AS (
		INSERT INTO event_order (position, event_id, model_id)
		SELECT last + row_number() OVER (ORDER BY t.event_id), t.event_id, t.model_id FROM taken t
		RETURNING position)
	SELECT min(p.position), max(p.position) INTO first, last FROM placed p;
	IF last IS NOT NULL THEN
		PERFORM pg_notify('hallmark_events', last::text);
	END IF;
END $$;
COMMENT ON FUNCTION event_tick_1(int8) IS
	'Gives at most so many waiting events their positions and notifies the channel hallmark_events with the last one. NULLs: nothing waited, or another session is at it.';
