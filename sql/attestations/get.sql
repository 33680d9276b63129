-- The signed statement about a published version.
-- outcome: found, no_project, no_model, moved, no_version, not_published
-- lane: read
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
SELECT CASE WHEN f.version_id IS NOT NULL AND t.version_id IS NULL THEN 'not_published' ELSE f.outcome END AS outcome,
       v.id AS version_id, v.project, v.model, v.version, v.ordinal, v.state, v.reason, v.published_at,
       t.key_id, t.envelope, v.manifest_sha256
  FROM version_find_1($1, $2, $3, $4, $5) f
  LEFT JOIN (SELECT d.id, m.project, m.name AS model, d.semver AS version, d.ordinal, d.state, d.reason,
		    d.published_at, d.manifest_sha256
	       FROM version d JOIN model m ON m.id = d.model_id) v ON v.id = f.version_id
  LEFT JOIN attestation t ON t.version_id = f.version_id
