-- The lineage of a version to a depth: up what it was made from, down what was made from it. The first row, with the
-- outcome, is the version that was asked for. Then come the edges, each with its distance from it, from version_id to
-- what that was made from; then the versions that they name, once each, and the models of those. Of every row only the
-- columns of its kind are filled: depth to commit, id to state, id with project and model.
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
WITH RECURSIVE start AS MATERIALIZED (
	SELECT f.outcome, f.version_id FROM version_find_1($1, $2, $3, $4, $5) f),
walk AS (
	SELECT 0 AS depth, s.version_id AS far, NULL::uuid AS version_id, NULL::uuid AS parent_id, 0 AS place,
	       NULL COLLATE "C" AS kind, NULL COLLATE "C" AS relation, NULL COLLATE "C" AS uri, NULL COLLATE "C" AS digest,
	       NULL COLLATE "C" AS commit
	  FROM start s WHERE s.version_id IS NOT NULL
	UNION ALL
	SELECT w.depth + 1, e.far, e.version_id, e.parent_id, e.place, e.kind, e.relation, e.uri, e.digest, e.commit
	  FROM (SELECT DISTINCT k.far, k.depth FROM walk k WHERE k.depth < $7 AND k.far IS NOT NULL) w
	 CROSS JOIN LATERAL (
		SELECT u.parent_id AS far, u.version_id, u.parent_id, u.place, u.kind, u.relation, u.uri, u.digest, u.commit
		  FROM lineage_edge u WHERE $6 = 'up' AND u.version_id = w.far
		UNION ALL
		SELECT d.version_id, d.version_id, d.parent_id, d.place, d.kind, d.relation, d.uri, d.digest, d.commit
		  FROM lineage_edge d WHERE $6 = 'down' AND d.node = 'version:' || w.far::text) e),
edge AS MATERIALIZED (
	SELECT q.depth, q.version_id, q.parent_id, q.place, q.kind, q.relation, q.uri, q.digest, q.commit
	  FROM (SELECT DISTINCT ON (w.version_id, w.place) w.depth, w.version_id, w.parent_id, w.place, w.kind, w.relation,
		       w.uri, w.digest, w.commit
		  FROM walk w WHERE w.depth > 0
		 ORDER BY w.version_id, w.place, w.depth) q
	 ORDER BY q.depth, q.version_id, q.place
	 LIMIT $8),
node AS MATERIALIZED (
	SELECT v.id, v.model_id, v.semver, v.state FROM version v
	 WHERE v.id = ANY (ARRAY(SELECT e.version_id FROM edge e UNION SELECT e.parent_id FROM edge e)))
SELECT s.outcome, NULL::int4 AS depth, NULL::uuid AS version_id, NULL::uuid AS parent_id, NULL AS kind, NULL AS relation,
       NULL AS uri, NULL AS digest, NULL AS commit, b.id, b.model_id, b.version, b.state, b.reason, b.project, b.model
  FROM start s
  LEFT JOIN version_document_1 b ON b.id = s.version_id
UNION ALL
SELECT NULL, e.depth, e.version_id, e.parent_id, e.kind, e.relation, e.uri, e.digest, e.commit, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL
  FROM edge e
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, n.id, n.model_id, n.semver, n.state, NULL, NULL, NULL
  FROM node n
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, m.id, NULL, NULL, NULL, NULL, m.project, m.name
  FROM model m
 WHERE m.id = ANY (ARRAY(SELECT n.model_id FROM node n GROUP BY n.model_id))
