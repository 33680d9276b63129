-- A page of a model's aliases in the order of their names; one row without an alias when there is none.
-- outcome: found, no_project, no_model, moved (the model)
-- lane: slow
-- $1 text  project
-- $2 text  model
-- $3 text  the last alias of the page before, '' for the first page
-- $4 int8  how many
SELECT coalesce(CASE WHEN m.id IS NOT NULL THEN 'found' END, model_missing_1($1, $2)) AS outcome,
       a.project, a.model, a.model_id, a.alias, a.version_id, a.version, a.ordinal, a.state, a.moved_at,
       a.moved_by, a.row_version
  FROM (SELECT) one
  LEFT JOIN model m ON m.project = $1 AND m.name = $2 AND m.deleted_at IS NULL
  LEFT JOIN LATERAL (
	SELECT d.project, d.model, d.model_id, d.alias, d.version_id, d.version, d.ordinal, d.state, d.moved_at,
	       d.moved_by, d.row_version
	  FROM alias_document_1 d
	 WHERE d.model_id = m.id AND d.alias > $3
	 ORDER BY d.alias
	 LIMIT $4) a ON true
 ORDER BY a.alias
