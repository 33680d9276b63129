-- Changes of a model what is not NULL, its name included; tags as a merge patch.
-- outcome: updated, unchanged, no_project, no_model, moved, precondition_required, stale, too_many_tags, name_taken
-- lane: write
-- $1 text    project
-- $2 text    model
-- $3 text    new name
-- $4 text    description
-- $5 text    card
-- $6 jsonb   tags, null removes one
-- $7 int8[]  If-Match: row versions, -1 for *; NULL: absent
-- $8 text    actor
-- $9 text    request id
SELECT r.outcome, (r.document).id, (r.document).project, (r.document).name, (r.document).description, (r.document).card,
       (r.document).tags, (r.document).created_at, (r.document).created_by, (r.document).updated_at,
       (r.document).row_version, (r.document).latest
  FROM model_patch_1($1, $2, $3, $4, $5, $6, $7, $8, $9) r
