-- One file of a version.
-- outcome: found, no_project, no_model, moved, no_version, no_artifact
-- lane: read
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     path
SELECT CASE WHEN f.version_id IS NOT NULL AND a.path IS NULL THEN 'no_artifact' ELSE f.outcome END AS outcome,
       v.id AS version_id, v.project, v.model, v.version, v.ordinal, v.state, v.reason, v.published_at,
       a.path, a.sha256, a.size, a.blake2b, a.media_type, a.minisig, a.key_id, a.storage_key, a.blob_state,
       a.created_at, a.created_by
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN artifact_document_1 a ON a.version_id = f.version_id AND a.path = $6
