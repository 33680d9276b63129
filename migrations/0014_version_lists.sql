-- What lists of the versions and events of one large model need.
--
--   events of a model ........... model_named_1() tells the planner which one, so how many there are
--   created after, before ....... version_ordinal_at_1() turns a time into an ordinal, for version_ordinal
--   metric op value ............. metric_few_1() names the versions when they are few, for version_pkey
--   range ....................... version_few_1() likewise
--   state, by version ........... version_state (0016), and of drafts version_draft (0017)
--
-- These functions are called IMMUTABLE, so that the planner has their result before it plans: the
-- lanes that run lists plan each execution anew (plan_cache_mode=force_custom_plan), from numbers that
-- are no older than the snapshot of that moment. Nowhere else may they be used. Their own statements are
-- planned once for a session, and stop at the first row too many, where a bitmap would be made of all.

-- Times grow with ordinals, so the place of a time is found by halving: twenty looks for a
-- million versions.
CREATE FUNCTION version_ordinal_at_1(p_model uuid, p_at timestamptz) RETURNS int8
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	low int8 := 1;
	high int8 := 1 + coalesce((SELECT v.ordinal FROM version v WHERE v.model_id = p_model ORDER BY v.ordinal DESC LIMIT 1), 0);
	middle int8;
BEGIN
	WHILE low < high LOOP
		middle := (low + high) / 2;
		IF (SELECT v.created_at FROM version v WHERE v.model_id = p_model AND v.ordinal = middle) < p_at THEN
			low := middle + 1;
		ELSE
			high := middle;
		END IF;
	END LOOP;
	RETURN low;
END $$;
COMMENT ON FUNCTION version_ordinal_at_1(uuid, timestamptz) IS
	'The ordinal of the first version of a model that was made then or later; one more than the last when there is none.';

-- How many pass a comparison the planner cannot know: it has a histogram of the values of all metrics
-- of all models. With few it would go through all versions of the model to find them.
CREATE FUNCTION metric_few_1(p_model uuid, p_name text, p_op text, p_value float8, p_dataset text, p_slice text)
RETURNS uuid[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
	most CONSTANT int8 := 1000;
	lowest CONSTANT float8 := CASE WHEN p_op IN ('>', '>=', '=') THEN p_value ELSE '-Infinity' END;
	highest CONSTANT float8 := CASE WHEN p_op IN ('<', '<=', '=') THEN p_value ELSE 'Infinity' END;
	found uuid[];
BEGIN
	SELECT array_agg(f.version_id) INTO found FROM (
		SELECT c.version_id FROM metric_current c
		 WHERE c.model_id = p_model AND c.name = p_name AND c.value BETWEEN lowest AND highest
		   AND (p_op NOT IN ('<', '>') OR c.value <> p_value)
		   AND (p_dataset IS NULL OR c.dataset = p_dataset) AND (p_slice IS NULL OR c.slice = p_slice)
		 LIMIT most + 1) f;
	RETURN CASE WHEN coalesce(cardinality(found), 0) <= most THEN coalesce(found, '{}') END;
END $$;
COMMENT ON FUNCTION metric_few_1(uuid, text, text, float8, text, text) IS
	'The versions of a model whose current value of a metric passes a comparison (<, <=, =, >=, >); NULL: more than 1,000.';

CREATE FUNCTION model_named_1(p_name text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	RETURN (SELECT m.id FROM model m
		 WHERE m.project = split_part(p_name, '/', 1) AND m.name = substr(p_name, strpos(p_name, '/') + 1)
		   AND m.deleted_at IS NULL);
END $$;
COMMENT ON FUNCTION model_named_1(text) IS 'The model with the name project/model; NULL: there is none.';

CREATE FUNCTION version_few_1(p_model uuid, p_low bytea, p_high bytea, p_low2 bytea, p_high2 bytea, p_low3 bytea,
	p_high3 bytea) RETURNS uuid[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
	most CONSTANT int8 := 1000;
	found uuid[];
BEGIN
	SELECT array_agg(f.id) INTO found FROM (
		SELECT g.id FROM (
			SELECT v.id FROM version v
			 WHERE v.model_id = p_model AND NOT v.prerelease AND v.state IN ('published', 'deprecated')
			   AND v.precedence >= p_low AND v.precedence < p_high
			UNION ALL
			SELECT v.id FROM version v
			 WHERE v.model_id = p_model AND v.prerelease AND v.state IN ('published', 'deprecated')
			   AND v.precedence >= p_low2 AND v.precedence < p_high2
			UNION ALL
			SELECT v.id FROM version v
			 WHERE v.model_id = p_model AND v.prerelease AND v.state IN ('published', 'deprecated')
			   AND v.precedence >= p_low3 AND v.precedence < p_high3) g
		 LIMIT most + 1) f;
	RETURN CASE WHEN coalesce(cardinality(found), 0) <= most THEN coalesce(found, '{}') END;
END $$;
COMMENT ON FUNCTION version_few_1(uuid, bytea, bytea, bytea, bytea, bytea, bytea) IS
	'The published versions of a model in a range: releases from low to below high, prereleases in the two that follow; NULL: more than 1,000.';

-- A series is a name with a dataset and a slice, and most names have one of each; taken for
-- independent of each other, and of the model, too few values seem to be left to go by their order.
CREATE STATISTICS metric_current_series (ndistinct, dependencies, mcv) ON model_id, name, dataset, slice FROM metric_current;
ANALYZE metric_current;
