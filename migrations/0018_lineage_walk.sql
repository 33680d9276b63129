-- A lineage is walked step by step, each version once, and comes in arrays: a row a step, where a row an edge
-- would cost more to send and to read than to find.
--
-- What was met before is looked for only where ids, which begin with a time, leave it possible: what a version
-- was made from is mostly older than all that was made from that. Then it is given to a statement as a constant, in
-- what is selected: so, and nowhere else, an array is hashed.
CREATE FUNCTION lineage_walk_1(p_start uuid, p_direction text, p_depth int4, p_limit int8,
	OUT depth int4, OUT ids uuid[], OUT model_ids uuid[], OUT versions text[], OUT states text[],
	OUT made uuid[], OUT parents uuid[], OUT kinds text[], OUT relations text[], OUT uris text[], OUT digests text[],
	OUT commits text[])
RETURNS SETOF record LANGUAGE plpgsql STABLE
	SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
	step uuid[] := ARRAY[p_start];
	met uuid[] := '{}';
	oldest uuid := p_start;
	newest uuid := p_start;
	room int8 := p_limit;
BEGIN
	depth := 0;
	LOOP
		SELECT array_agg(v.id), array_agg(v.model_id), array_agg(v.semver), array_agg(v.state)
		  INTO ids, model_ids, versions, states
		  FROM version v WHERE v.id = ANY (step);
		SELECT array_agg(e.version_id), array_agg(e.parent_id), array_agg(nullif(e.kind, 'parent')), array_agg(e.relation),
		       array_agg(e.uri), array_agg(e.digest), array_agg(e.commit)
		  INTO made, parents, kinds, relations, uris, digests, commits
		  FROM (SELECT u.version_id, u.parent_id, u.place, u.kind, u.relation, u.uri, u.digest, u.commit
			  FROM lineage_edge u WHERE p_direction = 'up' AND depth < p_depth AND u.version_id = ANY (step)
			UNION ALL
			SELECT d.version_id, d.parent_id, d.place, d.kind, d.relation, d.uri, d.digest, d.commit
			  FROM lineage_edge d WHERE p_direction = 'down' AND depth < p_depth AND d.parent_id = ANY (step)
			 ORDER BY version_id, place
			 LIMIT room) e;
		RETURN NEXT;
		EXIT WHEN made IS NULL;
		room := room - cardinality(made);
		met := met || step;
		SELECT array_agg(DISTINCT f.id) INTO step
		  FROM unnest(CASE p_direction WHEN 'up' THEN parents ELSE made END) AS f (id) WHERE f.id IS NOT NULL;
		IF step[1] <= newest AND step[cardinality(step)] >= oldest THEN
			EXECUTE 'SELECT array_agg(f.id ORDER BY f.id) FILTER (WHERE f.id <> ALL ($2)) FROM unnest($1) AS f (id)'
			   INTO step USING step, met;
		END IF;
		oldest := least(oldest, step[1]);
		newest := greatest(newest, step[cardinality(step)]);
		EXIT WHEN step IS NULL;
		depth := depth + 1;
	END LOOP;
END $$;
COMMENT ON FUNCTION lineage_walk_1(uuid, text, int4, int8) IS
	'The lineage of a version, up or down: of each depth from 0 the versions first met there (ids to states, by place), then the edges that lead on from them (made to commits, by place; a kind that is NULL is parent), at most so many in all. Edges are in the order of made and their place there.';
