-- concurrently
-- The spans of the metrics that were there before model_metric was.
--
-- Nothing is left out, though writers go on: making the triggers of 0013_model_metrics waited for
-- every transaction that had written metrics without them, so what those wrote is seen here; and
-- whoever wrote later has grown the spans itself. Both may have the same value, or one that another took the
-- place of since: spans only grow.
--
-- One model at a time, each with its own commit: a writer that grows a span which is new here waits for that
-- commit. The lock is the one that model_metric_grow() takes; whoever has it holds no other model's here.
-- A run that was interrupted is begun anew, and finds less to do.
DO $$
DECLARE
	owner uuid;
BEGIN
	FOR owner IN SELECT m.id FROM model m ORDER BY m.id LOOP
		PERFORM set_config('synchronous_commit', 'off', true); -- the last commit, of schema_migration, is for all
		PERFORM pg_advisory_xact_lock(hashtextextended(owner::text, 13));
		INSERT INTO model_metric AS o (model_id, project, name, dataset, slice, low, high)
		SELECT m.id, m.project, c.name, c.dataset, c.slice, min(c.value), max(c.value)
		  FROM metric_current c JOIN model m ON m.id = c.model_id
		 WHERE c.model_id = owner
		 GROUP BY m.id, c.name, c.dataset, c.slice
		ON CONFLICT (model_id, name, dataset, slice) DO UPDATE
		SET low = least(o.low, excluded.low), high = greatest(o.high, excluded.high)
		WHERE excluded.low < o.low OR excluded.high > o.high;
		COMMIT;
	END LOOP;
	ANALYZE model_metric;
END $$;
