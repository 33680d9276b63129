-- A page of a version's files in the order of their paths; one row without a path when there is none.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     the last path of the page before, '' for the first page
-- $7 int8     how many
SELECT f.outcome, v.id AS version_id, v.project, v.model, v.version, v.ordinal, v.state, v.reason, v.row_version,
       a.path, a.sha256, a.size, a.blake2b, a.media_type, a.minisig, a.key_id, a.storage_key, a.blob_state,
       a.created_at, a.created_by
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN LATERAL (
	SELECT d.path, d.sha256, d.size, d.blake2b, d.media_type, d.minisig, d.key_id, d.storage_key, d.blob_state,
	       d.created_at, d.created_by
	  FROM artifact_document_1 d
	 WHERE d.version_id = f.version_id AND d.path > $6
	 ORDER BY d.path
	 LIMIT $7) a ON true
 ORDER BY a.path
