-- What publishing is to sign: the manifest with its SHA-256, the version, and a row for each file in the order of
-- their paths. Manifest and digest stand in the first row alone; without files there is one row without a path.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
SELECT f.outcome, v.id, v.project, v.model, v.model_id, v.version, v.ordinal, v.state, v.row_version,
       t.manifest, sha256(convert_to(t.manifest, 'UTF8')) AS digest,
       a.path, a.sha256, a.size, a.blake2b, a.media_type, a.minisig, a.key_id, a.storage_key, a.blob_state
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN LATERAL (
	SELECT d.path, d.sha256, d.size, d.blake2b, d.media_type, d.minisig, d.key_id, d.storage_key, d.blob_state,
	       row_number() OVER (ORDER BY d.path) AS place
	  FROM artifact_document_1 d WHERE d.version_id = f.version_id) a ON true
  LEFT JOIN LATERAL (SELECT version_manifest_1(f.version_id) AS manifest) t ON coalesce(a.place, 1) = 1
 ORDER BY a.path
