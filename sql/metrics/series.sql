-- Current values of metrics over the versions of a model, a page of versions in the order of their ordinals; one row
-- without an ordinal when there are none. Drafts are among them, discarded versions are not. The planner is told which
-- model it is, and so how many versions that has (migrations/0014_version_lists.sql).
-- outcome: found, no_project, no_model, moved
-- lane: slow
-- $1 text    project
-- $2 text    model
-- $3 text[]  names; NULL: all
-- $4 int8    the last ordinal of the page before, 0 for the first page
-- $5 int8    how many versions
SELECT coalesce(CASE WHEN m.id IS NOT NULL THEN 'found' END, model_missing_1($1, $2)) AS outcome,
       s.version_id, s.version, s.ordinal, s.state, s.created_at, s.published_at,
       s.name, s.dataset, s.slice, s.value, s.step, s.at
  FROM (SELECT) one
  LEFT JOIN model m ON m.project = $1 AND m.name = $2 AND m.deleted_at IS NULL
  LEFT JOIN LATERAL (
	SELECT v.id AS version_id, v.semver AS version, v.ordinal, v.state, v.created_at, v.published_at,
	       c.name, c.dataset, c.slice, c.value, c.step, c.at
	  FROM (SELECT w.id, w.semver, w.ordinal, w.state, w.created_at, w.published_at
		  FROM version w
		 WHERE w.model_id = model_named_1($1 || '/' || $2) AND w.ordinal > $4 AND w.state <> 'discarded'
		   AND EXISTS (SELECT FROM metric_current e
				WHERE e.version_id = w.id AND ($3 IS NULL OR e.name = ANY ($3)))
		 ORDER BY w.ordinal
		 LIMIT $5) v
	  JOIN metric_current c ON c.version_id = v.id AND ($3 IS NULL OR c.name = ANY ($3))) s ON true
 ORDER BY s.ordinal, s.name, s.dataset, s.slice
