-- One alias of a model.
-- outcome: found, no_project, no_model, moved (the model), no_alias
-- lane: read
-- $1 text  project
-- $2 text  model
-- $3 text  alias
SELECT CASE WHEN m.id IS NULL THEN model_missing_1($1, $2) WHEN a.alias IS NULL THEN 'no_alias' ELSE 'found' END AS outcome,
       a.project, a.model, a.model_id, a.alias, a.version_id, a.version, a.ordinal, a.state, a.moved_at,
       a.moved_by, a.row_version
  FROM (SELECT) one
  LEFT JOIN model m ON m.project = $1 AND m.name = $2 AND m.deleted_at IS NULL
  LEFT JOIN alias_document_1 a ON a.model_id = m.id AND a.alias = $3
