-- Makes an alias or moves it to the version that a reference means.
-- outcome: created, updated, unchanged, no_project, no_model, moved (the model), no_version, not_published, yanked, discarded,
-- exists, precondition_required, stale
-- lane: write
-- $1 text     project
-- $2 text     model
-- $3 text     alias
-- $4 text     ref_kind
-- $5 bytea[]  ref_keys
-- $6 text     ref_word
-- $7 int8[]   If-Match: row versions, -1 for *; NULL: absent
-- $8 bool     If-None-Match: *
-- $9 text     actor
-- $10 text     request id
SELECT r.outcome, (r.document).project, (r.document).model, (r.document).model_id, (r.document).alias,
       (r.document).version_id, (r.document).version, (r.document).ordinal, (r.document).state,
       (r.document).moved_at, (r.document).moved_by, (r.document).row_version
  FROM alias_put_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) r
