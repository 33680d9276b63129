-- Deletes a model softly.
-- outcome: deleted, no_project, no_model, moved, precondition_required, stale, has_versions
-- lane: write
-- $1 text    project
-- $2 text    model
-- $3 int8[]  If-Match: row versions, -1 for *; NULL: absent
-- $4 text    actor
-- $5 text    request id
SELECT r.outcome
  FROM model_delete_1($1, $2, $3, $4, $5) r
