-- The lineage of a version to a depth: up what it was made from, down what was made from it. The first row, with the
-- outcome, is the version that was asked for. Then comes a row for each depth, from 0, of arrays: the versions that are
-- first met there, and the edges that lead on from them (lineage_walk_1); then one of the models of all those versions.
-- Of every row only the columns of its kind are filled: version to model, depth to commits, and the last three.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     direction: up or down
-- $7 int4     depth, 1 to 64
-- $8 int8     how many edges; one more than is shown tells that there are more
WITH start AS MATERIALIZED (
	SELECT f.outcome, f.version_id FROM version_find_1($1, $2, $3, $4, $5) f),
step AS MATERIALIZED (
	SELECT w.depth, w.ids, w.model_ids, w.versions, w.states, w.made, w.parents, w.kinds, w.relations, w.uris, w.digests,
	       w.commits
	  FROM start s CROSS JOIN LATERAL lineage_walk_1(s.version_id, $6, $7, $8) w
	 WHERE s.version_id IS NOT NULL)
SELECT s.outcome, b.version, b.state, b.reason, b.project, b.model, NULL::int4 AS depth, NULL::uuid[] AS ids,
       NULL::uuid[] AS model_ids, NULL::text[] AS versions, NULL::text[] AS states, NULL::uuid[] AS made,
       NULL::uuid[] AS parents, NULL::text[] AS kinds, NULL::text[] AS relations, NULL::text[] AS uris,
       NULL::text[] AS digests, NULL::text[] AS commits, NULL::uuid[] AS named_ids, NULL::text[] AS projects,
       NULL::text[] AS names
  FROM start s
  LEFT JOIN version_document_1 b ON b.id = s.version_id
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, w.depth, w.ids, w.model_ids, w.versions, w.states, w.made, w.parents, w.kinds,
       w.relations, w.uris, w.digests, w.commits, NULL, NULL, NULL
  FROM step w
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       array_agg(m.id), array_agg(m.project), array_agg(m.name)
  FROM model m
 WHERE m.id = ANY (ARRAY(SELECT DISTINCT i.id FROM step w CROSS JOIN LATERAL unnest(w.model_ids) AS i (id)))
