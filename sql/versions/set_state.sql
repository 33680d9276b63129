-- Deprecates or yanks a published version.
-- outcome: updated, unchanged, no_project, no_model, moved, no_version, not_published, yanked, stale
-- lane: write
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     deprecated or yanked
-- $7 text     reason
-- $8 int8[]   If-Match: row versions, -1 for *; NULL: absent, which is allowed
-- $9 text     actor
-- $10 text     request id
SELECT r.outcome, (r.document).id, (r.document).project, (r.document).model, (r.document).model_id,
       (r.document).version, (r.document).ordinal, (r.document).state, (r.document).params,
       (r.document).tags, (r.document).description, (r.document).reason, (r.document).created_at,
       (r.document).created_by, (r.document).published_at, (r.document).published_by, (r.document).key_id,
       (r.document).files, (r.document).bytes, (r.document).row_version
  FROM version_set_state_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) r
