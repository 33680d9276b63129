-- The version with exactly this precedence. No row: versions/get says why. The model is a
-- subquery, so that the plan begins with its one row whatever the statistics are.
-- lane: read
-- $1 text   project
-- $2 text   model
-- $3 bytea  precedence
-- $4 text   the whole semantic version when build metadata counts, else NULL
SELECT v.id, v.model_id, v.semver AS version, v.ordinal, v.state, v.params, v.tags, v.description, v.reason,
       v.created_at, v.created_by, v.published_at, v.published_by, v.key_id, v.files, v.bytes, v.row_version
  FROM version v
 WHERE v.model_id = (SELECT m.id FROM model m WHERE m.project = $1 AND m.name = $2 AND m.deleted_at IS NULL)
   AND v.precedence = $3 AND v.state <> 'discarded' AND ($4 IS NULL OR v.semver = $4)
