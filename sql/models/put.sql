-- Makes or replaces a model.
-- outcome: created, updated, unchanged, no_project, exists, precondition_required, stale
-- lane: write
-- $1 uuid    id, should it be new
-- $2 text    project
-- $3 text    name
-- $4 text    description
-- $5 text    card
-- $6 jsonb   tags
-- $7 int8[]  If-Match: row versions, -1 for *; NULL: absent
-- $8 bool    If-None-Match: *
-- $9 text    actor
-- $10 text    request id
SELECT r.outcome, (r.document).id, (r.document).project, (r.document).name, (r.document).description, (r.document).card,
       (r.document).tags, (r.document).created_at, (r.document).created_by, (r.document).updated_at,
       (r.document).row_version, (r.document).latest
  FROM model_put_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) r
