-- A page of where an alias has been, newest first; one row without an id when it has never been.
-- outcome: found, no_project, no_model, moved (the model)
-- lane: slow
-- $1 text  project
-- $2 text  model
-- $3 text  alias
-- $4 int8  the last id of the page before, 9223372036854775807 for the first page
-- $5 int8  how many
SELECT coalesce(CASE WHEN m.id IS NOT NULL THEN 'found' END, model_missing_1($1, $2)) AS outcome,
       h.id, h.from_version, h.from_id, h.to_version, h.to_id, h.row_version, h.moved_at, h.moved_by
  FROM (SELECT) one
  LEFT JOIN model m ON m.project = $1 AND m.name = $2 AND m.deleted_at IS NULL
  LEFT JOIN LATERAL (
	SELECT a.id, f.semver AS from_version, a.from_id, t.semver AS to_version, a.to_id, a.row_version, a.moved_at,
	       a.moved_by
	  FROM alias_move a
	  LEFT JOIN version f ON f.id = a.from_id
	  LEFT JOIN version t ON t.id = a.to_id
	 WHERE a.model_id = m.id AND a.name = $3 AND a.id < $4
	 ORDER BY a.id DESC
	 LIMIT $5) h ON true
 ORDER BY h.id DESC
