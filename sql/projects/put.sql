-- Makes or replaces a project.
-- outcome: created, updated, unchanged, exists, precondition_required, stale
-- lane: write
-- $1 text    name
-- $2 text    description
-- $3 int8[]  If-Match: row versions, -1 for *; NULL: absent
-- $4 bool    If-None-Match: *
-- $5 text    actor
-- $6 text    request id
SELECT r.outcome, (r.document).name, (r.document).description, (r.document).created_at, (r.document).created_by,
       (r.document).row_version
  FROM project_put_1($1, $2, $3, $4, $5, $6) r
