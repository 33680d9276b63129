-- Changes of a version what is not NULL; tags as a merge patch, params as a whole and of drafts only.
-- outcome: updated, unchanged, no_project, no_model, moved, no_version, discarded, precondition_required, stale,
-- not_draft, too_many_tags
-- lane: write
-- $1 text     project
-- $2 text     model
-- $3 text     ref_kind: exact, range, newest, alias, ordinal
-- $4 bytea[]  ref_keys
-- $5 text     ref_word
-- $6 text     description
-- $7 json     params
-- $8 jsonb    tags, null removes one
-- $9 int8[]   If-Match: row versions, -1 for *; NULL: absent
-- $10 text     actor
-- $11 text     request id
SELECT r.outcome, (r.document).id, (r.document).project, (r.document).model, (r.document).model_id,
       (r.document).version, (r.document).ordinal, (r.document).state, (r.document).params,
       (r.document).tags, (r.document).description, (r.document).reason, (r.document).created_at,
       (r.document).created_by, (r.document).published_at, (r.document).published_by, (r.document).key_id,
       (r.document).files, (r.document).bytes, (r.document).row_version
  FROM version_patch_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) r
