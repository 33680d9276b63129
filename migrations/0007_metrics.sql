-- Metrics: every point that was ever reported, and the current value of each series.

CREATE TABLE metric (
	version_id uuid NOT NULL REFERENCES version,
	arrival int8 GENERATED ALWAYS AS IDENTITY,
	value float8 NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
	step int8,
	at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
	dataset text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(dataset) <= 255),
	slice text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(slice) <= 255),
	created_by text COLLATE "C" NOT NULL,
	PRIMARY KEY (version_id, name, arrival)
);
COMMENT ON TABLE metric IS 'Points of metrics as they were reported. Rows are only ever added, to published versions too.';
COMMENT ON COLUMN metric.version_id IS 'version.id';
COMMENT ON COLUMN metric.arrival IS 'Grows in the order of arrival.';
COMMENT ON COLUMN metric.value IS 'A finite number.';
COMMENT ON COLUMN metric.step IS 'Of the training; NULL when it has none.';
COMMENT ON COLUMN metric.at IS 'When it was measured, as reported; else when it arrived.';
COMMENT ON COLUMN metric.created_at IS 'When it arrived.';
COMMENT ON COLUMN metric.name IS 'Such as accuracy.';
COMMENT ON COLUMN metric.dataset IS 'What it was measured on; empty when that was not said.';
COMMENT ON COLUMN metric.slice IS 'The part of the dataset; empty for all of it.';
COMMENT ON COLUMN metric.created_by IS 'The principal that reported it.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON metric
	FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE TABLE metric_current (
	version_id uuid NOT NULL REFERENCES version,
	model_id uuid NOT NULL,
	value float8 NOT NULL,
	step int8,
	at timestamptz NOT NULL,
	arrival int8 NOT NULL,
	name text COLLATE "C" NOT NULL,
	dataset text COLLATE "C" NOT NULL,
	slice text COLLATE "C" NOT NULL,
	PRIMARY KEY (version_id, name, dataset, slice)
);
CREATE INDEX metric_current_value ON metric_current (model_id, name, value, version_id);
COMMENT ON TABLE metric_current IS 'For each series the point with the highest step, then time, then arrival: what filters, sorts and comparisons see.';
COMMENT ON COLUMN metric_current.version_id IS 'version.id';
COMMENT ON COLUMN metric_current.model_id IS 'model.id of that version.';
COMMENT ON COLUMN metric_current.value IS 'metric.value';
COMMENT ON COLUMN metric_current.step IS 'metric.step';
COMMENT ON COLUMN metric_current.at IS 'metric.at';
COMMENT ON COLUMN metric_current.arrival IS 'metric.arrival';
COMMENT ON COLUMN metric_current.name IS 'metric.name';
COMMENT ON COLUMN metric_current.dataset IS 'metric.dataset';
COMMENT ON COLUMN metric_current.slice IS 'metric.slice';

CREATE FUNCTION metrics_store_1(p_model uuid, p_version uuid, p_metrics json, p_actor text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	WITH stored AS (
		INSERT INTO metric (version_id, value, step, at, name, dataset, slice, created_by)
		SELECT p_version, g.value, g.step, coalesce(g.at, now()), g.name, coalesce(g.dataset, ''),
		       coalesce(g.slice, ''), p_actor
		  FROM json_to_recordset(p_metrics)
			AS g (name text, value float8, dataset text, step int8, slice text, at timestamptz)
		RETURNING arrival, value, step, at, name, dataset, slice)
	INSERT INTO metric_current AS c (version_id, model_id, value, step, at, arrival, name, dataset, slice)
	SELECT DISTINCT ON (s.name, s.dataset, s.slice)
	       p_version, p_model, s.value, s.step, s.at, s.arrival, s.name, s.dataset, s.slice
	  FROM stored s
	 ORDER BY s.name, s.dataset, s.slice, s.step DESC NULLS LAST, s.at DESC, s.arrival DESC
	ON CONFLICT (version_id, name, dataset, slice) DO UPDATE
	SET value = excluded.value, step = excluded.step, at = excluded.at, arrival = excluded.arrival
	WHERE (coalesce(excluded.step, -9223372036854775808), excluded.at, excluded.arrival)
	    > (coalesce(c.step, -9223372036854775808), c.at, c.arrival);
END $$;
COMMENT ON FUNCTION metrics_store_1(uuid, uuid, json, text) IS
	'Stores points [{name, value, dataset, step, slice, at}], absent members as null, and brings the current values up to date.';

CREATE FUNCTION metrics_add_1(p_project text, p_model text, p_kind text, p_keys bytea[], p_word text, p_metrics json,
	p_actor text, p_request text, OUT outcome text, OUT version_id uuid) LANGUAGE plpgsql AS $$
DECLARE
	named record;
	version_state text;
BEGIN
	SELECT f.outcome, f.version_id INTO outcome, version_id
	  FROM version_find_1(p_project, p_model, p_kind, p_keys, p_word) f;
	IF version_id IS NULL THEN
		RETURN;
	END IF;
	SELECT v.state INTO version_state FROM version v WHERE v.id = metrics_add_1.version_id FOR KEY SHARE;
	IF version_state IN ('yanked', 'discarded') THEN
		outcome := version_state;
		RETURN;
	END IF;
	SELECT s.project, s.model_id, s.subject INTO named FROM version_subject_1(version_id) s;
	PERFORM metrics_store_1(named.model_id, version_id, p_metrics, p_actor);
	outcome := 'created';
	PERFORM event_write_1('metrics.added', p_actor, p_request, named.project, named.model_id, named.subject,
		now(), NULL, p_metrics);
END $$;
COMMENT ON FUNCTION metrics_add_1(text, text, text, bytea[], text, json, text, text) IS
	'Adds points to a version that is not yanked: created, no_project, no_model, moved, no_version, yanked, discarded.';
