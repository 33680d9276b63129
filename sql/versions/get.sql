-- The version that any reference means.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: read
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
SELECT f.outcome, v.id, v.project, v.model, v.model_id, v.version, v.ordinal, v.state, v.params, v.tags, v.description,
       v.reason, v.created_at, v.created_by, v.published_at, v.published_by, v.key_id, v.files, v.bytes,
       v.row_version
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
