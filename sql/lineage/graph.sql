-- The lineage of a version to a depth: up what it was made from, down what was made from it. A row is an edge from
-- version_id to what it was made from, with its distance from the version that was asked for; one row without an edge
-- when there is none. The start_ columns say that version in every row.
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
WITH RECURSIVE start AS (
	SELECT f.outcome, f.version_id FROM version_find_1($1, $2, $3, $4, $5) f),
walk (version_id, depth) AS (
	SELECT s.version_id, 0 FROM start s WHERE s.version_id IS NOT NULL
	UNION
	SELECT n.id, w.depth + 1
	  FROM walk w
	 CROSS JOIN LATERAL (
		SELECT e.parent_id AS id FROM lineage_edge e
		 WHERE $6 = 'up' AND e.version_id = w.version_id AND e.parent_id IS NOT NULL
		UNION ALL
		SELECT e.version_id FROM lineage_edge e
		 WHERE $6 = 'down' AND e.node = 'version:' || w.version_id::text) n
	 WHERE w.depth < $7 - 1),
reached AS (
	SELECT w.version_id, min(w.depth) AS depth FROM walk w GROUP BY w.version_id),
edge AS (
	SELECT r.depth + 1 AS depth, e.version_id, e.place, e.kind, e.relation, e.uri, e.digest, e.commit, e.node, e.parent_id
	  FROM reached r
	 CROSS JOIN LATERAL (
		SELECT u.version_id, u.place, u.kind, u.relation, u.uri, u.digest, u.commit, u.node, u.parent_id
		  FROM lineage_edge u WHERE $6 = 'up' AND u.version_id = r.version_id
		UNION ALL
		SELECT d.version_id, d.place, d.kind, d.relation, d.uri, d.digest, d.commit, d.node, d.parent_id
		  FROM lineage_edge d WHERE $6 = 'down' AND d.node = 'version:' || r.version_id::text) e
	 ORDER BY r.depth, e.version_id, e.place
	 LIMIT $8)
SELECT s.outcome, b.id AS start_id, b.project AS start_project, b.model AS start_model, b.version AS start_version,
       b.state AS start_state, b.reason AS start_reason, e.depth,
       v.id AS version_id, v.project, v.model, v.version, v.state,
       e.place, e.kind, e.relation, e.uri, e.digest, e.commit, e.node,
       p.id AS parent_id, p.project AS parent_project, p.model AS parent_model, p.version AS parent_version,
       p.state AS parent_state
  FROM start s
  LEFT JOIN version_document_1 b ON b.id = s.version_id
  LEFT JOIN edge e ON true
  LEFT JOIN version_document_1 v ON v.id = e.version_id
  LEFT JOIN version_document_1 p ON p.id = e.parent_id
 ORDER BY e.depth, e.version_id, e.place
