-- Removes an alias.
-- outcome: deleted, no_project, no_model, moved (the model), no_alias, precondition_required, stale
-- lane: write
-- $1 text    project
-- $2 text    model
-- $3 text    alias
-- $4 int8[]  If-Match: row versions, -1 for *; NULL: absent
-- $5 text    actor
-- $6 text    request id
SELECT r.outcome
  FROM alias_delete_1($1, $2, $3, $4, $5, $6) r
