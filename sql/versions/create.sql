-- Makes a draft: with its semantic version, or by bump.
-- outcome: created, exists, too_long, no_project, no_model, moved, no_parent, parent_not_published
-- fault: the place, from 0, of the parent in the lineage that failed
-- metrics: [{"name", "value", "dataset", "step", "slice", "at"}]; lineage: [{"kind", "uri", "digest", "commit",
-- "relation", "parent": {"project", "model", "kind", "keys": [hex or null], "word"}}]; absent members are left out or null
-- lane: shared
-- $1 uuid   id
-- $2 text   project
-- $3 text   model
-- $4 text   semantic version; NULL with bump
-- $5 bytea  its precedence; NULL with bump
-- $6 bool   whether it is a prerelease; NULL with bump
-- $7 text   bump: major, minor, patch; else NULL
-- $8 json   params
-- $9 jsonb  tags
-- $10 text   description
-- $11 json   metrics; NULL: none
-- $12 json   lineage; NULL: none
-- $13 text   actor
-- $14 text   request id
SELECT r.outcome, r.fault, (r.document).id, (r.document).project, (r.document).model, (r.document).model_id,
       (r.document).version, (r.document).ordinal, (r.document).state, (r.document).params,
       (r.document).tags, (r.document).description, (r.document).reason, (r.document).created_at,
       (r.document).created_by, (r.document).published_at, (r.document).published_by, (r.document).key_id,
       (r.document).files, (r.document).bytes, (r.document).row_version
  FROM version_create_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) r
