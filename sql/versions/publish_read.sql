-- What publishing is to sign: the manifest with its SHA-256, the version, and a row for each file in the order of
-- their paths. Manifest and digest stand in the first row alone; without files there is one row without a path.
-- outcome: found, no_project, no_model, moved, no_version
-- lane: slow
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
WITH found AS MATERIALIZED (
	SELECT f.outcome, f.version_id FROM version_find_1($1, $2, $3, $4, $5) f),
manifest AS MATERIALIZED (
	SELECT version_manifest_1(f.version_id) AS text FROM found f WHERE f.version_id IS NOT NULL)
SELECT f.outcome, v.id, v.project, v.model, v.model_id, v.version, v.ordinal, v.state, v.row_version,
       CASE WHEN coalesce(a.place, 1) = 1 THEN (SELECT t.text FROM manifest t) END AS manifest,
       CASE WHEN coalesce(a.place, 1) = 1 THEN (SELECT sha256(convert_to(t.text, 'UTF8')) FROM manifest t) END AS digest,
       a.path, a.sha256, a.size, a.blake2b, a.media_type, a.minisig, a.key_id, a.storage_key, a.blob_state
  FROM found f
  LEFT JOIN version_document_1 v ON v.id = f.version_id
  LEFT JOIN LATERAL (
	SELECT d.path, d.sha256, d.size, d.blake2b, d.media_type, d.minisig, d.key_id, d.storage_key, d.blob_state,
	       row_number() OVER (ORDER BY d.path) AS place
	  FROM artifact_document_1 d
	 WHERE d.version_id = f.version_id) a ON true
 ORDER BY a.path
