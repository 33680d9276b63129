-- The span of each metric over a model, so that "models with a version whose accuracy is over 0.9"
-- begins with the models that can have one. Without it each model of a project is asked.
--
-- A span only grows: it holds every current value there has ever been, those of drafts and of
-- versions that were yanked since included. Who is inside is still asked whether some published
-- version has the value (metric_current_value).
--
-- model_metric_high and model_metric_low are over metric_rank_1(), one text for project, name and
-- value: the planner's histogram of it knows how many models lie above a value of one metric in one
-- project. Of three columns it would multiply what it knows of each alone, and walk a whole
-- project for the few models at its end.
--
-- It is kept by triggers, so that a release that knows nothing of it keeps it too. The spans of what
-- is there already come with 0015_model_metric_spans: here writers are locked out, for a moment.

CREATE TABLE model_metric (
	model_id uuid NOT NULL REFERENCES model,
	low float8 NOT NULL,
	high float8 NOT NULL,
	project text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	dataset text COLLATE "C" NOT NULL,
	slice text COLLATE "C" NOT NULL,
	PRIMARY KEY (model_id, name, dataset, slice)
);
COMMENT ON TABLE model_metric IS 'Between which values a metric of a model has ever been; for lists of models.';
COMMENT ON COLUMN model_metric.model_id IS 'model.id';
COMMENT ON COLUMN model_metric.low IS 'The lowest current value of any version so far.';
COMMENT ON COLUMN model_metric.high IS 'The highest.';
COMMENT ON COLUMN model_metric.project IS 'model.project';
COMMENT ON COLUMN model_metric.name IS 'metric.name';
COMMENT ON COLUMN model_metric.dataset IS 'metric.dataset';
COMMENT ON COLUMN model_metric.slice IS 'metric.slice';

-- The bytes of a positive float8 sort as it does, those of a negative one the other way round.
CREATE FUNCTION metric_rank_1(p_project text, p_name text, p_value float8) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT p_project || '/' || p_name || E'\x01' || CASE
		WHEN p_value >= 0 THEN '1' || encode(float8send(p_value + 0), 'hex')
		ELSE '0' || translate(encode(float8send(p_value), 'hex'), '0123456789abcdef', 'fedcba9876543210') END
$$;
COMMENT ON FUNCTION metric_rank_1(text, text, float8) IS
	'Sorts (COLLATE "C") by project, then name, then value.';

CREATE INDEX model_metric_high ON model_metric (metric_rank_1(project, name, high));
CREATE INDEX model_metric_low ON model_metric (metric_rank_1(project, name, low));
ALTER INDEX model_metric_high ALTER COLUMN 1 SET STATISTICS 1000;
ALTER INDEX model_metric_low ALTER COLUMN 1 SET STATISTICS 1000;

CREATE FUNCTION model_metric_grow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	owner uuid;
BEGIN
	-- Nearly always there is nothing to grow, and nothing is locked.
	FOR owner IN
		SELECT DISTINCT n.model_id FROM given n
		 WHERE NOT EXISTS (SELECT FROM model_metric o
				    WHERE o.model_id = n.model_id AND o.name = n.name AND o.dataset = n.dataset
				      AND o.slice = n.slice AND n.value BETWEEN o.low AND o.high)
		 ORDER BY n.model_id
	LOOP
		-- One at a time for each model: the rows of two writers would be met in any order.
		PERFORM pg_advisory_xact_lock(hashtextextended(owner::text, 13));
		INSERT INTO model_metric AS o (model_id, project, name, dataset, slice, low, high)
		SELECT m.id, m.project, n.name, n.dataset, n.slice, min(n.value), max(n.value)
		  FROM given n JOIN model m ON m.id = n.model_id
		 WHERE n.model_id = owner
		 GROUP BY m.id, n.name, n.dataset, n.slice
		ON CONFLICT (model_id, name, dataset, slice) DO UPDATE
		SET low = least(o.low, excluded.low), high = greatest(o.high, excluded.high)
		WHERE excluded.low < o.low OR excluded.high > o.high;
	END LOOP;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION model_metric_grow() IS 'Trigger of metric_current: widens the spans of the model.';

-- Last: from here to the commit, which is next, writers of metrics wait.
CREATE TRIGGER model_metric_grow_new AFTER INSERT ON metric_current
	REFERENCING NEW TABLE AS given FOR EACH STATEMENT EXECUTE FUNCTION model_metric_grow();
CREATE TRIGGER model_metric_grow_moved AFTER UPDATE ON metric_current
	REFERENCING NEW TABLE AS given FOR EACH STATEMENT EXECUTE FUNCTION model_metric_grow();
